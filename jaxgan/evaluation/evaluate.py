"""The verb `evaluate`: how far a run's images are from real ones, beside how far real ones are.

The floor is what real images score against other real images: no generator can be asked to do
better, and distances in other features or at other numbers of samples have other floors.
"""

import dataclasses
import functools
import logging
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
from jaxgan.gan.standing_stats import inference_variables, standing_latents
from jaxgan.gan.state import Gan, TrainState
from jaxgan.metrics.feature_nets import FeatureNet, FeatureSet
from jaxgan.runs import checkpoints, directory, layout
from jaxgan.runs.checkpoint_ref import CheckpointRef, evaluation_file
from jaxgan.runs.environment import check_same_data
from jaxgan.runs.files import json_safe, write_json
from jaxgan.types import Labels, Stream, stream_key

logger = logging.getLogger(__name__)
SPLITS = ("train", "test")
GENERATOR, RAW_GENERATOR = "generator", "raw_generator"
LATENTS, SUBSETS = 0, 1  # counters of the evaluation's stream


def evaluate(
    workdir: Path,
    num_samples: int = 0,
    step: CheckpointRef = "last",
    seed: int = 0,
    features: str = "",
    metrics: Iterable[str] = (),
) -> dict[str, Any]:
    """Scores a run's generator, writes its `evaluation_file` and returns what that holds.

    Each score is of `num_samples` images against as many real ones: of the training set, and of
    the test set, which training never saw. "generator" has the averaged weights where the run
    keeps an average, and then "raw_generator" has those that training left.

    Args:
      workdir: a run directory; nothing else in it is changed.
      num_samples: examples in each set; 0: as many as the protocol of the run's data set.
      step: of the checkpoint, or "last" or "best".
      seed: of the latents and of the kernel distance's subsets.
      features: a feature net, as `load_features` has them; "" is that of the run's data set.
      metrics: names in `scores.METRICS`; none means all that the net allows.

    Raises:
      UserError: no such run, step, metric or net; more or fewer samples than can be; images
        that the net does not take; a generator that gives NaN.
    """
    if not SEED.test(seed):
        raise UserError(f"seed = {seed}: must be {SEED.allowed}")
    asked = tuple(metrics)
    num_samples = num_samples or _protocol_samples(directory.read_config(workdir))
    known = scoring.check_metrics(asked)
    config, gan, state = checkpoints.load_run(workdir, step)
    net = scoring.feature_net_for(config, features)
    data = _load_splits(workdir, config, num_samples)
    labels = cycled_labels(gan, num_samples)
    seen = dataclasses.replace(net.extract(data["train"].pixels[:1]), labels=labels)
    chosen = scoring.supported_metrics(asked, known, net.name, seen)
    scoring.check_count(chosen, num_samples)
    generated = _generated(workdir, gan, state, num_samples, seed)
    result: dict[str, Any] = json_safe(
        {"protocol": _protocol(net, data, state, num_samples, seed)}
        | _scored(chosen, net, data, generated, labels, num_samples, seed)
    )
    write_json(workdir / evaluation_file(step), result)
    return result


def _protocol_samples(config: Config) -> int:
    spec = DATASETS.get(config.data.name)
    return spec.protocol_samples if spec else PROTOCOL_SAMPLES


def _load_splits(workdir: Path, config: Config, num_samples: int) -> dict[str, Dataset]:
    data = {split: load_data(config.data, split) for split in SPLITS}
    check_same_data(workdir, data["train"].sha256, data["train"].source)
    most = min(len(part.pixels) for part in data.values())
    for split, part in data.items():
        if num_samples > len(part.pixels):
            raise UserError(
                f"num_samples = {num_samples}: {part.name} {split} has {len(part.pixels)} "
                f"{part.kind}; choose at most {most}"
            )
    return data


def _generated(
    workdir: Path, gan: Gan, state: TrainState, count: int, seed: int
) -> dict[str, np.ndarray]:
    """Pixels of each generator, from the same latents."""
    key = stream_key(jax.random.key(seed), Stream.EVALUATE, LATENTS)
    generators = {GENERATOR: inference_variables(gan, state)}
    if state.ema_params:
        generators[RAW_GENERATOR] = (state.gen.params, state.gen.stats)
    pixels = {}
    for who, variables in generators.items():
        pixels[who], bad = generate_finite(gan, *variables, count, key)
        if bad:
            known = checkpoints.steps(workdir / layout.CHECKPOINTS)
            raise UserError(
                f"--workdir {workdir}: the {who} of step {int(state.step)} gives NaN or infinity "
                f"in {bad} of {count} images; choose another step; there are: {known}"
            )
    return pixels


def _protocol(
    net: FeatureNet, data: dict[str, Dataset], state: TrainState, num_samples: int, seed: int
) -> dict[str, Any]:
    """All that the numbers depend on, besides the run."""
    what = data["train"].kind
    first = f"{what} 1 to {num_samples}"
    others = f"train {what} {num_samples + 1} to {2 * num_samples}"
    two = _has_two_sets(data["train"], num_samples)
    return {
        "step": int(state.step),
        "num_samples": num_samples,
        "seed": seed,
        "features": net.name,
        "features_sha256": net.sha256,
        "data": data["train"].name,
        "data_sha256": {split: part.sha256 for split, part in data.items()},
        "real": {split: f"{split} {first}" for split in SPLITS},
        "floor": {"train": others if two else f"test {first}", "test": f"train {first}"},
        "weights": "averaged" if state.ema_params else "raw",
        "standing_latents": standing_latents(state),
        **scoring.metric_settings(num_samples),
        "jaxgan": __version__,
        "device": jax.devices()[0].device_kind,
    }


def _scored(
    metrics: tuple[str, ...],
    net: FeatureNet,
    data: Mapping[str, Dataset],
    generated: Mapping[str, np.ndarray],
    labels: Labels | None,
    num_samples: int,
    seed: int,
) -> dict[str, Any]:
    real, floor = _extracted(net, data, num_samples, labels is not None)
    fakes = {
        who: dataclasses.replace(net.extract(pixels), labels=labels)
        for who, pixels in generated.items()
    }
    name = functools.partial(scoring.metric_name, num_samples=num_samples, net=net)
    key = stream_key(jax.random.key(seed), Stream.EVALUATE, SUBSETS)
    return {
        **scoring.score_all(metrics, real, floor, fakes, key, name, logger.info),
        "histograms": scoring.histograms(metrics, fakes | real),
    }


def _extracted(
    net: FeatureNet, data: Mapping[str, Dataset], num_samples: int, labelled: bool
) -> tuple[dict[str, FeatureSet], dict[str, FeatureSet]]:
    """Of each split: the images to score against, and others to score as the floor."""

    def seen(split: str, start: int = 0) -> FeatureSet:
        chosen = slice(start, start + num_samples)
        labels = data[split].labels[chosen] if labelled else None
        return dataclasses.replace(net.extract(data[split].pixels[chosen]), labels=labels)

    real = {split: seen(split) for split in SPLITS}
    floor = {"train": real["test"], "test": real["train"]}
    if _has_two_sets(data["train"], num_samples):
        floor["train"] = seen("train", num_samples)
    return real, floor


def _has_two_sets(train: Dataset, num_samples: int) -> bool:
    return len(train.pixels) >= 2 * num_samples
