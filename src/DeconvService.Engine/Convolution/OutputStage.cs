using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Simd;

namespace DeconvService.Engine.Convolution;

/// <summary>
/// The last step of every algorithm: adds bias and residual, applies the activation and writes output rows.
/// <c>y = activation(sum + bias + residual)</c>, or <c>activation(sum + bias) + residual</c>.
/// </summary>
internal sealed unsafe class OutputStage
{
    // Behind the last channel, so that a whole vector of channels may be read anywhere.
    private const int Slack = 32;

    private readonly float[] _bias;
    private readonly float[] _slopes;

    /// <summary>Copies what it needs, so that nothing has to be pinned in a run.</summary>
    /// <exception cref="ArgumentException">The lengths of bias or slopes are not the number of channels.</exception>
    public OutputStage(Epilogue epilogue, int channels, ReadOnlyMemory<float> bias)
    {
        Epilogue = epilogue;
        if (!bias.IsEmpty && bias.Length != channels)
            throw new ArgumentException($"{bias.Length} biases for {channels} output channels", nameof(bias));

        if (epilogue.Activation == Activation.PRelu && epilogue.Slopes.Length != channels)
            throw new ArgumentException($"{epilogue.Slopes.Length} slopes for {channels} output channels", nameof(epilogue));

        _bias = GC.AllocateArray<float>(channels + Slack, pinned: true);
        bias.Span.CopyTo(_bias);
        _slopes = GC.AllocateArray<float>(channels + Slack, pinned: true);
        if (epilogue.Activation == Activation.PRelu)
            epilogue.Slopes.Span.CopyTo(_slopes);
        else
            _slopes.AsSpan().Fill(epilogue.Alpha);

        (Low, High) = epilogue.Activation switch
        {
            Activation.Relu => (0, float.PositiveInfinity),
            Activation.Clip => (epilogue.Alpha, epilogue.Beta),
            _ => (float.NegativeInfinity, float.PositiveInfinity),
        };
        OnlyBounds = !epilogue.HasResidual && epilogue.Activation is (Activation.None or Activation.Relu or Activation.Clip);
        Bias = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_bias));
        Slopes = (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_slopes));
    }

    /// <summary>What was asked for.</summary>
    public Epilogue Epilogue { get; }

    /// <summary>One bias a channel, and zeros for a vector more.</summary>
    public float* Bias { get; }

    /// <summary>The slope of negative values of each channel.</summary>
    public float* Slopes { get; }

    /// <summary>Whether outputs are nothing but sums with their bias, kept between <see cref="Low"/> and <see cref="High"/>.</summary>
    public bool OnlyBounds { get; }

    /// <summary>The least that an output is then: no bound where there is no activation.</summary>
    public float Low { get; }

    /// <summary>The most.</summary>
    public float High { get; }

    /// <summary>Writes a piece of an output row.</summary>
    /// <param name="sums">What the algorithm summed up.</param>
    /// <param name="target">The output.</param>
    /// <param name="residual">The residual at the same place; not read when there is none.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="channel">Output channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteRow<V>(float* sums, float* target, float* residual, nint count, int channel)
        where V : struct, IVec<V>
    {
        V bias = V.Broadcast(Bias[channel]);
        V slope = V.Broadcast(Slopes[channel]);
        nint i = 0;
        if (OnlyBounds)
        {
            // What is left at the end is computed once more with what stands before it: half of a vector is stored at a tenth of the pace.
            V low = V.Broadcast(Low), high = V.Broadcast(High);
            for (; i <= count - V.Count; i += V.Count)
                V.Clamp(V.Load(sums + i) + bias, low, high).Store(target + i);

            if (i < count && count >= V.Count)
                V.Clamp(V.Load(sums + count - V.Count) + bias, low, high).Store(target + count - V.Count);
            else if (i < count)
                V.Clamp(V.LoadPartial(sums, (int)count) + bias, low, high).StorePartial(target, (int)count);

            return;
        }

        for (; i <= count - V.Count; i += V.Count)
        {
            V sum = V.Load(sums + i) + bias;
            V rest = Epilogue.HasResidual ? V.Load(residual + i) : V.Zero;
            Finish(sum, slope, rest).Store(target + i);
        }

        if (i < count)
        {
            int left = (int)(count - i);
            V sum = V.LoadPartial(sums + i, left) + bias;
            V rest = Epilogue.HasResidual ? V.LoadPartial(residual + i, left) : V.Zero;
            Finish(sum, slope, rest).StorePartial(target + i, left);
        }
    }

    /// <summary>
    /// <see cref="WriteRow"/> of two phases whose elements alternate: <c>target[2 i + p] = sums[p][i]</c>. Of whole vectors: up to L - 1 sums
    /// behind the last of each are read.
    /// </summary>
    /// <param name="sums">What the algorithm summed up for the first phase.</param>
    /// <param name="phaseStride">Elements to the sums of the second.</param>
    /// <param name="target">The output.</param>
    /// <param name="residual">The residual at the same place; not read when there is none.</param>
    /// <param name="count">Number of elements of both.</param>
    /// <param name="channel">Output channel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteZipped<V>(float* sums, nint phaseStride, float* target, float* residual, nint count, int channel)
        where V : struct, IVec<V>
    {
        V bias = V.Broadcast(Bias[channel]);
        V slope = V.Broadcast(Slopes[channel]);
        if (OnlyBounds)
        {
            V least = V.Broadcast(Low), most = V.Broadcast(High);
            nint whole = 2 * V.Count, all = count;
            for (; count >= whole || (count > 0 && count % 2 == 0 && all >= whole); count -= whole, sums += V.Count, target += whole)
            {
                // The last ones together with some of those before, as above.
                nint again = Math.Max(whole - count, 0);
                sums -= again / 2;
                target -= again;
                V even = V.Clamp(V.Load(sums) + bias, least, most), odd = V.Clamp(V.Load(sums + phaseStride) + bias, least, most);
                V.ZipLow(even, odd).Store(target);
                V.ZipHigh(even, odd).Store(target + V.Count);
            }
        }

        for (; count >= 2 * V.Count; count -= 2 * V.Count, sums += V.Count, target += 2 * V.Count, residual += 2 * V.Count)
        {
            V even = V.Load(sums) + bias, odd = V.Load(sums + phaseStride) + bias;
            V low = V.ZipLow(even, odd), high = V.ZipHigh(even, odd);
            Finish(low, slope, Epilogue.HasResidual ? V.Load(residual) : V.Zero).Store(target);
            Finish(high, slope, Epilogue.HasResidual ? V.Load(residual + V.Count) : V.Zero).Store(target + V.Count);
        }

        if (count > 0)
        {
            V even = V.Load(sums) + bias, odd = V.Load(sums + phaseStride) + bias;
            int low = (int)Math.Min(count, V.Count), high = (int)count - low;
            Finish(V.ZipLow(even, odd), slope, Epilogue.HasResidual ? V.LoadPartial(residual, low) : V.Zero).StorePartial(target, low);
            Finish(V.ZipHigh(even, odd), slope, Epilogue.HasResidual ? V.LoadPartial(residual + V.Count, high) : V.Zero).StorePartial(target + V.Count, high);
        }
    }

    /// <summary>The activation, and the residual before or after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Finish<V>(V sum, V slope, V residual)
        where V : struct, IVec<V>
    {
        if (Epilogue.Activation == Activation.None)
            return sum + residual;

        return Epilogue.ResidualAfterActivation ? Activate(sum, slope) + residual : Activate(sum + residual, slope);
    }

    /// <summary>The activation alone. NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Activate<V>(V value, V slope)
        where V : struct, IVec<V> => Epilogue.Activation switch
        {
            Activation.None => value,
            Activation.Relu => V.Max(V.Zero, value),
            Activation.Clip => V.Clamp(value, V.Broadcast(Epilogue.Alpha), V.Broadcast(Epilogue.Beta)),
            _ => V.MultiplyAdd(slope, V.Min(V.Zero, value), V.Max(V.Zero, value)),
        };
}
