using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace DeconvService.Api.Tests.Hosting;

/// <summary>Keeps log lines in memory.</summary>
internal sealed class RecordedLog : ILoggerProvider
{
    public ConcurrentQueue<RecordedLine> Lines { get; } = [];

    /// <summary>The lines of the request log.</summary>
    public IEnumerable<RecordedLine> Requests => Lines.Where(line => line.Category.EndsWith(".RequestLog", StringComparison.Ordinal));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(RecordedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Lines.Enqueue(new RecordedLine(
                category,
                logLevel,
                formatter(state, exception),
                (state as IEnumerable<KeyValuePair<string, object?>>)?.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal) ?? []));
    }
}

internal sealed record RecordedLine(string Category, LogLevel Level, string Text, Dictionary<string, object?> Values);
