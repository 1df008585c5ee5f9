using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeconvService.Engine.Threading;

namespace DeconvService.Onnx.Execution;

/// <summary>Computes a step's outputs from its inputs.</summary>
internal delegate void Kernel(in KernelArguments arguments);

/// <summary>Where the elements of an operand lie during a run.</summary>
/// <param name="Offset">First float32 unit in the run's memory.</param>
/// <param name="Count">Number of elements, each of one or (integers) two float32 units.</param>
/// <param name="Constant">The elements themselves, when they are not in the run's memory.</param>
internal readonly record struct Slot(int Offset, int Count, TensorValue? Constant = null);

/// <summary>The elements that a kernel works on. <c>T</c> is float for floating types and long for all others.</summary>
internal readonly ref struct KernelArguments(
    ReadOnlySpan<Slot> inputs,
    ReadOnlySpan<Slot> outputs,
    Span<float> memory,
    EngineThreads threads,
    CancellationToken cancellation)
{
    private readonly ReadOnlySpan<Slot> _inputs = inputs;
    private readonly ReadOnlySpan<Slot> _outputs = outputs;
    private readonly Span<float> _memory = memory;

    public EngineThreads Threads { get; } = threads;

    public CancellationToken Cancellation { get; } = cancellation;

    public ReadOnlySpan<float> In(int index) => Elements<float>(_inputs[index], _memory);

    public ReadOnlySpan<T> In<T>(int index)
        where T : unmanaged => Elements<T>(_inputs[index], _memory);

    public Span<float> Out(int index = 0) => Elements<float>(_outputs[index], _memory);

    public Span<T> Out<T>(int index = 0)
        where T : unmanaged => Elements<T>(_outputs[index], _memory);

    /// <summary>The elements in a slot.</summary>
    public static Span<T> Elements<T>(Slot slot, Span<float> memory)
        where T : unmanaged
    {
        if (slot.Constant is not { } constant)
            return MemoryMarshal.Cast<float, T>(memory.Slice(slot.Offset, slot.Count * (Unsafe.SizeOf<T>() / sizeof(float))));

        return typeof(T) == typeof(float)
            ? MemoryMarshal.Cast<float, T>(constant.FloatArray.AsSpan())
            : MemoryMarshal.Cast<long, T>(constant.IntegerArray.AsSpan());
    }
}
