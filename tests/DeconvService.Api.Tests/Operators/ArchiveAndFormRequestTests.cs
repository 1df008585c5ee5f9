using System.IO.Compression;
using System.IO.Pipelines;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tests.Tensors;
using DeconvService.Engine.Convolution;
using Microsoft.AspNetCore.Http;

namespace DeconvService.Api.Tests.Operators;

/// <summary>.npz bodies and multipart forms.</summary>
public sealed class ArchiveAndFormRequestTests : IDisposable
{
    private static readonly byte[] Matrix = NpyTests.Fixture("f4-little-C.npy");

    private readonly RequestReading _reading = new(new TensorLimits { TensorElements = 1000 });

    public void Dispose() => _reading.Dispose();

    [Theory]
    [InlineData("stored")]
    [InlineData("deflated")]
    public async Task ReadAsync_NumpysArchive_GivesTensorsAndQueryParameters(string file)
    {
        RequestReading.Result result = await _reading.ReadAsync(Archive(NpyTests.Fixture($"{file}.npz"), "?stride=2,1&padding=[[0,1],[0,1]]&fit=floor"));

        Assert.Equal([1, 1, 2, 2], result.InputShape);
        Assert.Equal([0f, 1, 2, 3], result.Input);
        Assert.Equal([1f], result.Weight);
        Assert.Equal([0.5f], result.Bias!);
        Assert.Equal(new[] { 2, 1 }, result.Parameters.Stride);
        Assert.Equal(ConvPadding.Pairs(new[] { 0, 0 }, new[] { 1, 1 }), result.Parameters.Padding);
        Assert.Empty(result.Faults);
    }

    [Fact]
    public async Task ReadAsync_ArchiveTruncatedAnywhere_IsMalformed()
    {
        byte[] body = NpyTests.Fixture("deflated.npz");
        for (int length = 0; length < body.Length; length += 7)
            Assert.Equal(ServiceErrorKind.Malformed, (await _reading.FaultsAsync(Archive(body[..length])))[0].Kind);
    }

    [Fact]
    public async Task ReadAsync_ArchiveWithDataDescriptors_IsRead()
    {
        byte[] body = Zip(seekable: false, ("input.npy", Matrix), ("weight", Matrix));
        RequestReading.Result result = await _reading.ReadAsync(Archive(body));
        Assert.Equal([2, 3], result.WeightShape);
    }

