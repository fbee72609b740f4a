"""The Inception network of the literature's scores: FID, KID, Inception Score.

It is the network that TensorFlow published on 2015-12-05, not the Inception-v3 of other libraries:
its averages leave out padding, its last block takes a maximum, and it has 1008 classes. Layers are
named as in the published weights.

Sources: Szegedy et al. 2016 (arXiv:1512.00567); Heusel et al. 2017 (arXiv:1706.08500).
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.types import Params, Pixels

SIDE = 299  # of the images that the network takes
CLASSES = 1008
HW = tuple[int, int]
Maps = Float[Array, "batch _ _ _"]  # (batch, height, width, channels)
# Name, channels and kernel of a convolution.
Layer = tuple[str, int, HW]


class Inception(nn.Module):
    """The network with batch normalization folded into its convolutions."""

    @nn.compact
    def __call__(
        self, images: Maps
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch classes"]]:
        """Returns (features of the last pooling, logits without their bias).

        The Inception Score of the literature leaves out the bias.

        Args:
          images: (n, 299, 299, 3) in [-1, 1].
        """
        x = _conv(images, "Conv2d_1a_3x3", 32, (3, 3), 2, "VALID")
        x = _conv(x, "Conv2d_2a_3x3", 32, (3, 3), padding="VALID")
        x = _conv(x, "Conv2d_2b_3x3", 64, (3, 3))
        x = nn.max_pool(x, (3, 3), (2, 2))
        x = _conv(x, "Conv2d_3b_1x1", 80, (1, 1))
        x = _conv(x, "Conv2d_4a_3x3", 192, (3, 3), padding="VALID")
        x = nn.max_pool(x, (3, 3), (2, 2))
        for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = _block_5(x, name, pooled)
        x = _block_6a(x)
        widths = {"Mixed_6b": 128, "Mixed_6c": 160, "Mixed_6d": 160, "Mixed_6e": 192}
        for name, width in widths.items():
            x = _block_6(x, name, width)
        x = _block_7a(x)
        x = _block_7(x, "Mixed_7b", _mean_pool(x))
        # The published network takes the maximum here, most likely by mistake; scores depend on it.
        x = _block_7(x, "Mixed_7c", nn.max_pool(x, (3, 3), (1, 1), "SAME"))
        features = jnp.mean(x, axis=(1, 2))
        logits = nn.Dense(CLASSES, use_bias=False, precision="highest", name="fc")(features)
        return features, logits


@jax.jit
def extract_inception(params: Params, pixels: Pixels) -> tuple[Array, Array]:
    """Returns (features, class probabilities) of images of any size, grey or in colour."""
    images = resize_like_tensorflow(pixels.astype(jnp.float32), SIDE)
    images = jnp.broadcast_to(images, (*images.shape[:3], 3))
    features, logits = Inception().apply({"params": params}, (images - 128) / 128)
    return features, jax.nn.softmax(logits)  # type: ignore[arg-type]


def resize_like_tensorflow(images: Maps, side: int) -> Maps:
    """Resizes to side x side as `resize_bilinear` of TensorFlow 1 did.

    Without antialiasing, and with the corners and not the centres of the first pixels aligned. The
    scores of the literature are of images resized so.
    """
    for axis in (2, 1):
        size = images.shape[axis]
        # In float32, as there: the rounding decides between two pixels at some places.
        place = np.arange(side, dtype=np.float32) * np.float32(size / side)
        low = place.astype(np.int32)
        high = np.minimum(low + 1, size - 1)
        weight = np.expand_dims(place - low.astype(np.float32), [0, 3, 3 - axis])
        below, above = jnp.take(images, low, axis), jnp.take(images, high, axis)
        images = below + (above - below) * weight
    return images


def _block_5(x: Maps, block: str, pooled: int) -> Maps:
    one, three, five = (1, 1), (3, 3), (5, 5)
    branches = [
        _chain(x, block, ("branch1x1", 64, one)),
        _chain(x, block, ("branch5x5_1", 48, one), ("branch5x5_2", 64, five)),
        _chain(
            x,
            block,
            ("branch3x3dbl_1", 64, one),
            ("branch3x3dbl_2", 96, three),
            ("branch3x3dbl_3", 96, three),
        ),
        _chain(_mean_pool(x), block, ("branch_pool", pooled, one)),
    ]
    return jnp.concatenate(branches, axis=3)


def _block_6a(x: Maps) -> Maps:
    double = _chain(x, "Mixed_6a", ("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)))
    branches = [
        _conv(x, "Mixed_6a.branch3x3", 384, (3, 3), 2, "VALID"),
        _conv(double, "Mixed_6a.branch3x3dbl_3", 96, (3, 3), 2, "VALID"),
        nn.max_pool(x, (3, 3), (2, 2)),
    ]
    return jnp.concatenate(branches, axis=3)


def _block_6(x: Maps, block: str, width: int) -> Maps:
    one, row, column = (1, 1), (1, 7), (7, 1)
    branches = [
        _chain(x, block, ("branch1x1", 192, one)),
        _chain(
            x,
            block,
            ("branch7x7_1", width, one),
            ("branch7x7_2", width, row),
            ("branch7x7_3", 192, column),
        ),
        _chain(
            x,
            block,
            ("branch7x7dbl_1", width, one),
            ("branch7x7dbl_2", width, column),
            ("branch7x7dbl_3", width, row),
            ("branch7x7dbl_4", width, column),
            ("branch7x7dbl_5", 192, row),
        ),
        _chain(_mean_pool(x), block, ("branch_pool", 192, one)),
    ]
    return jnp.concatenate(branches, axis=3)


def _block_7a(x: Maps) -> Maps:
    three = _chain(x, "Mixed_7a", ("branch3x3_1", 192, (1, 1)))
    seven = _chain(
        x,
        "Mixed_7a",
        ("branch7x7x3_1", 192, (1, 1)),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
    )
    branches = [
        _conv(three, "Mixed_7a.branch3x3_2", 320, (3, 3), 2, "VALID"),
        _conv(seven, "Mixed_7a.branch7x7x3_4", 192, (3, 3), 2, "VALID"),
        nn.max_pool(x, (3, 3), (2, 2)),
    ]
    return jnp.concatenate(branches, axis=3)


def _block_7(x: Maps, block: str, pooled: Maps) -> Maps:
    one, row, column = (1, 1), (1, 3), (3, 1)
    three = _chain(x, block, ("branch3x3_1", 384, one))
    double = _chain(x, block, ("branch3x3dbl_1", 448, one), ("branch3x3dbl_2", 384, (3, 3)))
    branches = [
        _chain(x, block, ("branch1x1", 320, one)),
        _chain(three, block, ("branch3x3_2a", 384, row)),
        _chain(three, block, ("branch3x3_2b", 384, column)),
        _chain(double, block, ("branch3x3dbl_3a", 384, row)),
        _chain(double, block, ("branch3x3dbl_3b", 384, column)),
        _chain(pooled, block, ("branch_pool", 192, one)),
    ]
    return jnp.concatenate(branches, axis=3)


def _chain(x: Maps, block: str, *layers: Layer) -> Maps:
    """Applies convolutions of stride 1, one after the other."""
    for name, channels, kernel in layers:
        x = _conv(x, f"{block}.{name}", channels, kernel)
    return x


def _conv(
    x: Maps, name: str, channels: int, kernel: HW, stride: int = 1, padding: str = "SAME"
) -> Maps:
    # "highest", so that scores from a GPU or TPU compare with those from a CPU.
    return nn.relu(nn.Conv(channels, kernel, stride, padding, precision="highest", name=name)(x))


def _mean_pool(x: Maps) -> Maps:
    """Averages each 3x3 square, without the padding."""
    return nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False)
