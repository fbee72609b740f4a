"""Measuring while a run trains: a light evaluation at the end of an epoch, for that epoch's row.

It draws from a stream of its own and changes no array of the state, so that a run has the same
bits with it and without.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data import Dataset, load_data
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.data.lazy_array import Array
from jaxgan.evaluation import metric_table, scoring
from jaxgan.gan.sampling import cycled_labels, generate_finite
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, Player, TrainState, pack, with_labels
from jaxgan.metrics import (
    area_under_curve,
    calibration_error,
    copying_ratio,
    logit_accuracy,
    mode_distance,
    mode_fractions,
    nearest_images,
)
from jaxgan.metrics.feature_nets import BATCH, FeatureNet, FeatureSet
from jaxgan.types import Labels, Logits, Pixels, Stream, stream_key, to_images

LATENTS = 2  # counter of the evaluation's stream; the verb `evaluate` has 0 and 1
MAX_CLASSES = 100  # whose fractions are put into a row
COPIES = 500  # images of which the nearest training image is sought: 0.4 s on two cores
PAIRS = 32  # of those, the most alike to be shown
PERIODIC_METRICS = ("frechet", "class_histogram", "label_accuracy", "modes")
Row = dict[str, Any]


class Pairs(NamedTuple):
    """Samples with their nearest training images, most alike first."""

    samples: np.ndarray  # uint8 (pairs, height, width, channels)
    nearest: np.ndarray
    ratios: np.ndarray  # distance over the median of held-out images


class Evaluation(NamedTuple):
    row: Row
    pairs: Pairs | None  # none where images were not finite


class PeriodicEvaluator:
    """What a state is measured against: real images, and what the feature net says of them.

    Attributes:
      distance_name: the name of the held-out distance by which the best state is chosen.
    """

    def __init__(self, config: Config, gan: Gan, train: Dataset, pixels: Pixels | Array):
        """`pixels` is the training set on the device, or on the host where it is streamed.

        Raises:
          UserError: a run of this config cannot be measured.
        """
        self.gan = gan
        self.net = _net(config)
        self.count = config.evaluate.num_samples
        test = load_data(config.data, "test")
        for part in (train, test):
            if self.count > len(part.pixels):
                raise UserError(
                    f"config.evaluate.num_samples = {self.count}: {part.name} {part.split} has "
                    f"{len(part.pixels)} {part.kind}; must be at most that"
                )
        if self.count < config.packing:
            raise UserError(
                f"config.evaluate.num_samples = {self.count}: must be at least config.packing = "
                f"{config.packing}"
            )
        self._test = test.pixels[: self.count]
        self._labels = [part.labels[: self.count] for part in (train, test)]
        self._train = train.pixels
        self._pixels = pixels
        self._mixture = MIXTURES.get(config.data.name)
        self.distance_name = self._named(
            "mode_distance" if self._mixture else "frechet", "test", self.net
        )

    def evaluate(self, state: TrainState) -> Evaluation:
        """What a state scores; what is not finite is None."""
        key = stream_key(state.key, Stream.EVALUATE, LATENTS)
        fake, bad = generate_finite(
            self.gan, *inference_variables(self.gan, state), self.count, key
        )
        opponent = fake
        if state.ema_params:
            raw = state.gen
            opponent, _ = generate_finite(self.gan, raw.params, raw.stats, self.count, key)
        row = self._of_discriminator(state.disc, opponent)
        if bad:
            return Evaluation({self.distance_name: None} | row, None)
        copying, pairs = self._of_copying(fake[:COPIES])
        return Evaluation(self._of_samples(fake) | row | copying, pairs)

    def distance(self, state: TrainState) -> float | None:
        """The held-out distance alone."""
        return self.evaluate(state).row[self.distance_name]

    @functools.cached_property
    def _real(self) -> FeatureSet:
        return self.net.extract(self._test)

    def _of_samples(self, fake: np.ndarray) -> Row:
        labels = cycled_labels(self.gan, len(fake))
        found = dataclasses.replace(self.net.extract(fake), labels=labels)
        metrics = scoring.supported_metrics((), PERIODIC_METRICS, self.net.name, found)
        sets = metric_table.SetPair(
            self._real, found, jax.random.key(0)
        )  # the key is for other metrics
        values = scoring.score(metrics, sets)
        row: Row = {self._named(name, "test", self.net): values[name] for name in values}
        if found.probabilities is not None and found.probabilities.shape[1] <= MAX_CLASSES:
            fractions = np.round(metric_table.histogram(found), 6).tolist()
            row[self._named("class_fractions", "generated", self.net)] = fractions
        return row | self._of_modes(fake)

    def _of_modes(self, fake: np.ndarray) -> Row:
        if not self._mixture:
            return {}
        reached, real = (mode_fractions(points, *self._mixture) for points in (fake, self._test))
        return {
            self._named("mode_distance", "test", self.net): mode_distance(real, reached),
            self._named("mode_fractions", "generated", self.net): np.round(reached, 6).tolist(),
        }

    def _of_discriminator(self, disc: Player, fake: np.ndarray) -> Row:
        sets = (self._train[: self.count], self._test, fake)
        labels = [*self._labels, np.arange(self.count) % max(1, self.gan.classes)]
        train, test, fakes = (
            logits(self.gan, disc, *pair) for pair in zip(sets, labels, strict=True)
        )
        measures: Mapping[str, tuple[Callable[[], float], str]] = {
            "disc_accuracy": (lambda: logit_accuracy(test, fakes), "test"),
            "disc_auc": (lambda: area_under_curve(test, fakes), "test"),
            "disc_calibration_error": (lambda: calibration_error(test, fakes), "test"),
            "disc_logit_gap": (lambda: float(train.mean() - test.mean()), "train-test"),
            "disc_accuracy_gap": (
                lambda: float(np.mean(train > 0) - np.mean(test > 0)),
                "train-test",
            ),
        }
        finite = all(np.isfinite(part).all() for part in (train, test, fakes))
        return {
            self._named(name, against): value() if finite else None
            for name, (value, against) in measures.items()
        }

    def _of_copying(self, fake: np.ndarray) -> tuple[Row, Pairs | None]:
        if fake.ndim == 2:  # points of a plane have neighbours wherever there are enough
            return {}, None
        held_out = self._held_out_distances
        name = f"eval/copying/train/n{len(fake)}"
        if not (middle := float(np.median(held_out))):
            return {name: None}, None
        found = nearest_images(fake, self._pixels)
        first = np.argsort(found.distances, kind="stable")[:PAIRS]
        alike = self._train[found.indices[first]]
        pairs = Pairs(fake[first], alike, found.distances[first] / middle)
        return {name: copying_ratio(found.distances, held_out)}, pairs

    @functools.cached_property
    def _held_out_distances(self) -> np.ndarray:
        return nearest_images(self._test[:COPIES], self._pixels).distances

    def _named(self, value: str, against: str, net: Any = None) -> str:
        """A name that says what the number depends on: N, split and the net's SHA-256."""
        if net is None:
            return f"eval/{value}/{against}/n{self.count}"
        return "eval/" + scoring.metric_name(value, against, num_samples=self.count, net=net)


