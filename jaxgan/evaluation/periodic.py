"""A light evaluation at the end of an epoch, while a run trains.

It draws from a random stream of its own and changes no array of the state, so a run has the same
bits with it and without it.
"""

import dataclasses
import functools
import logging
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxgan import metrics
from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.data import Dataset, load_test_split, splits_of
from jaxgan.data.gaussian_mixtures import MIXTURES
from jaxgan.data.lazy_array import Array
from jaxgan.evaluation import scoring
from jaxgan.evaluation.metric_table import SetPair, histogram
from jaxgan.gan.sampling import generate_finite, proportional_labels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, Player, TrainState, pack
from jaxgan.metrics import FeatureNet, FeatureSet, Nearest
from jaxgan.metrics.feature_nets import BATCH
from jaxgan.metrics.packaged_nets import knows_labels
from jaxgan.types import Labels, Pixels, Stream, stream_key, to_images

logger = logging.getLogger(__name__)
LATENTS = 2  # counter of Stream.EVALUATE; the command `evaluate` has 0 and 1
MAX_CLASSES = 100  # with more, a row does not list the fraction of each
COPYING_SAMPLES = 500  # whose nearest training images are searched: 0.4 s on two cores
PAIRS = 32  # of those, the most similar ones, which are drawn
PERIODIC_METRICS = ("frechet", "class_histogram", "label_accuracy", "modes")
Row = dict[str, Any]
PackLogits = Float[jax.Array, " packs"] | Float[np.ndarray, " packs"]


class Pairs(NamedTuple):
    """Samples with their nearest training images, most similar first."""

    samples: np.ndarray  # uint8 (pairs, height, width, channels)
    nearest: np.ndarray
    ratios: np.ndarray  # distance over the median distance of held-out images


