using System.Runtime.CompilerServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Kernels;

/// <summary>What <see cref="MicroKernel"/> multiplies: a few rows of numbers times a panel of vectors.</summary>
internal unsafe struct MicroProduct
{
    /// <summary>The rows' numbers, in the order of <see cref="IRowLayout"/>.</summary>
    public float* A;

    /// <summary>The panel: vectors of consecutive elements.</summary>
    public float* X;

    /// <summary>Where each segment of the panel begins, in elements from <see cref="X"/>; null where segments follow each other.</summary>
    public int* Offsets;

    /// <summary>Number of segments of the reduction.</summary>
    public int Segments;

    /// <summary>Steps of the reduction in a segment.</summary>
    public int Depth;

    /// <summary>Steps in the last segment.</summary>
    public int LastDepth;

    /// <summary>Elements from one step's vectors to the next step's.</summary>
    public nint Step;

    /// <summary>The panel that is added to or subtracted from <see cref="X"/> by a layout that has one (<see cref="IRowLayout.Other"/>).</summary>
    public float* Other;

    /// <summary>Elements from one step's vectors of <see cref="Other"/> to the next step's.</summary>
    public nint OtherStep;

    /// <summary>Elements of <see cref="A"/> from one segment's numbers to the next's; not looked at where they follow each other.</summary>
    public nint SegmentRows;

    /// <summary>Elements of <see cref="A"/> from one step's numbers to the next's; likewise.</summary>
    public nint StepRows;

    /// <summary>How often all segments are gone through, each time with other numbers; 0 means once.</summary>
    public int Parts;

    /// <summary>Where each part's numbers begin, in elements from <see cref="A"/>; null where there is one part.</summary>
    public int* PartRows;

    /// <summary>Elements from one part's panel to the next's.</summary>
    public nint PartStep;

    /// <summary>What the next product will read: the caches are told to fetch it; null where that is known to be there.</summary>
    public float* Next;

    /// <summary>How far <see cref="Next"/> moves on in a step: 0 to 32 elements, or to another place of which 32 are wanted.</summary>
    public nint NextStep;

    /// <summary>Receives the sums.</summary>
    public float* C;

    /// <summary>Elements from one row of <see cref="C"/> to the next.</summary>
    public nint RowStride;

    /// <summary>Whether the sums are added to what <see cref="C"/> holds.</summary>
    public bool Accumulate;

    /// <summary>Where the sums of each row begin, if the layout says that they are outputs (<see cref="IRowLayout.Finishes"/>).</summary>
    public float* Bias;

    /// <summary>The least that such an output may be.</summary>
    public float Low;

    /// <summary>The most.</summary>
    public float High;

    /// <summary>Where each four outputs of the first row are stored, in elements from <see cref="C"/>, by a layout that stores them so (<see cref="ToZippedFours"/>).</summary>
    public nint* Fours;
}

/// <summary>Where the numbers of the rows stand.</summary>
internal unsafe interface IRowLayout
{
    /// <summary>Whether the rows' numbers of one step stand side by side, <c>[step][R]</c>; else in runs of a vector, <c>[step / L][R][L]</c>.</summary>
    static virtual bool SideBySide => true;

    /// <summary>Elements from one row's number to the next row's.</summary>
    static virtual int RowStep<V>()
        where V : struct, IVec<V> => 1;

    /// <summary>Whether <see cref="MicroProduct.StepRows"/> tells where the next step's numbers are; else they follow.</summary>
    static virtual bool Apart => false;

    /// <summary>What is multiplied: 0 the panel, 1 the panel plus <see cref="MicroProduct.Other"/>, -1 the panel minus it.</summary>
    static virtual int Other => 0;

    /// <summary>
    /// Whether the sums are outputs: they begin with <see cref="MicroProduct.Bias"/> and are kept between <see cref="MicroProduct.Low"/> and
    /// <see cref="MicroProduct.High"/>. Without it they would be stored, loaded by who does that, and stored again.
    /// </summary>
    static virtual bool Finishes => false;

    /// <summary>
    /// Whether each two rows, which then share a bias, are stored as one in which their elements alternate: <c>c[2 i + r] = row r[i]</c>.
    /// Without it they would take the detour that <see cref="Finishes"/> saves.
    /// </summary>
    static virtual bool Zips => false;

