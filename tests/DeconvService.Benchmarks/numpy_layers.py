"""Times numpy's im2col and matrix product on the layers of layers.json.

The convolution is the one that this project began with: windows of the padded input by strides, copied to columns,
one matrix product. A transposed convolution is the same after zeros are put between the inputs and the kernel is turned,
as the question that this project answers describes it.

    python3 numpy_layers.py [layers.json] [name ...]        set OPENBLAS_NUM_THREADS to choose the threads
"""
import json
import os
import sys
import time

import numpy as np


def convolve(x, w, b, stride, padding):
    n, c = x.shape[:2]
    f, _, kh, kw = w.shape
    top, left, bottom, right = padding
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    h, width = (x.shape[2] - kh) // stride[0] + 1, (x.shape[3] - kw) // stride[1] + 1
    s = x.strides
    columns = np.lib.stride_tricks.as_strided(
        x, (c, kh, kw, n, h, width), (s[1], s[2], s[3], s[0], s[2] * stride[0], s[3] * stride[1]))
    columns = np.ascontiguousarray(columns).reshape(c * kh * kw, n * h * width)
    y = w.reshape(f, -1).dot(columns) + b.reshape(-1, 1)
    return np.ascontiguousarray(y.reshape(f, n, h, width).transpose(1, 0, 2, 3))


def transpose_convolve(x, w, b, stride, padding, output_padding):
    n, c, h, width = x.shape
    kh, kw = w.shape[2:]
    stuffed = np.zeros((n, c, (h - 1) * stride[0] + 1 + output_padding[0], (width - 1) * stride[1] + 1 + output_padding[1]), np.float32)
    stuffed[:, :, ::stride[0], ::stride[1]][:, :, :h, :width] = x
    top, left, bottom, right = padding
    turned = np.ascontiguousarray(w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
    return convolve(stuffed, turned, b, (1, 1), (kh - 1 - top, kw - 1 - left, kh - 1 - bottom, kw - 1 - right))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "layers.json")
    wanted = sys.argv[2:]
    random = np.random.default_rng(1)
    for layer in json.load(open(path))["layers"]:
        if layer["groups"] != 1 or (wanted and layer["name"] not in wanted):
            continue
        transposed = layer["kind"] == "conv-transpose"
        c, f = layer["input"][1], layer["output"]
        x = random.uniform(-1, 1, layer["input"]).astype(np.float32)
        w = random.uniform(-0.1, 0.1, ([c, f] if transposed else [f, c]) + layer["kernel"]).astype(np.float32)
        b = random.uniform(-1, 1, f).astype(np.float32)
        times = []
        while len(times) < 5 or (sum(times) < 0.5 and len(times) < 200):
            start = time.perf_counter()
            if transposed:
                transpose_convolve(x, w, b, layer["stride"], layer["padding"], layer["outputPadding"])
            else:
                convolve(x, w, b, layer["stride"], layer["padding"])
            times.append(time.perf_counter() - start)
        times.sort()
        print(f"{layer['name']:24} min {1000 * times[0]:9.3f} ms   median {1000 * times[len(times) // 2]:9.3f} ms", flush=True)


main()
