"""Builds what training needs and never changes: data, rules and devices."""

import dataclasses
import logging
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.checks import check_horizon
from jaxgan.config.errors import UserError
from jaxgan.config.schema import Config
from jaxgan.config.warnings import config_warnings
from jaxgan.data import Dataset
from jaxgan.data.lazy_array import Array
from jaxgan.evaluation.periodic import PeriodicEvaluator
from jaxgan.gan.state import Gan, TrainState, init_state
from jaxgan.parallel.devices import check_precision, visible_devices
from jaxgan.parallel.mesh import local_replica, make_mesh, replicate
from jaxgan.parallel.process_group import process_group
from jaxgan.runs.environment import describe_environment
from jaxgan.runs.plan import StepPlan, ema_halvings, images_in_run
from jaxgan.runs.program import build_program, training_examples

logger = logging.getLogger(__name__)


class TrainingSetup(NamedTuple):
    """What a run stands on, and what runs of other seeds share: all that does not change.

    Attributes:
      pixels, labels: on the device; labels where the GAN is class-conditional. On the host with
        config.data.stream.
      environment: for the record.
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
    """Loads the data onto the device, and builds the rules.

    Raises:
      UserError: config or data do not allow a run.
    """
    program = build_program(config)
    data, plan, gan = program.data, program.plan, program.gan
    process_group().agree(config, data)
    images = images_in_run(config.train, plan)
    check_horizon(config, images)
    devices = visible_devices()
    mesh = make_mesh(config, devices)
    gan = dataclasses.replace(gan, mesh=mesh) if mesh else gan
    used = list(mesh.devices.flat) if mesh else devices[:1]
    check_precision(config, used)
    environment = describe_environment(used, describe_data(data))
    environment["processes"] = process_group().count
    pixels, labels = training_examples(program)
    if not config.data.stream:
        pixels, labels = replicate(mesh, (pixels, labels))
    evaluator = None
    if config.evaluate.every and process_group().first:
        own = pixels if config.data.stream else local_replica(mesh, pixels)
        evaluator = PeriodicEvaluator(config, gan, data, own)
    for warning in config_warnings(
        config,
        backend=jax.default_backend(),
        image_shape=data.pixels.shape[1:],
        images=images,
        ema_halvings=ema_halvings(config, images),
    ):
        logger.warning(warning)
    return TrainingSetup(config, data, plan, gan, pixels, labels, evaluator, environment)


def initial_state(ground: TrainingSetup, seed: int) -> TrainState:
    """The state of a seed before its first step.

    Raises:
      UserError: the device has no room for it.
    """
    image_shape = ground.data.pixels.shape[1:]
    try:  # an allocation that fails is only seen when waited for
        return jax.block_until_ready(init_state(ground.gan, image_shape, jax.random.key(seed)))
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"config.network: there is no room for it ({reason})") from None


def describe_data(data: Dataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "source": data.source,
        "examples": len(data.pixels),
        "shape": list(data.pixels.shape[1:]),
        "classes": data.classes,
        "sha256": data.sha256,
    }
