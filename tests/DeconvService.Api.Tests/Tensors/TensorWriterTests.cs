using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text.Json;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tests.Tensors;

public sealed class TensorWriterTests : IDisposable
{
    private readonly AlignedBufferPool _pool = new();

    public void Dispose() => _pool.Dispose();

    [Fact]
    public async Task WriteAsync_Json_HasShapeAndData()
    {
        using Tensor tensor = Make([1, 3], [1, -0f, 0.1f]);
        Assert.Equal("""{"output":{"shape":[1,3],"data":[1,-0,0.1]}}"""u8.ToArray(), await Writing.BytesAsync(tensor, TensorEncoding.Json));
    }

    [Fact]
    public async Task WriteAsync_EmptyTensor_IsJson()
    {
        using Tensor tensor = Make([0, 3], []);
        Assert.Equal("""{"output":{"shape":[0,3],"data":[]}}"""u8.ToArray(), await Writing.BytesAsync(tensor, TensorEncoding.Json));
    }

    [Fact]
    public async Task WriteAsync_Json_IsTheShortestTextThatReadsBack()
    {
        var random = new Random(3);
        float[] values = [.. Enumerable.Range(0, 50_000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))).Where(float.IsFinite),
            float.MaxValue, float.MinValue, float.Epsilon, 1.17549435e-38f, 16777216, 1e7f, 1e-5f];
        using Tensor tensor = Make([values.Length], values);

        using var json = JsonDocument.Parse(await Writing.BytesAsync(tensor, TensorEncoding.Json));
        int i = 0;
        foreach (JsonElement element in json.RootElement.GetProperty("output").GetProperty("data").EnumerateArray())
        {
            string text = element.GetRawText();
            Assert.Equal(BitConverter.SingleToInt32Bits(values[i]), BitConverter.SingleToInt32Bits(float.Parse(text, CultureInfo.InvariantCulture)));
            Assert.True(text.Length <= values[i++].ToString("R", CultureInfo.InvariantCulture).Length, text);
        }

        Assert.Equal(values.Length, i);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "infinity")]
    [InlineData(float.NegativeInfinity, "-infinity")]
    public async Task WriteAsync_WhatJsonCannotSay_IsRefusedBeforeTheFirstByte(float value, string name)
    {
        using Tensor tensor = Make([2, 3], [0, 1, 2, 3, value, float.NaN]);
        using var stream = new MemoryStream();
        PipeWriter writer = PipeWriter.Create(stream);
        ServiceException exception = await Assert.ThrowsAsync<ServiceException>(async () =>
            await TensorWriter.WriteAsync(writer, tensor, TensorEncoding.Json, TestContext.Current.CancellationToken));

        Assert.Equal(0, writer.UnflushedBytes + stream.Length);
        ServiceFault fault = Assert.Single(exception.Faults);
        Assert.Equal(ServiceErrorKind.NotRepresentable, fault.Kind);
        Assert.StartsWith($"output[1][1] is {name}", fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WriteAsync_Npz_IsAStoredArchiveOfOneArray()
    {
        using Tensor tensor = Make([1, 1, 100, 300], [.. Enumerable.Range(0, 30_000).Select(i => (float)i)]);
        byte[] archive = await Writing.BytesAsync(tensor, TensorEncoding.Npz);
        using var zip = new ZipArchive(new MemoryStream(archive));
        ZipArchiveEntry entry = Assert.Single(zip.Entries);
        Assert.Equal("output.npy", entry.FullName);
        Assert.Equal(entry.Length, entry.CompressedLength);
        using var array = new MemoryStream();
        using (Stream stream = entry.Open())
            await stream.CopyToAsync(array, TestContext.Current.CancellationToken);

        Assert.Equal(await Writing.BytesAsync(tensor, TensorEncoding.Npy), array.ToArray());
    }

    private Tensor Make(int[] sizes, float[] values)
    {
        AlignedBuffer buffer = _pool.Rent(Math.Max(1, values.Length));
        values.CopyTo(buffer.Span);
        return new Tensor(new TensorShape(sizes), buffer);
    }
}
