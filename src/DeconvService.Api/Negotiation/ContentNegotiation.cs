using DeconvService.Api.Errors;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Negotiation;

/// <summary>Chooses the media type of an answer by the request's <c>Accept</c> (RFC 9110, section 12.5.1).</summary>
internal static class ContentNegotiation
{
    /// <summary>The type of the highest quality that can be written, and says in <c>Vary</c> that the answer depends on it.</summary>
    /// <param name="context">The request and its response.</param>
    /// <param name="available">
    /// What can be written, the server's favourite first: it serves a request without <c>Accept</c> and one with <c>*/*</c>.
    /// </param>
    /// <remarks>
    /// Of equal qualities the range that names a type more exactly wins, then the one that stands first in the header, then the order of
    /// <paramref name="available"/>: <c>application/x-npy, */*</c> gives <c>.npy</c>.
    /// </remarks>
    /// <exception cref="ServiceException"><see cref="ServiceErrorKind.NotAcceptable"/>: none of them is accepted; the fact <c>available</c> lists them.</exception>
    public static string ChooseMediaType(this HttpContext context, params ReadOnlySpan<string> available)
    {
        if (!context.Response.Headers.Vary.Contains(HeaderNames.Accept, StringComparer.Ordinal))
            context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.Accept);

        StringValues accept = context.Request.Headers.Accept;
        if (StringValues.IsNullOrEmpty(accept))
            return available[0];

        if (!MediaTypeHeaderValue.TryParseList(accept, out IList<MediaTypeHeaderValue>? ranges))
            throw NotAcceptable(accept, available);

        string? best = null;
        (double Quality, int Specificity, int Order) bestRank = default;
        foreach (string candidate in available)
        {
            (double Quality, int Specificity, int Order) rank = RankOf(candidate, ranges);
            if (rank.Quality > 0 && (best is null || rank.CompareTo(bestRank) > 0))
                (best, bestRank) = (candidate, rank);
        }

        return best ?? throw NotAcceptable(accept, available);
    }

    // The most exact range that matches decides a type's quality; earlier ranges rank higher.
    private static (double Quality, int Specificity, int Order) RankOf(string mediaType, IList<MediaTypeHeaderValue> ranges)
    {
        var type = MediaTypeHeaderValue.Parse(mediaType);
        (double Quality, int Specificity, int Order) rank = (0, -1, 0);
        for (int i = 0; i < ranges.Count; i++)
        {
            int specificity = ranges[i] switch
            {
                { MatchesAllTypes: true } => 0,
                { MatchesAllSubTypes: true } range when type.Type.Equals(range.Type, StringComparison.OrdinalIgnoreCase) => 1,
                var range when type.MediaType.Equals(range.MediaType, StringComparison.OrdinalIgnoreCase) => 2,
                _ => -1,
            };
            if (specificity > rank.Specificity)
                rank = (ranges[i].Quality ?? 1, specificity, -i);
        }

        return rank;
    }

    private static ServiceException NotAcceptable(StringValues accept, ReadOnlySpan<string> available)
    {
        string[] types = available.ToArray();
        return new ServiceException(
            new ServiceFault(ServiceErrorKind.NotAcceptable, $"Accept asks for {accept}, but this answer can be written as {string.Join(", ", types)}")
            {
                Facts = [new("accept", accept.ToString()), new("available", types)],
            });
    }
}