    [Fact]
    public async Task ReadAsync_ArchiveWithADamagedElement_SaysSo()
    {
        byte[] body = NpyTests.Fixture("stored.npz");
        int element = body.AsSpan().IndexOf((ReadOnlySpan<byte>)[0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        body[element] ^= 1;
        ServiceFault fault = (await _reading.FaultsAsync(Archive(body)))[0];
        Assert.Equal(ServiceErrorKind.Malformed, fault.Kind);
        Assert.Contains("CRC-32", fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_ArrayThatComesTwice_IsRefused()
    {
        byte[] body = Zip(seekable: true, ("input.npy", Matrix), ("x.npy", Matrix), ("w.npy", Matrix));
        Assert.Equal(ServiceErrorKind.InvalidField, Assert.Single(await _reading.FaultsAsync(Archive(body))).Kind);
    }

    [Fact]
    public async Task ReadAsync_OtherNamesOfArrays_AreUnknown()
    {
        byte[] body = Zip(seekable: true, ("input.npy", Matrix), ("sub/weight.npy", Matrix));
        Assert.Equal([ServiceErrorKind.MissingField, ServiceErrorKind.UnknownField], (await _reading.FaultsAsync(Archive(body))).Select(fault => fault.Kind));
    }

    [Fact]
    public async Task ReadAsync_ArchiveOfThousandsOfEntries_IsRefusedBeforeItIsOpened()
    {
        byte[] body = Zip(seekable: true, [.. Enumerable.Range(0, 2000).Select(i => ($"{i}", Array.Empty<byte>()))]);
        Assert.Contains("directory", Assert.Single(await _reading.FaultsAsync(Archive(body))).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_BombInTheArchive_IsRefusedByItsHeader()
    {
        byte[] bomb = [.. NpyTests.Fixture("f4-little-C.npy"), .. new byte[10_000_000]];
        byte[] body = Zip(seekable: true, ("input.npy", bomb), ("weight.npy", Matrix));
        Assert.True(body.Length < 20_000);
        Assert.Equal(ServiceErrorKind.Malformed, (await _reading.FaultsAsync(Archive(body)))[0].Kind);
    }

    [Fact]
    public async Task ReadAsync_Form_GivesTensorsAndParameters()
    {
        byte[] body = MultipartForm.Build(
            new("input", Matrix, "application/octet-stream", "x.npy"),
            new("weight", "{\"shape\":[1,2],\"data\":[3,4]}"u8.ToArray()),
            new("bias", " [5]"u8.ToArray(), "application/json"),
            new("outputSize", "[7, 8]"u8.ToArray()),
            new("padding", "same-lower"u8.ToArray()));
        RequestReading.Result result = await _reading.ReadAsync(Form(body), ConvKind.Transposed);

        Assert.Equal([-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f], result.Input);
        Assert.Equal([3f, 4], result.Weight);
        Assert.Equal([5f], result.Bias!);
        Assert.Equal(new[] { 7, 8 }, result.Parameters.OutputSize!.Value);
        Assert.Equal(ConvPadding.SameLower, result.Parameters.Padding);
        Assert.Empty(result.Faults);
    }

    [Fact]
    public async Task ReadAsync_FormTruncatedAnywhere_IsRefused()
    {
        byte[] body = MultipartForm.Build(new("input", Matrix, null, "x.npy"), new("weight", "[[1]]"u8.ToArray()), new("stride", "1"u8.ToArray()));
        int closing = body.AsSpan().LastIndexOf("--xyz-123--"u8);
        for (int length = 0; length < closing; length++)
            Assert.NotEmpty(await _reading.FaultsAsync(Form(body[..length])));
    }

    [Theory]
    [InlineData("multipart/form-data")]
    [InlineData("multipart/form-data; boundary=")]
    [InlineData("multipart/form-data; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("multipart/form-data; boundary=other")]
    public async Task ReadAsync_FormWithoutItsBoundary_IsMalformed(string contentType)
    {
        byte[] body = MultipartForm.Build(new MultipartForm.Part("input", Matrix));
        Assert.Equal(ServiceErrorKind.Malformed, (await _reading.FaultsAsync(RequestReading.Request(body, contentType)))[0].Kind);
    }

    [Fact]
    public async Task ReadAsync_PartsThatDoNotBelong_AreNamed()
    {
        byte[] body = MultipartForm.Build(
            new("input", Matrix), new("weight", Matrix), new("weight", Matrix), new("weigth", new byte[100_000]), new("stride", "x y"u8.ToArray()));
        Assert.Equal(
            [ServiceErrorKind.InvalidField, ServiceErrorKind.UnknownField, ServiceErrorKind.InvalidField],
            (await _reading.FaultsAsync(Form(body))).Select(fault => fault.Kind));
    }

    [Theory]
    [InlineData(null, null, "[1]", ServiceErrorKind.Malformed)]
    [InlineData("input", null, "", ServiceErrorKind.Malformed)]
    [InlineData("input", null, "hello", ServiceErrorKind.Malformed)]
    [InlineData("input", null, "[1] x", ServiceErrorKind.Malformed)]
    [InlineData("input", "image/png", "x", ServiceErrorKind.UnsupportedMediaType)]
    [InlineData("input", "text/csv", "1,2", ServiceErrorKind.UnsupportedMediaType)]
    [InlineData("input", "nonsense", "1,2", ServiceErrorKind.Malformed)]
    [InlineData("input", "application/x-npy", "[1]", ServiceErrorKind.Malformed)]
    public async Task ReadAsync_PartThatIsNoTensor_IsRefused(string? name, string? contentType, string text, ServiceErrorKind kind)
    {
        byte[] body = MultipartForm.Build(new MultipartForm.Part(name, System.Text.Encoding.UTF8.GetBytes(text), contentType));
        Assert.Equal(kind, (await _reading.FaultsAsync(Form(body)))[0].Kind);
    }

    private static HttpRequest Archive(byte[] body, string query = "") => RequestReading.Request(body, TensorMediaTypes.Npz, query);

    private static HttpRequest Form(byte[] body) => RequestReading.Request(body, MultipartForm.ContentType);

    private static byte[] Zip(bool seekable, params (string Name, byte[] Bytes)[] entries)
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(seekable ? memory : PipeWriter.Create(memory, new StreamPipeWriterOptions(leaveOpen: true)).AsStream(), ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in entries)
            {
                using Stream entry = zip.CreateEntry(name).Open();
                entry.Write(bytes);
            }
        }

        return memory.ToArray();
    }
}
