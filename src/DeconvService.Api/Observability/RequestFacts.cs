namespace DeconvService.Api.Observability;

/// <summary>What a handler learns about its request and the request's line in the log should say.</summary>
internal sealed class RequestFacts
{
    /// <summary>Input, weight and output sizes, for instance <c>[1, 3, 55, 55] * [8, 3, 21, 21] -> [1, 8, 75, 75]</c>.</summary>
    public string? Shapes { get; set; }

    /// <summary>The algorithm that computed it.</summary>
    public string? Algorithm { get; set; }

    /// <summary>The facts of a request.</summary>
    public static RequestFacts Of(HttpContext context)
    {
        RequestFacts? facts = context.Features.Get<RequestFacts>();
        if (facts is null)
            context.Features.Set(facts = new RequestFacts());

        return facts;
    }
}
