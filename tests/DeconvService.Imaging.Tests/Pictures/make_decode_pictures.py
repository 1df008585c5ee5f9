"""Makes decode/: one small picture for each kind that the codec must read, and the pixels that it must find in it.

Needs Pillow and numpy (apt-get install python3-pil python3-numpy). The expected pixels (NAME.raw: interleaved 8-bit rows)
come from Pillow's own decoders and from littlecms, or are known because this script made them. NAME.raw is left out where
the picture's facts are asserted in the test instead (CMYK).

    python3 make_decode_pictures.py
"""
import io, os, struct
import numpy as np
from PIL import Image, ImageCms, ImageDraw

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "decode")
os.makedirs(out, exist_ok=True)
cat = Image.open(os.path.join(here, "chelsea.png")).convert("RGB")
small = cat.crop((100, 60, 340, 220)).resize((48, 32), Image.LANCZOS)
rgb = np.asarray(small)
grey = np.asarray(small.convert("L"))


def save(name, image, expected=None, **options):
    path = os.path.join(out, name)
    image.save(path, **options)
    if expected is None:
        decoded = Image.open(path)
        decoded = decoded.convert({"L": "L", "1": "L", "RGB": "RGB", "RGBA": "RGBA", "LA": "LA"}[decoded.mode])
        expected = np.asarray(decoded)
    with open(path + ".raw", "wb") as f:
        f.write(np.ascontiguousarray(expected, np.uint8).tobytes())


def matrix_profile(red, green, blue, gamma):
    """An ICC v2 display profile from D50 colorants and a gamma (ICC.1:2001-04); these are Adobe RGB's numbers."""
    s15 = lambda v: struct.pack(">i", int(round(v * 65536)))
    xyz = lambda v: b"XYZ \0\0\0\0" + b"".join(s15(x) for x in v)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, int(round(gamma * 256))) + b"\0\0"
    text = b"text\0\0\0\0public domain\0\0\0"
    name = b"wide gamut"
    desc = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + b"\0" * 78
    desc += b"\0" * (-len(desc) % 4)
    tags = [(b"desc", desc), (b"cprt", text), (b"wtpt", xyz((0.9642, 1.0, 0.8249))), (b"rXYZ", xyz(red)), (b"gXYZ", xyz(green)),
            (b"bXYZ", xyz(blue)), (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for signature, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += signature + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s12s4s4sIIIIII", 128 + 4 + len(table) + len(body), b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ",
                         struct.pack(">6H", 2026, 1, 1, 0, 0, 0), b"acsp", b"\0\0\0\0", 0, 0, 0, 0, 0, 0)
    header += s15(0.9642) + s15(1.0) + s15(0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# PNG: every bit depth, palette, alpha, interlace.
save("rgb8.png", small)
save("grey8.png", small.convert("L"))
save("grey1.png", small.convert("1"))
levels4 = (grey // 64).astype(np.uint8)


def raw_png(name, width, height, depth, colour_type, rows, expected, extra=b"", interlace=0):
    import zlib
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace))
    data += extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    path = os.path.join(out, name)
    open(path, "wb").write(data)
    open(path + ".raw", "wb").write(np.ascontiguousarray(expected, np.uint8).tobytes())


def packed(levels, depth):
    per = 8 // depth
    shifted = sum(levels[:, i::per].astype(np.uint8) << (8 - depth * (i + 1)) for i in range(per))
    return b"".join(b"\0" + row.tobytes() for row in shifted.astype(np.uint8))


raw_png("grey2.png", 48, 32, 2, 0, packed(levels4, 2), levels4 * 85)
levels16 = (grey // 16).astype(np.uint8)
raw_png("grey4.png", 48, 32, 4, 0, packed(levels16, 4), levels16 * 17)
wide = (rgb.astype(np.uint16) << 8) | 0x37
raw_png("rgb16.png", 48, 32, 16, 2, b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide), rgb)
wide = (grey.astype(np.uint16) << 8) | 0x91
raw_png("grey16.png", 48, 32, 16, 0, b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide), grey)

