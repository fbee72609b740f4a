"""PyTorch's files of weights, read without PyTorch."""

import base64
import pickle
import zlib

import numpy as np
import pytest

from jaxgan.config.errors import UserError
from jaxgan.metrics.torch_weights import read_torch_weights

# An OrderedDict with "a.weight": arange(6) as (2, 3), "n": 7, and "b": elements 3 and 4 of
# arange(10); saved by PyTorch 2.14.1 with `_use_new_zipfile_serialization` false and true, then
# compressed by zlib, in base 64.
FILES = {
    "old": """
        eNqFUctO20AUHT+S0OGVtrRAYcHS2USIhDhZUaSKzUCBsJkNsoIziqeyPLn2NaiVkLIBQb+hiy77Gf2UbvsJlbrg
        GlMQUqRaPmP5+rw8M7G/8vjvt70/G59+HK02J/bBb4fWS2CerDPGxqlBE5o4OFdppk0CFhHkPH2JNWKsApUM9SAB
        +0ZyGuLnsQoy/UVl4FyC68kKDbPIpAgVYUuH3nSCUBWudAsPk4ygJtw8p8yQYmIVIqVk/DAdqlQNP+gQObBGHyxP
        zpBi0LxQehQh2CGaNIyaQY46zniQqrNcx8MAVZKZNDjf4uB4nqwV+cQcjBS4pYTvxWaAJ+WQQ0UuEKfX6m36fq/r
        t7t+pwvV+6rhOKd21Y8IM8eCCVs41/BCOMK6Bn4bFa1mEeb6MC8tYiewEFFk9C9mn37uMWXxKaXTbbU7fnurDfWo
        Jixyf0nujUbp+ArhdR+W7h3P4E3pGFWeyVvbvU2SvyU5J/nyMXWyr2BFWFewWtq8Q1jrw3qxr6fFWU6RW9Mq2dN2
        w1HN4nCfrskOLe/pJkwI3wk/Cb8IbJex+q71wKw9PKv/0d8BrU6byA==
    """,
    "zip": """
        eNqtVctu00AUHdutkxiaPnikD9R1KhU3cdPG4dXWqszCSKRBSBFCstzEjS3cuONMWmCBKqFWYgc/gNjwDeyAXyiL
        igULJCQKG/gFZuLEsSekLY+Rbyw595x7ZnzvcVHjBgCIx0HPGgFjwPAqlr1tzlUNZIhbDxxVSYJ7kbXLViqu45gV
        ZLv1hnDbq5qeWV21K0iAYKYEmXSZcBvijmnXLATZCnIxqag3ke00BN0z15u2U9WRWW+4nr4tCZBLp8sxjGngTKNm
        wgEfIqiOa6A7/kMBDpYZnJOBfJnD98pWE8Y0HsH4mgY0VuP2YULjNGYfCs8souMMgmdLcKgFqsOkhYtYHeJbbr0W
        8A63UrJwxIppDIKjmG9mxucYQ/BcCZ5vJazDCz6H5QuR4EUMEBBMreG67B4c15g9OOEDJxGcKsFLTbGoxeL31W+r
        IoaQKPY9/RQYCk5f3HC9TQPp26bXwKesKonuS8gSyjc/Pz0lIkj0p5wE+S5l+3B1w7Fr9U2zjlRlnnq1p1qLOSJg
        aQd+Z3EJ9lgBo2ApELD+CJkuaRZVufo3dTvLsRFyTKJh7/qXCR5X4Y/VkAQ3Il09l1GVK/8gwGfdXcI/y/jCsYvj
        1TJRlHp+9GIc/zF+gqLZqKKsqqRPrSjWZiH1tg6PXFIgfkK9a9F6kqrI4H/vH4D3OD7jACvYS1aIPvvo9dc0fpA+
        Vt8wmAr0BR2f6idwXiDMBy9rd0/uv2kgdQegtfWG6dl4Ah4bxL10u6oq4h+eREbOFXKyLOfyhcWFTE7Ozy9kMtLC
        YqZQyOekgpTDl5QtyETl7MbbH939M0RsoDPsCiM9ymkfptFhA0hFkE8Y0M9HaJLwEE9GSA7CJD3OQfOEB3E0wlNi
        Qa8B0PDw1CQj8EMWULNLY8MTEMVaHIXN0thwd0axH2msRGPD/TccwT4cAHQ30+BwW0xHwB9C4N83bFHj+dlOe3OX
        A2SCut9k23IGO3bBt5zjXds//C/HIO9jEq18P/cXhHy44Q==
    """,
}


def saved(name):
    return zlib.decompress(base64.b64decode("".join(FILES[name].split())))


class RunsAProgram:
    def __reduce__(self):
        return print, ("the pickle ran",)


@pytest.mark.parametrize("name", FILES)
def test_the_arrays_are_those_that_pytorch_saved(name):
    arrays = read_torch_weights(saved(name))
    assert list(arrays) == ["a.weight", "n", "b"]
    np.testing.assert_array_equal(arrays["a.weight"], np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(arrays["b"], np.array([3, 4], np.float32))
    assert arrays["n"] == 7
    assert arrays["n"].dtype == np.int64


def test_a_pickle_that_would_run_a_program_is_refused_and_does_not_run(capsys):
    with pytest.raises(UserError, match=r"its pickle names builtins\.print"):
        read_torch_weights(pickle.dumps(RunsAProgram()))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 1, 100, 400, 640])
def test_a_truncated_file_is_refused(name, kept):
    with pytest.raises(UserError, match=r"is no file of PyTorch weights \((?!TypeCheck)"):
        read_torch_weights(saved(name)[:kept])


def test_what_holds_no_tensors_is_refused():
    with pytest.raises(UserError, match="no file of PyTorch weights"):
        read_torch_weights(pickle.dumps({"a": 1}) * 5)
