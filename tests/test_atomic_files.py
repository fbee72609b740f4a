import json
import math

import pytest

from jaxgan.runs.atomic_files import replace_file, write_json


def test_a_file_that_cannot_be_written_to_the_end_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "images.npz"
    replace_file(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, fail)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(path.name, b"old")]


def test_json_has_null_for_what_is_not_finite(tmp_path):
    write_json(tmp_path / "a.json", {"a": math.nan, "b": [math.inf, (1.5, -math.inf)]})
    found = json.loads((tmp_path / "a.json").read_text())
    assert found == {"a": None, "b": [None, [1.5, None]]}