mask = Image.new("L", (48 * 4, 32 * 4), 0)
ImageDraw.Draw(mask).ellipse((30, 10, 160, 118), fill=255)
alpha = np.asarray(mask.resize((48, 32), Image.BOX))
rgba = np.dstack([rgb, alpha])
save("rgba8.png", Image.fromarray(rgba, "RGBA"))
save("greyalpha8.png", Image.fromarray(np.dstack([grey, alpha]), "LA"))
wide = (rgba.astype(np.uint16) << 8) | rgba
raw_png("rgba16.png", 48, 32, 16, 6, b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide), rgba)
palette = small.quantize(64)
save("palette.png", palette, np.asarray(palette.convert("RGB")))
palette.info["transparency"] = 0
indices = np.asarray(palette)
shown = np.dstack([np.asarray(palette.convert("RGB")), np.where(indices == 0, 0, 255).astype(np.uint8)])
save("palette-transparent.png", palette, shown, transparency=0)

adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
rows = b""
for x, y, dx, dy in adam7:
    rows += b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in rgb[y::dy, x::dx])
raw_png("interlaced.png", 48, 32, 8, 2, rows, rgb, interlace=1)

# JPEG: grey, colour, progressive, CMYK, the eight EXIF orientations, a wide-gamut profile.
save("grey.jpg", small.convert("L"), quality=95)
save("rgb.jpg", small, quality=95, subsampling=0)
save("rgb-420.jpg", small, quality=95, subsampling=2)
save("progressive.jpg", small, quality=95, progressive=True, subsampling=0)
cmyk = np.zeros((32, 48, 4), np.uint8)
cmyk[:, 12:24, 0] = 255  # white, cyan, black (K), yellow
cmyk[:, 24:36, 3] = 255
cmyk[:, 36:, 2] = 255
Image.fromarray(cmyk, "CMYK").save(os.path.join(out, "cmyk.jpg"), quality=100)
turns = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE, 6: Image.ROTATE_90,
         7: Image.TRANSVERSE, 8: Image.ROTATE_270}
for orientation, turn in turns.items():
    # Stored so that the orientation tag turns it back into the same upright picture.
    stored = small if turn is None else small.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"orientation{orientation}.jpg", stored, rgb, quality=97, subsampling=0, exif=exif.tobytes())
adobe = matrix_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 563 / 256)
buffer = io.BytesIO()
small.save(buffer, "JPEG", quality=97, subsampling=0, icc_profile=adobe)
open(os.path.join(out, "wide-gamut.jpg"), "wb").write(buffer.getvalue())
stored = Image.open(buffer).convert("RGB")
converted = ImageCms.profileToProfile(stored, ImageCms.ImageCmsProfile(io.BytesIO(adobe)), ImageCms.createProfile("sRGB"), renderingIntent=1)
open(os.path.join(out, "wide-gamut.jpg.raw"), "wb").write(np.asarray(converted).tobytes())
save("wide-gamut-alpha.png", Image.fromarray(rgba, "RGBA"),
     np.dstack([np.asarray(ImageCms.profileToProfile(small, ImageCms.ImageCmsProfile(io.BytesIO(adobe)), ImageCms.createProfile("sRGB"),
                                                     renderingIntent=1)), alpha]), icc_profile=adobe)

# WebP, GIF (first of two frames), TIFF.
save("lossy.webp", small, quality=90)
transparent = rgba.copy()
save("lossless-alpha.webp", Image.fromarray(transparent, "RGBA"), transparent, lossless=True, exact=True)
first = small.quantize(128)
second = Image.fromarray(255 - rgb).quantize(128)
first.save(os.path.join(out, "animated.gif"), save_all=True, append_images=[second], duration=100, loop=0)
shown = Image.open(os.path.join(out, "animated.gif"))
open(os.path.join(out, "animated.gif.raw"), "wb").write(np.asarray(shown.convert("RGB")).tobytes())
save("rgb.tif", small, compression="tiff_lzw")
save("rgba.tif", Image.fromarray(rgba, "RGBA"), rgba, compression="tiff_deflate")
save("orientation6.tif", small.transpose(Image.ROTATE_90), rgb, tiffinfo={274: 6})

for name in sorted(os.listdir(out)):
    print(name, os.path.getsize(os.path.join(out, name)))
