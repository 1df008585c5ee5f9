using DeconvService.Api.Errors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using DeconvService.Onnx.Geometry;

namespace DeconvService.Api.Models.Pictures;

/// <summary>How the colours of a picture go through a network from one picture to one picture.</summary>
/// <remarks>
/// A network of three planes takes RGB; a grey picture gives its one colour to all three. A network from one plane to one plane is run on each
/// colour by itself. A network from one plane to several takes the brightness. Alpha never goes through the network (<see cref="AlphaPlane"/>).
/// </remarks>
internal sealed class PictureMapping
{
    private PictureMapping(NetworkGeometry geometry, int inputPlanes, int outputPlanes, (int Height, int Width) fixedSize) =>
        (Geometry, InputPlanes, OutputPlanes, FixedSize) = (geometry, inputPlanes, outputPlanes, fixedSize);

    /// <summary>How the output lies over the input.</summary>
    public NetworkGeometry Geometry { get; }

    /// <summary>Planes of the network's input: 1 or 3.</summary>
    public int InputPlanes { get; }

    /// <summary>Planes of the network's output: 1 or 3.</summary>
    public int OutputPlanes { get; }

    /// <summary>Size of the input where the file fixes it, otherwise -1.</summary>
    public (int Height, int Width) FixedSize { get; }

    /// <summary>Reads it off a network.</summary>
    /// <exception cref="ServiceException">The network does not go from one picture to one picture.</exception>
    public static PictureMapping Of(ServedModel model)
    {
        CompiledModel network = model.Network;
        if (network.Geometry is not { } geometry || network.Inputs is not [{ Type: var type } input] || network.Outputs.Count != 1 || !type.IsFloating())
            throw NoPicture(model, "it does not have one picture as its input and one as its output");

        if (input.Dimensions is not [var batch, var planes, var height, var width] || batch.Size is not (1 or -1))
            throw NoPicture(model, "its input is not [1, C, H, W]");

        int side = geometry.Multiple * ((geometry.Halo / geometry.Multiple) + 8);
        side += 2 * geometry.Border;
        int probeHeight = height.Size > 0 ? height.Size : side;
        int probeWidth = width.Size > 0 ? width.Size : side;
        foreach (int candidate in planes.Size > 0 ? [planes.Size] : (int[])[3, 1])
        {
            TensorShape? output = TryPrepare(network, new TensorShape(1, candidate, probeHeight, probeWidth));
            if (output is { Rank: 4 } shape && candidate is 1 or 3 && output.Value[1] is 1 or 3)
                return new PictureMapping(geometry, candidate, output.Value[1], (height.Size, width.Size));
        }

        throw NoPicture(model, "its input and output do not have one or three channels");
    }

    /// <summary>What the network has to be run on, one after the other.</summary>
    /// <param name="colours">Colours of the picture: 1 or 3.</param>
    public IReadOnlyList<PlaneSource> Passes(int colours) => (InputPlanes, OutputPlanes) switch
    {
        (1, 1) => [.. Enumerable.Range(0, colours).Select(colour => new PlaneSource(1, colour))],
        (1, _) => [new PlaneSource(1, Luma: true)],
        _ => [new PlaneSource(InputPlanes)],
    };

    /// <summary>Colours of the result.</summary>
    /// <param name="colours">Colours of the picture: 1 or 3.</param>
    public int ColoursOf(int colours) => (InputPlanes, OutputPlanes) == (1, 1) ? colours : OutputPlanes;

    private static TensorShape? TryPrepare(CompiledModel network, TensorShape input)
    {
        try
        {
            return network.Prepare([input], Accuracy.Default).OutputShapes[0];
        }
        catch (OnnxModelException)
        {
            return null;
        }
    }

    private static ServiceException NoPicture(ServedModel model, string reason) => new(
        new ServiceFault(ServiceErrorKind.InvalidModel, $"the network '{model.Name}' does not take pictures: {reason}")
        {
            Code = "not-a-picture-network",
            Title = "The network does not take pictures",
            Facts = [new("inputs", TensorMetadata.Of(model.Network.Inputs)), new("outputs", TensorMetadata.Of(model.Network.Outputs))],
        });
}
