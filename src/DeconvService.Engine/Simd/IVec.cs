namespace DeconvService.Engine.Simd;

/// <summary>
/// A vector of float32 lanes. Kernels are written once over this interface; the JIT makes one copy for each width,
/// in which every member here is one or two instructions.
/// </summary>
/// <remarks>
/// What the JIT wants, all of it measured: accumulators as named locals (arrays, spans and inline arrays run at a third of the
/// speed or less), at most <see cref="Registers"/> vectors alive at once, and methods marked AggressiveInlining. Into a method with 512 local
/// variables it inlines nothing more. Each operator that is inlined leaves three or four; those that change a vector in place leave none, for
/// kernels that have many.
/// </remarks>
internal unsafe interface IVec<TSelf>
    where TSelf : struct, IVec<TSelf>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Count { get; }

    /// <summary>Number of vector registers of the instruction set that has this width.</summary>
    static abstract int Registers { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>Reads <see cref="Count"/> elements; no alignment is needed.</summary>
    static abstract TSelf Load(float* source);

    /// <summary><see cref="Load(float*)"/> in place.</summary>
    static abstract void Load(ref TSelf target, float* source);

    /// <summary>Reads the first <paramref name="count"/> lanes, 0 to <see cref="Count"/>, and nothing behind them; the others are 0.</summary>
    static abstract TSelf LoadPartial(float* source, int count);

    /// <summary>A hint that the cache line at <paramref name="source"/> will be read soon. Any address will do.</summary>
    static abstract void Prefetch(float* source);

    /// <summary>The same value in all lanes.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary><c>a * b + c</c> with one rounding where the machine can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary><c>sum += a * b</c>, as <see cref="MultiplyAdd"/>, in place.</summary>
    static abstract void AddProduct(ref TSelf sum, TSelf a, TSelf b);

    /// <summary><c>sum += a * b</c>, b the same in all lanes: for a number that is used once, with AVX-512 part of the instruction.</summary>
    static abstract void AddProduct(ref TSelf sum, TSelf a, float b);

    /// <summary><c>c - a * b</c> with one rounding where the machine can.</summary>
    static abstract TSelf NegatedMultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger in each lane; <paramref name="b"/> where it is NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller in each lane; <paramref name="b"/> where it is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary><paramref name="low"/> where a lane is less, <paramref name="high"/> where it is more. NaN stays NaN.</summary>
    static abstract TSelf Clamp(TSelf value, TSelf low, TSelf high);

    /// <summary><see cref="Clamp"/> in place.</summary>
    static abstract void Bound(ref TSelf value, TSelf low, TSelf high);

    /// <summary>The lower halves, interleaved: a0 b0 a1 b1 ...</summary>
    static abstract TSelf ZipLow(TSelf a, TSelf b);

    /// <summary>The upper halves, interleaved.</summary>
    static abstract TSelf ZipHigh(TSelf a, TSelf b);

    /// <summary>Transposes the squares of 4 x 4 elements whose rows are the same four lanes of the vectors: lanes 0 to 3, 4 to 7 ...</summary>
    static abstract void TransposeElements(ref TSelf a, ref TSelf b, ref TSelf c, ref TSelf d);

    /// <summary>
    /// Transposes the square whose rows are the vectors and whose elements are runs of four lanes: there are <see cref="Count"/> / 4, and
    /// only as many of the vectors are looked at.
    /// </summary>
    static abstract void TransposeRuns(ref TSelf a, ref TSelf b, ref TSelf c, ref TSelf d);

    /// <summary>Writes both interleaved, a0 b0 a1 b1 ...: 2 * <see cref="Count"/> elements.</summary>
    static abstract void StoreZipped(TSelf a, TSelf b, float* target);

    /// <summary>Writes both interleaved, each four elements to their own place: there are <see cref="Count"/> / 2, in elements from <paramref name="target"/>.</summary>
    static abstract void StoreZipped(TSelf a, TSelf b, float* target, nint* places);

    /// <summary>Writes all three interleaved, a0 b0 c0 a1 b1 c1 ...: 3 * <see cref="Count"/> elements.</summary>
    static abstract void StoreZipped(TSelf a, TSelf b, TSelf c, float* target);

    /// <summary>Elements 0, 2, 4 ... of a followed by b.</summary>
    static abstract TSelf Even(TSelf a, TSelf b);

    /// <summary>Elements 1, 3, 5 ... of a followed by b.</summary>
    static abstract TSelf Odd(TSelf a, TSelf b);

    /// <summary>Elements 0, 3, 6 ... of a followed by b and c.</summary>
    static abstract TSelf Third(TSelf a, TSelf b, TSelf c);

    /// <summary>The bits that both have: a lane is kept where <paramref name="mask"/> is all ones, and 0 where it is all zeros, whatever it held.</summary>
    static abstract TSelf And(TSelf value, TSelf mask);

    /// <summary>Sum of each lane.</summary>
    static abstract TSelf operator +(TSelf a, TSelf b);

    /// <summary>Difference of each lane.</summary>
    static abstract TSelf operator -(TSelf a, TSelf b);

    /// <summary>Product of each lane.</summary>
    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>Writes <see cref="Count"/> elements; no alignment is needed.</summary>
    void Store(float* target);

    /// <summary>
    /// Writes <see cref="Count"/> elements past the caches; the target must be aligned to the vector. For results that are too large to be
    /// found there again: memory is then not read first. To be followed by a memory barrier before other threads may look.
    /// </summary>
    void StorePastCaches(float* target);

    /// <summary>Writes the first <paramref name="count"/> lanes, 0 to <see cref="Count"/>, and nothing behind them.</summary>
    void StorePartial(float* target, int count);
}
