using System.IO.Compression;
using System.Runtime.InteropServices;
using DeconvService.Engine.Tensors;

namespace DeconvService.Onnx.Tests;

/// <summary>A picture (uint8) and what another implementation made of it (float32), from an .npz archive.</summary>
internal sealed record Golden(TensorValue Input, TensorValue Output)
{
    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "Data", file);

    public static Golden Read(string file)
    {
        using ZipArchive archive = ZipFile.OpenRead(PathOf(file));
        (TensorShape shape, byte[] pixels) = ReadArray(archive, "x.npy", "|u1");
        (TensorShape outputShape, byte[] output) = ReadArray(archive, "y.npy", "<f4");
        return new Golden(
            new TensorValue(shape, [.. pixels.Select(pixel => pixel / 255f)]),
            new TensorValue(outputShape, MemoryMarshal.Cast<byte, float>(output).ToArray()));
    }

    private static (TensorShape Shape, byte[] Bytes) ReadArray(ZipArchive archive, string entry, string type)
    {
        using Stream stream = archive.GetEntry(entry)!.Open();
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        byte[] file = memory.ToArray();
        int headerLength = BitConverter.ToUInt16(file, 8);
        string header = System.Text.Encoding.ASCII.GetString(file, 10, headerLength);
        Assert.Contains($"'descr': '{type}', 'fortran_order': False", header);
        string sizes = header[(header.IndexOf("'shape': (", StringComparison.Ordinal) + 10)..];
        sizes = sizes[..sizes.IndexOf(')', StringComparison.Ordinal)];
        return (new TensorShape([.. sizes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]), file[(10 + headerLength)..]);
    }
}
