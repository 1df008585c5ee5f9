"""One round of the 3x3 filter by each peer for every line that comes in; see PictureFilterBenchmark. One thread, float32 planes."""
import sys
import time
import cv2
import numpy as np
import scipy
from scipy import ndimage

height, width = int(sys.argv[1]), int(sys.argv[2])
cv2.setNumThreads(1)
random = np.random.default_rng(1)
planes = random.random((3, height, width), dtype=np.float32)
out = np.zeros_like(planes)
kernel = random.random((3, 3)).astype(np.float32)


def by_scipy():
    for c in range(3):
        ndimage.convolve(planes[c], kernel, output=out[c], mode="nearest")


def by_opencv():
    for c in range(3):
        cv2.filter2D(planes[c], cv2.CV_32F, kernel, dst=out[c], borderType=cv2.BORDER_REPLICATE)


print(f"3x3, SciPy {scipy.__version__} ndimage.convolve|3x3, OpenCV {cv2.__version__} filter2D", flush=True)
for _ in sys.stdin:
    times = []
    for run in (by_scipy, by_opencv):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    print(" ".join(f"{t:.3f}" for t in times), flush=True)
