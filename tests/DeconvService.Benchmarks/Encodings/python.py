"""The Python counterpart of EncodingBenchmark: loads, asarray, tolist and dumps of a JSON body; prints the best milliseconds of three."""
import json
import sys
import time

import numpy

folder, what = sys.argv[1:]
if what == "prepare":
    with open(f"{folder}/shortest.json", encoding="utf-8") as file:
        body = json.load(file)
    body["output"]["data"] = numpy.asarray(body["output"]["data"], "float32").tolist()
    with open(f"{folder}/doubles.json", "w", encoding="utf-8") as file:
        json.dump(body, file, separators=(",", ":"))
else:
    with open(f"{folder}/{what}", "rb") as file:
        body = file.read()
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        loaded = json.loads(body)["output"]
        array = numpy.asarray(loaded["data"], "float32").reshape(loaded["shape"])
        json.dumps({"output": {"shape": array.shape, "data": array.ravel().tolist()}}).encode()
        best = min(best, time.perf_counter() - start)
    print(best * 1000)
