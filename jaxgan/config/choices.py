"""The names that a setting may have, with their traits; the functions behind them need JAX.

Reading a config must not import JAX. So each kind of choice is declared here, and the module with
its functions checks its table of them against this one.
"""

from collections.abc import Iterable
from typing import NamedTuple


class LossSpec(NamedTuple):
    """Traits of a loss.

    Attributes:
      has_targets: D's loss has targets for its outputs, which label smoothing can move.
    """

    has_targets: bool = False


class PenaltySpec(NamedTuple):
    """Traits of a penalty; its weight is a setting in `PenaltyConfig`.

    Attributes:
      of_gradients: it is a function of the gradient at each image, which batch norm would mix.
    """

    of_gradients: bool = False


class NetworkSpec(NamedTuple):
    """Traits of a family of networks.

    Attributes:
      settings: names in `NetworkConfig` that this family has beside those that all have.
      disc_norms: allowed normalisations of D; the first is the default, that of the paper.
      gen_batch_norm: G has batch norm.
    """

    settings: tuple[str, ...]
    disc_norms: tuple[str, ...] = ("none",)
    gen_batch_norm: bool = False


LOSSES = {
    "non_saturating": LossSpec(has_targets=True),
    "saturating": LossSpec(has_targets=True),
    "least_squares": LossSpec(has_targets=True),
    "hinge": LossSpec(),
    "wasserstein": LossSpec(),
    "relativistic": LossSpec(),
    "relativistic_average": LossSpec(),
}
PENALTIES = {
    "r1": PenaltySpec(of_gradients=True),
    "r2": PenaltySpec(of_gradients=True),
    "wgan_gp": PenaltySpec(of_gradients=True),
    "dragan": PenaltySpec(of_gradients=True),
    "consistency": PenaltySpec(),
    "lecam": PenaltySpec(),
}
GRADIENT_PENALTIES = [name for name, penalty in PENALTIES.items() if penalty.of_gradients]
AUGMENTATIONS = ("brightness", "saturation", "contrast", "translation", "cutout", "mirror")
_WIDTHS = ("gen_widths", "disc_widths")
_CHANNELS = ("gen_channels", "disc_channels")
NETWORKS = {
    "mlp": NetworkSpec(_WIDTHS),
    "dcgan": NetworkSpec((*_CHANNELS, "disc_norm"), ("batch", "none", "spectral"), True),
    "sngan": NetworkSpec((*_CHANNELS, "disc_norm", "remat"), ("spectral", "none"), True),
    "r3gan": NetworkSpec((*_CHANNELS, "stage_channels", "cardinality", "blocks", "remat")),
    "infogan": NetworkSpec(
        (*_WIDTHS, *_CHANNELS, "disc_norm"), ("batch", "none", "spectral"), True
    ),
}
# A network of the user's own may use every setting, and choose its normalisation itself.
_OWN_NETWORK = NetworkSpec(
    tuple(dict.fromkeys(name for network in NETWORKS.values() for name in network.settings)),
    ("none", "batch", "spectral"),
)


def loss_spec(name: str) -> LossSpec:
    """Returns the traits of a loss; one of the user's own has no targets."""
    return LOSSES.get(name, LossSpec())


def network_spec(name: str) -> NetworkSpec:
    """Returns the traits of a family of networks, or those of the user's own."""
    return NETWORKS.get(name, _OWN_NETWORK)


# The version of the mathematics of a choice, or of a part of every step; 1 where none is given. It
# is raised with each change of what is computed (see CONTRIBUTING), so that a run made before the
# change is not continued with other mathematics.
VERSIONS = {
    "network r3gan": 2,  # centred resampling, smaller embeddings
    "penalty consistency": 2,  # shifts by `translation`
    "penalty lecam": 2,  # means begin at the first step's
    "augmentation translation": 2,  # halves of a pixel are rounded up
    "augmentation cutout": 2,  # as likely at each edge
    "ada": 2,  # the loss's own margin decides
}


def check_names(table: Iterable[str], names: Iterable[str]) -> None:
    """Checks that a table of functions has the names that are declared here, in the same order.

    Raises:
      ValueError: the names are different ones, or in another order.
    """
    # In the same order, because the order of the penalties is a part of a run's bits.
    if list(table) != list(names):
        known = f"must be the names in jaxgan/config/choices.py: {list(names)}"
        raise ValueError(f"{list(table)}: {known}")
