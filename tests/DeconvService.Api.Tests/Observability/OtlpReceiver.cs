using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace DeconvService.Api.Tests.Observability;

/// <summary>
/// A collector of OTLP over HTTP that reads what these tests look at. The numbers are those of the fields in
/// https://github.com/open-telemetry/opentelemetry-proto.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public ConcurrentQueue<OtlpSpan> Spans { get; } = [];

    /// <summary>Names of the metrics that came.</summary>
    public ConcurrentDictionary<string, bool> Metrics { get; } = new(StringComparer.Ordinal);

    /// <summary>Attributes of the resource that sent spans.</summary>
    public ConcurrentDictionary<string, string> Resource { get; } = new(StringComparer.Ordinal);

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public static async Task<OtlpReceiver> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/traces", context => ReadAsync(context, receiver.ReadSpans));
        app.MapPost("/v1/metrics", context => ReadAsync(context, receiver.ReadMetrics));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task ReadAsync(HttpContext context, Action<ByteString> read)
    {
        read(await ByteString.FromStreamAsync(context.Request.Body, context.RequestAborted));
        context.Response.ContentType = "application/x-protobuf"; // an empty message: all was taken
    }

    private void ReadSpans(ByteString request)
    {
        foreach (ByteString resourceSpans in Messages(request, 1))
        {
            foreach (ByteString attribute in Messages(resourceSpans, 1).SelectMany(resource => Messages(resource, 1)))
            {
                string? value = Messages(Messages(attribute, 2).Single(), 1).SingleOrDefault()?.ToStringUtf8();
                if (value is not null)
                    Resource[Messages(attribute, 1).Single().ToStringUtf8()] = value;
            }

            foreach (ByteString span in Messages(resourceSpans, 2).SelectMany(scope => Messages(scope, 2)))
            {
                Spans.Enqueue(new OtlpSpan(
                    Messages(span, 5).Single().ToStringUtf8(),
                    Convert.ToHexString(Messages(span, 1).Single().Span),
                    Convert.ToHexString(Messages(span, 2).Single().Span),
                    Convert.ToHexString((Messages(span, 4).SingleOrDefault() ?? ByteString.Empty).Span),
                    Fixed64(span, 7),
                    Fixed64(span, 8)));
            }
        }
    }

    private void ReadMetrics(ByteString request)
    {
        foreach (ByteString metric in Messages(request, 1).SelectMany(resource => Messages(resource, 2)).SelectMany(scope => Messages(scope, 2)))
            Metrics[Messages(metric, 1).Single().ToStringUtf8()] = true;
    }

    // The values of a field of strings, bytes or messages.
    private static List<ByteString> Messages(ByteString message, int field)
    {
        List<ByteString> found = [];
        CodedInputStream input = message.CreateCodedInput();
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                found.Add(input.ReadBytes());
            else
                input.SkipLastField();
        }

        return found;
    }

    private static ulong Fixed64(ByteString message, int field)
    {
        CodedInputStream input = message.CreateCodedInput();
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field)
                return input.ReadFixed64();

            input.SkipLastField();
        }

        return 0;
    }
}

/// <summary>A span; times in nanoseconds since 1970.</summary>
internal sealed record OtlpSpan(string Name, string Trace, string Id, string Parent, ulong Start, ulong End);
