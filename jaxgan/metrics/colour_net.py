"""The architecture of the feature net for images of any kind: a small classifier, 32x32 colour."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.types import Images, Params, Pixels, to_images

SHAPE = (32, 32, 3)
WHITENING_FLOOR = 5e-4  # added to variances, so that components that are almost 0 stay small
# Those of CIFAR-10, in the order of their labels.
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


class ColourClassifier(nn.Module):
    """A 2x2 convolution and six of 3x3, then the classes.

    The first one loses a row and a column of 32; maximum pooling after the second, fourth and sixth
    reduces 31x31 values to 3x3. The features are the means of the last 3x3 values of each channel.
    As in `Classifier`, a net with batch normalization and the net with that folded in have layers
    of the same names. The first layer has no batch normalization: it would make the whitening's
    weak components, which are mostly noise, as strong as the others. The others have no gain,
    since a negative gain that is folded in before maximum pooling changes what is computed.

    Attributes:
      freeze_first: whether the first convolution is not trained, because it whitens.
    """

    channels: tuple[int, ...] = (24, 48, 64, 160, 192, 224, 224)
    dropout: float = 0.0
    normalise: bool = False
    freeze_first: bool = False

    @nn.compact
    def __call__(
        self, images: Images, train: bool = False
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch classes"]]:
        """Returns (features, logits)."""
        x = images
        for index, width in enumerate(self.channels):
            name = f"conv{index}"
            size, padding = ((3, 3), "SAME") if index else ((2, 2), "VALID")
            # "highest", for the same reason as in `Classifier`.
            bias = bool(index) and not self.normalise
            conv = nn.Conv(width, size, 1, padding, use_bias=bias, precision="highest", name=name)
            x = conv(x)
            x = jax.lax.stop_gradient(x) if self.freeze_first and not index else x
            x = max_pool_2x2(x) if index in (1, 3, 5) else x
            if self.normalise and index:
                norm = nn.BatchNorm(not train, momentum=0.9, use_scale=False, name=f"{name}_norm")
                x = norm(x)
            x = nn.relu(x)
        features = jnp.mean(x, axis=(1, 2))
        dropped = nn.Dropout(self.dropout, deterministic=not train)(features)
        return features, nn.Dense(len(CLASS_NAMES), precision="highest", name="classes")(dropped)


def max_pool_2x2(x: Float[Array, "batch height width channels"]) -> Array:
    """Returns the largest of each 2x2 values; a last odd row or column is left out.

    Two maxima of slices have a much faster gradient on CPU than `nn.max_pool`.
    """
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    rows = jnp.maximum(x[:, :height:2, :width], x[:, 1:height:2, :width])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


def whitening_kernel(pixels: np.ndarray, channels: int) -> Array:
    """Returns a kernel (2, 2, colours, channels) that whitens these images.

    The first half of the channels are the strongest principal components of 2x2 patches, each
    divided by its standard deviation: for these images they are uncorrelated, with a variance of at
    most one. The other half are their negatives, since ReLU would lose one of the signs. As in
    Jordan 2024 (arXiv:2404.00498), section 3.2.

    Raises:
      ValueError: more than twice as many channels as a patch has values.
    """
    images = np.asarray(to_images(jnp.asarray(pixels)))
    corners = [images[:, i : -1 + i or None, j : -1 + j or None] for i in (0, 1) for j in (0, 1)]
    patches = np.stack(corners, axis=3).reshape(-1, 4 * images.shape[3])
    if channels > 2 * patches.shape[1] or channels % 2:
        raise ValueError(f"{channels} channels for patches of {patches.shape[1]} values")
    variances, components = np.linalg.eigh(np.cov(patches.T))
    scaled = (components / np.sqrt(variances + WHITENING_FLOOR))[:, ::-1][:, : channels // 2]
    kernel = np.concatenate([scaled, -scaled], axis=1)
    return jnp.asarray(kernel.reshape(2, 2, images.shape[3], channels), jnp.float32)


@jax.jit
def classify_colour(params: Params, pixels: Pixels) -> tuple[Array, Array]:
    """Returns (features, class probabilities) of images of any size, grey or in colour.

    Features and logits are the means of those of an image and of its mirror image. Images of
    another size are resized with antialiasing; grey ones get three equal channels.
    """
    images = to_images(pixels)
    if images.shape[1:3] != SHAPE[:2]:
        images = jax.image.resize(images, (len(images), *SHAPE[:2], images.shape[3]), "bilinear")
    images = jnp.broadcast_to(images, (len(images), *SHAPE))
    net = functools.partial(ColourClassifier().apply, {"params": params})
    features, logits = jax.tree.map(
        lambda seen, mirrored: (seen + mirrored) / 2, net(images), net(images[:, :, ::-1])
    )
    return features, jax.nn.softmax(logits)
