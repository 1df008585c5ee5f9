using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>What <see cref="SlidingKernel"/> computes.</summary>
internal unsafe struct SlidingProduct
{
    /// <summary>The numbers <c>a[part][step][i]</c>.</summary>
    public float* A;

    /// <summary>Elements from one step's numbers to the next step's.</summary>
    public nint StepRows;

    /// <summary>Which of the numbers i = 0 .. R + S - 2 are not zero: the first.</summary>
    public int Begin;

    /// <summary>How many are not zero.</summary>
    public int Count;

    /// <summary>The vectors <c>x[part][shift][step]</c>.</summary>
    public float* X;

    /// <summary>Elements from one shift's vectors to the next's.</summary>
    public nint ShiftStep;

    /// <summary>Elements from one step's vectors to the next's.</summary>
    public nint Step;

    /// <summary>Steps of a part.</summary>
    public int Steps;

    /// <summary>Number of parts.</summary>
    public int Parts;

    /// <summary>Where each part's numbers begin, in elements from <see cref="A"/>.</summary>
    public int* PartRows;

    /// <summary>Elements from one part's vectors to the next's.</summary>
    public nint PartStep;

    /// <summary>Receives the sums.</summary>
    public float* C;

    /// <summary>Elements from one sum to the next.</summary>
    public nint RowStride;

    /// <summary>Whether the sums are added to what <see cref="C"/> holds.</summary>
    public bool Accumulate;
}

/// <summary>
/// Convolutions along a row: <c>c[i] += sum over k and s of a[k][i + s] * x[k][s]</c>, for R sums and S shifts, x and c being vectors.
/// </summary>
/// <remarks>
/// A matrix product would load a number for each multiply-add where there is one vector of outputs. Here a number that was loaded is multiplied
/// by the S vectors of a step, which stay in registers, and added to S neighbouring sums:
/// <code>
///   a[0] -> c0                    x0 x1 x2 in registers (S = 3), R sums in registers
///   a[1] -> c1 c0
///   a[2] -> c2 c1 c0              S + (R + S - 1) loads for R * S multiply-adds,
///   a[3] -> c3 c2 c1              none for numbers that are known to be zeros
/// </code>
/// As in <see cref="MicroKernel"/>, R and S are types and all vectors named locals; R + S + 1 of them must fit the registers.
/// </remarks>
internal static unsafe class SlidingKernel
{
    /// <summary>The most sums.</summary>
    public const int MaximumRows = 16;

    /// <summary>
    /// The most shifts. With 16 registers few enough to leave room for 10 sums: where two multiply-adds of 4 cycles begin in each cycle, each
    /// sum waits for its last one unless there are 8.
    /// </summary>
    public static int Shifts<V>()
        where V : struct, IVec<V> => V.Registers < 32 ? 5 : 8;

    /// <summary>The most sums beside so many shifts.</summary>
    public static int Rows<V>(int shifts)
        where V : struct, IVec<V> => Math.Min(MaximumRows, V.Registers - 1 - shifts);

