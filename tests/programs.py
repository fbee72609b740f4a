"""The training steps of a config, lowered for a device that need not be there."""

import functools
from typing import Any

import jax
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxgan.config.schema import Config
from jaxgan.gan.state import build_gan, init_state
from jaxgan.gan.steps import train_epoch
from jaxgan.runs.plan import images_in_run, images_per_step, make_step_plan
from tests.shipped import data_of

STEPS = 10  # of a program; the number changes neither its loop's body nor its memory


def lower_config(config: Config, device: jax.Device) -> tuple[jax.stages.Lowered, list[Any]]:
    """Lowers some steps of a config; returns the program, and what its arguments look like."""
    shape, classes, examples = data_of(config)
    plan = make_step_plan(config.train, examples)
    images = images_in_run(config.train, plan)
    gan = build_gan(config, shape, classes, (), images, examples)
    sharding = SingleDeviceSharding(device)

    def on_device(tree: Any) -> Any:
        def leaf(x: Any) -> jax.ShapeDtypeStruct:
            return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)

        return jax.tree.map(leaf, tree)

    key = jax.eval_shape(lambda: jax.random.key(0))
    state = on_device(jax.eval_shape(functools.partial(init_state, gan, shape), key))
    dtype = np.uint8 if len(shape) == 3 else np.float32
    pixels = on_device(jax.ShapeDtypeStruct((examples, *shape), dtype))
    labels = on_device(jax.ShapeDtypeStruct((examples,), np.int32)) if gan.classes else None
    order = on_device(jax.ShapeDtypeStruct((STEPS, images_per_step(config.train)), np.int32))
    lowered = train_epoch.lower(gan, state, pixels, order, labels)
    return lowered, jax.tree.leaves((state, pixels, labels, order))
