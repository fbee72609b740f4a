"""Trains a packaged feature net, which is a classifier of the images of one data set.

    python -m jaxgan.metrics.train_features --config configs/features_mnist.py

writes the weights with batch normalization folded in, and prints their accuracy on the test
images and the SHA-256 for `packaged_nets.PINNED`. The test images are used once, at the end. The
same seed on the same machine gives the same weights.
"""

import argparse
import dataclasses
import functools
import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import struct
from flax.traverse_util import flatten_dict
from jaxtyping import Array, Int, PyTree

from jaxgan.config.errors import UserError
from jaxgan.config.fields import (
    DECAY,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    at_least,
    iter_settings,
    setting,
)
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import DataConfig
from jaxgan.data import Dataset, epoch_order, load_data, load_test_split
from jaxgan.metrics import classifier_net, colour_net
from jaxgan.metrics.classifier_net import Classifier
from jaxgan.metrics.colour_net import ColourClassifier
from jaxgan.metrics.feature_nets import FeatureNet
from jaxgan.metrics.packaged_nets import COLOUR, WEIGHTS, packaged_net
from jaxgan.types import (
    Images,
    Labels,
    Params,
    Pixels,
    PRNGKey,
    Scalar,
    Stream,
    stream_key,
    to_images,
)

MUON_MOMENTUM = 0.6
BACKGROUND = -1.0  # black: the background of digits and clothes, and the colour of erased squares


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """Settings of the training of a feature net."""

    data: DataConfig
    net: str = setting("", 'name of the net; "" means that of the data set')
    seed: int = setting(0, "seed of all random numbers", SEED)
    epochs: int = setting(20, "passes over the training images", at_least(1))
    batch_size: int = setting(128, "images per update", at_least(1))
    learning_rate: float = setting(
        2e-3, "peak learning rate, after one epoch of warm-up; then cosine decay to 0", POSITIVE
    )
    weight_decay: float = setting(0.01, "decoupled weight decay of kernels (AdamW)", NOT_NEGATIVE)
    muon: float = setting(
        0.0, "peak learning rate of kernels with Muon in place of AdamW; 0: AdamW", NOT_NEGATIVE
    )
    whiten: int = setting(
        0,
        "number of images from which the first kernel of the colour net is computed, so that it "
        "whitens; it is then not trained. 0: the kernel is drawn at random and trained",
        at_least(0),
    )
    smoothing: float = setting(0.0, "label smoothing", DECAY)
    dropout: float = setting(0.3, "fraction of features dropped", DECAY)
    ema_decay: float = setting(0.999, "decay of the averaged weights per update", DECAY)
    rotation: float = setting(0.0, "largest rotation, degrees", NOT_NEGATIVE)
    scale: float = setting(0.0, "largest change of size, as a fraction", DECAY)
    shift: float = setting(2.0, "largest shift along each axis, pixels", NOT_NEGATIVE)
    crop: int = setting(0, "largest shift by whole pixels, with reflected borders", at_least(0))
    mirror: bool = setting(False, "mirror half of the images")
    erase: int = setting(0, "side of a random black square, pixels", at_least(0))

    def __post_init__(self) -> None:
        for name, field, value in iter_settings(self):
            if not (check := field.metadata["check"]).test(value):
                raise UserError(f"config.{name} = {value!r}: must be {check.allowed}")
        if self.whiten and self.net_name != COLOUR:
            raise UserError(f"config.whiten = {self.whiten}: must be 0, or config.net {COLOUR!r}")

    @property
    def net_name(self) -> str:
        return self.net or self.data.name

    @property
    def network(self) -> nn.Module:
        """The network with batch normalization, as it is trained."""
        if self.net_name == COLOUR:
            return ColourClassifier(
                dropout=self.dropout, normalise=True, freeze_first=bool(self.whiten)
            )
        return Classifier(dropout=self.dropout, normalise=True)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return colour_net.SHAPE if self.net_name == COLOUR else classifier_net.SHAPE


