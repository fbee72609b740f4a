"""The command `evaluate`: scores a run's generator against real images.

A score depends on the feature net and on the number of samples, so it says little by itself. The
real baseline, which is the score of other real images in place of generated ones, stands beside
it: no generator can be expected to do better.
"""

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax

from jaxgan import __version__
from jaxgan.config.errors import UserError
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import Config
from jaxgan.data import DATASETS, PROTOCOL_SAMPLES, Dataset, load_data, load_test_split, splits_of
from jaxgan.evaluation import scoring
from jaxgan.evaluation.evaluate_published import score_run_as_published
from jaxgan.evaluation.generated import SUBSETS, describe_labels, generate_pixels
from jaxgan.evaluation.request import EvaluateRequest
from jaxgan.gan.sampling import proportional_labels
from jaxgan.gan.standing_stats import count_standing_latents
from jaxgan.gan.state import Gan, TrainState
from jaxgan.metrics import FeatureNet, FeatureSet
from jaxgan.metrics.inception_weights import INCEPTION
from jaxgan.metrics.packaged_nets import is_own_function, knows_labels
from jaxgan.runs import checkpoints
from jaxgan.runs.atomic_files import json_safe, write_json
from jaxgan.runs.checkpoint_ref import CheckpointRef, evaluation_file
from jaxgan.runs.environment import check_same_data
from jaxgan.types import Stream, stream_key

logger = logging.getLogger(__name__)


def evaluate(
    workdir: Path | str,
    num_samples: int = 0,
    step: CheckpointRef = "last",
    seed: int = 0,
    features: str = "",
    metrics: Iterable[str] = (),
) -> dict[str, Any]:
    """Scores a run's generator, and returns and writes the scores, as `evaluate_run` does.

    Args:
      workdir: run directory of one seed.
      num_samples, step, seed, features, metrics: as in `EvaluateRequest`.
    """
    request = EvaluateRequest(num_samples, step, seed, features, tuple(metrics))
    return evaluate_run(expand_path(str(workdir)), request)


def evaluate_run(workdir: Path, request: EvaluateRequest) -> dict[str, Any]:
    """Scores a run's generator against the training set, and against the test set if there is one.

    "generator" has the averaged weights if the run keeps an average; then "raw_generator" has the
    weights that training updates. The result is also written to `evaluation_file` in the run
    directory, and nothing else there is changed.

    Raises:
      UserError: no such run, step or feature net; a metric that the net does not support; too few
        or too many samples; images that the net does not take; a generator that gives NaN.
    """
    config, gan, state = checkpoints.load_run(workdir, request.step)
    _check_trusted(workdir, config, request)
    net = scoring.feature_net_for(config, request.features)
    if net.name == INCEPTION:
        scores = score_run_as_published(workdir, config, gan, state, net, request)
        return _write(workdir, request, scores)
    data = _load_splits(workdir, config, request.num_samples)
    num_samples = request.num_samples or _fitting_samples(config, data)
    request = dataclasses.replace(request, num_samples=num_samples)
    labels = proportional_labels(gan, num_samples) if knows_labels(net, data["train"]) else None
    # One image shows what the net gives: wrong metrics are refused before thousands are generated.
    example = dataclasses.replace(net.extract(data["train"].pixels[:1]), labels=labels)
    metrics = scoring.select_metrics(request.metrics, net.name, example)
    scoring.check_sample_count(metrics, num_samples)
    generated = generate_pixels(workdir, gan, state, num_samples, request.seed)
    real, baseline = _extract_real(net, data, num_samples, labels is not None)
    fakes = {
        name: dataclasses.replace(net.extract(pixels), labels=labels)
        for name, pixels in generated.items()
    }
    key = stream_key(jax.random.key(request.seed), Stream.EVALUATE, SUBSETS)
    scores = scoring.score_with_baseline(metrics, net, real, baseline, fakes, key)
    histograms = scoring.histograms(metrics, fakes | real)
    protocol = _describe_protocol(request, net, data, gan, state)
    return _write(workdir, request, {"protocol": protocol, **scores, "histograms": histograms})


