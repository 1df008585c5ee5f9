using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace DeconvService.Api.Observability;

/// <summary>
/// Keeps the sums of all instruments of this service and of the framework, and writes them in Prometheus' text format. No exporter for it
/// could be restored, and the format is small: https://prometheus.io/docs/instrumenting/exposition_formats/
/// </summary>
/// <remarks>
/// Names follow the rules of OpenTelemetry for Prometheus: dots become underscores, the unit is appended, and <c>_total</c> to counters.
/// Thread-safe.
/// </remarks>
internal sealed class PrometheusText : IDisposable
{
    /// <summary>The media type of the answer.</summary>
    public const string MediaType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly string[] Meters =
        [ServiceMetrics.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, Family> _families = new();
    private readonly Lock _scrape = new();

    /// <summary>Starts to listen.</summary>
    /// <param name="factory">Made the meters of this service; those of another service in the same process are left out.</param>
    public PrometheusText(IMeterFactory factory)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (!Meters.Contains(instrument.Meter.Name) || !(instrument.Meter.Scope is null || ReferenceEquals(instrument.Meter.Scope, factory)))
                return;

            var family = new Family(instrument);
            if (!family.HasAllowedName)
                return;

            _families[instrument] = family;
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>All numbers at this moment.</summary>
    public string Write()
    {
        lock (_scrape)
        {
            foreach (Family family in _families.Values.Where(family => family.Instrument.IsObservable))
                family.Clear(); // what is not observed any more is gone

            _listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (Family family in _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal))
                family.Write(text);

            return text.ToString();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_families.TryGetValue(instrument, out Family? family))
            family.Add(value, tags);
    }

    // One instrument: its name, and a series for each set of tags.
    private sealed class Family
    {
        // A client must not be able to grow the page: what comes after so many sets of tags is not counted.
        private const int MaximumSeries = 1000;

        private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
        private readonly double[]? _bounds;
        private readonly string _type;
        private readonly bool _isSum;

        public Family(Instrument instrument)
        {
            Instrument = instrument;
            Type kind = instrument.GetType().GetGenericTypeDefinition();
            bool counter = kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>);
            bool histogram = kind == typeof(Histogram<>);
            _type = histogram ? "histogram" : counter ? "counter" : "gauge";
            _isSum = histogram || kind == typeof(Counter<>) || kind == typeof(UpDownCounter<>);
            _bounds = histogram ? [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries ?? []] : null;
            Name = NameOf(instrument, counter);
        }

        public Instrument Instrument { get; }

        public string Name { get; }

        /// <summary>Prometheus keeps this suffix for histograms; some of the runtime's gauges, of assemblies and timers, have it.</summary>
        public bool HasAllowedName => !Name.EndsWith("_count", StringComparison.Ordinal);

        public void Clear() => _series.Clear();

        public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string labels = LabelsOf(tags);
            if (!_series.TryGetValue(labels, out Series? series))
            {
                if (_series.Count >= MaximumSeries)
                    return;

                series = _series.GetOrAdd(labels, new Series(_bounds));
            }

            series.Add(value, _isSum);
        }

        public void Write(StringBuilder text)
        {
            if (_series.IsEmpty)
                return;

            text.Append($"# HELP {Name} {(Instrument.Description ?? Name).ReplaceLineEndings(" ")}\n# TYPE {Name} {_type}\n");
            foreach ((string labels, Series series) in _series.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                series.Write(text, Name, labels);
        }

        private static string NameOf(Instrument instrument, bool counter)
        {
            var name = new StringBuilder();
            foreach (char c in instrument.Name)
                name.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');

            string unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            if (!name.ToString().EndsWith(unit, StringComparison.Ordinal))
                name.Append(unit);

            return counter ? $"{name}_total" : name.ToString();
        }

        private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.IsEmpty)
                return string.Empty;

            var labels = new StringBuilder();
            foreach ((string key, object? value) in tags)
            {
                labels.Append(labels.Length == 0 ? "" : ",").Append(key.Replace('.', '_')).Append("=\"");
                string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
                labels.Append(text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).ReplaceLineEndings("\\n")).Append('"');
            }

            return labels.ToString();
        }
    }

    private sealed class Series(double[]? bounds)
    {
        private readonly Lock _lock = new();
        private readonly long[] _buckets = new long[bounds?.Length ?? 0];
        private long _count;
        private double _value;

        public void Add(double value, bool sum)
        {
            lock (_lock)
            {
                _value = sum ? _value + value : value;
                _count++;
                for (int i = 0; i < _buckets.Length; i++)
                {
                    if (value <= bounds![i])
                        _buckets[i]++;
                }
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (_lock)
            {
                string braces = labels.Length == 0 ? "" : $"{{{labels}}}";
                if (bounds is null)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}{braces} {_value:R}\n");
                    return;
                }

                string comma = labels.Length == 0 ? "" : ",";
                for (int i = 0; i < bounds.Length; i++)
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels}{comma}le=\"{bounds[i]:R}\"}} {_buckets[i]}\n");

                text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {_count}\n");
                text.Append(CultureInfo.InvariantCulture, $"{name}_sum{braces} {_value:R}\n");
                text.Append(CultureInfo.InvariantCulture, $"{name}_count{braces} {_count}\n");
            }
        }
    }
}
