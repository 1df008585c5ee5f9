using DeconvService.Engine.Simd;
using DeconvService.Engine.Threading;

namespace DeconvService.Engine.Convolution.Algorithms;

/// <summary><see cref="Reference"/> as the planner's last resort: takes every layer.</summary>
internal sealed unsafe class ReferenceAlgorithm : IConvAlgorithm
{
    public PlannedAlgorithm? TryPlan<V>(ConvRequest request)
        where V : struct, IVec<V> => new Planned(request);

    private sealed class Planned(ConvRequest request) : PlannedAlgorithm
    {
        private const int PiecesAnItem = 16;

        public override string Name => "reference";

        public override void Run(in ConvArguments arguments)
        {
            long items = (Reference.ItemCount(request.Shape) + PiecesAnItem - 1) / PiecesAnItem;
            arguments.Threads.Run((int)items, new Items(request, arguments), arguments.Cancellation);
        }

        private readonly struct Items(ConvRequest request, ConvArguments arguments) : IWorkItems
        {
            public void Execute(int item, int worker)
            {
                ConvShape shape = request.Shape;
                var input = new ReadOnlySpan<float>(arguments.Input, (int)shape.Input.Count);
                var output = new Span<float>(arguments.Output, (int)shape.Output.Count);
                var residual = new ReadOnlySpan<float>(arguments.Residual, arguments.Residual is null ? 0 : output.Length);
                long end = Math.Min((item + 1L) * PiecesAnItem, Reference.ItemCount(shape));
                for (long piece = (long)item * PiecesAnItem; piece < end; piece++)
                    Reference.RunItem(shape, input, request.Weights.Weight.Span, request.Weights.Bias.Span, output, piece, request.Output.Epilogue, residual);
            }
        }
    }
}
