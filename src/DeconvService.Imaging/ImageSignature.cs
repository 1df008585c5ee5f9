using System.Buffers.Binary;

namespace DeconvService.Imaging;

/// <summary>Tells by the first bytes what a picture is, whatever its media type claims, and looks at what decoding will cost.</summary>
internal static class ImageSignature
{
    /// <summary>The format of a picture.</summary>
    /// <exception cref="ImageException">
    /// <see cref="ImageFault.Unsupported"/> for a known type that is not read here, <see cref="ImageFault.Broken"/> for anything else.
    /// </exception>
    public static ImageFormat Recognise(ReadOnlySpan<byte> encoded)
    {
        if (IsPng(encoded))
            return ImageFormat.Png;
        if (encoded.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return ImageFormat.Jpeg;
        if (encoded.Length >= 12 && encoded.StartsWith("RIFF"u8) && encoded[8..].StartsWith("WEBP"u8))
            return ImageFormat.Webp;
        if (encoded.StartsWith("GIF87a"u8) || encoded.StartsWith("GIF89a"u8))
            return ImageFormat.Gif;
        if (encoded.StartsWith("II*\0"u8) || encoded.StartsWith("MM\0*"u8) || encoded.StartsWith("II+\0"u8) || encoded.StartsWith("MM\0+"u8))
            return ImageFormat.Tiff;
        throw Refusal(encoded);
    }

    private static ImageException Refusal(ReadOnlySpan<byte> encoded)
    {
        var text = encoded[..Math.Min(encoded.Length, 64)];
        if (text.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            text = text[3..];
        text = text.TrimStart(" \t\r\n"u8);
        string? type = null;
        if (text.StartsWith("<"u8))
            type = "SVG or another XML file";
        else if (text.StartsWith("%PDF"u8) || text.StartsWith("%!PS"u8))
            type = "PDF or PostScript";
        else if (encoded.Length >= 12 && encoded[4..].StartsWith("ftyp"u8))
            type = "HEIF or AVIF";
        else if (encoded.StartsWith("BM"u8))
            type = "BMP";
        else if (encoded.StartsWith("8BPS"u8))
            type = "Photoshop";
        else if (encoded.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A]) || encoded.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 12, (byte)'J']))
            type = "JPEG XL";
        else if (encoded.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 12, (byte)'j']) || encoded.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x4F, 0xFF, 0x51]))
            type = "JPEG 2000";
        else if (encoded.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]))
            type = "ICO";
        else if (encoded.Length >= 3 && encoded[0] == 'P' && encoded[1] is >= (byte)'1' and <= (byte)'7' && encoded[2] is (byte)'\n' or (byte)' ')
            type = "PNM";
        else if (encoded.StartsWith((ReadOnlySpan<byte>)[0x76, 0x2F, 0x31, 0x01]) || encoded.StartsWith("#?RADIANCE"u8))
            type = "an HDR picture";
        return type is null
            ? new ImageException(ImageFault.Broken, "The bytes are not a picture: they begin like none of PNG, JPEG, WebP, GIF and TIFF.")
            : new ImageException(ImageFault.Unsupported, $"The bytes look like {type}, which is not read here; send PNG, JPEG, WebP, GIF or TIFF.");
    }

    private static bool IsPng(ReadOnlySpan<byte> encoded) =>
        encoded.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

    /// <summary>Whether the decoder must hold the whole picture to give its first row: an interlaced PNG.</summary>
    public static bool IsInterlacedPng(ReadOnlySpan<byte> encoded) => encoded.Length > 28 && IsPng(encoded) && encoded[28] != 0;

    /// <summary>
    /// The number of scans of a JPEG (ISO/IEC 10918-1, annex B): 1 to 4 in a baseline file, about 10 in a progressive
    /// one. A hostile file may have thousands, each of which costs a pass over the whole picture.
    /// </summary>
    public static int JpegScans(ReadOnlySpan<byte> encoded)
    {
        const byte Tem = 0x01, Rst0 = 0xD0, Soi = 0xD8, Eoi = 0xD9, Sos = 0xDA;
        var scans = 0;
        var position = 0;
        while (position < encoded.Length)
        {
            // Between segments and inside the coded data alike, the next marker is the next FF that no 00 follows.
            var next = encoded[position..].IndexOf((byte)0xFF);
            if (next < 0 || position + next + 1 >= encoded.Length)
                break;
            position += next + 1;
            var marker = encoded[position];
            if (marker == 0xFF)
                continue;
            position++;
            if (marker is 0x00 or Tem or (>= Rst0 and <= Soi))
                continue;
            if (marker == Eoi)
                break;
            if (marker == Sos)
                scans++;
            if (position + 2 > encoded.Length)
                break;
            position += BinaryPrimitives.ReadUInt16BigEndian(encoded[position..]);
        }

        return scans;
    }
}
