using System.Diagnostics.CodeAnalysis;

namespace DeconvService.Onnx;

/// <summary>What is wrong with a model.</summary>
public enum OnnxModelError
{
    /// <summary>The file is not ONNX, is cut off, or contradicts itself.</summary>
    Malformed,

    /// <summary>The file holds more than <see cref="OnnxLimits"/> allows.</summary>
    OverLimit,

    /// <summary>Operators, operator set versions or element types that the engine does not run.</summary>
    Unsupported,

    /// <summary>A node whose attributes or constant inputs break its operator's specification.</summary>
    InvalidNode,

    /// <summary>The model is sound, but an integer input has a value that it cannot use, such as an index out of range.</summary>
    InputValue,

    /// <summary>The model is sound, but inputs of these shapes do not go through it.</summary>
    InputShape,
}

/// <summary>A model that cannot be loaded or prepared, and why.</summary>
public sealed class OnnxModelException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="message">The fault in a sentence, with the value found and the value expected.</param>
    /// <param name="node">Name of the node at fault.</param>
    /// <param name="unsupportedOperators">All operators that are not supported.</param>
    /// <param name="innerException">What was caught.</param>
    public OnnxModelException(
        OnnxModelError error,
        string message,
        string? node = null,
        IReadOnlyList<string>? unsupportedOperators = null,
        Exception? innerException = null)
        : base(message, innerException)
    {
        Error = error;
        Node = node;
        UnsupportedOperators = unsupportedOperators ?? [];
    }

    /// <summary>What is wrong.</summary>
    public OnnxModelError Error { get; }

    /// <summary>Name of the node at fault, or null where no node is.</summary>
    public string? Node { get; }

    /// <summary>
    /// All operators of the model that are not supported, each once and sorted, with their domain where it is not ONNX's own
    /// (<c>com.microsoft.FusedConv</c>). Empty unless <see cref="Error"/> is <see cref="OnnxModelError.Unsupported"/>.
    /// </summary>
    public IReadOnlyList<string> UnsupportedOperators { get; }

    [DoesNotReturn]
    internal static void ThrowMalformed(string message, Exception? inner = null) =>
        throw new OnnxModelException(OnnxModelError.Malformed, message, innerException: inner);

    [DoesNotReturn]
    internal static void ThrowOverLimit(string what, long found, long limit) =>
        throw new OnnxModelException(OnnxModelError.OverLimit, $"the model has {found} {what}; the limit is {limit}");
}
