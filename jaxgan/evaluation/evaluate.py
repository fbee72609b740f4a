"""The command `evaluate`: scores a run's generator against real images.

A score depends on the feature net and on the number of samples, so it says little by itself. The
real baseline, which is the score of other real images in place of generated ones, stands beside
it: no generator can be expected to do better.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import __version__
from jaxgan.config.errors import UserError
from jaxgan.config.fields import SEED
from jaxgan.config.schema import Config
from jaxgan.data import DATASETS, PROTOCOL_SAMPLES, Dataset, load_data
from jaxgan.evaluation import scoring
from jaxgan.gan.sampling import cycled_labels, generate_finite
from jaxgan.gan.standing_stats import count_standing_latents, inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.metrics import FeatureNet, FeatureSet
from jaxgan.metrics.packaged_nets import is_import_path
from jaxgan.runs import checkpoints, layout
from jaxgan.runs.atomic_files import json_safe, write_json
from jaxgan.runs.checkpoint_ref import CheckpointRef, evaluation_file
from jaxgan.runs.environment import check_same_data
from jaxgan.types import Stream, stream_key

SPLITS = ("train", "test")
GENERATOR, RAW_GENERATOR = "generator", "raw_generator"
LATENTS, SUBSETS = 0, 1  # counters of Stream.EVALUATE


@dataclasses.dataclass(frozen=True)
class EvaluateRequest:
    """Options of an evaluation, the same for every seed of a run.

    Attributes:
      num_samples: images in each set; 0 means the number in the data set's protocol.
      step: step of the checkpoint, or "last" or "best".
      seed: seed of the latents and of the kernel distance's subsets.
      features: feature net, as `load_features` takes it; "" means that of the run's config or of
        its data set. A function of the user's own must be named here to be used.
      metrics: names in METRICS; () means every metric that the feature net supports.

    Raises:
      UserError: a seed out of range, or an unknown metric.
    """

    num_samples: int = 0
    step: CheckpointRef = "last"
    seed: int = 0
    features: str = ""
    metrics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not SEED.test(self.seed):
            raise UserError(f"seed = {self.seed}: must be {SEED.allowed}")
        scoring.check_metric_names(self.metrics)


def evaluate(
    workdir: Path,
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
    return evaluate_run(workdir, request)


def evaluate_run(workdir: Path, request: EvaluateRequest) -> dict[str, Any]:
    """Scores a run's generator against the training set and against the test set.

    "generator" has the averaged weights if the run keeps an average; then "raw_generator" has the
    weights that training updates. The result is also written to `evaluation_file` in the run
    directory, and nothing else there is changed.

    Raises:
      UserError: no such run, step or feature net; a metric that the net does not support; too few
        or too many samples; images that the net does not take; a generator that gives NaN.
    """
    config, gan, state = checkpoints.load_run(workdir, request.step)
    num_samples = request.num_samples or _protocol_samples(config)
    request = dataclasses.replace(request, num_samples=num_samples)
    _check_trusted(workdir, config, request)
    net = scoring.feature_net_for(config, request.features)
    data = _load_splits(workdir, config, num_samples)
    labels = cycled_labels(gan, num_samples)
    # One image shows what the net gives: wrong metrics are refused before thousands are generated.
    example = dataclasses.replace(net.extract(data["train"].pixels[:1]), labels=labels)
    metrics = scoring.select_metrics(request.metrics, net.name, example)
    scoring.check_sample_count(metrics, num_samples)
    generated = _generate(workdir, gan, state, request)
    real, baseline = _extract_real(net, data, num_samples, labels is not None)
    fakes = {
        name: dataclasses.replace(net.extract(pixels), labels=labels)
        for name, pixels in generated.items()
    }
    key = stream_key(jax.random.key(request.seed), Stream.EVALUATE, SUBSETS)
    scores = scoring.score_with_baseline(metrics, net, real, baseline, fakes, key)
    histograms = scoring.histograms(metrics, fakes | real)
    protocol = _describe_protocol(request, net, data, state)
    result: dict[str, Any] = json_safe({"protocol": protocol, **scores, "histograms": histograms})
    write_json(workdir / evaluation_file(request.step), result)
    return result


def _check_trusted(workdir: Path, config: Config, request: EvaluateRequest) -> None:
    """Refuses to import code that only the record of a run names: the run may be a stranger's."""
    features = config.evaluate.features
    if not request.features and is_import_path(features):
        raise UserError(
            f"--workdir {workdir}: its run has the features {features!r}, code that is run only "
            f"if the command names it; if you trust it, add --features {features}"
        )


