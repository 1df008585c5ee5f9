namespace DeconvService.Onnx.Execution;

/// <summary>Where the operands of a plan lie in the memory of a run.</summary>
/// <param name="Offsets">First float32 unit of each operand that owns elements.</param>
/// <param name="FloatLength">Float32 units of the whole.</param>
internal sealed record MemoryPlan(IReadOnlyDictionary<Operand, long> Offsets, long FloatLength);

/// <summary>
/// Gives operands that are not alive at the same time the same memory: the largest first, each at the lowest place that is free for
/// its whole life (greedy by size, Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
/// </summary>
internal sealed class MemoryPlanner
{
    // A cache line, so that two threads never write to the same one for different operands.
    private const int Alignment = 16;

    private readonly Dictionary<Operand, Block> _blocks = new(ReferenceEqualityComparer.Instance);

    private sealed class Block
    {
        public required long Length { get; init; }

        public required int First { get; init; }

        public int Last { get; set; }

        public long Offset { get; set; } = -1;
    }

    /// <summary>Plans the memory.</summary>
    public static MemoryPlan Plan(NetworkPlan plan)
    {
        var planner = new MemoryPlanner();
        planner.FindLives(plan);
        Block[] blocks = [.. planner._blocks.Values.Distinct().OrderByDescending(block => block.Length).ThenBy(block => block.First)];
        long total = 0;
        List<Block> placed = [];
        foreach (Block block in blocks)
        {
            block.Offset = LowestFree(placed, block);
            int place = placed.BinarySearch(block, ByOffset.Instance);
            placed.Insert(place < 0 ? ~place : place, block);
            total = Math.Max(total, block.Offset + block.Length);
        }

        return new MemoryPlan(planner._blocks.ToDictionary(pair => pair.Key, pair => pair.Value.Offset), total);
    }

    private void FindLives(NetworkPlan plan)
    {
        Dictionary<Operand, int> lastUse = new(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < plan.Steps.Count; i++)
        {
            foreach (Operand? input in plan.Steps[i].Inputs)
            {
                if (input is not null)
                    lastUse[input.Root] = i;
            }
        }

        foreach (Operand output in plan.Outputs)
            lastUse[output.Root] = plan.Steps.Count;

        foreach (Operand input in plan.Inputs)
            Add(input, -1, lastUse.GetValueOrDefault(input, -1));

        for (int i = 0; i < plan.Steps.Count; i++)
        {
            Step step = plan.Steps[i];
            foreach (Operand output in step.Outputs)
            {
                if (output.ViewOf is not null)
                    continue;

                int last = lastUse.GetValueOrDefault(output, i);
                if (output == step.Outputs[0] && Reusable(step, i, lastUse) is { } input)
                {
                    Block block = _blocks[input.Root];
                    block.Last = Math.Max(block.Last, last);
                    _blocks.Add(output, block);
                }
                else
                {
                    Add(output, i, last);
                }
            }
        }
    }

    // An input of the output's size that dies here: an element-wise step, or the residual of a convolution.
    private static Operand? Reusable(Step step, int index, Dictionary<Operand, int> lastUse)
    {
        int residual = step.Convolution?.Residual ?? -1;
        for (int i = 0; i < step.Inputs.Length; i++)
        {
            if ((step.InPlace || i == residual)
                && step.Inputs[i] is { Root.Constant: null } input
                && input.FloatLength == step.Outputs[0].FloatLength
                && input.Root.FloatLength == input.FloatLength
                && lastUse[input.Root] == index
                && !step.Inputs.Where((other, j) => j != i && other?.Root == input.Root && step.Convolution is not null).Any())
            {
                return input;
            }
        }

        return null;
    }

    private void Add(Operand operand, int first, int last)
    {
        if (operand.Constant is null)
            _blocks.Add(operand, new Block { Length = (operand.FloatLength + Alignment - 1) / Alignment * Alignment, First = first, Last = last });
    }

    private static long LowestFree(List<Block> placedByOffset, Block block)
    {
        long offset = 0;
        foreach (Block other in placedByOffset)
        {
            if (other.First > block.Last || other.Last < block.First)
                continue;

            if (other.Offset - offset >= block.Length)
                break;

            offset = Math.Max(offset, other.Offset + other.Length);
        }

        return offset;
    }

    private sealed class ByOffset : IComparer<Block>
    {
        public static readonly ByOffset Instance = new();

        public int Compare(Block? x, Block? y) => x!.Offset.CompareTo(y!.Offset);
    }
}