class PeriodicEvaluator:
    """Evaluates states of one run during training.

    Attributes:
      split: "test", or "train" if no images are held out.
      distance_name: name in a row of the distance to this split that selects the best state.
    """

    def __init__(self, config: Config, gan: Gan, train: Dataset, pixels: Pixels | Array):
        """Loads the feature net and the images to compare with.

        Args:
          train: the training set.
          pixels: its pixels, on the device, or on the host if they are streamed.

        Raises:
          UserError: a run of this config cannot be evaluated.
        """
        self.gan = gan
        self.net = _load_net(config, train.pixels[:1])
        self.split = splits_of(config.data)[-1]
        real = load_test_split(config.data, train) if self.split == "test" else train
        if self.split == "train":
            logger.warning(
                f"the set {train.name!r} has no held-out {train.kind}, so evaluations are against "
                f"the training {train.kind} alone, which the generator could copy; "
                "config.data.held_out=0.1 holds some out"
            )
        self.num_samples = fitting_samples(config, train, real)
        self._train, self._train_pixels = train, pixels
        self._real_pixels = real.pixels[: self.num_samples]
        self._real_labels = real.labels[: self.num_samples]
        self._mixture = MIXTURES.get(config.data.name)
        distance = "mode_distance" if self._mixture else "frechet"
        self.distance_name = self._feature_metric(distance, self.split)

    def evaluate(self, state: TrainState) -> tuple[Row, Pairs | None]:
        """Evaluates generator and discriminator.

        Returns:
          Entries of a row of metrics.jsonl, where None stands for a value that is not finite; and
          images to draw, or None for points, and if generated images are not finite.
        """
        key = stream_key(state.key, Stream.EVALUATE, LATENTS)
        variables = inference_variables(self.gan, state)
        fake, bad = generate_finite(self.gan, *variables, self.num_samples, key)
        opponent = fake
        # The discriminator trains against the raw weights, not against their average.
        if state.ema_params:
            raw = (state.gen.params, state.gen.stats)
            opponent, _ = generate_finite(self.gan, *raw, self.num_samples, key)
        row = self._evaluate_discriminator(state.disc, opponent)
        if bad:
            # The loop reads this entry after every evaluation.
            return {self.distance_name: None} | row, None
        copying, pairs = self._evaluate_copying(fake[:COPYING_SAMPLES])
        return self._evaluate_samples(fake) | row | copying, pairs

    def distance(self, state: TrainState) -> float | None:
        """Returns the value named `distance_name` alone."""
        row, _ = self.evaluate(state)
        return row[self.distance_name]

    def real_baseline(self) -> Row:
        """Scores real examples in place of generated ones; no generator is expected to beat them.

        They are the first training examples, or the second ones if the first are compared with; {}
        if there are not enough of them.
        """
        first = 0 if self.split == "test" else self.num_samples
        others = self._train.pixels[first : first + self.num_samples]
        if len(others) < self.num_samples:
            return {}
        scores = self._score(self.net.extract(others))
        modes = self._evaluate_modes(others).items()
        return scores | {name: value for name, value in modes if not isinstance(value, list)}

    def _score(self, images: FeatureSet) -> Row:
        names = scoring.supported_metrics(PERIODIC_METRICS, images)
        # Any key will do: only the kernel distance uses it, which is not among these metrics.
        sets = SetPair(self._real_features, images, jax.random.key(0))
        scores = scoring.score(names, sets)
        return {self._feature_metric(name, self.split): scores[name] for name in scores}

    def _evaluate_samples(self, fake: np.ndarray) -> Row:
        known = knows_labels(self.net, self._train)
        labels = proportional_labels(self.gan, len(fake)) if known else None
        images = dataclasses.replace(self.net.extract(fake), labels=labels)
        row = self._score(images)
        # More numbers than that would make each row of the log too long to read.
        if images.probabilities is not None and images.probabilities.shape[1] <= MAX_CLASSES:
            fractions = np.round(histogram(images), 6).tolist()
            row[self._feature_metric("class_fractions", "generated")] = fractions
        return row | self._evaluate_modes(fake)

    def _evaluate_modes(self, fake: np.ndarray) -> Row:
        if not self._mixture:
            return {}
        generated, real = (
            metrics.mode_fractions(x, *self._mixture) for x in (fake, self._real_pixels)
        )
        return {
            self._feature_metric("mode_distance", self.split): metrics.mode_distance(
                real, generated
            ),
            self._feature_metric("mode_fractions", "generated"): np.round(generated, 6).tolist(),
        }

    def _evaluate_discriminator(self, disc: Player, fake: np.ndarray) -> Row:
        # These compare images that D was not trained on with those that it was.
        if self.split == "train":
            return {}
        count = self.num_samples
        labels = proportional_labels(self.gan, count)
        fake_labels = np.zeros(count, np.int32) if labels is None else np.asarray(labels)
        train = logits(self.gan, disc, self._train.pixels[:count], self._train.labels[:count])
        test = logits(self.gan, disc, self._real_pixels, self._real_labels)
        fakes = logits(self.gan, disc, fake, fake_labels)
        # Called only for finite logits: with NaN, comparisons and sorting give wrong numbers.
        values = {
            "disc_accuracy/test": lambda: metrics.logit_accuracy(test, fakes),
            "disc_auc/test": lambda: metrics.area_under_curve(test, fakes),
            "disc_calibration_error/test": lambda: metrics.calibration_error(test, fakes),
            "disc_logit_gap/train-test": lambda: float(train.mean() - test.mean()),
            "disc_accuracy_gap/train-test": lambda: float(np.mean(train > 0) - np.mean(test > 0)),
        }
        finite = all(np.isfinite(found).all() for found in (train, test, fakes))
        return {f"eval/{name}/n{count}": get() if finite else None for name, get in values.items()}

    def _evaluate_copying(self, fake: np.ndarray) -> tuple[Row, Pairs | None]:
        # Among many points of a plane, every point has a near neighbour. Without held-out images
        # there is no distance to compare with.
        if fake.ndim == 2 or self.split == "train":
            return {}, None
        held_out = self._held_out_distances
        name = f"eval/copying/train/n{len(fake)}"
        # Test images that are all in the training set give no unit for distances.
        if not (median := float(np.median(held_out))):
            return {name: None}, None
        nearest = metrics.nearest_images(fake, self._train_pixels)
        pairs = most_similar(fake, nearest, self._train, median)
        return {name: metrics.copying_ratio(nearest.distances, held_out)}, pairs

    @functools.cached_property
    def _real_features(self) -> FeatureSet:
        return self.net.extract(self._real_pixels)

    @functools.cached_property
    def _held_out_distances(self) -> np.ndarray:
        return metrics.nearest_images(
            self._real_pixels[:COPYING_SAMPLES], self._train_pixels
        ).distances

    def _feature_metric(self, value: str, split: str) -> str:
        name = scoring.metric_name(value, split, num_samples=self.num_samples, net=self.net)
        return f"eval/{name}"


