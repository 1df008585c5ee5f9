using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tensors.NumPy;

/// <summary>Reorders elements whose first axis runs fastest.</summary>
internal static class FortranOrder
{
    /// <summary>Copies into a row-major tensor of the same shape.</summary>
    /// <param name="source">Elements in Fortran order, with the shape they shall have.</param>
    /// <param name="buffers">The memory of the copy.</param>
    public static Tensor ToRowMajor(Tensor source, AlignedBufferPool buffers)
    {
        TensorShape shape = source.Shape;
        var target = new Tensor(shape, buffers.Rent(Math.Max(1, shape.Count)));
        ReadOnlySpan<float> from = source.Data;
        Span<float> to = target.Data;
        if (to.IsEmpty)
            return target;

        int last = shape.Rank - 1;
        Span<int> strides = stackalloc int[shape.Rank];
        strides[0] = 1;
        for (int axis = 1; axis <= last; axis++)
            strides[axis] = strides[axis - 1] * shape[axis - 1];

        // One row of the target after another; the odometer counts all axes but the last.
        Span<int> odometer = stackalloc int[shape.Rank];
        odometer.Clear();
        int row = 0;
        for (int written = 0; written < to.Length; written += shape[last])
        {
            for (int i = 0; i < shape[last]; i++)
                to[written + i] = from[row + (i * strides[last])];

            for (int axis = last - 1; axis >= 0; axis--)
            {
                row += strides[axis];
                if (++odometer[axis] < shape[axis])
                    break;

                row -= odometer[axis] * strides[axis];
                odometer[axis] = 0;
            }
        }

        return target;
    }
}
