using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;

namespace DeconvService.Benchmarks.Service;

/// <summary>Requests as clients send them, with random contents.</summary>
internal static class Bodies
{
    /// <summary>A .npy file of float32.</summary>
    public static byte[] Npy(Random random, params int[] shape)
    {
        string sizes = string.Join(", ", shape) + (shape.Length == 1 ? "," : "");
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}";
        header = header.PadRight(header.Length + ((64 - ((header.Length + 11) % 64)) % 64)) + "\n";
        byte[] head = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header)];
        return [.. head, .. MemoryMarshal.AsBytes<float>(Floats(random, shape))];
    }

    /// <summary>A form of files and fields.</summary>
    public static MultipartFormDataContent Form(IEnumerable<(string Name, byte[] File)> files, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent("a-boundary-of-the-benchmark");
        foreach ((string name, byte[] file) in files)
        {
            var part = new ByteArrayContent(file);
            part.Headers.ContentType = new MediaTypeHeaderValue("application/x-npy");
            form.Add(part, name, name + ".npy");
        }

        foreach ((string name, string value) in fields)
            form.Add(new StringContent(value), name);

        return form;
    }

    /// <summary>A tensor in JSON.</summary>
    public static string JsonTensor(Random random, params int[] shape) =>
        $"{{\"shape\":[{string.Join(',', shape)}],\"data\":[{string.Join(',', Floats(random, shape).Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}]}}";

    /// <summary>A .npz archive.</summary>
    public static byte[] Npz(CompressionLevel level, params (string Name, byte[] Npy)[] arrays)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] npy) in arrays)
            {
                using Stream entry = archive.CreateEntry(name + ".npy", level).Open();
                entry.Write(npy);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A picture of soft waves with some noise, as PNG in RGB.</summary>
    public static byte[] Png(Random random, int width, int height)
    {
        using var pixels = new MemoryStream();
        using (var deflate = new ZLibStream(pixels, CompressionLevel.Fastest, leaveOpen: true))
        {
            double a = random.NextDouble() / 10, b = random.NextDouble() / 10;
            byte[] row = new byte[1 + (3 * width)]; // filter 0
            for (int y = 0; y < height; y++)
            {
                for (int i = 1; i < row.Length; i++)
                    row[i] = (byte)(128 + (100 * Math.Sin((a * i) + (b * y))) + random.Next(20));

                deflate.Write(row);
            }
        }

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        return [0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, pixels.ToArray()), .. Chunk("IEND"u8, [])];
    }

    /// <summary>A request of the Open Inference Protocol whose tensor follows its JSON in binary.</summary>
    public static ByteArrayContent Inference(Random random, params int[] shape)
    {
        byte[] data = MemoryMarshal.AsBytes<float>(Floats(random, shape)).ToArray();
        byte[] json = Encoding.UTF8.GetBytes(
            $"{{\"inputs\":[{{\"name\":\"input\",\"shape\":[{string.Join(',', shape)}],\"datatype\":\"FP32\",\"parameters\":{{\"binary_data_size\":{data.Length}}}}}],"
            + "\"parameters\":{\"binary_data_output\":true}}");
        var content = new ByteArrayContent([.. json, .. data]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        content.Headers.Add("Inference-Header-Content-Length", json.Length.ToString(CultureInfo.InvariantCulture));
        return content;
    }

    private static float[] Floats(Random random, int[] shape)
    {
        float[] values = new float[shape.Aggregate(1, (product, size) => product * size)];
        foreach (ref float value in values.AsSpan())
            value = random.NextSingle();

        return values;
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        type.CopyTo(chunk.AsSpan(4));
        data.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(data.Length + 8), Crc(chunk.AsSpan(4, data.Length + 4)));
        return chunk;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0u - (crc & 1)));
        }

        return ~crc;
    }
}
