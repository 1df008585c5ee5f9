using System.IO.Pipelines;
using DeconvService.Api.Tensors;

namespace DeconvService.Api.Tests.Tensors;

/// <summary>What the writers write.</summary>
internal static class Writing
{
    public static async Task<byte[]> BytesAsync(Tensor tensor, TensorEncoding encoding)
    {
        using var stream = new MemoryStream();
        PipeWriter writer = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        await TensorWriter.WriteAsync(writer, tensor, encoding, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        return stream.ToArray();
    }
}
