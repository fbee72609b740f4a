"""Builds what the steps of a run need from its config: training data, step plan and GAN."""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.config.schema import Config
from jaxgan.data import Dataset, load_data, with_found_name
from jaxgan.data.image_pixels import rules_of
from jaxgan.data.lazy_array import Array
from jaxgan.gan.state import Gan, TrainState, build_gan, init_state_quickly
from jaxgan.networks import network_pair
from jaxgan.runs.plan import StepPlan, images_in_run, make_step_plan
from jaxgan.types import Labels, Pixels


class Program(NamedTuple):
    """Everything that the steps of a run are computed with, except the state.

    Attributes:
      data: the training split, on the host.
    """

    config: Config
    data: Dataset
    plan: StepPlan
    gan: Gan


def build_program(config: Config) -> Program:
    """Loads the training data of a config, and builds its step plan and its GAN.

    The config of the result has the name of the data that were found.

    Raises:
      UserError: the data are missing or damaged, do not fill one step, or do not fit the network.
    """
    config = dataclasses.replace(config, data=with_found_name(config.data))
    if size := rules_of(config.data).size:
        # A size that the network cannot make is refused before the images are read.
        network_pair(config.network, (*size, 3), 0)
    data = load_data(config.data)
    plan = make_step_plan(config.train, len(data.pixels))
    images = images_in_run(config.train, plan)
    shape = data.pixels.shape[1:]
    examples = len(data.pixels)
    gan = build_gan(config, shape, data.classes, data.class_counts, images, examples)
    return Program(config, data, plan, gan)


def initial_state(program: Program) -> TrainState:
    """Returns the state before the first step, drawn from config.seed."""
    key = jax.random.key(program.config.seed)
    return init_state_quickly(program.gan, program.data.pixels.shape[1:], key)


def training_examples(program: Program) -> tuple[Pixels | Array, Labels | np.ndarray | None]:
    """Returns the pixels, and the labels where the GAN is class-conditional.

    They are copied to the default device, or left on the host with config.data.stream.
    """
    data = program.data
    examples = (data.pixels, data.labels if program.gan.classes else None)
    # Streamed data may be larger than the memory of the device.
    return examples if program.config.data.stream else jax.device_put(examples)
