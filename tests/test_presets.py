"""The configs for pictures of one's own, from a folder to samples, with small networks."""

import json

import numpy as np
import PIL.Image
import pytest

from jaxgan.cli.main import main
from jaxgan.runs import layout

SMALL = (
    "--config.network.gen_channels=2",
    "--config.network.disc_channels=2",
    "--config.network.gen_widths=(8,)",
    "--config.network.disc_widths=(8,)",
    "--config.train.images=1280",
    "--config.train.interval_images=640",
    "--config.evaluate.every=1",
)


def draw(folder, count, seed):
    """Writes pictures of several kinds and sizes: palettes, transparency, JPEG."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = rng.integers(0, 256, (40 + index % 3, 36, 4), dtype=np.uint8)
        picture = PIL.Image.fromarray(pixels, "RGBA")
        match index % 3:
            case 0:
                picture.save(folder / f"{index}.png")
            case 1:
                picture.convert("RGB").save(folder / f"{index}.JPG", "JPEG")
            case _:
                picture.convert("P").save(folder / f"{index}.gif")


@pytest.mark.slow
def test_one_command_takes_a_folder_of_pictures_to_samples_and_scores(tmp_path, capsys):
    draw(tmp_path / "my photos", 100, 0)
    workdir = tmp_path / "run"
    command = ["--config", "images_small", f"--config.data.dir={tmp_path / 'my photos'}", *SMALL]
    assert main([*command, "--workdir", str(workdir)]) == 0
    assert "100 images of 32x32, colour, no classes" in capsys.readouterr().err
    rows = [json.loads(line) for line in (workdir / layout.METRICS).read_text().splitlines()]
    # ADA starts at 0.25 for each tenth of 100,000 images.
    assert rows[0]["disc/augment"] == pytest.approx(0.75, abs=0.01)
    assert any(name.startswith("eval/frechet") for name in rows[-1])
    # Rows without a fourth step have none.
    assert max(row["disc/r1"] for row in rows) > 0
    assert main(["sample", "--workdir", str(workdir), "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["images"].shape == (64, 32, 32, 3)


@pytest.mark.slow
def test_a_folder_of_classes_is_trained_by_the_config_for_cifar(tmp_path, capsys):
    for split, count in (("train", 80), ("test", 40)):
        for label, name in enumerate(("cat", "dog")):
            draw(tmp_path / "pets" / split / name, count, label)
    workdir, folder = tmp_path / "run", tmp_path / "pets"
    command = ["--config", "cifar10_small", f"--config.data.dir={folder}", *SMALL]
    assert main([*command, "--config.data.size=32", "--workdir", str(workdir)]) == 0
    assert "160 images of 32x32, colour, 2 classes" in capsys.readouterr().err
    out = tmp_path / "dogs.npz"
    assert main(["sample", "--workdir", str(workdir), "--labels", "dog", "--out", str(out)]) == 0
    assert set(np.load(out)["labels"]) == {1}
