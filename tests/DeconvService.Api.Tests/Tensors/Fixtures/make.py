"""Makes the files beside it with numpy (made with 1.24.2): python3 make.py. The tests know the values by the same rules."""
import numpy as np

HERE = __file__.rsplit("/", 1)[0] + "/" if "/" in __file__ else ""
INDEX = np.arange(6).reshape(2, 3)

for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]:
    values = {"f": INDEX - 2.5, "i": INDEX * 20 - 60, "u": INDEX * 40, "b": INDEX % 2}[code[0]]
    for byte_order, name in [("<", "little"), (">", "big")]:
        for order in "CF":
            array = np.array(values, dtype=byte_order + code, order=order)
            np.save(f"{HERE}{code}-{name}-{order}.npy", array)

matrix = (INDEX - 2.5).astype("f4")
for major in [1, 2, 3]:
    with open(f"{HERE}version-{major}.npy", "wb") as file:
        np.lib.format.write_array(file, matrix, version=(major, 0))
np.save(f"{HERE}scalar.npy", np.float32(1.5))
np.save(f"{HERE}empty.npy", np.zeros((0, 3), "f4"))
np.save(f"{HERE}vector.npy", np.arange(5, dtype="f4"))
np.save(f"{HERE}fortran-4d.npy", np.asfortranarray(np.arange(120, dtype="f4").reshape(2, 3, 4, 5)))
np.save(f"{HERE}rounded-i8.npy", np.array([2**24 + 1, 2**24 + 3, -(2**63)], "i8"))
np.save(f"{HERE}too-large-f8.npy", np.array([1.0, 1e300]))
np.save(f"{HERE}infinite-f8.npy", np.array([np.inf, -np.inf, np.nan]))
np.save(f"{HERE}refused-object.npy", np.array([1, "a"], dtype=object))
np.save(f"{HERE}refused-structured.npy", np.zeros(2, [("a", "f4"), ("b", "i4")]))
np.save(f"{HERE}refused-text.npy", np.array(["ab"]))
np.save(f"{HERE}refused-bytes.npy", np.array([b"ab"]))
np.save(f"{HERE}refused-complex.npy", np.zeros(2, "c8"))
np.save(f"{HERE}refused-date.npy", np.array(["2020-01-01"], "M8[D]"))

arrays = {"input": np.arange(4, dtype="f4").reshape(1, 1, 2, 2), "weight": np.ones((1, 1, 1, 1), "f8"), "bias": np.array([0.5], "f2")}
np.savez(f"{HERE}stored.npz", **arrays)
np.savez_compressed(f"{HERE}deflated.npz", x=arrays["input"], w=arrays["weight"], b=arrays["bias"])
