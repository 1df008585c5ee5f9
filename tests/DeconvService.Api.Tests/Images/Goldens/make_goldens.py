"""Makes the golden outputs of the picture filters, in float64, by other means than the service's.

Convolutions by scipy.ndimage.correlate (mode "nearest" is edge replication). Up-sampling not as a transposed convolution but by the
definition of torch.nn.functional.interpolate(align_corners=False): output pixel o reads the input at (o + 1/2) / s - 1/2, its
neighbours' indices clamped to the picture. Alpha: filter premultiplied colour and alpha, divide. Rounding: half away from zero.

    apt-get install python3-numpy python3-scipy python3-pil
    python3 make_goldens.py

All files are interleaved 8-bit rows. photo.raw is 64 x 48 RGB, cut out of coffee.png; cutout.raw the same with an alpha channel.
"""
import os
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

here = os.path.dirname(os.path.abspath(__file__))
pictures = os.path.join(here, "../../../DeconvService.Imaging.Tests/Pictures")
photo = np.asarray(Image.open(os.path.join(pictures, "coffee.png")).convert("RGB").crop((150, 60, 342, 204)).resize((64, 48), Image.LANCZOS))
mask = Image.new("L", (256, 192), 0)
ImageDraw.Draw(mask).polygon([(20, 20), (240, 60), (150, 180), (60, 130)], fill=255)
alpha = np.asarray(mask.resize((64, 48), Image.BOX))
# What is transparent has a loud colour, which must not be seen in any result.
cutout = np.dstack([np.where(alpha[..., None] == 0, np.uint8([255, 0, 255]), photo), alpha])


def save(name, pixels):
    with open(os.path.join(here, name + ".raw"), "wb") as f:
        f.write(np.ascontiguousarray(pixels).tobytes())


def to_bytes(values):
    return np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def correlate(planes, kernel, mode="nearest"):
    return np.dstack([ndimage.correlate(planes[..., c], kernel, mode=mode, cval=0.0) for c in range(planes.shape[-1])])


def gaussian(sigma, size):
    x = np.arange(size) - (size - 1) / 2
    g = np.exp(-x * x / (2 * sigma * sigma))
    return np.outer(g, g) / np.outer(g, g).sum()


kernels = {
    "box": (np.full((3, 3), 1 / 9), 0),
    "gaussian": (gaussian(1, 7), 0),
    "gaussian-sigma2": (gaussian(2, 13), 0),
    "sharpen": (np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float), 0),
    "emboss": (np.array([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]], float), 0.5),
    "edges": (np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float), 0),
    "laplacian": (np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float), 0.5),
    "sobel-x": (np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float), 0.5),
    "sobel-y": (np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], float), 0.5),
}
values = photo / 255.0
save("photo", photo)
save("cutout", cutout)
for name, (kernel, offset) in kernels.items():
    save(name, to_bytes(correlate(values, kernel) + offset))
odd = np.array([[0.1, 0.2, -0.1, 0.05], [0.3, 0.0, 0.25, 0.1], [-0.2, 0.15, 0.05, 0.1]])
for mode, name in (("mirror", "reflect"), ("wrap", "circular"), ("constant", "zeros")):
    # origin: an even window's middle is left of centre, as padding "same" puts the odd rest at the end.
    out = np.dstack([ndimage.correlate(values[..., c], odd, mode=mode, cval=0.0, origin=(0, -1)) for c in range(3)])
    save("matrix-" + name, to_bytes(out))


def premultiplied(pixels):
    v = pixels / 255.0
    return np.dstack([v[..., :-1] * v[..., -1:], v[..., -1:]])


def straight(planes, a):
    colour = np.where(a > 0, planes / np.where(a > 0, a, 1), 0)
    return to_bytes(np.dstack([colour, a]))


p = premultiplied(cutout)
for name in ("gaussian-sigma2", "sharpen"):
    f = correlate(p, kernels[name][0])
    save("cutout-" + name, straight(f[..., :3], f[..., 3:]))
f = correlate(p, np.ones((3, 3)))  # gain 9: colours overflow as they do without alpha, alpha is a mean
save("cutout-ones", straight(f[..., :3], f[..., 3:] / 9))


def cubic(t, a=-0.75):
    x = np.abs(t)
    return np.where(x <= 1, (a + 2) * x**3 - (a + 3) * x**2 + 1, np.where(x < 2, a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a, 0))


def lanczos3(t):
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)


def resample(planes, s, axis, weight, radius):
    n = planes.shape[axis]
    position = (np.arange(n * s) + 0.5) / s - 0.5
    base = np.floor(position).astype(int)
    total, norm = 0, 0
    shape = [1, 1, 1]
    shape[axis] = -1
    for k in range(-radius + 1, radius + 1):
        w = weight(position - (base + k))
        norm = norm + w.reshape(shape)
        total = total + np.take(planes, np.clip(base + k, 0, n - 1), axis=axis) * w.reshape(shape)
    return total / norm


def bilinear(planes, s):
    for axis in (0, 1):
        n = planes.shape[axis]
        position = np.maximum((np.arange(n * s) + 0.5) / s - 0.5, 0)  # PyTorch's area_pixel_compute_source_index
        i0 = np.floor(position).astype(int)
        i1 = np.minimum(i0 + 1, n - 1)
        shape = [1, 1, 1]
        shape[axis] = -1
        l = (position - i0).reshape(shape)
        planes = np.take(planes, i0, axis=axis) * (1 - l) + np.take(planes, i1, axis=axis) * l
    return planes


for s in (2, 3):
    save(f"nearest-x{s}", np.repeat(np.repeat(photo, s, 0), s, 1))
    save(f"bilinear-x{s}", to_bytes(bilinear(values, s)))
    save(f"bicubic-x{s}", to_bytes(resample(resample(values, s, 0, cubic, 2), s, 1, cubic, 2)))
    save(f"lanczos3-x{s}", to_bytes(resample(resample(values, s, 0, lanczos3, 3), s, 1, lanczos3, 3)))
f = bilinear(p, 2)
save("cutout-bilinear-x2", straight(f[..., :3], f[..., 3:]))