class Learner(struct.PyTreeNode):
    """State of the training; all but the root key changes."""

    step: jax.Array
    key: jax.Array
    variables: Params  # weights and batch statistics
    average: Params  # exponential moving average of the variables
    opt_state: Params


def main(config: FeatureConfig, out: Path) -> None:
    """Trains, writes the weights to the file `out` and prints the accuracy on the test images."""
    start = time.monotonic()
    out.parent.mkdir(parents=True, exist_ok=True)
    data = load_data(config.data, "train")
    for average in train(config, data):
        raw = write_weights(out, fold_batch_norm(average))
    # Built from the bytes of the file, so that the accuracy is that of the rounded weights.
    net = packaged_net(config.net_name, raw)
    accuracy = accuracy_on(net, load_test_split(config.data, data))
    seconds, device = time.monotonic() - start, jax.devices()[0].device_kind
    print(f"{out}: {out.stat().st_size} bytes, SHA-256 {net.sha256}")
    print(f"test accuracy {accuracy:.2%}, seed {config.seed}, {device}, {seconds:.0f} s")


def train(config: FeatureConfig, data: Dataset) -> Iterator[Params]:
    """Yields the averaged variables after each epoch."""
    steps = len(data.pixels) // config.batch_size
    tx = optimizer(config, steps)
    state = init(config, tx, jax.random.key(config.seed), data.pixels[: config.whiten])
    pixels, labels = jnp.asarray(data.pixels[:]), jnp.asarray(data.labels)
    for epoch in range(config.epochs):
        losses = []
        order = epoch_order(state.key, epoch, len(pixels), config.batch_size)
        # One by one, since XLA's convolutions on CPU are 20 to 100 times slower within a scan. The
        # rows are numpy's: to take a JAX array apart is one more program, slow to compile.
        for row in np.asarray(order):
            state, loss = update(config, tx, state, pixels, labels, row)
            losses.append(loss)
        print(f"epoch {epoch + 1} of {config.epochs}: loss {np.mean(losses):.4f}", flush=True)
        yield state.average


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def update(
    config: FeatureConfig,
    tx: optax.GradientTransformation,
    state: Learner,
    pixels: Pixels,
    labels: Labels,
    row: Int[Array, " images"],
) -> tuple[Learner, Scalar]:
    """Makes one update with the mean cross-entropy of augmented images; `row` has their indices."""
    key = stream_key(state.key, Stream.UPDATE, state.step)
    augment_key, dropout_key = jax.random.split(key)
    images = augment(config, to_images(pixels[row]), augment_key)
    stats = {"batch_stats": state.variables["batch_stats"]}

    def loss_fn(params: Params) -> tuple[Scalar, Params]:
        (_, logits), stats_after = config.network.apply(
            {"params": params, **stats},
            images,
            train=True,
            rngs={"dropout": dropout_key},
            mutable=["batch_stats"],
        )
        wanted = jax.nn.one_hot(labels[row], logits.shape[1])
        wanted = optax.smooth_labels(wanted, config.smoothing)
        return jnp.mean(optax.softmax_cross_entropy(logits, wanted)), stats_after

    params = state.variables["params"]
    (loss, stats), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = tx.update(grads, state.opt_state, params)
    variables = {"params": optax.apply_updates(params, updates), **stats}
    average = optax.incremental_update(variables, state.average, 1 - config.ema_decay)
    step = state.step + 1
    return state.replace(step=step, variables=variables, average=average, opt_state=opt_state), loss


