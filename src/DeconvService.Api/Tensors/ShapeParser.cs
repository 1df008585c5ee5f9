using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors;

/// <summary>Reads the sizes of a tensor as clients write them, <c>[1, 3, 55, 55]</c>, and checks them before memory is taken.</summary>
internal static class ShapeParser
{
    /// <summary>Reads a JSON array of sizes.</summary>
    /// <param name="json">One JSON value.</param>
    /// <param name="field">What it is, for messages.</param>
    /// <param name="limits">How many elements there may be; null where no tensor of this shape will ever be made.</param>
    /// <exception cref="ServiceException">It is no list of sizes, or there are too many elements.</exception>
    public static TensorShape Parse(ReadOnlySpan<byte> json, string field, TensorLimits? limits)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw TensorFaults.Invalid(field, $"{field} must be a list of sizes such as [1, 3, 55, 55]");

        var sizes = new List<long>(JsonArrayScanner.MaximumRank);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!JsonInteger.TryRead(ref reader, out long size))
                throw TensorFaults.Invalid($"{field}[{sizes.Count}]", $"{field}[{sizes.Count}] must be a whole number");

            sizes.Add(size);
        }

        return Check(sizes, field, limits);
    }

    /// <summary>Checks sizes from outside and makes a shape of them.</summary>
    /// <exception cref="ServiceException">A size is negative, there are too many axes, or too many elements.</exception>
    public static TensorShape Check(List<long> sizes, string field, TensorLimits? limits)
    {
        int negative = sizes.FindIndex(size => size < 0);
        if (negative >= 0)
            throw TensorFaults.Invalid($"{field}[{negative}]", $"{field}[{negative}] is {sizes[negative]}; a size cannot be negative");

        if (sizes.Count > JsonArrayScanner.MaximumRank)
            throw TensorFaults.Invalid(field, $"{field} has {sizes.Count} axes; a tensor has {JsonArrayScanner.MaximumRank} at the most");

        long count = CountOf(sizes);
        if (limits is not null && count > limits.TensorElements)
            throw TensorFaults.TooManyElements(field, count, limits);

        int huge = sizes.FindIndex(size => size > int.MaxValue);
        if (huge >= 0)
            throw TensorFaults.Invalid($"{field}[{huge}]", $"{field}[{huge}] is {sizes[huge]}; a size is {int.MaxValue} at the most");

        if (count == long.MaxValue)
            throw TensorFaults.Invalid(field, $"{field} has more elements than 64 bits can count");

        return new TensorShape([.. sizes.Select(size => (int)size)]);
    }

    // What does not fit 64 bits counts as the largest number that does.
    private static long CountOf(List<long> sizes)
    {
        if (sizes.Contains(0))
            return 0;

        Int128 count = 1;
        foreach (long size in sizes)
            count = Int128.Min(count * size, long.MaxValue);

        return (long)count;
    }
}