    /// <summary>Computes; see the class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V, R, S>(in SlidingProduct p)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where S : struct, INumberConstant
    {
        V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero;
        V c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
        V c8 = V.Zero, c9 = V.Zero, c10 = V.Zero, c11 = V.Zero;
        V c12 = V.Zero, c13 = V.Zero, c14 = V.Zero, c15 = V.Zero;
        V none = V.Zero;
        float* c = p.C;
        nint rowStride = p.RowStride;
        if (p.Accumulate)
        {
            Load<V, R>(0, c, rowStride, ref c0);
            Load<V, R>(1, c, rowStride, ref c1);
            Load<V, R>(2, c, rowStride, ref c2);
            Load<V, R>(3, c, rowStride, ref c3);
            Load<V, R>(4, c, rowStride, ref c4);
            Load<V, R>(5, c, rowStride, ref c5);
            Load<V, R>(6, c, rowStride, ref c6);
            Load<V, R>(7, c, rowStride, ref c7);
            Load<V, R>(8, c, rowStride, ref c8);
            Load<V, R>(9, c, rowStride, ref c9);
            Load<V, R>(10, c, rowStride, ref c10);
            Load<V, R>(11, c, rowStride, ref c11);
            Load<V, R>(12, c, rowStride, ref c12);
            Load<V, R>(13, c, rowStride, ref c13);
            Load<V, R>(14, c, rowStride, ref c14);
            Load<V, R>(15, c, rowStride, ref c15);
        }

        nint shift = p.ShiftStep;
        int begin = p.Begin, count = p.Count;
        for (int part = 0; part < p.Parts; part++)
        {
            float* a = p.A + p.PartRows[part];
            float* x = p.X + (part * p.PartStep);
            for (int k = p.Steps; k > 0; k--)
            {
                V x0 = V.Load(x);
                V x1 = S.Value > 1 ? V.Load(x + (1 * shift)) : x0;
                V x2 = S.Value > 2 ? V.Load(x + (2 * shift)) : x0;
                V x3 = S.Value > 3 ? V.Load(x + (3 * shift)) : x0;
                V x4 = S.Value > 4 ? V.Load(x + (4 * shift)) : x0;
                V x5 = S.Value > 5 ? V.Load(x + (5 * shift)) : x0;
                V x6 = S.Value > 6 ? V.Load(x + (6 * shift)) : x0;
                V x7 = S.Value > 7 ? V.Load(x + (7 * shift)) : x0;
                Add<V, R, S>(0, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c0, ref none, ref none, ref none, ref none, ref none, ref none, ref none);
                Add<V, R, S>(1, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c1, ref c0, ref none, ref none, ref none, ref none, ref none, ref none);
                Add<V, R, S>(2, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c2, ref c1, ref c0, ref none, ref none, ref none, ref none, ref none);
                Add<V, R, S>(3, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c3, ref c2, ref c1, ref c0, ref none, ref none, ref none, ref none);
                Add<V, R, S>(4, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c4, ref c3, ref c2, ref c1, ref c0, ref none, ref none, ref none);
                Add<V, R, S>(5, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c5, ref c4, ref c3, ref c2, ref c1, ref c0, ref none, ref none);
                Add<V, R, S>(6, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c6, ref c5, ref c4, ref c3, ref c2, ref c1, ref c0, ref none);
                Add<V, R, S>(7, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c7, ref c6, ref c5, ref c4, ref c3, ref c2, ref c1, ref c0);
                Add<V, R, S>(8, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c8, ref c7, ref c6, ref c5, ref c4, ref c3, ref c2, ref c1);
                Add<V, R, S>(9, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c9, ref c8, ref c7, ref c6, ref c5, ref c4, ref c3, ref c2);
                Add<V, R, S>(10, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c10, ref c9, ref c8, ref c7, ref c6, ref c5, ref c4, ref c3);
                Add<V, R, S>(11, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c11, ref c10, ref c9, ref c8, ref c7, ref c6, ref c5, ref c4);
                Add<V, R, S>(12, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c12, ref c11, ref c10, ref c9, ref c8, ref c7, ref c6, ref c5);
                Add<V, R, S>(13, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c13, ref c12, ref c11, ref c10, ref c9, ref c8, ref c7, ref c6);
                Add<V, R, S>(14, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c14, ref c13, ref c12, ref c11, ref c10, ref c9, ref c8, ref c7);
                Add<V, R, S>(15, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref c15, ref c14, ref c13, ref c12, ref c11, ref c10, ref c9, ref c8);
                Add<V, R, S>(16, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref c15, ref c14, ref c13, ref c12, ref c11, ref c10, ref c9);
                Add<V, R, S>(17, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref c15, ref c14, ref c13, ref c12, ref c11, ref c10);
                Add<V, R, S>(18, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref none, ref c15, ref c14, ref c13, ref c12, ref c11);
                Add<V, R, S>(19, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref none, ref none, ref c15, ref c14, ref c13, ref c12);
                Add<V, R, S>(20, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref none, ref none, ref none, ref c15, ref c14, ref c13);
                Add<V, R, S>(21, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref none, ref none, ref none, ref none, ref c15, ref c14);
                Add<V, R, S>(22, a, begin, count, x0, x1, x2, x3, x4, x5, x6, x7, ref none, ref none, ref none, ref none, ref none, ref none, ref none, ref c15);
                x += p.Step;
                a += p.StepRows;
            }
        }

        Store<V, R>(0, c, rowStride, c0);
        Store<V, R>(1, c, rowStride, c1);
        Store<V, R>(2, c, rowStride, c2);
        Store<V, R>(3, c, rowStride, c3);
        Store<V, R>(4, c, rowStride, c4);
        Store<V, R>(5, c, rowStride, c5);
        Store<V, R>(6, c, rowStride, c6);
        Store<V, R>(7, c, rowStride, c7);
        Store<V, R>(8, c, rowStride, c8);
        Store<V, R>(9, c, rowStride, c9);
        Store<V, R>(10, c, rowStride, c10);
        Store<V, R>(11, c, rowStride, c11);
        Store<V, R>(12, c, rowStride, c12);
        Store<V, R>(13, c, rowStride, c13);
        Store<V, R>(14, c, rowStride, c14);
        Store<V, R>(15, c, rowStride, c15);
    }