def _write(workdir: Path, request: EvaluateRequest, found: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json_safe(found)
    write_json(workdir / evaluation_file(request.step), result)
    return result


def _check_trusted(workdir: Path, config: Config, request: EvaluateRequest) -> None:
    """Refuses to import code that only the record of a run names: the run may be a stranger's."""
    features = config.evaluate.features
    if not request.features and is_own_function(features):
        raise UserError(
            f"--workdir {workdir}: its run has the features {features!r}, code that is run only "
            f"if the command names it; if you trust it, add --features {features}"
        )


def _fitting_samples(config: Config, data: Mapping[str, Dataset]) -> int:
    """Returns the number in the data set's protocol, or as many as the data have.

    Without a test split it is at most half of the training images: the others are the baseline.
    """
    spec = DATASETS.get(config.data.name)
    wanted = spec.protocol_samples if spec else PROTOCOL_SAMPLES
    sizes = {split: len(dataset.pixels) for split, dataset in data.items()}
    if len(sizes) == 1:
        sizes = {"half of the training images": max(1, sizes["train"] // 2)}
    found = min(wanted, *sizes.values())
    if found < wanted:
        counts = ", ".join(f"{name}: {count}" for name, count in sizes.items())
        logger.info(f"{found} samples in each set, since there are no more ({counts})")
    return found


def _load_splits(workdir: Path, config: Config, num_samples: int) -> dict[str, Dataset]:
    train = load_data(config.data, "train")
    check_same_data(workdir, train.sha256, train.source)
    data = {"train": train}
    if "test" in splits_of(config.data):
        data["test"] = load_test_split(config.data, train)
    else:
        logger.warning(
            f"the set {train.name!r} has no held-out {train.kind}, so scores are against those of "
            "training alone, which the generator could have copied; config.data.held_out holds "
            "some out in a new run"
        )
    smallest = min(len(dataset.pixels) for dataset in data.values())
    for split, dataset in data.items():
        # The distances depend on the number of samples, so both sets must have the same.
        if num_samples > len(dataset.pixels):
            raise UserError(
                f"num_samples = {num_samples}: {dataset.name} {split} has {len(dataset.pixels)} "
                f"{dataset.kind}; choose at most {smallest}"
            )
    return data


def _extract_real(
    net: FeatureNet, data: Mapping[str, Dataset], num_samples: int, labelled: bool
) -> tuple[dict[str, FeatureSet], dict[str, FeatureSet]]:
    """Returns, by split, the images to score against and others to score as the baseline."""

    def extract(split: str, start: int = 0) -> FeatureSet:
        rows = slice(start, start + num_samples)
        labels = data[split].labels[rows] if labelled else None
        return dataclasses.replace(net.extract(data[split].pixels[rows]), labels=labels)

    real = {split: extract(split) for split in data}
    baseline = {"train": real["test"], "test": real["train"]} if "test" in real else {}
    # Test images would add the difference of the two splits to this baseline.
    if _has_two_sets(data["train"], num_samples):
        baseline["train"] = extract("train", num_samples)
    return real, baseline


def _describe_protocol(
    request: EvaluateRequest,
    net: FeatureNet,
    data: Mapping[str, Dataset],
    gan: Gan,
    state: TrainState,
) -> dict[str, Any]:
    """Returns everything that the scores depend on, apart from the run."""
    train, num_samples = data["train"], request.num_samples
    first = f"{train.kind} 1 to {num_samples}"
    others = f"train {train.kind} {num_samples + 1} to {2 * num_samples}"
    floor = {"train": f"test {first}", "test": f"train {first}"} if "test" in data else {}
    if _has_two_sets(train, num_samples):
        floor["train"] = others
    return {
        "step": int(state.step),
        "num_samples": num_samples,
        "seed": request.seed,
        "features": net.name,
        "features_sha256": net.sha256,
        "data": train.name,
        "data_sha256": {split: dataset.sha256 for split, dataset in data.items()},
        "real": {split: f"{split} {first}" for split in data},
        "floor": floor,
        **({"labels": describe_labels(gan)} if gan.classes else {}),
        "weights": "averaged" if state.ema_params else "raw",
        "standing_latents": count_standing_latents(state),
        **scoring.metric_settings(num_samples),
        "jaxgan": __version__,
        "device": jax.devices()[0].device_kind,
    }


def _has_two_sets(train: Dataset, num_samples: int) -> bool:
    return len(train.pixels) >= 2 * num_samples
