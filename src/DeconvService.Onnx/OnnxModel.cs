using DeconvService.Onnx.Graphs;
using DeconvService.Onnx.Loading;

namespace DeconvService.Onnx;

/// <summary>A model that was read from an ONNX file and checked: a graph without cycles whose names all lead somewhere and whose operators are all known. Immutable.</summary>
public sealed class OnnxModel
{
    internal OnnxModel(Graph graph, ModelHeader header)
    {
        Graph = graph;
        (IrVersion, Opset, Producer) = (header.IrVersion, header.Opset, header.Producer);
    }

    /// <summary>The inputs that have to be given, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Inputs => [.. Graph.Inputs.Select(value => value.Info!)];

    /// <summary>The outputs, in the file's order.</summary>
    public IReadOnlyList<TensorInfo> Outputs => [.. Graph.Outputs.Select(value => value.Info!)];

    /// <summary>Version of the file format.</summary>
    public long IrVersion { get; }

    /// <summary>Version of ONNX's own operator set that the operators are meant in.</summary>
    public int Opset { get; }

    /// <summary>The program that wrote the file, as it calls itself.</summary>
    public string Producer { get; }

    /// <summary>Number of nodes.</summary>
    public int NodeCount => Graph.Nodes.Count;

    internal Graph Graph { get; }

    /// <summary>Reads and checks a model.</summary>
    /// <param name="file">The file's bytes; not kept.</param>
    /// <param name="limits">What it may hold; null takes the defaults.</param>
    /// <exception cref="OnnxModelException">The file is malformed, over a limit, or has operators that are not supported (all of them are listed).</exception>
    public static OnnxModel Load(ReadOnlySpan<byte> file, OnnxLimits? limits = null) =>
        ModelReader.Read(file, limits ?? new OnnxLimits());

    /// <summary>Reads the stream to its end, as far as the limit goes, and checks the model.</summary>
    /// <param name="file">The file; read from where it stands.</param>
    /// <param name="limits">What it may hold; null takes the defaults.</param>
    /// <exception cref="OnnxModelException">The file is malformed, over a limit, or has operators that are not supported (all of them are listed).</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static OnnxModel Load(Stream file, OnnxLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        limits ??= new OnnxLimits();
        using var buffer = new MemoryStream(file.CanSeek ? (int)Math.Clamp(file.Length - file.Position, 0, limits.FileBytes) : 0);
        byte[] chunk = new byte[1 << 16];
        int read;
        while ((read = file.Read(chunk)) > 0)
        {
            if (buffer.Length + read > Math.Min(limits.FileBytes, Array.MaxLength))
                OnnxModelException.ThrowOverLimit("or more bytes", buffer.Length + read, limits.FileBytes);

            buffer.Write(chunk, 0, read);
        }

        return Load(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), limits);
    }
}
