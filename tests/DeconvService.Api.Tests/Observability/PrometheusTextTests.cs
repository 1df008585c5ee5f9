using DeconvService.Api.Observability;
using Xunit;

namespace DeconvService.Api.Tests.Observability;

public sealed class PrometheusTextTests : IDisposable
{
    private readonly MeterFactory _factory = new();
    private readonly PrometheusText _text;
    private readonly ServiceMetrics _metrics;

    public PrometheusTextTests()
    {
        _text = new PrometheusText(_factory);
        _metrics = new ServiceMetrics(_factory);
    }

    public void Dispose()
    {
        _text.Dispose();
        _factory.Dispose();
    }

    [Fact]
    public void Write_Counter_IsTheSumWithUnitAndTotal()
    {
        _metrics.Transferred(10, 3);
        _metrics.Transferred(5, 0);
        Assert.Contains("# TYPE deconv_requests_received_bytes_total counter\ndeconv_requests_received_bytes_total 15\n", _text.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Histogram_HasCumulativeBucketsSumAndCount()
    {
        _metrics.StageEnded("run", TimeSpan.FromSeconds(0.25));
        _metrics.StageEnded("run", TimeSpan.FromSeconds(100));
        string text = _text.Write();
        Assert.Contains("# TYPE deconv_stage_duration_seconds histogram\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_bucket{stage=\"run\",le=\"0.1\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_bucket{stage=\"run\",le=\"0.25\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_bucket{stage=\"run\",le=\"60\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_bucket{stage=\"run\",le=\"+Inf\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_sum{stage=\"run\"} 100.25\n", text, StringComparison.Ordinal);
        Assert.Contains("deconv_stage_duration_seconds_count{stage=\"run\"} 2\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_LabelWithQuotesAndLineBreaks_IsEscaped()
    {
        _metrics.Rejected("a\"b\\c\nd");
        Assert.Contains("deconv_requests_rejected_total{reason=\"a\\\"b\\\\c\\nd\"} 1\n", _text.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Gauge_IsWhatIsObservedNow()
    {
        long value = 7;
        _metrics.Meter.CreateObservableGauge("deconv.test", () => value);
        Assert.Contains("# TYPE deconv_test gauge\ndeconv_test 7\n", _text.Write(), StringComparison.Ordinal);
        value = 3;
        Assert.Contains("\ndeconv_test 3\n", _text.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_MoreLabelsThanAnyoneNeeds_StopsGrowing()
    {
        for (int i = 0; i < 5000; i++)
            _metrics.Rejected($"code {i}");

        Assert.Equal(1000, _text.Write().Split("deconv_requests_rejected_total{").Length - 1);
    }

    [Fact]
    public void Write_MetersOfAnotherService_AreLeftOut()
    {
        using var other = new MeterFactory();
        new ServiceMetrics(other).Transferred(1000, 1000);
        Assert.DoesNotContain("deconv_requests_received_bytes_total 1000", _text.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Runtime_IsThere() => Assert.Contains("dotnet_gc_", _text.Write(), StringComparison.Ordinal);
}