    /// <summary>
    /// Stores two rows, of which the second one may not be there; see <see cref="MicroStore"/>. A method of the layout: one that asks what the
    /// layout is would leave the local variables of all cases in the kernel, which has no room for them (<see cref="MicroKernel"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static virtual void StorePair<V, R, N>(
        int row, V low, V high, float* c, nint rowStride, nint* fours, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant => MicroStore.Plain<V, R, N>(row, c, rowStride, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
}

/// <summary><c>[step][R]</c></summary>
internal readonly struct SideBySide : IRowLayout;

/// <summary><c>[step][R]</c>; what is stored are outputs.</summary>
internal readonly unsafe struct ToOutputs : IRowLayout
{
    static bool IRowLayout.Finishes => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IRowLayout.StorePair<V, R, N>(
        int row, V low, V high, float* c, nint rowStride, nint* fours, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2) =>
        MicroStore.Outputs<V, R, N>(row, low, high, c, rowStride, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
}

/// <summary><c>[step][R]</c>; what is stored are outputs, two rows as one.</summary>
internal readonly unsafe struct ToZippedOutputs : IRowLayout
{
    static bool IRowLayout.Finishes => true;

    static bool IRowLayout.Zips => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IRowLayout.StorePair<V, R, N>(
        int row, V low, V high, float* c, nint rowStride, nint* fours, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2) =>
        MicroStore.ZippedOutputs<V, R, N>(row, low, high, c, rowStride, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
}

/// <summary><c>[step][R]</c>; what is stored are outputs, two rows as one, in fours.</summary>
internal readonly unsafe struct ToZippedFours : IRowLayout
{
    static bool IRowLayout.Finishes => true;

    static bool IRowLayout.Zips => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void IRowLayout.StorePair<V, R, N>(
        int row, V low, V high, float* c, nint rowStride, nint* fours, ref V a0, ref V a1, ref V a2, ref V b0, ref V b1, ref V b2) =>
        MicroStore.ZippedFours<V, R, N>(row, low, high, c, rowStride, fours, ref a0, ref a1, ref a2, ref b0, ref b1, ref b2);
}

/// <summary><c>[step][R]</c>, times the sum of two panels.</summary>
internal readonly struct OfSums : IRowLayout
{
    static int IRowLayout.Other => 1;
}

/// <summary><c>[step][R]</c>, times the difference of two panels.</summary>
internal readonly struct OfDifferences : IRowLayout
{
    static int IRowLayout.Other => -1;
}

/// <summary><c>[step][wide row]</c>, of which a product reads R neighbours.</summary>
internal readonly struct OfWideRows : IRowLayout
{
    static bool IRowLayout.Apart => true;
}

/// <summary><c>[step][wide row]</c>, of which a product reads R numbers that lie <typeparamref name="S"/> apart.</summary>
internal readonly struct Strided<S> : IRowLayout
    where S : struct, INumberConstant
{
    static int IRowLayout.RowStep<V>() => S.Value;

    static bool IRowLayout.Apart => true;
}

/// <summary><c>[segment][R][L]</c>, L the vector's lanes: what a transform writes that has L channels in its lanes. A segment is L steps.</summary>
internal readonly struct InRuns : IRowLayout
{
    static bool IRowLayout.SideBySide => false;

    static int IRowLayout.RowStep<V>() => V.Count;

    static bool IRowLayout.Apart => true;
}

/// <summary>
/// The inner loop of every dense algorithm: <c>c[r][v] += sum over k of a[k][r] * x[k][v]</c>, for R rows and N vectors that stay in registers.
/// </summary>
/// <remarks>
/// <code>
///             N vectors of the panel x          one step k:
///            +--------+--------+--------+       N loads, R broadcasts, R * N multiply-adds
///   R rows a | c[0,0] | c[0,1] | c[0,2] |
///            | c[1,0] | ...             |       the reduction goes over segments; a segment is
///            | ...                      |       Depth steps that lie Step elements apart
///            +--------+--------+--------+
/// </code>
/// R and N are type parameters, so "if (R.Value > 5)" is decided by the JIT and what is left is a straight line of
/// instructions; the accumulators are named locals because arrays of vectors are kept in memory, at a third of the speed.
/// The JIT inlines nothing more into a method that has 512 local variables, and every inlined call leaves some, also for rows that are not
/// there: then the last rows are called instead, and a product takes up to four times as long. So what is done for each row takes its
/// accumulators by reference and keeps no vectors of its own.
/// R * N + N + 1 vectors must fit the registers. The idea of the register block is that of
/// Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
/// </remarks>
internal static unsafe class MicroKernel
{
    /// <summary>Multiplies; see the class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V, R, N, TLayout>(in MicroProduct p)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
        where TLayout : struct, IRowLayout
    {
        V c00 = V.Zero, c01 = V.Zero, c02 = V.Zero;
        V c10 = V.Zero, c11 = V.Zero, c12 = V.Zero;
        V c20 = V.Zero, c21 = V.Zero, c22 = V.Zero;
        V c30 = V.Zero, c31 = V.Zero, c32 = V.Zero;
        V c40 = V.Zero, c41 = V.Zero, c42 = V.Zero;
        V c50 = V.Zero, c51 = V.Zero, c52 = V.Zero;
        V c60 = V.Zero, c61 = V.Zero, c62 = V.Zero;
        V c70 = V.Zero, c71 = V.Zero, c72 = V.Zero;
        V c80 = V.Zero, c81 = V.Zero, c82 = V.Zero;
        V c90 = V.Zero, c91 = V.Zero, c92 = V.Zero;
        V c100 = V.Zero, c101 = V.Zero, c102 = V.Zero;
        V c110 = V.Zero, c111 = V.Zero, c112 = V.Zero;
        V c120 = V.Zero, c121 = V.Zero, c122 = V.Zero;
        V c130 = V.Zero, c131 = V.Zero, c132 = V.Zero;
        float* c = p.C;
        nint rowStride = p.RowStride;
        if (TLayout.Finishes || p.Accumulate)
        {
            Begin<V, R, N, TLayout>(0, p.Bias, c + (0 * rowStride), ref c00, ref c01, ref c02);
            Begin<V, R, N, TLayout>(1, p.Bias, c + (1 * rowStride), ref c10, ref c11, ref c12);
            Begin<V, R, N, TLayout>(2, p.Bias, c + (2 * rowStride), ref c20, ref c21, ref c22);
            Begin<V, R, N, TLayout>(3, p.Bias, c + (3 * rowStride), ref c30, ref c31, ref c32);
            Begin<V, R, N, TLayout>(4, p.Bias, c + (4 * rowStride), ref c40, ref c41, ref c42);
            Begin<V, R, N, TLayout>(5, p.Bias, c + (5 * rowStride), ref c50, ref c51, ref c52);
            Begin<V, R, N, TLayout>(6, p.Bias, c + (6 * rowStride), ref c60, ref c61, ref c62);
            Begin<V, R, N, TLayout>(7, p.Bias, c + (7 * rowStride), ref c70, ref c71, ref c72);
            Begin<V, R, N, TLayout>(8, p.Bias, c + (8 * rowStride), ref c80, ref c81, ref c82);
            Begin<V, R, N, TLayout>(9, p.Bias, c + (9 * rowStride), ref c90, ref c91, ref c92);
            Begin<V, R, N, TLayout>(10, p.Bias, c + (10 * rowStride), ref c100, ref c101, ref c102);
            Begin<V, R, N, TLayout>(11, p.Bias, c + (11 * rowStride), ref c110, ref c111, ref c112);
            Begin<V, R, N, TLayout>(12, p.Bias, c + (12 * rowStride), ref c120, ref c121, ref c122);
            Begin<V, R, N, TLayout>(13, p.Bias, c + (13 * rowStride), ref c130, ref c131, ref c132);
        }

        float* a = p.A;
        float* x = p.X;
        float* other = p.Other;
        float* next = p.Next is null ? p.X : p.Next;
        nint step = p.Step;
        int parts = p.Segments == 0 ? 0 : Math.Max(p.Parts, 1);
        for (int part = 0, segment = 0; part < parts;)
        {
            if (segment == 0 && p.PartRows is not null)
            {
                a = p.A + p.PartRows[part];
                x = p.X + (part * p.PartStep);
            }

            if (p.Offsets is not null)
                x = p.X + p.Offsets[segment];

            for (int k = segment == p.Segments - 1 ? p.LastDepth : p.Depth; k > 0; k--)
            {
                V x0 = Panel<V, TLayout>(x, other, 0);
                V x1 = N.Value > 1 ? Panel<V, TLayout>(x, other, V.Count) : x0;
                V x2 = N.Value > 2 ? Panel<V, TLayout>(x, other, 2 * V.Count) : x0;
                Add<V, R, N, TLayout>(0, a, x0, x1, x2, ref c00, ref c01, ref c02);
                Add<V, R, N, TLayout>(1, a, x0, x1, x2, ref c10, ref c11, ref c12);
                Add<V, R, N, TLayout>(2, a, x0, x1, x2, ref c20, ref c21, ref c22);
                Add<V, R, N, TLayout>(3, a, x0, x1, x2, ref c30, ref c31, ref c32);
                Add<V, R, N, TLayout>(4, a, x0, x1, x2, ref c40, ref c41, ref c42);
                Add<V, R, N, TLayout>(5, a, x0, x1, x2, ref c50, ref c51, ref c52);
                Add<V, R, N, TLayout>(6, a, x0, x1, x2, ref c60, ref c61, ref c62);
                Add<V, R, N, TLayout>(7, a, x0, x1, x2, ref c70, ref c71, ref c72);
                Add<V, R, N, TLayout>(8, a, x0, x1, x2, ref c80, ref c81, ref c82);
                Add<V, R, N, TLayout>(9, a, x0, x1, x2, ref c90, ref c91, ref c92);
                Add<V, R, N, TLayout>(10, a, x0, x1, x2, ref c100, ref c101, ref c102);
                Add<V, R, N, TLayout>(11, a, x0, x1, x2, ref c110, ref c111, ref c112);
                Add<V, R, N, TLayout>(12, a, x0, x1, x2, ref c120, ref c121, ref c122);
                Add<V, R, N, TLayout>(13, a, x0, x1, x2, ref c130, ref c131, ref c132);
                V.Prefetch(next);
                V.Prefetch(next + 16);
                next += p.NextStep;
                x += step;
                if (TLayout.Other != 0)
                    other += p.OtherStep;

                a += !TLayout.SideBySide ? 1 : TLayout.Apart ? p.StepRows : R.Value;
            }

            if (!TLayout.SideBySide)
                a += p.SegmentRows - V.Count;

            if (++segment == p.Segments)
            {
                segment = 0;
                part++;
            }
        }

        nint* fours = p.Fours;
        V low = TLayout.Finishes ? V.Broadcast(p.Low) : V.Zero, high = TLayout.Finishes ? V.Broadcast(p.High) : V.Zero;
        TLayout.StorePair<V, R, N>(0, low, high, c, rowStride, fours, ref c00, ref c01, ref c02, ref c10, ref c11, ref c12);
        TLayout.StorePair<V, R, N>(2, low, high, c, rowStride, fours, ref c20, ref c21, ref c22, ref c30, ref c31, ref c32);
        TLayout.StorePair<V, R, N>(4, low, high, c, rowStride, fours, ref c40, ref c41, ref c42, ref c50, ref c51, ref c52);
        TLayout.StorePair<V, R, N>(6, low, high, c, rowStride, fours, ref c60, ref c61, ref c62, ref c70, ref c71, ref c72);
        TLayout.StorePair<V, R, N>(8, low, high, c, rowStride, fours, ref c80, ref c81, ref c82, ref c90, ref c91, ref c92);
        TLayout.StorePair<V, R, N>(10, low, high, c, rowStride, fours, ref c100, ref c101, ref c102, ref c110, ref c111, ref c112);
        TLayout.StorePair<V, R, N>(12, low, high, c, rowStride, fours, ref c120, ref c121, ref c122, ref c130, ref c131, ref c132);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Panel<V, TLayout>(float* x, float* other, int at)
        where V : struct, IVec<V>
        where TLayout : struct, IRowLayout => TLayout.Other switch
        {
            0 => V.Load(x + at),
            1 => V.Load(x + at) + V.Load(other + at),
            _ => V.Load(x + at) - V.Load(other + at),
        };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V, R, N, TLayout>(int row, float* a, V x0, V x1, V x2, ref V c0, ref V c1, ref V c2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
        where TLayout : struct, IRowLayout
    {
        if (row >= R.Value)
            return;

        if (N.Value == 1)
        {
            V.AddProduct(ref c0, x0, a[row * TLayout.RowStep<V>()]);
            return;
        }

        V w = V.Broadcast(a[row * TLayout.RowStep<V>()]);
        V.AddProduct(ref c0, w, x0);
        if (N.Value > 1)
            V.AddProduct(ref c1, w, x1);
        if (N.Value > 2)
            V.AddProduct(ref c2, w, x2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin<V, R, N, TLayout>(int row, float* bias, float* c, ref V c0, ref V c1, ref V c2)
        where V : struct, IVec<V>
        where R : struct, INumberConstant
        where N : struct, INumberConstant
        where TLayout : struct, IRowLayout
    {
        if (row >= R.Value)
            return;

        if (TLayout.Finishes)
        {
            c0 = V.Broadcast(bias[TLayout.Zips ? row / 2 : row]);
            c1 = c0;
            c2 = c0;
            return;
        }

        V.Load(ref c0, c);
        if (N.Value > 1)
            V.Load(ref c1, c + V.Count);
        if (N.Value > 2)
            V.Load(ref c2, c + (2 * V.Count));
    }
}
