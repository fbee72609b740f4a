"""The log of a run at Weights & Biases, where `wandb` is installed and asked for."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.fields import iter_settings
from jaxgan.config.files import to_config_dict
from jaxgan.config.schema import Config
from jaxgan.training.log_entry import Entry

PROJECT = "jaxgan"  # unless WANDB_PROJECT says another


class WandbLog:
    """A run at Weights & Biases, continued by each start of the run in its folder."""

    def __init__(self, workdir: Path, config: Config, data_sha256: str):
        """Begins the run there, or goes on with it.

        Raises:
          UserError: there is no account, or no network.
        """
        # Not a dependency: `config.packages` has checked that it is there.
        import wandb

        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                id=run_id(workdir, config, data_sha256),
                name=workdir.resolve().name,
                dir=str(workdir),
                config=to_config_dict(config).to_dict(),
                resume="allow",
                # Several seeds have runs at the same time.
                reinit="create_new",
                settings=wandb.Settings(console="off", silent=True),
            )
        except wandb.Error as error:
            raise UserError(
                f"config.log.wandb = True: {str(error).splitlines()[0]} (`wandb login`, or "
                "WANDB_MODE=offline for a log that `wandb sync` sends later)"
            ) from error
        # What the server has already; it takes no step twice.
        self._first = self._run.starting_step if self._run.resumed else 0

    def write(self, entry: Entry) -> None:
        import wandb

        if entry.step < self._first:
            return
        values: dict[str, Any] = dict(entry.scalars)
        for name, found in entry.histograms.items():
            edges = np.linspace(found.low, found.high, len(found.counts) + 1)
            values[name] = wandb.Histogram(np_histogram=(np.array(found.counts), edges))
        if entry.grid:
            values["samples"] = wandb.Image(str(entry.grid))
        self._run.log(values, step=entry.step)

    def flush(self) -> None:
        """Does nothing: a process of wandb's own sends what was written."""

    def close(self) -> None:
        self._run.finish()


def run_id(workdir: Path, config: Config, data_sha256: str) -> str:
    """Returns the id of a run: that of its folder, its data and the settings that define its bits.

    A folder that is moved continues under another id, with all its rows.
    """
    fixed = [
        (name, value)
        for name, field, value in iter_settings(config)
        if not field.metadata["may_change"]
    ]
    identity = repr((str(workdir.resolve()), data_sha256, fixed))
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