def init(
    config: FeatureConfig, tx: optax.GradientTransformation, key: PRNGKey, seen: np.ndarray
) -> Learner:
    """Returns the state before the first update.

    `key` is the root of all random numbers; the first kernel whitens the images `seen`, if any.
    """
    variables = config.network.init(
        stream_key(key, Stream.INIT, 0), jnp.zeros((1, *config.image_shape))
    )
    if len(seen):
        first = variables["params"]["conv0"]
        first["kernel"] = colour_net.whitening_kernel(seen, first["kernel"].shape[3])
    return Learner(
        step=jnp.zeros((), jnp.int32),
        key=key,
        variables=variables,
        # A copy, since `update` donates the state, and a buffer can be donated only once.
        average=jax.tree.map(jnp.copy, variables),
        opt_state=tx.init(variables["params"]),
    )


@functools.cache
def optimizer(config: FeatureConfig, steps: int) -> optax.GradientTransformation:
    """Builds AdamW (Loshchilov & Hutter 2019), or Muon (Jordan et al. 2024) with Adam.

    Args:
      steps: number of steps in an epoch.
    """
    # Later than the warm-up, even with a single epoch.
    last = config.epochs * steps + 1
    rate = optax.warmup_cosine_decay_schedule(0.0, config.learning_rate, steps, last)
    if config.muon:
        kernel_rate = optax.warmup_cosine_decay_schedule(0.0, config.muon, steps, last)
        muon = optax.contrib.muon(
            kernel_rate,
            beta=MUON_MOMENTUM,
            adam_learning_rate=rate,
            muon_weight_dimension_numbers=convolution_matrices,
        )
        return optax.chain(muon, keep_norms())

    # Only kernels decay; they have more than one axis, biases and gains have one.
    def is_kernel(params: Params) -> PyTree[bool]:
        return jax.tree.map(lambda leaf: leaf.ndim > 1, params)

    return optax.adamw(rate, weight_decay=config.weight_decay, mask=is_kernel)


def keep_norms() -> optax.GradientTransformation:
    """Changes updates so that each convolution's kernel has the norm sqrt(outputs) after them.

    Without this the norm grows, and Muon's updates become small beside it. What the net computes
    stays the same, since batch normalization divides by the norm. The colour
    net's first layer has neither batch normalization nor a bias. A factor of its kernel therefore
    reaches the second layer, whose batch normalization divides it out.
    """

    def change(update: Array, kernel: Array) -> Array:
        if kernel.ndim != 4:
            return update
        after = kernel + update
        return after * jnp.sqrt(kernel.shape[3]) / jnp.linalg.norm(after) - kernel

    return optax.stateless(lambda updates, params: jax.tree.map(change, updates, params))


def convolution_matrices(params: Params) -> PyTree[Any]:
    """Tells Muon to take a convolution's kernel for a matrix of inputs by outputs."""
    matrix = optax.contrib.MuonDimensionNumbers((0, 1, 2), (3,))
    return jax.tree.map(lambda leaf: matrix if leaf.ndim == 4 else None, params)


def augment(config: FeatureConfig, images: Images, key: PRNGKey) -> Images:
    """Rotates, scales, shifts, mirrors and partly erases each image at random."""
    keys = jax.random.split(key, len(images))
    one = crop_one if config.crop else augment_one
    return jax.vmap(functools.partial(one, config))(images, keys)


def crop_one(config: FeatureConfig, image: Array, key: PRNGKey) -> Array:
    """Shifts one image (height, width, channels) by whole pixels, mirrors and partly erases it."""
    shift_key, mirror_key, erase_key = jax.random.split(key, 3)
    border = (config.crop, config.crop)
    padded = jnp.pad(image, (border, border, (0, 0)), "reflect")
    top, left = jax.random.randint(shift_key, (2,), 0, 2 * config.crop + 1)
    cropped = jax.lax.dynamic_slice(padded, (top, left, 0), image.shape)
    mirrored = config.mirror & jax.random.bernoulli(mirror_key)
    return erase_square(jnp.where(mirrored, cropped[:, ::-1], cropped), config.erase, erase_key)


