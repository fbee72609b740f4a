"""The architecture of the packaged feature nets: a small convolutional classifier, 28x28."""

import jax
from flax import linen as nn
from jaxtyping import Array, Float

from jaxgan.types import Images, Params, Pixels, to_images

SHAPE = (28, 28, 1)
CLASSES = 10


class Classifier(nn.Module):
    """Four 3x3 convolutions and a dense layer of features, then the classes.

    Two mean poolings and two convolutions without padding reduce 28x28 pixels to 3x3. A net
    trained with batch normalization (`normalise=True`), and the same net with that folded into its
    weights, have layers of the same names.
    """

    channels: tuple[int, ...] = (32, 64, 64, 128)
    features: int = 128
    dropout: float = 0.0
    normalise: bool = False

    @nn.compact
    def __call__(
        self, images: Images, train: bool = False
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch classes"]]:
        """Returns (features after their ReLU, logits)."""
        # Batch norm has a bias of its own.
        bias, x = not self.normalise, images
        for index, width in enumerate(self.channels):
            pad, name = "SAME" if index < 2 else "VALID", f"conv{index}"
            # "highest", so that scores from a GPU or TPU, which round the inputs of products by
            # default, compare with those from a CPU.
            conv = nn.Conv(width, (3, 3), 1, pad, use_bias=bias, precision="highest", name=name)
            x = conv(x)
            x = nn.relu(self._normalised(x, f"{name}_norm", train))
            x = mean_pool_2x2(x) if index < 2 else x
        x = x.reshape(len(x), -1)
        x = nn.Dense(self.features, use_bias=bias, precision="highest", name="features")(x)
        features = nn.relu(self._normalised(x, "features_norm", train))
        dropped = nn.Dropout(self.dropout, deterministic=not train)(features)
        return features, nn.Dense(CLASSES, precision="highest", name="classes")(dropped)

    def _normalised(self, x: Array, name: str, train: bool) -> Array:
        if not self.normalise:
            return x
        return nn.BatchNorm(use_running_average=not train, momentum=0.9, name=name)(x)


def mean_pool_2x2(x: Float[Array, "batch height width channels"]) -> Array:
    """Averages each 2x2 square."""
    # With slices, whose gradient is cheap on every backend.
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


@jax.jit
def classify(params: Params, pixels: Pixels) -> tuple[Array, Array]:
    """Returns (features, class probabilities) of a net without batch normalization."""
    features, logits = Classifier().apply({"params": params}, to_images(pixels))
    return features, jax.nn.softmax(logits)  # type: ignore[arg-type]
