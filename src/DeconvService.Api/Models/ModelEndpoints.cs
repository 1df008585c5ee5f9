using System.Globalization;
using DeconvService.Api.Errors;
using DeconvService.Engine.Convolution;
using DeconvService.Engine.Tensors;
using DeconvService.Onnx;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Net.Http.Headers;

namespace DeconvService.Api.Models;

/// <summary>The handlers of <c>/v1/models</c> that list, describe and change networks.</summary>
internal static class ModelEndpoints
{
    private const string OctetStream = "application/octet-stream";

    // What ONNX files are sent as, by those who name them at all.
    private static readonly string[] UploadTypes = [OctetStream, "application/onnx", "application/x-onnx", "application/protobuf", "application/x-protobuf"];

    /// <summary>Lists the networks.</summary>
    public static ModelList List(ModelRepository repository) => new(
    [
        .. repository.List().GroupBy(slot => slot.File.Name, StringComparer.Ordinal).Select(versions => ModelDescription.Of(repository.Get(versions.Key))),
    ]);

    /// <summary>Describes a network and its layers, for inputs of a given size where it is given.</summary>
    /// <exception cref="ServiceException">There is no such network, or inputs of this size do not go through it.</exception>
    public static ModelDetails Describe(string name, [FromQuery] string[]? input, ModelRepository repository)
    {
        ModelSlot slot = repository.Get(name);
        ModelDescription description = ModelDescription.Of(slot);
        using ModelLease? lease = slot.Model?.TryLease();
        if (lease is null)
            return new ModelDetails(description, [], multiplyAdds: null);

        CompiledModel network = lease.Model.Network;
        bool sized = input is { Length: > 0 };
        try
        {
            IReadOnlyList<TensorShape>? shapes = sized ? ShapesOf(input!, network) : NominalShapes(network);
            PreparedModel? prepared = shapes is null ? null : network.Prepare(shapes, Accuracy.Default);
            return new ModelDetails(
                description,
                [.. (prepared?.Layers ?? []).Select(layer => LayerDescription.Of(layer, sized))],
                sized ? prepared?.MultiplyAdds : null);
        }
        catch (OnnxModelException exception) when (sized)
        {
            throw new ServiceException(ModelFaults.Of(exception));
        }
        catch (OnnxModelException)
        {
            return new ModelDetails(description, [], multiplyAdds: null);
        }
    }

    /// <summary>Takes a network into the service, or puts it in the place of another.</summary>
    /// <exception cref="ServiceException">The name or the file is not valid, or the file cannot be kept.</exception>
    public static async Task<Results<Created<ModelDescription>, Ok<ModelDescription>>> PutAsync(
        string name, HttpRequest request, ModelRepository repository, CancellationToken cancellationToken)
    {
        ModelName.ThrowUnlessValid(name);
        if (request.ContentType is { } contentType
            && (!MediaTypeHeaderValue.TryParse(contentType, out MediaTypeHeaderValue? type)
                || !UploadTypes.Contains(type.MediaType.ToString(), StringComparer.OrdinalIgnoreCase)))
        {
            throw new ServiceException(new ServiceFault(
                ServiceErrorKind.UnsupportedMediaType, $"a network is an ONNX file: send it with Content-Type: {OctetStream}")
            {
                Facts = [new("accepted", UploadTypes)],
            });
        }

        bool isNew = await repository.PutAsync(name, request.Body, cancellationToken);
        ModelDescription description = ModelDescription.Of(repository.Get(name));
        return isNew ? TypedResults.Created($"/v1/models/{name}", description) : TypedResults.Ok(description);
    }

    /// <summary>Removes a network and its file.</summary>
    /// <exception cref="ServiceException">There is no such network, or the file cannot be deleted.</exception>
    public static async Task<NoContent> DeleteAsync(string name, ModelRepository repository, CancellationToken cancellationToken)
    {
        await repository.DeleteAsync(name, cancellationToken);
        return TypedResults.NoContent();
    }

    private static TensorShape[] ShapesOf(string[] texts, CompiledModel network)
    {
        if (texts.Length != network.Inputs.Count)
            throw Invalid($"the network has {network.Inputs.Count} inputs, so 'input' has to be given as often; it is given {texts.Length} times");

        return [.. texts.Select(text => ShapeOf(text))];
    }

    private static TensorShape ShapeOf(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        var sizes = new int[parts.Length];
        if (parts.Length > 8)
            throw Invalid("a tensor has 8 axes at the most");

        for (int axis = 0; axis < sizes.Length; axis++)
        {
            if (!int.TryParse(parts[axis], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[axis]))
                throw Invalid("'input' must be sizes with commas between them, such as 1,3,512,512");
        }

        try
        {
            return new TensorShape(sizes);
        }
        catch (OverflowException)
        {
            throw Invalid("'input' has more elements than 64 bits can count");
        }
    }

    // A size at which the layers can be listed when none was asked for; null when the file leaves too much open.
    private static TensorShape[]? NominalShapes(CompiledModel network)
    {
        var shapes = new List<TensorShape>();
        foreach (TensorInfo input in network.Inputs)
        {
            if (input.Dimensions is not { } axes)
                return null;

            int side = network.Geometry is { } geometry ? (8 * geometry.Multiple) + (2 * geometry.Border) : 1;
            shapes.Add(new TensorShape([.. axes.Select((axis, i) => axis.Size >= 0 ? axis.Size : i switch { 0 => 1, 1 => network.Geometry is null ? 1 : 3, _ => side })]));
        }

        return [.. shapes];
    }

    private static ServiceException Invalid(string detail) =>
        new(new ServiceFault(ServiceErrorKind.InvalidField, detail) { Facts = [new("field", "input")] });
}
