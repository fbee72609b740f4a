"""The command `evaluate --images A --reference B`: scores images that any program made."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import __version__
from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import load_data
from jaxgan.data.archives import has_archive_ending, is_archive
from jaxgan.data.examples import UNLABELLED, Examples, canonical_order, examples_sha256
from jaxgan.data.image_reading import UnusableImages
from jaxgan.data.lazy_array import Array
from jaxgan.evaluation import published, scoring
from jaxgan.evaluation.generated import SUBSETS
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.metrics import FeatureNet, FeatureSet, load_features
from jaxgan.metrics.inception_weights import INCEPTION
from jaxgan.metrics.packaged_nets import COLOUR
from jaxgan.parallel.host_memory import host_memory
from jaxgan.runs.atomic_files import json_safe, write_json
from jaxgan.types import Stream, stream_key

IMAGES, REFERENCE = "images", "reference"


class ImageSet(NamedTuple):
    """Images in canonical order: the first ones are a fair sample of all."""

    pixels: Array
    sha256: str
    source: str


def evaluate_images(
    images: Path, reference: Path, request: EvaluateRequest, out: Path
) -> dict[str, Any]:
    """Scores images against reference images, and returns and writes the scores.

    Args:
      images, reference: an .npz file with uint8 (n, height, width, channels) under "images", as
        `sample` writes it, or a folder of image files.
      request: options; `step` has no meaning here.
      out: the .json file to write.

    Raises:
      UserError: images that cannot be read, too few of them, or a wrong option.
    """
    net = load_features(request.features or COLOUR)
    sets = {IMAGES: read_images(images), REFERENCE: read_images(reference)}
    if net.name == INCEPTION:
        found = _score_as_published(net, sets, request)
    else:
        found = _score(net, sets, request)
    files = {
        name: {"source": files.source, "sha256": files.sha256, "number": len(files.pixels)}
        for name, files in sets.items()
    }
    found["protocol"] = {"data": f"{images} against {reference}", "files": files} | found[
        "protocol"
    ]
    result: dict[str, Any] = json_safe(found)
    write_json(out, result)
    return result


def read_images(path: Path) -> ImageSet:
    """Reads the images of an .npz file, or of a folder.

    Raises:
      UserError: there is no such file, or it holds no images.
    """
    if path.suffix != ".npz":
        return _read_folder(path)
    pixels = _read_npz(path)
    labels = np.full(len(pixels), UNLABELLED, np.int32)
    examples = canonical_order(Examples(pixels, labels, 0, str(path)))
    return ImageSet(examples.pixels, examples_sha256(examples), str(path))


def _read_folder(path: Path) -> ImageSet:
    """Reads a folder or an archive of images."""
    if path.is_file() and not (is_archive(path) or has_archive_ending(path.name)):
        raise UserError(f"{path}: must be an .npz file, or a folder or an archive of images")
    # Streamed, so that the memory does not grow with the folder. The name is not that of the
    # folder, since images of a known set such as mnist would be checked against it.
    config = DataConfig(name=IMAGES, source="folder", dir=str(path), stream=1)
    try:
        data = load_data(config, "train")
    except UnusableImages as error:
        raise UserError(
            f"{error.found}; all must be readable and of one size: fix, resize or remove them"
        ) from error
    except UserError as error:
        # There is no such setting here.
        text = str(error).removeprefix(f"config.data.dir = {str(path)!r}: ")
        raise UserError(text if text.startswith(str(path)) else f"{path}: {text}") from error
    return ImageSet(data.pixels, data.sha256, data.source)


def _read_npz(path: Path) -> np.ndarray:
    try:
        with zipfile.ZipFile(path) as file:
            names = [name.removesuffix(".npy") for name in file.namelist()]
            if IMAGES not in names:
                content = ", ".join(names) or "nothing"
                raise UserError(f"{path}: holds {content}; must have the pixels under {IMAGES!r}")
            size, memory = file.getinfo(f"{IMAGES}.npy").file_size, host_memory()
            # A few megabytes can unpack to gigabytes of zeros.
            if size > memory:
                raise UserError(
                    f"{path}: unpacks to {size / 1e9:.3g} GB, and this machine has "
                    f"{memory / 1e9:.3g} GB of memory; name a folder of images"
                )
            with file.open(f"{IMAGES}.npy") as array:
                pixels: np.ndarray = np.lib.format.read_array(array, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; name an .npz file") from error
    except UserError:
        raise
    # What a damaged file makes zipfile and numpy raise has no common base class.
    except Exception as error:
        raise UserError(f"{path}: is no .npz file of arrays ({error})") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or 0 in pixels.shape:
        raise UserError(
            f"{path}: {IMAGES!r} is {pixels.dtype} of shape {pixels.shape}; must be uint8 of shape "
            "(n, height, width, channels)"
        )
    return pixels


def _score_as_published(
    net: FeatureNet, sets: dict[str, ImageSet], request: EvaluateRequest
) -> dict[str, Any]:
    """Scores all images against the whole reference."""
    images, reference = sets[IMAGES], sets[REFERENCE]
    count = request.num_samples or len(images.pixels)
    _check_count(count, {IMAGES: len(images.pixels)})
    metrics = published.select_published(request.metrics, count, len(reference.pixels))
    fake = net.extract(images.pixels[:count])
    real = published.reference_features(net, reference.pixels, reference.sha256)
    scores = published.score_as_published(metrics, real, fake, _subsets_key(request))
    protocol = published.published_protocol(net, count, len(real.features), request.seed)
    protocol |= {"real": {REFERENCE: f"all {len(real.features)} reference images"}, "floor": {}}
    return {"protocol": protocol, "metrics": {IMAGES: scores}, "ratios": {}, "histograms": {}}


def _score(net: FeatureNet, sets: dict[str, ImageSet], request: EvaluateRequest) -> dict[str, Any]:
    """Scores equally many images of both sets, with others of the reference as the baseline."""
    sizes = {name: len(files.pixels) for name, files in sets.items()}
    # By default, half of the reference, so that the other half can be the real baseline.
    count = request.num_samples or min(sizes[IMAGES], max(1, sizes[REFERENCE] // 2))
    _check_count(count, sizes)
    reference = sets[REFERENCE].pixels
    fake, real = net.extract(sets[IMAGES].pixels[:count]), net.extract(reference[:count])
    _check_same_width(net, fake, real, sets)
    metrics = scoring.select_metrics(request.metrics, net.name, fake)
    scoring.check_sample_count(metrics, count)
    baseline: dict[str, FeatureSet] = {}
    floor: dict[str, str] = {}
    if sizes[REFERENCE] >= 2 * count:
        baseline[REFERENCE] = net.extract(reference[count : 2 * count])
        floor[REFERENCE] = f"reference images {count + 1} to {2 * count}"
    found: dict[str, Any] = scoring.score_with_baseline(
        metrics, net, {REFERENCE: real}, baseline, {IMAGES: fake}, _subsets_key(request)
    )
    found["histograms"] = scoring.histograms(metrics, {IMAGES: fake, REFERENCE: real})
    found["protocol"] = {
        "num_samples": count,
        "seed": request.seed,
        "features": net.name,
        "features_sha256": net.sha256,
        "real": {REFERENCE: f"reference images 1 to {count}"},
        "floor": floor,
        **scoring.metric_settings(count),
        "jaxgan": __version__,
        "device": jax.devices()[0].device_kind,
    }
    return found


def _check_same_width(
    net: FeatureNet, fake: FeatureSet, real: FeatureSet, sets: dict[str, ImageSet]
) -> None:
    """Refuses sets whose images have different numbers of features, because of their size."""
    if fake.features.shape[1] != real.features.shape[1]:
        images, reference = ("x".join(map(str, sets[x].pixels.shape[1:])) for x in sets)
        raise UserError(
            f"--{IMAGES} has images of {images} and --{REFERENCE} of {reference}, of which "
            f"features {net.name!r} gives {fake.features.shape[1]} and {real.features.shape[1]} "
            "numbers; give both the same size"
        )


def _check_count(count: int, sizes: dict[str, int]) -> None:
    name = min(sizes, key=lambda name: sizes[name])
    if count > sizes[name]:
        raise UserError(
            f"num_samples = {count}: --{name} has {sizes[name]} images; choose at most that many"
        )


def _subsets_key(request: EvaluateRequest) -> Any:
    return stream_key(jax.random.key(request.seed), Stream.EVALUATE, SUBSETS)
