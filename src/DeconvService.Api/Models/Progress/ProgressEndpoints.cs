using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using DeconvService.Api.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace DeconvService.Api.Models.Progress;

/// <summary>The handler of <c>GET /v1/progress/{id}</c>.</summary>
internal static class ProgressEndpoints
{
    /// <summary>Streams how far the request is, until it ends.</summary>
    /// <exception cref="ServiceException">The id is malformed, or no such request is running.</exception>
    public static ServerSentEventsResult<ProgressEvent> Follow(string id, ProgressRegistry registry, CancellationToken cancellationToken)
    {
        if (!ModelName.IsValid(id))
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.InvalidField, "an id that can be followed has 1 to 128 letters, digits, '.', '_' and '-', and begins with a letter or digit")
            {
                Facts = [new("field", "id"), new("pattern", ModelName.Pattern)],
            });
        }

        RequestProgress progress = registry.Find(id)
            ?? throw new ServiceException(new ServiceFault(ServiceErrorKind.NotFound, $"no request with X-Request-Id: {id} is running"));
        return TypedResults.ServerSentEvents(EventsOf(progress, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<ProgressEvent>> EventsOf(
        RequestProgress progress, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ProgressEvent? shown = null;
        while (true)
        {
            (ProgressEvent current, bool ended, Task changed) = progress.Look();
            if (current != shown)
                yield return new SseItem<ProgressEvent>(current);

            if (ended)
                yield break;

            shown = current;
            await changed.WaitAsync(cancellationToken);
        }
    }
}
