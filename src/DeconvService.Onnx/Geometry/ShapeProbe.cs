using DeconvService.Engine;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx.Execution;
using DeconvService.Onnx.Graphs;

namespace DeconvService.Onnx.Geometry;

/// <summary>Plans a graph with guessed sizes in place of those that its inputs leave open.</summary>
internal sealed class ShapeProbe(Graph graph, ConvolutionEngine engine)
{
    // Valid convolutions and U-Nets need some room, and sizes that can be halved a few times.
    private static readonly int[] Sizes = [128, 64, 256, 192, 96, 512, 224, 240, 320, 1024];

    /// <summary>The first guess that goes through; null when none does.</summary>
    public NetworkPlan? First()
    {
        foreach (int size in Sizes)
        {
            if (Plan(size) is { } plan)
                return plan;
        }

        return null;
    }

    /// <summary>Plans with pictures of this height and width; null when they do not go through.</summary>
    public NetworkPlan? Plan(int size) => Plan(size, 3, out _) ?? Plan(size, 1, out _);

    /// <summary>A node that fails in the same way whatever the sizes is at fault itself.</summary>
    /// <exception cref="OnnxModelException">There is such a node.</exception>
    public void RefuseWhatNeverPlans()
    {
        if (graph.Inputs.Any(input => input.Info!.DecidesShapes))
            return;

        OnnxModelException? always = null;
        foreach (int size in Sizes)
        {
            foreach (int channels in (ReadOnlySpan<int>)[3, 1])
            {
                if (Plan(size, channels, out OnnxModelException? error) is not null)
                    return;

                if (always is not null && !string.Equals(error!.Message, always.Message, StringComparison.Ordinal))
                    return;

                always = error;
            }
        }

        throw always!;
    }

    private NetworkPlan? Plan(int size, int channels, out OnnxModelException? error)
    {
        error = null;
        TensorShape[] shapes = [.. graph.Inputs.Select(input => Guess(input.Info!, size, channels))];
        try
        {
            return NetworkPlanner.Plan(graph, shapes, values: null, engine, Accuracy.Default);
        }
        catch (OnnxModelException e)
        {
            error = e;
            return null;
        }
    }

    // A batch of one; the second axis of a picture is its channels.
    private static TensorShape Guess(TensorInfo input, int size, int channels)
    {
        IReadOnlyList<TensorDimension> dimensions = input.Dimensions ?? [new(1), new(-1), new(-1), new(-1)];
        int[] sizes = new int[dimensions.Count];
        for (int axis = 0; axis < sizes.Length; axis++)
        {
            int guess = axis == 0 && sizes.Length > 1 ? 1 : axis == 1 && sizes.Length == 4 ? channels : size;
            sizes[axis] = dimensions[axis].Size >= 0 ? dimensions[axis].Size : guess;
        }

        return new TensorShape(sizes);
    }
}
