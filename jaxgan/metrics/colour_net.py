"""The architecture of the feature net for images of any kind: a small classifier, 32x32 colour."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.types import Images, Params, Pixels, to_images

SHAPE = (32, 32, 3)
# Those of CIFAR-10, in the order of their labels.
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


class ColourClassifier(nn.Module):
    """Seven 3x3 convolutions, then the classes.

    Maximum pooling after the second, fourth and sixth convolution reduces 32x32 pixels to 4x4. The
    features are the means of the last 4x4 values of each channel. As in `Classifier`, a net with
    batch normalization and the net with that folded in have layers of the same names.
    """

    channels: tuple[int, ...] = (24, 32, 32, 96, 96, 192, 192)
    dropout: float = 0.0
    normalise: bool = False

    @nn.compact
    def __call__(
        self, images: Images, train: bool = False
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch classes"]]:
        """Returns (features, logits)."""
        bias, x = not self.normalise, images
        for index, width in enumerate(self.channels):
            name = f"conv{index}"
            # "highest", for the same reason as in `Classifier`.
            conv = nn.Conv(width, (3, 3), use_bias=bias, precision="highest", name=name)
            x = conv(x)
            x = nn.max_pool(x, (2, 2), (2, 2)) if index in (1, 3, 5) else x
            if self.normalise:
                norm = nn.BatchNorm(not train, momentum=0.9, name=f"{name}_norm")
                x = norm(x)
            x = nn.relu(x)
        features = jnp.mean(x, axis=(1, 2))
        dropped = nn.Dropout(self.dropout, deterministic=not train)(features)
        return features, nn.Dense(len(CLASS_NAMES), precision="highest", name="classes")(dropped)


@jax.jit
def classify_colour(params: Params, pixels: Pixels) -> tuple[Array, Array]:
    """Returns (features, class probabilities) of images of any size, grey or in colour.

    Images of another size are resized with antialiasing; grey ones get three equal channels.
    """
    images = to_images(pixels)
    if images.shape[1:3] != SHAPE[:2]:
        images = jax.image.resize(images, (len(images), *SHAPE[:2], images.shape[3]), "bilinear")
    images = jnp.broadcast_to(images, (len(images), *SHAPE))
    features, logits = ColourClassifier().apply({"params": params}, images)
    return features, jax.nn.softmax(logits)  # type: ignore[arg-type]
