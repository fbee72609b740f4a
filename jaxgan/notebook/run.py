"""A trained run as an object: its config, rules and state, and what people look at."""

import functools
import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config.errors import UserError
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import Config
from jaxgan.evaluation.evaluate import evaluate
from jaxgan.evaluation.text_table import table
from jaxgan.export.generator import AskedLabels, TrainedGenerator, trained_generator
from jaxgan.export.samples import Samples
from jaxgan.gan.state import Gan, TrainState
from jaxgan.plots import save_curves
from jaxgan.plots.pictures import Picture, draw_picture
from jaxgan.runs import checkpoints, row_files
from jaxgan.runs.checkpoint_ref import CheckpointRef
from jaxgan.runs.layout import CHECKPOINTS


class _Loaded(NamedTuple):
    config: Config
    gan: Gan
    state: TrainState


class Run(_Loaded):
    """A trained run, as it was at one of its checkpoints.

    A tuple of `config`, `gan` and `state`, as the functions of jaxgan take them:

    >>> import jaxgan
    >>> config, gan, state = jaxgan.load_run("runs/mnist")

    Its methods give what the command line gives. Images, curves and scores are shown where they are
    the last value of a notebook's cell.

    >>> run = jaxgan.load_run("runs/mnist")
    >>> run.sample(16, seed=3)
    Samples(16 images of shape (28, 28, 1))
    >>> run.interpolate((1, 2), num=8)
    Samples(8 images of shape (28, 28, 1))
    >>> run.curves()
    Picture()

    Attributes:
      workdir: the run's folder.
      ref: which checkpoint it is: "last", "best" or a step.
    """

    workdir: Path
    ref: CheckpointRef

    @functools.cached_property
    def generator(self) -> TrainedGenerator:
        """The generator, with the weights and statistics to sample with."""
        return trained_generator(self.workdir, *self)

    def sample(
        self,
        num: int = 64,
        seed: int = 0,
        labels: AskedLabels = (),
        per_class: int = 0,
        truncation: float = 0.0,
    ) -> Samples:
        """Generates the images, or points, that the verb `sample` writes with these options.

        >>> import jaxgan
        >>> samples = jaxgan.load_run("runs/mnist").sample(4)
        >>> samples[0].dtype, samples.pixels.shape
        (dtype('uint8'), (4, 28, 28, 1))
        >>> samples.save("four.png")

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
        return self.generator.sample(num, seed, labels, per_class, truncation)

    def interpolate(
        self,
        seeds: Sequence[int] = (0, 1),
        num: int = 64,
        labels: AskedLabels = (),
        truncation: float = 0.0,
    ) -> Samples:
        """Generates rows of eight images that go from those of one seed to those of the next.

        Args:
          seeds: two or more.
          num: images in all rows; a row has one label.
          labels, truncation: as in `sample`.

        Raises:
          UserError: there are fewer than two seeds, no such class, or the generator takes no
            labels.
        """
        return self.generator.interpolate(seeds, num, labels, truncation)

    def grid(self, num: int = 64, seed: int = 0, labels: AskedLabels = ()) -> Picture:
        """Draws samples as one picture, which can be saved.

        >>> import jaxgan
        >>> jaxgan.load_run("runs/mnist").grid(9, seed=1).save("nine.png")
        """
        return self.sample(num, seed, labels).picture()

    def curves(self) -> Picture:
        """Draws the losses, and D's mean probabilities, of the whole run.

        Raises:
          UserError: the run has no rows of metrics.
        """
        rows = row_files.read_rows(self.workdir)
        if not rows:
            raise UserError(f"{self.workdir}: has no rows of metrics yet")
        title = f"{self.config.data.name}, {self.config.loss} loss, seed {self.config.seed}"
        return draw_picture(lambda path: save_curves(path, rows, title))

    def evaluate(
        self,
        num_samples: int = 0,
        seed: int = 0,
        features: str = "",
        metrics: Iterable[str] = (),
    ) -> "Scores":
        """Scores this checkpoint, and writes the scores, as `jaxgan.evaluate` does."""
        ref, step = self.ref, int(self.state.step)
        # The run can have been trained on since it was loaded.
        if ref == "last" and checkpoints.steps(self.workdir / CHECKPOINTS)[-1:] != [step]:
            ref = step
        return Scores(evaluate(self.workdir, num_samples, ref, seed, features, metrics))

    def __repr__(self) -> str:
        return f"Run({str(self.workdir)!r}, step {int(self.state.step)})"


class Scores(dict[str, Any]):
    """The scores of an evaluation; a notebook shows the table that the command line prints."""

    def __str__(self) -> str:
        return table(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def load_run(workdir: Path | str, ref: CheckpointRef = "last") -> Run:
    """Loads a trained run from its folder.

    For "last", a damaged newest checkpoint is passed over with a warning. A warning also says
    that the run's network was computed in another way.

    >>> import jaxgan
    >>> jaxgan.load_run("runs/mnist")
    Run('runs/mnist', step 20)

    Args:
      ref: which checkpoint: "last", "best" (by held-out distance) or a step.

    Raises:
      UserError: there is no run, or no such checkpoint, or it is damaged.
    """
    workdir = expand_path(str(workdir))
    run = Run(*checkpoints.load_run(workdir, ref))
    run.workdir, run.ref = workdir, ref
    return run
