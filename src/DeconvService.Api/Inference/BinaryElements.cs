using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Inference;

/// <summary>Reads the binary data of an input.</summary>
/// <param name="buffers">The memory that it is read into.</param>
internal sealed class BinaryElements(AlignedBufferPool buffers)
{
    /// <summary>Reads the elements that come next into the memory that the network wants them in.</summary>
    /// <param name="bytes">The body.</param>
    /// <param name="input">A resolved input.</param>
    /// <param name="cancellationToken">Given up where the client hung up.</param>
    /// <exception cref="ServiceException">Its bytes are not as many as its shape needs, or the body ends before.</exception>
    public async ValueTask<InferenceTensor> ReadAsync(ByteCursor bytes, DeclaredInput input, CancellationToken cancellationToken)
    {
        TensorShape shape = input.Shape!.Value;
        long expected = shape.Count * input.Datatype!.Bytes;
        if (input.BinaryBytes != expected)
        {
            throw InferenceFaults.Invalid(
                $"input '{input.Name}' has binary_data_size {input.BinaryBytes}, but its shape {shape} of {input.Datatype.Name} needs {expected}");
        }

        var tensor = new InferenceTensor(shape, input.IsFloating, buffers.Rent(InferenceTensor.LengthOf(shape.Count, input.IsFloating)));
        try
        {
            for (int done = 0; done < shape.Count;)
            {
                int ready = (int)Math.Min(bytes.Unread.Length / input.Datatype.Bytes, shape.Count - done);
                if (ready > 0)
                {
                    Convert(bytes.Unread[..(ready * input.Datatype.Bytes)], input.Datatype, tensor, done);
                    bytes.Advance(ready * input.Datatype.Bytes);
                    done += ready;
                }
                else if (!await bytes.FillAsync(cancellationToken))
                {
                    throw InferenceFaults.Invalid(
                        $"the body ends within input '{input.Name}', after {done} of {shape.Count} elements");
                }
            }

            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    private static void Convert(ReadOnlySpan<byte> bytes, Datatype datatype, InferenceTensor tensor, int start)
    {
        int count = bytes.Length / datatype.Bytes;
        if (tensor.IsFloating)
            datatype.Read(bytes, tensor.Floats.Slice(start, count));
        else
            datatype.Read(bytes, tensor.Integers.Slice(start, count));
    }
}
