using System.IO.Pipelines;
using System.Text;
using DeconvService.Api.Errors;
using DeconvService.Api.Tensors;
using DeconvService.Api.Tensors.NumPy;
using DeconvService.Engine.Tensors;

namespace DeconvService.Api.Tests.Tensors;

/// <summary>.npy files, most of them numpy's own (Fixtures/make.py).</summary>
public sealed class NpyTests : IDisposable
{
    private readonly AlignedBufferPool _pool = new(maximumKeptBytes: 0);

    public static TheoryData<string> Files()
    {
        var files = new TheoryData<string>();
        foreach (string code in (string[])["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])
        {
            foreach (string order in (string[])["little-C", "little-F", "big-C", "big-F"])
                files.Add($"{code}-{order}");
        }

        return files;
    }

    public void Dispose() => _pool.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public async Task ReadAsync_EveryType_GivesTheValues(string file)
    {
        float[] expected = [.. Enumerable.Range(0, 6).Select(i => file[0] switch
        {
            'f' => i - 2.5f,
            'i' => (i * 20) - 60,
            'u' => i * 40,
            _ => i % 2,
        })];

        foreach (int pieceBytes in (int[])[1, 5, 4096])
        {
            using Tensor tensor = await ReadAsync(Fixture($"{file}.npy"), pieceBytes);
            Assert.Equal([2, 3], tensor.Shape.Sizes);
            Assert.Equal(expected, tensor.Data);
        }
    }

    [Theory]
    [InlineData("version-1")]
    [InlineData("version-2")]
    [InlineData("version-3")]
    public async Task ReadAsync_EveryVersion_GivesTheValues(string file)
    {
        using Tensor tensor = await ReadAsync(Fixture($"{file}.npy"));
        Assert.Equal([-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f], tensor.Data);
    }

    [Fact]
    public async Task ReadAsync_Scalar_HasNoAxes()
    {
        using Tensor tensor = await ReadAsync(Fixture("scalar.npy"));
        Assert.Equal(0, tensor.Shape.Rank);
        Assert.Equal([1.5f], tensor.Data);
    }

    [Fact]
    public async Task ReadAsync_Empty_HasNoElements()
    {
        using Tensor tensor = await ReadAsync(Fixture("empty.npy"));
        Assert.Equal([0, 3], tensor.Shape.Sizes);
        Assert.Equal(0, tensor.Data.Length);
    }

    [Fact]
    public async Task ReadAsync_FortranOrder_IsReordered()
    {
        using Tensor tensor = await ReadAsync(Fixture("fortran-4d.npy"));
        Assert.Equal([2, 3, 4, 5], tensor.Shape.Sizes);
        Assert.Equal(Enumerable.Range(0, 120).Select(i => (float)i), tensor.Data.ToArray());
    }

    [Fact]
    public async Task ReadAsync_IntegersBeyondFloat32_AreRoundedToEven()
    {
        using Tensor tensor = await ReadAsync(Fixture("rounded-i8.npy"));
        Assert.Equal([16777216f, 16777220f, -9223372036854775808f], tensor.Data);
    }

    [Fact]
    public async Task ReadAsync_InfinitiesThatWereSent_Pass()
    {
        using Tensor tensor = await ReadAsync(Fixture("infinite-f8.npy"));
        Assert.Equal([float.PositiveInfinity, float.NegativeInfinity, float.NaN], tensor.Data);
    }

    [Theory]
    [InlineData("too-large-f8", "element 1 of input")]
    [InlineData("refused-object", "never unpickled")]
    [InlineData("refused-structured", "structured")]
    [InlineData("refused-text", "text")]
    [InlineData("refused-bytes", "text")]
    [InlineData("refused-complex", "complex")]
    [InlineData("refused-date", "dates")]
    public async Task ReadAsync_WhatFloat32CannotHold_IsRefused(string file, string part)
    {
        ServiceFault fault = await FaultAsync(Fixture($"{file}.npy"));
        Assert.Equal(ServiceErrorKind.InvalidField, fault.Kind);
        Assert.Contains(part, fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_CutAnywhere_IsMalformed()
    {
        byte[] file = Fixture("i2-big-F.npy");
        for (int length = 0; length < file.Length; length++)
            Assert.Equal(ServiceErrorKind.Malformed, (await FaultAsync(file[..length])).Kind);
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, null)]
    [InlineData("{\"shape\":(2L,),\"fortran_order\":False,\"descr\":\"<f4\",}", 8, null)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'shape': (2,)}", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} or 1", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,1.5)}", 8, ServiceErrorKind.Malformed)]
    [InlineData("__import__('os')", 8, ServiceErrorKind.Malformed)]
    [InlineData("{'descr': '<f16', 'fortran_order': False, 'shape': (2,)}", 8, ServiceErrorKind.InvalidField)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8, ServiceErrorKind.InvalidField)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", 8, ServiceErrorKind.InvalidField)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,2)}", 8, ServiceErrorKind.TooLarge)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000)}", 8, ServiceErrorKind.TooLarge)]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 10000)}", 8, ServiceErrorKind.Malformed)]
    public async Task ReadAsync_Header_IsReadStrictly(string header, int dataBytes, ServiceErrorKind? kind)
    {
        byte[] file = [.. NpyReader.Magic, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. new byte[dataBytes]];
        foreach (bool withLength in (bool[])[true, false])
        {
            if (kind is null)
                (await ReadAsync(file, withLength: withLength)).Dispose();
            else
                Assert.Equal(kind, (await FaultAsync(file, withLength)).Kind);
        }
    }

    [Fact]
    public async Task ReadAsync_ClaimedShapeWithoutBytes_TakesLittleMemory()
    {
        const string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (100, 1000000), }";
        byte[] file = [.. NpyReader.Magic, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. new byte[40]];
        using var pool = new AlignedBufferPool();
        using var bytes = new ByteCursor(Pieces.Reads(file, 64));
        await Assert.ThrowsAsync<ServiceException>(async () =>
            await new NpyReader(pool, new TensorLimits()).ReadAsync(bytes, "input", null, TestContext.Current.CancellationToken));

        // The pool keeps all that was ever lent.
        Assert.InRange(pool.KeptBytes, 1, 64 << 10);
    }

    [Theory]
    [InlineData("f4-little-C.npy")]
    [InlineData("vector.npy")]
    [InlineData("scalar.npy")]
    [InlineData("empty.npy")]
    public async Task WriteAsync_Float32_WritesNumpysBytes(string file)
    {
        byte[] expected = Fixture(file);
        using Tensor tensor = await ReadAsync(expected);
        byte[] written = await Writing.BytesAsync(tensor, TensorEncoding.Npy);
        Assert.Equal(expected, written);
        Assert.Equal(expected.Length, TensorWriter.LengthOf(tensor, TensorEncoding.Npy));
    }

    internal static byte[] Fixture(string file) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Tensors", "Fixtures", file));

    private async Task<Tensor> ReadAsync(byte[] file, int pieceBytes = int.MaxValue, bool withLength = true)
    {
        using var bytes = new ByteCursor(Pieces.Reads(file, pieceBytes), withLength ? file.Length : null);
        return await new NpyReader(_pool, new TensorLimits()).ReadAsync(
            bytes, "input", withLength ? file.Length : null, TestContext.Current.CancellationToken);
    }

    private async Task<ServiceFault> FaultAsync(byte[] file, bool withLength = true)
    {
        ServiceException exception = await Assert.ThrowsAsync<ServiceException>(() => ReadAsync(file, withLength: withLength));
        Assert.Equal(0, _pool.LentBytes);
        return exception.Faults[0];
    }
}