def most_similar(fake: np.ndarray, nearest: Nearest, train: Dataset, unit: float) -> Pairs:
    """Returns the samples that are nearest to a training image, each with that image.

    Args:
      fake: uint8 (n, height, width, channels).
      nearest: the nearest training image of each.
      unit: distances are divided by it.
    """
    # Stable, so that the same pairs are drawn on every machine if distances are equal.
    first = np.argsort(nearest.distances, kind="stable")[:PAIRS]
    originals = train.pixels[nearest.indices[first]]
    return Pairs(fake[first], originals, nearest.distances[first] / unit)


def logits(gan: Gan, disc: Player, pixels: np.ndarray, labels: np.ndarray) -> PackLogits:
    """Computes the discriminator's logits in inference mode, without augmentation.

    Args:
      pixels: images that do not fill a last pack are left out.
      labels: (images,), used by a class-conditional discriminator only.

    Returns:
      numpy float32, one logit for each pack of images.
    """
    packs = len(pixels) // gan.packing
    size = min(max(1, BATCH // gan.packing), packs)
    found = np.empty(packs, np.float32)
    for start in range(0, packs, size):
        # The last block overlaps the one before: a shorter one would be compiled anew.
        start = min(start, packs - size)
        images = slice(start * gan.packing, (start + size) * gan.packing)
        found[start : start + size] = _logits(gan, disc, pixels[images], labels[images])
    return found


@functools.partial(jax.jit, static_argnums=0)
def _logits(gan: Gan, disc: Player, pixels: Pixels, labels: Labels) -> PackLogits:
    images = pack(to_images(pixels), gan.packing)
    variables = {"params": disc.params, **disc.stats}
    return gan.disc.apply(variables, images, False, labels if gan.classes else None)


def _load_net(config: Config, example: np.ndarray) -> FeatureNet:
    try:
        net = scoring.feature_net_for(config)
        if config.evaluate.features:
            # Not every net takes these images: better known now than after the first epoch.
            net.extract(example)
        return net
    except UserError as error:
        every = config.evaluate.every
        raise UserError(f"config.evaluate.every = {every}: {error}, or set it to 0") from error


def fitting_samples(config: Config, *datasets: Dataset) -> int:
    """Returns config.evaluate.num_samples, or as many as the smallest of the sets has.

    Raises:
      UserError: there are too few images to compare.
    """
    wanted = config.evaluate.num_samples
    count = min(wanted, *(len(dataset.pixels) for dataset in datasets))
    if count < max(2, config.packing):
        least = f"config.packing = {config.packing}" if config.packing > 2 else "2"
        raise UserError(
            f"config.evaluate.num_samples = {wanted}: there are {count} images to compare; must be "
            f"at least {least}, or set config.evaluate.every to 0"
        )
    if count < wanted:
        smallest = min(datasets, key=lambda dataset: len(dataset.pixels))
        logger.info(
            f"evaluations compare {count} {smallest.kind} and not {wanted}, since "
            f"the {smallest.split} split of {smallest.name!r} has no more"
        )
    return count