def _protocol_samples(config: Config) -> int:
    spec = DATASETS.get(config.data.name)
    return spec.protocol_samples if spec else PROTOCOL_SAMPLES


def _load_splits(workdir: Path, config: Config, num_samples: int) -> dict[str, Dataset]:
    data = {split: load_data(config.data, split) for split in SPLITS}
    check_same_data(workdir, data["train"].sha256, data["train"].source)
    smallest = min(len(dataset.pixels) for dataset in data.values())
    for split, dataset in data.items():
        # The distances depend on the number of samples, so both sets must have the same.
        if num_samples > len(dataset.pixels):
            raise UserError(
                f"num_samples = {num_samples}: {dataset.name} {split} has {len(dataset.pixels)} "
                f"{dataset.kind}; choose at most {smallest}"
            )
    return data


def _generate(
    workdir: Path, gan: Gan, state: TrainState, request: EvaluateRequest
) -> dict[str, np.ndarray]:
    """Returns the pixels of each generator, from the same latents."""
    count = request.num_samples
    key = stream_key(jax.random.key(request.seed), Stream.EVALUATE, LATENTS)
    generators = {GENERATOR: inference_variables(gan, state)}
    # Without an average, both would be the same weights.
    if state.ema_params:
        generators[RAW_GENERATOR] = (state.gen.params, state.gen.stats)
    pixels = {}
    for name, variables in generators.items():
        pixels[name], bad = generate_finite(gan, *variables, count, key)
        if bad:
            steps = checkpoints.steps(workdir / layout.CHECKPOINTS)
            raise UserError(
                f"--workdir {workdir}: the {name} of step {int(state.step)} gives NaN or infinity "
                f"in {bad} of {count} images; choose another step; there are: {steps}"
            )
    return pixels


def _extract_real(
    net: FeatureNet, data: Mapping[str, Dataset], num_samples: int, labelled: bool
) -> tuple[dict[str, FeatureSet], dict[str, FeatureSet]]:
    """Returns, by split, the images to score against and others to score as the baseline."""

    def extract(split: str, start: int = 0) -> FeatureSet:
        rows = slice(start, start + num_samples)
        labels = data[split].labels[rows] if labelled else None
        return dataclasses.replace(net.extract(data[split].pixels[rows]), labels=labels)

    real = {split: extract(split) for split in SPLITS}
    baseline = {"train": real["test"], "test": real["train"]}
    # Test images would add the difference of the two splits to this baseline.
    if _has_two_sets(data["train"], num_samples):
        baseline["train"] = extract("train", num_samples)
    return real, baseline


def _describe_protocol(
    request: EvaluateRequest, net: FeatureNet, data: Mapping[str, Dataset], state: TrainState
) -> dict[str, Any]:
    """Returns everything that the scores depend on, apart from the run."""
    train, num_samples = data["train"], request.num_samples
    first = f"{train.kind} 1 to {num_samples}"
    others = f"train {train.kind} {num_samples + 1} to {2 * num_samples}"
    two_sets = _has_two_sets(train, num_samples)
    return {
        "step": int(state.step),
        "num_samples": num_samples,
        "seed": request.seed,
        "features": net.name,
        "features_sha256": net.sha256,
        "data": train.name,
        "data_sha256": {split: dataset.sha256 for split, dataset in data.items()},
        "real": {split: f"{split} {first}" for split in SPLITS},
        "floor": {"train": others if two_sets else f"test {first}", "test": f"train {first}"},
        "weights": "averaged" if state.ema_params else "raw",
        "standing_latents": count_standing_latents(state),
        **scoring.metric_settings(num_samples),
        "jaxgan": __version__,
        "device": jax.devices()[0].device_kind,
    }


def _has_two_sets(train: Dataset, num_samples: int) -> bool:
    return len(train.pixels) >= 2 * num_samples
