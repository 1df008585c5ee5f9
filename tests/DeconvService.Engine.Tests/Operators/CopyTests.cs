using DeconvService.Engine.Operators;
using DeconvService.Engine.Tensors;
using DeconvService.Engine.Threading;
using DeconvService.Testing;
using Xunit;

namespace DeconvService.Engine.Tests.Operators;

/// <summary>The two ways to move elements, against loops.</summary>
public sealed class CopyTests : IDisposable
{
    private readonly ConvolutionEngine _engine = new(new EngineOptions { Threads = 2 });

    private EngineThreads Threads => _engine.Threads;

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void StridedCopy_RandomArrangements_MatchLoops()
    {
        var random = new Random(5);
        for (int round = 0; round < 200; round++)
        {
            int rank = random.Next(1, 5);
            int[] sizes = [.. Enumerable.Range(0, rank).Select(_ => random.Next(1, 6))];
            int[] order = [.. Enumerable.Range(0, rank).OrderBy(_ => random.Next())];
            bool[] reversed = [.. order.Select(_ => random.Next(3) == 0)];

            // An arrangement of the input with its axes in another order, some of them backwards.
            long[] strides = StridedCopy.StridesOf(sizes), input = new long[rank];
            int[] outputSizes = new int[rank];
            long offset = 0;
            for (int i = 0; i < rank; i++)
            {
                outputSizes[i] = sizes[order[i]];
                input[i] = reversed[i] ? -strides[order[i]] : strides[order[i]];
                offset += reversed[i] ? strides[order[i]] * (sizes[order[i]] - 1) : 0;
            }

            float[] from = RandomTensor.Make(TensorShape.CountOf(sizes), round), to = new float[from.Length];
            long[] output = StridedCopy.StridesOf(outputSizes);
            new StridedCopy(outputSizes, input, output, offset).Run<float>(from, to, Threads);

            for (int i = 0; i < to.Length; i++)
            {
                long at = offset;
                for (int axis = 0; axis < rank; axis++)
                    at += i / output[axis] % outputSizes[axis] * input[axis];

                Assert.Equal(from[at], to[i]);
            }
        }
    }

    [Fact]
    public void StridedCopy_LargeTranspose_MatchesLoops()
    {
        const int Rows = 301, Columns = 203;
        float[] from = RandomTensor.Make(Rows * Columns, 1), to = new float[from.Length];
        new StridedCopy([Columns, Rows], [1, Columns], [Rows, 1]).Run<float>(from, to, Threads);
        for (int i = 0; i < to.Length; i++)
            Assert.Equal(from[(i % Rows * Columns) + (i / Rows)], to[i]);
    }

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(-1, 2, 1)]
    [InlineData(0, 2, 2)]
    public void StridedCopy_OutsideOfASpan_IsRefused(int offset, int size, int stride) =>
        Assert.Throws<ArgumentException>(() => new StridedCopy([size], [stride], [1], offset).Run<float>(new float[2], new float[2], Threads));

    [Fact]
    public void IndexedCopy_TablesWithHoles_FillThem()
    {
        var copy = new IndexedCopy([2, 3], [[1, -1, 0], [-1, 0, 1, 2, 2, -1, 0]]);
        long[] to = new long[21];
        copy.Run<long>([1, 2, 3, 4, 5, 6], to, 9, Threads);
        Assert.Equal([9, 4, 5, 6, 6, 9, 4, 9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 3, 3, 9, 1], to);
    }

    [Fact]
    public void IndexedCopy_IndexOutsideOfItsAxis_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new IndexedCopy([2], [[0, 2]]));

    [Fact]
    public void Broadcast_RandomShapes_MatchLoops()
    {
        var random = new Random(6);
        BinaryFunction<float, float> subtract = BinaryFunction.Of<float, float>((x, y) => x - y);
        for (int round = 0; round < 300; round++)
        {
            int[] sizes = [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => random.Next(1, 5))];
            TensorShape x = Shrink(sizes, random), y = Shrink(sizes, random);
            var broadcast = new Broadcast(x, y);
            float[] a = RandomTensor.Make(x.Count, round), b = RandomTensor.Make(y.Count, -round), z = new float[broadcast.Output.Count];
            broadcast.Run(subtract, a, b, z, Threads);
            for (int i = 0; i < z.Length; i++)
                Assert.Equal(a[IndexIn(x, broadcast.Output, i)] - b[IndexIn(y, broadcast.Output, i)], z[i]);
        }
    }

    [Fact]
    public void Broadcast_LongRows_AreCutWithoutLoss()
    {
        const int Length = 20_011;
        var broadcast = new Broadcast(new TensorShape(3, Length), new TensorShape(3, 1));
        float[] x = RandomTensor.Integers(3 * Length, 1), z = new float[x.Length];
        broadcast.Run(BinaryFunction.Of<float, float>((a, b) => a * b), x, [1, 2, 3], z, Threads);
        for (int i = 0; i < z.Length; i++)
            Assert.Equal(x[i] * ((i / Length) + 1), z[i]);
    }

    [Fact]
    public void Broadcast_ShapesThatDoNotGoTogether_SayWhere()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new Broadcast(new TensorShape(2, 3), new TensorShape(4)));
        Assert.Contains("[2, 3] and [4]", error.Message, StringComparison.Ordinal);
    }

    // Some leading axes left out, some sizes made 1.
    private static TensorShape Shrink(int[] sizes, Random random) =>
        new([.. sizes[random.Next(sizes.Length + 1)..].Select(size => random.Next(3) == 0 ? 1 : size)]);

    private static int IndexIn(TensorShape shape, TensorShape output, int index)
    {
        int at = 0, stride = 1;
        for (int axis = 1; axis <= output.Rank; axis++)
        {
            (index, int place) = Math.DivRem(index, output[output.Rank - axis]);
            if (axis > shape.Rank)
                continue;

            at += shape[shape.Rank - axis] == 1 ? 0 : place * stride;
            stride *= shape[shape.Rank - axis];
        }

        return at;
    }
}
