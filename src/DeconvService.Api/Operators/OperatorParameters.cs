using DeconvService.Api.OpenApi;
using DeconvService.Engine.Convolution;
using Microsoft.OpenApi;

namespace DeconvService.Api.Operators;

/// <summary>One parameter as it is documented.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Default">Its default as text, which Swagger UI fills forms with; empty where there is none.</param>
/// <param name="Schema">Type and description in JSON.</param>
internal sealed record OperatorParameter(string Name, string Default, OpenApiSchema Schema);

/// <summary>The documentation of the parameters that both operators take, written once for JSON fields, form fields and the query string.</summary>
internal static class OperatorParameters
{
    /// <summary>Names, types and descriptions of the parameters of <paramref name="kind"/>, without the tensors.</summary>
    public static IEnumerable<OperatorParameter> Of(ConvKind kind)
    {
        bool transposed = kind == ConvKind.Transposed;
        yield return new OperatorParameter("stride", "1", PerAxis(transposed
            ? "Distance between the input's elements in the output. Default 1."
            : "Distance between window positions. Default 1."));
        yield return new OperatorParameter("padding", "0", Padding(transposed));
        yield return new OperatorParameter("dilation", "1", PerAxis("Distance between the kernel's taps; 1 is an ordinary kernel. Default 1."));
        yield return new OperatorParameter("groups", "1", Schemas.Integer("Number of independent channel groups; divides C and F. Default 1.", minimum: 1));
        if (transposed)
        {
            yield return new OperatorParameter("outputPadding", "0", PerAxis("Cells added at the end of each output axis; less than max(stride, dilation). Default 0."));
            yield return new OperatorParameter("outputSize", "", PerAxis("The wanted size of each output axis; the service finds the output padding."));
        }
        else
        {
            yield return new OperatorParameter("paddingMode", "zeros", Schemas.Text("What stands outside of the input. Default `zeros`.", "zeros", "reflect", "replicate", "circular"));
            yield return new OperatorParameter("fit", "exact", Schemas.Text(
                "`exact`: the stride must divide `D + padding - effective kernel` on every axis. `floor`: drop the remainder. Default `exact`.",
                "exact",
                "floor"));
        }

        yield return new OperatorParameter("accuracy", "default", Schemas.Text(
            "`exact` computes every product directly, `default` may use fast algorithms within 2e-5 of the largest value, `fast` trades a little more.",
            "default",
            "exact",
            "fast"));
    }

    private static OpenApiSchema PerAxis(string description) => Schemas.OneOf(
        $"{description} A number for all axes, or one per axis.",
        Schemas.Integer("The same on every axis."),
        Schemas.Array("One number per axis, outermost axis first.", Schemas.Integer("One axis.")));

    private static OpenApiSchema Padding(bool transposed) => Schemas.OneOf(
        (transposed ? "Elements cropped from the output." : "Elements added around the input.")
            + " A number, one per axis, `[begin, end]` pairs per axis, or a rule. Default 0.",
        Schemas.Integer("The same at both ends of every axis."),
        Schemas.Array("One number per axis, for both of its ends.", Schemas.Integer("One axis.")),
        Schemas.Array("A pair per axis.", Schemas.Array("`[begin, end]`", Schemas.Integer("One end."))),
        Schemas.Text(
            transposed
                ? "`valid` is 0; `same-upper` (= `same`) and `same-lower` make the output `stride` times the input."
                : "`valid` is 0; `same-upper` (= `same`) and `same-lower` make the output `ceil(D / stride)`.",
            "valid",
            "same",
            "same-upper",
            "same-lower"));
}
