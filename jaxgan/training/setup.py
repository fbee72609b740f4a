"""Builds what training needs and never changes: data, GAN, plan and devices."""

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import __version__
from jaxgan.config.checks import check_horizon
from jaxgan.config.fields import iter_settings
from jaxgan.config.import_paths import trust
from jaxgan.config.own_parts import (
    check_own_parts,
    import_own_parts,
    own_parts,
    source_digests,
)
from jaxgan.config.packages import check_packages
from jaxgan.config.schema import Config
from jaxgan.config.versions import mathematics_of
from jaxgan.config.warnings import config_warnings
from jaxgan.data import Dataset
from jaxgan.data.lazy_array import Array
from jaxgan.evaluation.periodic import PeriodicEvaluator
from jaxgan.gan.state import Gan, TrainState, init_state, init_state_quickly
from jaxgan.parallel import process_group
from jaxgan.parallel.devices import check_precision, visible_devices
from jaxgan.parallel.mesh import local_replica, make_mesh, replicate
from jaxgan.parallel.process_group import is_primary, same_error
from jaxgan.runs.environment import describe_environment
from jaxgan.runs.plan import StepPlan, ema_halvings, images_in_run
from jaxgan.runs.program import build_program, training_examples
from jaxgan.runs.start_from import FirstState, begin_from, has_begun
from jaxgan.training.memory import Memory, bytes_on_device, data_bytes, explain_out_of_memory
from jaxgan.types import root_key

logger = logging.getLogger(__name__)
# Where the data are may differ; their SHA-256 must not.
PER_PROCESS_SETTINGS = ("data.dir", "data.source")


class TrainingSetup(NamedTuple):
    """Inputs of training that never change and are shared by all seeds.

    Attributes:
      pixels, labels: on the device, or on the host with config.data.stream. Labels are None
        unless the GAN is class-conditional.
      evaluator: None without config.evaluate.every, and in all processes but the primary.
      environment: what the run directory records about versions, devices and data.
    """

    config: Config
    data: Dataset
    plan: StepPlan
    gan: Gan
    pixels: jax.Array | Array
    labels: jax.Array | np.ndarray | None
    evaluator: PeriodicEvaluator | None
    environment: dict[str, Any]


def prepare_training(config: Config) -> TrainingSetup:
    """Loads the data onto the device, and builds the GAN and the plan of its steps.

    Raises:
      UserError: config or data do not allow a run, or the processes of the run disagree.
    """
    check_packages(config)
    devices = visible_devices()
    process_group.check_same_device_count(devices)
    with same_error():
        check_own_parts(config)
        # Who trains a config has named its parts, which the record of the run names too.
        trust(*(path for _, path in own_parts(config)))
        import_own_parts(config)
        # A process whose data are missing must not leave the others waiting.
        program = build_program(config)
    config, data, plan, gan = program
    process_group.check_agreement(dict(_shared_facts(config, data)))
    images = images_in_run(config.train, plan)
    # Only the data say how long the run is, so no check of the config alone could do this.
    check_horizon(config, images)
    mesh = make_mesh(config, devices)
    gan = dataclasses.replace(gan, mesh=mesh) if mesh else gan
    used = list(mesh.devices.flat) if mesh else devices[:1]
    check_precision(config, used)
    environment = describe_environment(used, describe_data(data))
    environment |= {"processes": jax.process_count(), "mathematics": mathematics_of(config)}
    with explain_out_of_memory(config, {"data": data_bytes(config, data)}):
        pixels, labels = training_examples(program)
        if not config.data.stream:
            pixels, labels = replicate(mesh, (pixels, labels))
    with same_error():
        evaluator = _make_evaluator(config, gan, data, pixels)
    for warning in config_warnings(
        config,
        backend=jax.default_backend(),
        image_shape=data.pixels.shape[1:],
        examples=len(data.pixels),
        images=images,
        ema_halvings=ema_halvings(config, images),
    ):
        logger.warning(warning)
    return TrainingSetup(config, data, plan, gan, pixels, labels, evaluator, environment)


def _make_evaluator(
    config: Config, gan: Gan, data: Dataset, pixels: jax.Array | Array
) -> PeriodicEvaluator | None:
    if not (config.evaluate.every and is_primary()):
        return None
    # Process 0 evaluates alone, so it must compute with its own devices only.
    own = pixels if config.data.stream else local_replica(gan.mesh, pixels)
    return PeriodicEvaluator(config, gan, data, own)


def _shared_facts(config: Config, data: Dataset) -> Iterator[tuple[str, str]]:
    """Yields what all processes of a run must have in common, by name."""
    for name, _, value in iter_settings(config):
        if name not in PER_PROCESS_SETTINGS:
            yield f"config.{name}", repr(value)
    yield from (
        (f"the source file of {name}", digest) for name, digest in source_digests(config).items()
    )
    yield "the data's SHA-256", data.sha256
    yield from {"jaxgan": __version__, "jax": jax.__version__}.items()


def initial_state(setup: TrainingSetup, seed: int) -> TrainState:
    """Returns the state of a seed before its first step.

    Raises:
      UserError: the device has no room for it.
    """
    image_shape = setup.data.pixels.shape[1:]
    arguments = (setup.gan, image_shape, jax.random.key(seed))
    memory: Memory = {"data": data_bytes(setup.config, setup.data)}
    with explain_out_of_memory(setup.config, memory):
        try:
            state = init_state_quickly(*arguments)
            # The parameters are those of the seed whatever is drawn later.
            state = state.replace(key=root_key(seed, setup.config.train.redraw))
            # An allocation that fails raises only once it is waited for.
            return jax.block_until_ready(state)
        except jax.errors.JaxRuntimeError:
            memory["state"] = bytes_on_device(jax.eval_shape(lambda: init_state(*arguments)))
            raise


def first_state(setup: TrainingSetup, workdir: Path, config: Config) -> FirstState:
    """Returns the state before the first step of a run, or of a config's seed.

    That of config.start_from is read only if the run has no state of its own yet.

    Raises:
      UserError: the device has no room for it, or config.start_from does not fit the config.
    """
    fresh = initial_state(setup, config.seed)
    return FirstState(fresh, {}) if has_begun(workdir) else begin_from(config, fresh)


def describe_data(data: Dataset) -> dict[str, Any]:
    """Returns what the run directory records about the data."""
    return {
        "name": data.name,
        "source": data.source,
        "examples": len(data.pixels),
        "shape": list(data.pixels.shape[1:]),
        "classes": data.classes,
        "class_names": list(data.class_names),
        "class_counts": list(map(int, data.class_counts)),
        "processing": dict(data.processing),
        "sha256": data.sha256,
    }
