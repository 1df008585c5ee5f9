using DeconvService.Engine.Convolution;

namespace DeconvService.Api.Inference;

/// <summary>What an inference request asks for. Owns its tensors.</summary>
/// <param name="Id">The client's id, echoed; null without one.</param>
/// <param name="Accuracy">How exact the convolutions have to be.</param>
/// <param name="Inputs">A tensor for each input of the network, in the network's order.</param>
/// <param name="Outputs">The outputs that are asked for, in the order in which they are answered.</param>
internal sealed record InferenceRequest(
    string? Id, Accuracy Accuracy, IReadOnlyList<InferenceTensor> Inputs, IReadOnlyList<RequestedOutput> Outputs) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (InferenceTensor input in Inputs)
            input.Dispose();
    }
}

/// <summary>An output that is asked for.</summary>
/// <param name="Index">Place in the network's outputs.</param>
/// <param name="Binary">Whether it goes as binary data, otherwise as JSON.</param>
internal readonly record struct RequestedOutput(int Index, bool Binary);
