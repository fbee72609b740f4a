"""One step of adversarial training, and an epoch of them: pure functions of state, data and key."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import optax

from jaxgan.gan.checksums import checksum, combine, window_checksum
from jaxgan.gan.sampling import update_latents
from jaxgan.gan.state import Gan, TrainState
from jaxgan.gan.updates import d_update_and_gradients, g_update_and_gradients, images_so_far
from jaxgan.parallel.mesh import constrain
from jaxgan.parallel.run_axis import divides
from jaxgan.types import (
    Batch,
    Checksums,
    GatheredExamples,
    Images,
    Labels,
    Metrics,
    Order,
    Orders,
    Params,
    Pixels,
    PRNGKey,
    StepOutput,
    Stream,
    as_batch,
    stream_key,
    to_images,
)

Trace = dict[str, Params]
CHECKSUM_COLUMNS = (  # of a step, in the order in which each is caused by those before it
    "batch",
    "latents",
    "disc_loss",
    "disc_grads",
    "disc_params",
    "disc_opt",
    "gen_loss",
    "gen_grads",
    "gen_params",
    "gen_opt",
    "ema",
)


def train_step(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, StepOutput]:
    """`gan.d_steps` discriminator updates, then one generator update against the new discriminator.

    `real` holds d_steps batches, one after the other. The generator is updated with the latents
    of the last discriminator update, drawn once: then the compiler merges the two passes of the
    generator, which with a draw each it does not on CPU. Metrics are those of the last update of
    each; disc/skipped counts all of D's.
    """
    return traced_step(gan, state, _in_batches(gan, real), key)[:2]


def traced_step(
    gan: Gan, state: TrainState, real: Images | Batch, key: PRNGKey
) -> tuple[TrainState, StepOutput, Trace]:
    """`train_step`, and what it computed on the way, which a compiler drops if nothing asks for it.

    The arrays of `real` are (d_steps, images, ...). The trace holds, with a leading axis over D's
    updates, "latents" and "disc_grads", and "gen_grads" of the one update of G.
    """
    keys = jax.random.split(key, gan.d_steps)
    latents, disc_grads, d_outputs = [], [], []
    for i, update_key in enumerate(keys):
        batch = jax.tree.map(lambda array, i=i: array[i], real)
        z = update_latents(gan, len(as_batch(batch).images), update_key)
        batch, z = constrain(gan.mesh, (batch, z))
        state, d_output, grads = d_update_and_gradients(gan, state, batch, update_key, z)
        latents.append(z)
        disc_grads.append(grads)
        d_outputs.append(d_output)
    skipped = jnp.sum(jnp.stack([output.metrics["disc/skipped"] for output in d_outputs]))
    disc_mark = combine([output.checksums["disc_grads"] for output in d_outputs])
    state, g_output, gen_grads = g_update_and_gradients(gan, state, batch, update_key, z)
    trace = {
        "latents": jnp.stack(latents),
        "disc_grads": jax.tree.map(lambda *grads: jnp.stack(grads), *disc_grads),
        "gen_grads": gen_grads,
    }
    state = state.replace(step=state.step + 1, ema_params=_average(gan, state))
    metrics = {**d_output.metrics, "disc/skipped": skipped, **g_output.metrics}
    return state, StepOutput(metrics, {"disc_grads": disc_mark, **g_output.checksums}), trace


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def train_epoch(
    gan: Gan,
    state: TrainState,
    pixels: Pixels | GatheredExamples,
    order: Order,
    labels: Labels | None = None,
) -> tuple[TrainState, StepOutput]:
    """A scan of `train_step` over the rows of `order`, indices into `pixels`, and into `labels`
    where the GAN is class-conditional.

    `order` is (steps, d_steps * batch); any run of an epoch's rows gives the same bits as the
    whole. The state's buffers are donated. Returns metrics and checksums of shape (steps,); the
    checksums have the names of CHECKSUM_COLUMNS.

    `Taken` in place of all pixels and labels is what the rows are of.
    """
    return _epoch(gan, state, pixels, order, labels)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=1)
def train_epochs(
    gan: Gan,
    states: TrainState,
    pixels: Pixels | GatheredExamples,
    orders: Orders,
    labels: Labels | None = None,
) -> tuple[TrainState, StepOutput]:
    """`train_epoch` of several runs at the same step, each with its own order, as one program.

    States, orders, `Taken` and what is returned have one more leading axis; states and `Taken` are
    as `apart.on_own` places them. Every run draws what it draws alone, to the bit, and its values
    are those of `train_epoch` to rounding, because a product over all runs adds up in another
    order. The states' buffers are donated.
    """
    own = dataclasses.replace(gan, mesh=None)  # what is spread are the runs
    runs = constrain(gan.mesh, (states, orders))
    if isinstance(pixels, GatheredExamples):
        done = jax.vmap(functools.partial(_epoch, own))(
            runs[0], constrain(gan.mesh, pixels), runs[1]
        )
    else:
        done = jax.vmap(lambda state, order: _epoch(own, state, pixels, order, labels))(*runs)
    return constrain(gan.mesh, done, divides(gan.mesh, len(orders)))


@functools.partial(jax.jit, static_argnums=0)
def traced_epoch(
    gan: Gan,
    state: TrainState,
    pixels: Pixels | GatheredExamples,
    order: Order,
    labels: Labels | None = None,
) -> tuple[TrainState, StepOutput, Trace]:
    """`train_epoch` with what every step computed: the trace of `traced_step`, and "state", the
    state after it. All of it is kept, so that a few steps are what memory allows."""

    def keeping(step, state, inputs):
        state, (output, trace) = step(state, inputs)
        return state, (output, trace | {"state": state})

    step, *rest = _steps(gan, state, pixels, order, labels)
    state, (output, trace) = jax.lax.scan(functools.partial(keeping, step), *rest)
    return state, output, trace


def _epoch(gan, state, pixels, order, labels=None):
    state, (output, _) = jax.lax.scan(*_steps(gan, state, pixels, order, labels))
    return state, output


def _steps(gan, state, pixels, order, labels):
    """What `lax.scan` takes: the body, the state, and the inputs of each step."""
    # On CPU, keys derived outside the scan save 0.4 ms a step, rows gathered from a flat array 0.2.
    steps = state.step + jnp.arange(len(order))
    keys = jax.vmap(stream_key, (None, None, 0))(state.key, Stream.UPDATE, steps)
    given = pixels if isinstance(pixels, GatheredExamples) else None
    flat = pixels.reshape(len(pixels), -1) if given is None else None

    def step(state, inputs):
        row, examples, key = inputs
        if examples is None:
            chosen = flat.at[row].get(mode="promise_in_bounds").reshape(-1, *pixels.shape[1:])
            told = labels[row] if gan.classes else None
            examples = _in_batches(gan, GatheredExamples(chosen, told))
        images = to_images(examples.pixels)
        real = Batch(images, examples.labels) if gan.classes else images
        state, output, trace = traced_step(gan, state, real, key)
        marks = _step_checksums(state, row, output.metrics, trace)
        return state, (StepOutput(output.metrics, output.checksums | marks), trace)

    return step, state, (order, given, keys)


def _in_batches(gan, real):
    """Batches that come one after the other as (d_steps, images, ...)."""
    return jax.tree.map(lambda array: array.reshape(gan.d_steps, -1, *array.shape[1:]), real)


def _step_checksums(state: TrainState, row, metrics: Metrics, trace: Trace) -> Checksums:
    """The fingerprints of a step besides those of the gradients: whole of what went into it and
    of the losses, of a part, another one each step, of what it left."""
    part = functools.partial(window_checksum, step=state.step)
    marks = {
        "batch": checksum(row),
        "latents": checksum(trace["latents"]),
        "disc_loss": checksum(metrics["disc/loss"]),
        "gen_loss": checksum(metrics["gen/loss"]),
        "ema": part(state.ema_params),
    }
    for name, player in (("disc", state.disc), ("gen", state.gen)):
        marks[f"{name}_params"] = part((player.params, player.stats))
        marks[f"{name}_opt"] = part(player.opt_state)
    return marks


def _average(gan, state):
    """The exponential moving average of the generator's weights, if one is kept."""
    if not gan.half_life:
        return state.ema_params
    half_life = gan.half_life
    if gan.half_life_factor:
        factor = gan.half_life_factor(images_so_far(gan, state))
        half_life = jnp.maximum(gan.half_life * factor, 1e-6)
    decay = 0.5 ** (gan.images_per_step / half_life)
    return optax.incremental_update(state.gen.params, state.ema_params, 1 - decay)