def augment_one(config: FeatureConfig, image: Array, key: PRNGKey) -> Array:
    """Augments one image (height, width, 1), by linear interpolation, and partly erases it."""
    rotation_key, scale_key, shift_key, mirror_key, erase_key = jax.random.split(key, 5)
    size = image.shape[0]
    angle = jnp.deg2rad(config.rotation) * jax.random.uniform(rotation_key, minval=-1)
    scale = 1 + config.scale * jax.random.uniform(scale_key, minval=-1)
    shift = config.shift * jax.random.uniform(shift_key, (2,), minval=-1)
    sign = jnp.where(config.mirror & jax.random.bernoulli(mirror_key), -1, 1)
    cosine, sine = jnp.cos(angle) / scale, jnp.sin(angle) / scale

    rows, columns = jnp.mgrid[:size, :size]
    down, right = rows - (size - 1) / 2, columns - (size - 1) / 2  # from the centre
    source = [
        cosine * down - sine * right + shift[0] + (size - 1) / 2,
        sign * (sine * down + cosine * right) + shift[1] + (size - 1) / 2,
    ]
    warped = jax.scipy.ndimage.map_coordinates(image[..., 0], source, 1, cval=BACKGROUND)
    return erase_square(warped[..., None], config.erase, erase_key)


def erase_square(image: Array, side: int, key: PRNGKey) -> Array:
    """Makes a square black, at a random place of an image (height, width, channels)."""
    rows, columns = jnp.mgrid[: image.shape[0], : image.shape[1]]
    top, left = jax.random.randint(key, (2,), 0, jnp.array(image.shape[:2]) - side + 1)
    kept = (rows < top) | (rows >= top + side) | (columns < left) | (columns >= left + side)
    return jnp.where(kept[..., None], image, BACKGROUND)


def fold_batch_norm(variables: Params) -> Params:
    """Returns the parameters of the net without batch normalization.

    Both nets compute the same.
    """
    params, stats = variables["params"], variables["batch_stats"]
    folded = {name: layer for name, layer in params.items() if not name.endswith("_norm")}
    for norm, values in stats.items():
        layer = norm.removesuffix("_norm")
        # 1e-5 is Linen's default epsilon, with which the net was trained.
        gain = params[norm].get("scale", 1.0) / jnp.sqrt(values["var"] + 1e-5)
        kernel = params[layer]["kernel"]
        folded[layer] = {
            "kernel": kernel * gain.reshape(*(1,) * (kernel.ndim - 1), -1),
            "bias": params[norm]["bias"] - values["mean"] * gain,
        }
    return folded


def write_weights(out: Path, params: Params) -> bytes:
    """Writes half-precision weights to an .npz file, by layer name, and returns its bytes."""
    flat = flatten_dict(params, sep="/")
    # Sorted, so that equal weights give equal bytes, and with them the same SHA-256.
    arrays: Any = {name: np.asarray(flat[name], np.float16) for name in sorted(flat)}
    np.savez(out, **arrays)
    return out.read_bytes()


def accuracy_on(net: FeatureNet, data: Dataset) -> float:
    """Returns the fraction of the images that the net classifies as their label."""
    probabilities = net.extract(data.pixels[:]).probabilities
    return float(np.mean(np.argmax(np.asarray(probabilities), axis=1) == data.labels))


def command_line() -> None:
    """Parses the command line and trains."""
    parser = argparse.ArgumentParser(description="Trains a packaged feature net.")
    parser.add_argument("--config", type=expand_path, required=True, metavar="FILE")
    parser.add_argument("--data_dir", default="", metavar="DIR", help="folder with the IDX files")
    parser.add_argument(
        "--out", type=expand_path, metavar="FILE", help="default: the packaged weights"
    )
    options = parser.parse_args()
    try:
        config = runpy.run_path(str(options.config))["get_config"]()
        data = dataclasses.replace(config.data, dir=options.data_dir)
        out = options.out or WEIGHTS / f"{config.net_name}.npz"
        main(dataclasses.replace(config, data=data), out)
    except (UserError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    command_line()
