"""A trained generator by itself: its network, the weights to sample with, and where it is from."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxgan import __version__
from jaxgan.config.errors import UserError
from jaxgan.config.files import from_record, to_config_dict
from jaxgan.config.schema import Config
from jaxgan.config.versions import mathematics_of
from jaxgan.export.samples import Samples
from jaxgan.gan.sampling import generate, generate_pixels
from jaxgan.gan.standing_stats import inference_variables
from jaxgan.gan.state import Gan, TrainState
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.checkpoints import load_run
from jaxgan.runs.environment import read_data_record
from jaxgan.runs.sample_inputs import SampleChoices, sample_inputs
from jaxgan.types import Labels, Latents, Params, Pixels, to_pixels

Record = dict[str, Any]
AskedLabels = int | str | Sequence[int | str]
# What the record of a run says about its data and a generator is built from; a run of an older
# version has no names and counts of classes.
DATA = ("name", "shape", "examples", "classes", "class_names", "class_counts")


class TrainedGenerator(NamedTuple):
    """A trained generator, without the rest of its run.

    A tuple of these four:

    Attributes:
      gan: the rules of its run, of which the network, the latent size and the classes are used.
      params, stats: the variables that `sample_pixels` takes.
      record: where it is from; plain values that JSON can hold.
    """

    gan: Gan
    params: Params
    stats: Params
    record: Record

    def sample(
        self,
        num: int = 64,
        seed: int = 0,
        labels: AskedLabels = (),
        per_class: int = 0,
        truncation: float = 0.0,
    ) -> Samples:
        """Generates the images, or points, that the verb `sample` writes with these options.

        Args:
          num: how many; not used with `per_class`.
          seed: of the latents, which are the same for every run and step.
          labels: a class, or classes to generate in turn, by name or number; () for all.
          per_class: images of each class, one after the other; 0: the classes in turn.
          truncation: values of the latents beyond so many standard deviations are drawn again;
            0: none.

        Raises:
          UserError: there is no such class, or the generator takes no labels.
        """
        return self._generate(
            num, seed, SampleChoices(_as_tuple(labels), per_class, (), truncation)
        )

    def interpolate(
        self,
        seeds: Sequence[int] = (0, 1),
        num: int = 64,
        labels: AskedLabels = (),
        truncation: float = 0.0,
    ) -> Samples:
        """Generates rows of eight images that go from those of one seed to those of the next.

        The latents between are on great circles (spherical interpolation).

        Args:
          seeds: two or more.
          num: images in all rows; a row has one label.
          labels, truncation: as in `sample`.

        Raises:
          UserError: there are fewer than two seeds, no such class, or the generator takes no
            labels.
        """
        if len(seeds) < 2:
            raise UserError(f"seeds = {tuple(seeds)}: must be two or more, such as (0, 1)")
        choices = SampleChoices(_as_tuple(labels), 0, tuple(seeds), truncation)
        return self._generate(num, 0, choices)

    def __repr__(self) -> str:
        name = self.record["config"]["network"]["name"]
        return f"TrainedGenerator({name}, step {self.record['step']})"

    def _generate(self, num: int, seed: int, choices: SampleChoices) -> Samples:
        if num < 1:
            raise UserError(f"num = {num}: must be 1 or more")
        names = self.record["data"].get("class_names") or []
        inputs = sample_inputs(self.gan, num, seed, choices, names)
        pixels = generate_pixels(self.gan, self.params, self.stats, inputs.z, inputs.labels)
        labels = None if inputs.labels is None else np.asarray(inputs.labels)
        data = from_record(self.record["config"]).data
        return Samples(np.asarray(pixels), labels, inputs.columns, data)


def _as_tuple(labels: AskedLabels) -> tuple[int | str, ...]:
    return (labels,) if isinstance(labels, int | str) else tuple(labels)


def load_trained(workdir: Path, ref: CheckpointRef = "last") -> TrainedGenerator:
    """Loads the generator of a run, with the weights that the verb `sample` uses.

    Raises:
      UserError: as `load_run`.
    """
    return trained_generator(workdir, *load_run(workdir, ref))


def trained_generator(
    workdir: Path, config: Config, gan: Gan, state: TrainState
) -> TrainedGenerator:
    """Returns the generator of a run that `load_run` has loaded."""
    data = read_data_record(workdir)
    weights = "averaged" if state.ema_params else "raw"
    record = describe(config, gan, data) | {"step": int(state.step), "weights": weights}
    return TrainedGenerator(gan, *inference_variables(gan, state), record)


def describe(config: Config, gan: Gan, data: dict[str, Any]) -> Record:
    """Returns what an exported file says about a generator.

    Args:
      data: what the run's environment records about the data.
    """
    text = json.dumps(to_config_dict(config).to_dict(), sort_keys=True)
    return {
        "jaxgan": __version__,
        "jax": jax.__version__,
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "mathematics": mathematics_of(config),
        "latent_size": gan.latent_size,
        "classes": gan.classes,
        "data": {name: data[name] for name in DATA if name in data},
        "config": json.loads(text),
    }


def pixels_program(generator: TrainedGenerator) -> Callable[..., Pixels]:
    """Returns the function from latents, and labels if there are classes, to pixels or points."""

    def pixels(z: Latents, labels: Labels | None = None) -> Pixels:
        gan, params, stats, _ = generator
        return to_pixels(generate(gan, params, stats, z, labels))

    return pixels


def symbolic_inputs(generator: TrainedGenerator) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Returns shapes and types of latents and labels for a batch of any size."""
    (batch,) = export.symbolic_shape("batch")
    z = jax.ShapeDtypeStruct((batch, generator.gan.latent_size), jnp.float32)
    labels = jax.ShapeDtypeStruct((batch,), jnp.int32)
    return (z, labels) if generator.gan.classes else (z,)


@contextlib.contextmanager
def explain_batch_size() -> Iterator[None]:
    """Turns JAX's error about a network that needs to know its batch size into one line."""
    try:
        yield
    except (TypeError, jax.errors.InconclusiveDimensionOperation) as error:
        # TypeErrors of another kind are mistakes that no advice about batches would explain.
        if isinstance(error, TypeError) and "_DimExpr" not in str(error):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the generator's network uses the size of its batch as a number ({reason}); take it "
            "from the shape, as in x.reshape(x.shape[0], -1), and not by len(x)"
        ) from error