    // Number t times all vectors; c0 is its own sum, c1 that before it, and so on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V, R, S>(
        int t, float* a, int begin, int count, V x0, V x1, V x2, V x3, V x4, V x5, V x6, V x7, ref V c0, ref V c1, ref V c2, ref V c3, ref V c4, ref V c5, ref V c6, ref V c7)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where S : struct, INumberConstant
    {
        if (t >= R.Value + S.Value - 1 || (uint)(t - begin) >= (uint)count)
            return;

        V number = V.Broadcast(a[t]);
        if (t < R.Value)
            c0 = V.MultiplyAdd(number, x0, c0);
        if (S.Value > 1 && t >= 1 && t - 1 < R.Value)
            c1 = V.MultiplyAdd(number, x1, c1);
        if (S.Value > 2 && t >= 2 && t - 2 < R.Value)
            c2 = V.MultiplyAdd(number, x2, c2);
        if (S.Value > 3 && t >= 3 && t - 3 < R.Value)
            c3 = V.MultiplyAdd(number, x3, c3);
        if (S.Value > 4 && t >= 4 && t - 4 < R.Value)
            c4 = V.MultiplyAdd(number, x4, c4);
        if (S.Value > 5 && t >= 5 && t - 5 < R.Value)
            c5 = V.MultiplyAdd(number, x5, c5);
        if (S.Value > 6 && t >= 6 && t - 6 < R.Value)
            c6 = V.MultiplyAdd(number, x6, c6);
        if (S.Value > 7 && t >= 7 && t - 7 < R.Value)
            c7 = V.MultiplyAdd(number, x7, c7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<V, R>(int row, float* c, nint rowStride, ref V sum)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
    {
        if (row < R.Value)
            sum = V.Load(c + (row * rowStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V, R>(int row, float* c, nint rowStride, V sum)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
    {
        if (row < R.Value)
            sum.Store(c + (row * rowStride));
    }

    /// <summary>The kernel for <paramref name="rows"/> sums and <paramref name="shifts"/> shifts.</summary>
    public static delegate*<in SlidingProduct, void> Find<V>(int rows, int shifts)
        where V : struct, IVec<V> => shifts switch
        {
            1 => Find<V, Number1>(rows),
            2 => Find<V, Number2>(rows),
            3 => Find<V, Number3>(rows),
            4 => Find<V, Number4>(rows),
            5 => Find<V, Number5>(rows),
            6 => Find<V, Number6>(rows),
            7 => Find<V, Number7>(rows),
            8 => Find<V, Number8>(rows),
            _ => throw new ArgumentOutOfRangeException(nameof(shifts)),
        };

    private static delegate*<in SlidingProduct, void> Find<V, S>(int rows)
        where V : struct, IVec<V>
        where S : struct, INumberConstant => rows switch
        {
            1 => &Run<V, Number1, S>,
            2 => &Run<V, Number2, S>,
            3 => &Run<V, Number3, S>,
            4 => &Run<V, Number4, S>,
            5 => &Run<V, Number5, S>,
            6 => &Run<V, Number6, S>,
            7 => &Run<V, Number7, S>,
            8 => &Run<V, Number8, S>,
            9 => &Run<V, Number9, S>,
            10 => &Run<V, Number10, S>,
            11 => &Run<V, Number11, S>,
            12 => &Run<V, Number12, S>,
            13 => &Run<V, Number13, S>,
            14 => &Run<V, Number14, S>,
            15 => &Run<V, Number15, S>,
            16 => &Run<V, Number16, S>,
            _ => throw new ArgumentOutOfRangeException(nameof(rows)),
        };
}
