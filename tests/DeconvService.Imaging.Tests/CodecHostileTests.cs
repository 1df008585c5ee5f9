using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;

namespace DeconvService.Imaging.Tests;

/// <summary>Bytes that somebody made to do harm, written against the interface only.</summary>
public sealed class CodecHostileTests
{
    private readonly IImageCodec _codec = ImageCodec.Create();

    public static TheoryData<string> Names => [.. TestPictures.EncodedNames];

    [PictureTheory]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")]
    [InlineData("  <?xml version='1.0'?><svg/>")]
    [InlineData("%PDF-1.7\n")]
    [InlineData("\0\0\0\u001cftypavif\0\0\0\0")]
    [InlineData("BM000000000000000000")]
    [InlineData("P6\n1 1\n255\n000")]
    [InlineData("#?RADIANCE\n")]
    [InlineData("8BPS\0\u0001")]
    public void Identify_TypeThatIsNotRead_IsUnsupported(string text)
    {
        var bytes = System.Text.Encoding.Latin1.GetBytes(text);
        Assert.Equal(ImageFault.Unsupported, Assert.Throws<ImageException>(() => _codec.Identify(bytes)).Fault);
        Assert.Equal(ImageFault.Unsupported, Assert.Throws<ImageException>(() => _codec.Decode(bytes)).Fault);
    }

    [PictureTheory]
    [InlineData("")]
    [InlineData("hello, this is no picture at all")]
    [InlineData("GIF89a")]
    [InlineData("II*\0")]
    public void Identify_NoPicture_IsBroken(string text)
    {
        var bytes = System.Text.Encoding.Latin1.GetBytes(text);
        Assert.Equal(ImageFault.Broken, Assert.Throws<ImageException>(() => _codec.Identify(bytes)).Fault);
    }

    [PictureTheory]
    [MemberData(nameof(Names))]
    public void Decode_Truncated_IsBroken(string name)
    {
        var encoded = TestPictures.Encoded(name);
        Assert.Equal(ImageFault.Broken, Assert.Throws<ImageException>(() => _codec.Decode(encoded.AsSpan(0, encoded.Length / 2))).Fault);
    }

    [PictureFact]
    public void Decode_HeaderOfAHugePicture_IsTooLargeBeforeMemoryIsTaken()
    {
        // 65535 x 65535 pixels, 12 GB: the header of rgb8.png with another size, and its checksum made right.
        var encoded = TestPictures.Encoded("rgb8.png");
        BinaryPrimitives.WriteInt32BigEndian(encoded.AsSpan(16), 65_535);
        BinaryPrimitives.WriteInt32BigEndian(encoded.AsSpan(20), 65_535);
        BinaryPrimitives.WriteUInt32BigEndian(encoded.AsSpan(29), PngChecksum(encoded.AsSpan(12, 17)));
        Assert.Equal(ImageFault.TooLarge, Assert.Throws<ImageException>(() => _codec.Identify(encoded)).Fault);
        using var tiny = new PixelBuffer(1, 1, 3);
        Assert.Equal(ImageFault.TooLarge, Assert.Throws<ImageException>(() => _codec.Decode(encoded, tiny)).Fault);
    }

    [PictureFact]
    public void Identify_MorePixelsThanTheLimit_IsTooLarge()
    {
        var strict = ImageCodec.Create(new ImageLimits { MaxPixels = 47 * 32 });
        var exception = Assert.Throws<ImageException>(() => strict.Identify(TestPictures.Encoded("rgb.jpg")));
        Assert.Equal(ImageFault.TooLarge, exception.Fault);
        Assert.Contains("48 x 32", exception.Message, StringComparison.Ordinal);
        Assert.Equal(48, ImageCodec.Create(new ImageLimits { MaxPixels = 48 * 32 }).Identify(TestPictures.Encoded("rgb.jpg")).Width);
    }

