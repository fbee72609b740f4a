"""jaxgan: generative adversarial networks in JAX, reproducible to the bit.

The names in `__all__` are the public API: they stay, or change with a word in the changelog.
Everything else in the package can be imported too, but may change in any version.

    Config, default_config   settings of a run; as a `ConfigDict` that config files edit
    load_data                the examples of a data set
    build_gan, init_state    the rules and the first state of a run
    train_step, train_epoch  pure functions of a state: one step, or one epoch in one call
    Batch                    images, and labels or None: what a step takes
    sample_pixels            generated images
    train, evaluate          a whole run in a folder, and its scores
    load_run                 a run's checkpoint: config, rules and state, samples, curves, scores
    load_generator           a generator that was exported as safetensors

Each is imported when it is first used, so `import jaxgan` imports neither JAX nor anything else
that takes long.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan.config import Config, default_config
    from jaxgan.data import load_data
    from jaxgan.evaluation.evaluate import evaluate
    from jaxgan.export.safetensors_file import load_generator
    from jaxgan.gan.sampling import sample_pixels
    from jaxgan.gan.state import build_gan, init_state
    from jaxgan.gan.steps import train_epoch, train_step
    from jaxgan.notebook.run import load_run
    from jaxgan.training.loop import train
    from jaxgan.types import Batch

__version__ = "0.2.0"
__all__ = [
    "Batch",
    "Config",
    "build_gan",
    "default_config",
    "evaluate",
    "init_state",
    "load_data",
    "load_generator",
    "load_run",
    "sample_pixels",
    "train",
    "train_epoch",
    "train_step",
]
_MODULES = {
    "Batch": "jaxgan.types",
    "Config": "jaxgan.config",
    "build_gan": "jaxgan.gan.state",
    "default_config": "jaxgan.config",
    "evaluate": "jaxgan.evaluation.evaluate",
    "init_state": "jaxgan.gan.state",
    "load_data": "jaxgan.data",
    "load_generator": "jaxgan.export.safetensors_file",
    "load_run": "jaxgan.notebook.run",
    "sample_pixels": "jaxgan.gan.sampling",
    "train": "jaxgan.training.loop",
    "train_epoch": "jaxgan.gan.steps",
    "train_step": "jaxgan.gan.steps",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
