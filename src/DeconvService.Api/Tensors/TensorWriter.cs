using System.IO.Compression;
using System.IO.Pipelines;
using System.Numerics.Tensors;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors.Json;
using DeconvService.Api.Tensors.NumPy;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors;

/// <summary>Writes a tensor straight to a response's pipe, with its back-pressure. Thread-safe.</summary>
public static class TensorWriter
{
    /// <summary>The name of the tensor in an answer.</summary>
    internal const string OutputName = "output";

    // NumPy's own choice for arrays of an archive; a fixed time makes equal answers equal bytes.
    private static readonly DateTimeOffset EntryTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The media type that goes with an encoding.</summary>
    public static string MediaTypeOf(TensorEncoding encoding) => encoding switch
    {
        TensorEncoding.Json => TensorMediaTypes.Json,
        TensorEncoding.Npy => TensorMediaTypes.Npy,
        _ => TensorMediaTypes.Npz,
    };

    /// <summary>The number of bytes that <see cref="WriteAsync"/> will write where that is known before (<c>.npy</c>), else null.</summary>
    public static long? LengthOf(Tensor tensor, TensorEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return encoding == TensorEncoding.Npy ? NpyWriter.LengthOf(tensor.Shape) : null;
    }

    /// <summary>Writes <paramref name="tensor"/> as the array or member <c>output</c>.</summary>
    /// <param name="writer">The response's pipe; it is flushed but not completed.</param>
    /// <param name="tensor">What to write.</param>
    /// <param name="encoding">How to write it.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">
    /// <see cref="ServiceErrorKind.NotRepresentable"/>: JSON is asked for and an element is NaN or infinite. Thrown before the first byte is written.
    /// </exception>
    public static async ValueTask WriteAsync(PipeWriter writer, Tensor tensor, TensorEncoding encoding, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(tensor);
        switch (encoding)
        {
            case TensorEncoding.Json:
                EnsureRepresentable(tensor);
                await JsonTensorWriter.WriteAsync(writer, tensor, cancellationToken);
                break;
            case TensorEncoding.Npy:
                await NpyWriter.WriteAsync(writer, tensor, cancellationToken);
                break;
            default:
                await WriteArchiveAsync(writer, tensor, cancellationToken);
                break;
        }
    }

    private static void EnsureRepresentable(Tensor tensor)
    {
        ReadOnlySpan<float> data = tensor.Data;
        if (data.IsEmpty || TensorPrimitives.IsFiniteAll(data)) // IsFiniteAll holds an empty span not to be finite
            return;

        int index = 0;
        while (float.IsFinite(data[index]))
            index++;

        int[] place = PlaceOf(index, tensor.Shape);
        string value = float.IsNaN(data[index]) ? "NaN" : data[index] > 0 ? "infinity" : "-infinity";
        throw new ServiceException(
            new ServiceFault(
                ServiceErrorKind.NotRepresentable,
                $"{OutputName}[{string.Join("][", place)}] is {value}, which JSON cannot say; ask for Accept: {TensorMediaTypes.Npy}")
            {
                Facts = [new("index", place), new("value", value), new("accept", TensorMediaTypes.Npy)],
            });
    }

    private static int[] PlaceOf(int index, TensorShape shape)
    {
        int[] place = new int[shape.Rank];
        for (int axis = shape.Rank - 1; axis >= 0; axis--)
            (index, place[axis]) = Math.DivRem(index, shape[axis]);

        return place;
    }

    private static async Task WriteArchiveAsync(PipeWriter writer, Tensor tensor, CancellationToken cancellationToken)
    {
        await using Stream body = writer.AsStream(leaveOpen: true);
        await using ZipArchive archive = await ZipArchive.CreateAsync(body, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null, cancellationToken);
        ZipArchiveEntry entry = archive.CreateEntry($"{OutputName}.npy", CompressionLevel.NoCompression);
        entry.LastWriteTime = EntryTime;
        await using Stream stream = await entry.OpenAsync(cancellationToken);
        PipeWriter array = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: NpyWriter.FlushBytes, leaveOpen: true));
        await NpyWriter.WriteAsync(array, tensor, cancellationToken);
        await array.CompleteAsync();
    }
}
