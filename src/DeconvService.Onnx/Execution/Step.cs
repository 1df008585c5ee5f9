using DeconvService.Engine.Convolution;
using DeconvService.Onnx.Geometry;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Execution;

/// <summary>One thing that a run does: a node, or a convolution with what was fused into it.</summary>
internal sealed class Step
{
    public required Node Node { get; init; }

    /// <summary>The inputs; null where an optional one is left out.</summary>
    public required Operand?[] Inputs { get; set; }

    /// <summary>The outputs that are wanted, at the places where the kernel writes them.</summary>
    public required Operand[] Outputs { get; set; }

    /// <summary>What computes the outputs; null for views and convolutions.</summary>
    public Kernel? Kernel { get; init; }

    /// <summary>The convolution; null for everything else.</summary>
    public ConvStep? Convolution { get; init; }

    /// <summary>The activation function, where the step is one that a convolution can take over.</summary>
    public Epilogue? Activation { get; init; }

    /// <summary>Whether the step adds its two inputs of the same shape.</summary>
    public bool IsResidualAdd { get; init; }

    /// <summary>Whether the first output may lie where an input of the same size lay.</summary>
    public bool InPlace { get; init; }

    /// <summary>What height and width of the output depend on; null for the whole of the input.</summary>
    public PlaneMap? Map { get; init; }

    /// <summary>Multiply-adds.</summary>
    public long MultiplyAdds { get; init; }
}

/// <summary>A convolution with constant weights.</summary>
internal sealed class ConvStep
{
    public required ConvShape Shape { get; init; }

    /// <summary>What is done to the output on the way out; fusion adds to it.</summary>
    public Epilogue Epilogue { get; set; } = Epilogue.None;

    /// <summary>Names of the operators that were fused into it.</summary>
    public List<string> Fused { get; } = [];

    /// <summary>Place of the residual in the step's inputs, or -1.</summary>
    public int Residual { get; set; } = -1;
}