def logits(gan: Gan, disc: Player, pixels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """D's logits as at test time, one for each pack of images, none of them augmented.

    Labels are only looked at by a class-conditional D. Images that do not fill a pack are left
    out. Returns numpy float32.
    """
    packs = len(pixels) // gan.packing
    size = min(max(1, BATCH // gan.packing), packs)
    found = np.empty(packs, np.float32)
    for start in range(0, packs, size):
        start = min(start, packs - size)  # the last block overlaps the one before
        chosen = slice(start * gan.packing, (start + size) * gan.packing)
        found[start : start + size] = _logits(gan, disc, pixels[chosen], labels[chosen])
    return found


@functools.partial(jax.jit, static_argnums=0)
def _logits(gan: Gan, disc: Player, pixels: Pixels, labels: Labels) -> Logits:
    images = pack(to_images(pixels), gan.packing)
    variables = {"params": disc.params, **disc.stats}
    given = with_labels(labels if gan.classes else None)
    found: Logits = gan.disc.apply(variables, images, False, *given)  # type: ignore
    return found


def _net(config: Config) -> FeatureNet:
    try:
        return scoring.feature_net_for(config)
    except UserError as error:
        every = config.evaluate.every
        raise UserError(f"config.evaluate.every = {every}: {error}, or set it to 0") from error