    [PictureFact]
    public void Identify_JpegOfManyScans_IsTooLarge()
    {
        var strict = ImageCodec.Create(new ImageLimits { MaxJpegScans = 5 });
        Assert.Equal(ImageFault.TooLarge, Assert.Throws<ImageException>(() => strict.Identify(TestPictures.Encoded("progressive.jpg"))).Fault);
        Assert.Equal(3, strict.Identify(TestPictures.Encoded("rgb.jpg")).Channels);

        // The last scan again and again, as an attacker would send it.
        var honest = TestPictures.Encoded("progressive.jpg");
        var last = honest.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        var scan = honest[last..^2];
        using var bomb = new MemoryStream();
        bomb.Write(honest.AsSpan(0, last));
        for (var i = 0; i < 200; i++)
            bomb.Write(scan);
        bomb.Write([0xFF, 0xD9]);
        Assert.Equal(ImageFault.TooLarge, Assert.Throws<ImageException>(() => _codec.Decode(bomb.ToArray())).Fault);
    }

    /// <summary>
    /// 4000 broken pictures from four threads: each one is decoded or refused with the one exception, the process lives, and it
    /// does not grow.
    /// </summary>
    [PictureFact]
    public void Decode_MutatedPictures_OneExceptionAndNoGrowth()
    {
        const int Threads = 4, Rounds = 20;
        var pictures = TestPictures.EncodedNames.Select(TestPictures.Encoded).ToArray();
        var surprises = new ConcurrentQueue<Exception>();
        var (decoded, refused) = (0, 0);

        void Mutate(int seed)
        {
            var random = new Random(seed);
            foreach (var picture in pictures)
            {
                var bytes = Mutated(picture, random);
                try
                {
                    using var pixels = _codec.Decode(bytes);
                    Interlocked.Increment(ref decoded);
                }
                catch (ImageException)
                {
                    Interlocked.Increment(ref refused);
                }
                catch (Exception exception)
                {
                    surprises.Enqueue(exception);
                }
            }
        }

        void Run(int firstRound, int rounds)
        {
            var threads = Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
            {
                for (var round = firstRound; round < firstRound + rounds; round++)
                    Mutate((round * Threads) + thread);
            })).ToArray();
            foreach (var thread in threads)
                thread.Start();
            foreach (var thread in threads)
                thread.Join();
        }

        Run(0, 4);
        var before = ResidentBytes();
        Run(4, Rounds);
        var growth = ResidentBytes() - before;

        Assert.Empty(surprises);
        Assert.Equal(Threads * (4 + Rounds) * pictures.Length, decoded + refused);
        // Both must happen, or the mutations are too mild or too wild to mean anything.
        Assert.True(decoded > 200 && refused > 1000, $"{decoded} decoded, {refused} refused");
        Assert.True(growth < 64 << 20, $"{growth >> 20} MB more after {Rounds} rounds");
    }

    private static byte[] Mutated(byte[] picture, Random random)
    {
        var bytes = picture.ToArray();
        switch (random.Next(4))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                for (var i = random.Next(1, 4); i > 0; i--)
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                // Extreme numbers near the beginning, where the headers are.
                var at = random.Next(4, Math.Min(bytes.Length, 200) - 4);
                byte[][] extremes = [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0, 1, 0, 0], [0xFF, 0xDA, 0, 2]];
                extremes[random.Next(extremes.Length)].CopyTo(bytes, at);
                return bytes;
            default:
                var (from, to) = (random.Next(bytes.Length), random.Next(bytes.Length));
                var length = random.Next(Math.Min(64, bytes.Length - Math.Max(from, to)) + 1);
                bytes.AsSpan(from, length).ToArray().CopyTo(bytes, to);
                return bytes;
        }
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static uint PngChecksum(ReadOnlySpan<byte> chunk)
    {
        var crc = uint.MaxValue;
        foreach (var value in chunk)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }

        return ~crc;
    }
}
