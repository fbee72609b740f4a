"""The versions of the mathematics that a config's run is computed with."""

from jaxgan.config.choices import PENALTIES, VERSIONS
from jaxgan.config.own_parts import source_digests
from jaxgan.config.schema import Config

# By the kind and the name of a choice, such as "network r3gan". The version of a part of the user's
# own is the SHA-256 of its source file.
Versions = dict[str, int | str]


def mathematics_of(config: Config) -> Versions:
    """Returns the version of everything that a run of this config computes."""
    names = ["steps", "order of examples", f"network {config.network.name}", f"loss {config.loss}"]
    names += [f"penalty {name}" for name in PENALTIES if getattr(config.penalty, name)]
    names += [f"augmentation {name}" for name in config.augment.policy]
    names += ["ada"] if config.augment.policy and config.augment.target else []
    return {name: VERSIONS.get(name, 1) for name in names} | source_digests(config)
