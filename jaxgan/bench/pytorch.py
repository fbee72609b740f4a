"""The same GANs in PyTorch: one training step, and the ways in which people run it.

This module needs PyTorch.
"""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import torch
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, TensorDataset

from jaxgan.bench.flop import COMPARING_LOSSES
from jaxgan.bench.pytorch_networks import build_networks
from jaxgan.bench.pytorch_weights import copy_weights
from jaxgan.bench.timing import Measure, Variant, stopwatch
from jaxgan.config.schema import Config
from jaxgan.gan.state import TrainState, build_gan, init_state

CUDA = "cuda"


class Players(NamedTuple):
    """Both networks and their optimizers."""

    gen: Any
    disc: Any
    gen_adam: Any
    disc_adam: Any


class Way(NamedTuple):
    """One way to run the step.

    Attributes:
      fused: Adam as one kernel for all weights.
      compiled: mode of `torch.compile` for both networks; "": not compiled.
      channels_last: images and weights in NHWC memory; for convolutional networks only.
      loader: as tutorials write it: images come from a DataLoader, G's update computes D's
        gradients too, losses go to the host. Else all images are on the device from the start.
      on: kind of device that it is for; "" for every one.
    """

    fused: bool = False
    compiled: str = ""
    channels_last: bool = False
    loader: bool = False
    on: str = ""


def variants(
    config: Config, image_shape: tuple[int, ...], steps: int, device: str
) -> dict[str, Variant]:
    """Returns each way that the networks and the device allow, by its name.

    Args:
      device: PyTorch's name of it.
    """
    return {
        name: Variant(functools.partial(_prepare, config, image_shape, steps, device, way), steps)
        for name, way in WAYS.items()
        if way.on in ("", device) and not (way.channels_last and config.network.name == "mlp")
    }


def make_players(
    config: Config, state: TrainState, image_shape: tuple[int, ...], device: str, fused: bool
) -> Players:
    """Returns both players with the weights of one of our states."""
    nets = build_networks(config.network, image_shape)
    params = (state.gen.params, state.disc.params)
    for net, weights in zip(nets, params, strict=True):
        copy_weights(net, weights, image_shape[-1])
        net.to(device)
    optimizers = (
        torch.optim.Adam(
            net.parameters(), adam.learning_rate, (adam.b1, adam.b2), adam.eps, fused=fused or None
        )
        for net, adam in zip(nets, (config.optimizer.gen, config.optimizer.disc), strict=True)
    )
    return Players(*nets, *optimizers)


def train_step(
    config: Config, players: Players, real: Any, z: Any, as_tutorials: bool = False
) -> tuple[Any, Any]:
    """Updates D, then G against the new D with the same latents.

    Args:
      as_tutorials: G's update also computes the gradients of D, which nobody uses.

    Returns:
      D's loss with its weighted penalties, and G's loss.
    """
    gen, disc, gen_adam, disc_adam = players
    # Drawn once for both updates, as `train_step` of jaxgan does it.
    fake = gen(z)
    disc_adam.zero_grad()
    d_loss = _disc_loss(config, disc, real, fake.detach())
    # Without `inputs`, R1 and R2 would send gradients to the images too.
    d_loss.backward(inputs=list(disc.parameters()))
    disc_adam.step()
    gen_adam.zero_grad()
    g_loss = _gen_loss(config, disc, real, fake)
    g_loss.backward(inputs=None if as_tutorials else list(gen.parameters()))
    gen_adam.step()
    return d_loss, g_loss


def _disc_loss(config: Config, disc: Any, real: Any, fake: Any) -> Any:
    penalties = ((config.penalty.r1, real), (config.penalty.r2, fake))
    for weight, images in penalties:
        images.requires_grad_(weight > 0)
    real_logits, fake_logits = disc(real), disc(fake)
    if config.loss in COMPARING_LOSSES:
        loss = softplus(fake_logits - real_logits).mean()
    else:
        loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
    for (weight, images), logits in zip(penalties, (real_logits, fake_logits), strict=True):
        if weight:
            (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
            loss = loss + weight / 2 * gradients.square().sum((1, 2, 3)).mean()
    return loss


def _gen_loss(config: Config, disc: Any, real: Any, fake: Any) -> Any:
    if config.loss not in COMPARING_LOSSES:
        return softplus(-disc(fake)).mean()
    with torch.no_grad():
        real_logits = disc(real)
    return softplus(real_logits - disc(fake)).mean()


def _prepare(
    config: Config, image_shape: tuple[int, ...], steps: int, device: str, way: Way
) -> Measure:
    """Returns the timed steps of one way, whose networks are compiled at the first call."""
    players = _players_of(config, image_shape, device, way)
    batch, (height, width, channels) = config.train.batch_size, image_shape
    # Random ones: their values do not change the time of a step.
    images = torch.rand(batch * steps, channels, height, width) * 2 - 1
    batches = _loader(images, batch) if way.loader else _resident(images.to(device), batch, way)

    def step(real: Any) -> None:
        if way.compiled == GRAPHS:
            torch.compiler.cudagraph_mark_step_begin()
        z = torch.randn(batch, config.network.latent_size, device=device)
        losses = train_step(config, players, real.to(device), z, way.loader)
        for loss in losses if way.loader else ():
            loss.item()

    def run() -> None:
        for real in itertools.islice(batches, steps):
            step(real)
        # PyTorch returns from a call to CUDA before the device is done.
        if device == CUDA:
            torch.cuda.synchronize()

    return stopwatch(run)


def _players_of(config: Config, image_shape: tuple[int, ...], device: str, way: Way) -> Players:
    if device == CUDA:
        # JAX multiplies float32 matrices in TensorFloat32 there, and chooses the fastest kernels.
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    state = init_state(build_gan(config, image_shape), image_shape, jax.random.key(config.seed))
    players = make_players(config, state, image_shape, device, way.fused)
    if way.channels_last:
        for net in (players.gen, players.disc):
            net.to(memory_format=torch.channels_last)
    if not way.compiled:
        return players
    gen, disc = (torch.compile(net, mode=way.compiled) for net in (players.gen, players.disc))
    return players._replace(gen=gen, disc=disc)


def _loader(images: Any, batch: int) -> Any:
    """Yields shuffled batches without end."""
    loader = DataLoader(TensorDataset(images), batch, shuffle=True, drop_last=True)
    while True:
        for (real,) in loader:
            yield real


def _resident(images: Any, batch: int, way: Way) -> Any:
    """Yields random batches of images on the device without end."""
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    while True:
        real = images[torch.randint(len(images), (batch,), device=images.device)]
        yield real.contiguous(memory_format=layout)


GRAPHS = "reduce-overhead"  # the mode of torch.compile that records CUDA graphs
WAYS = {
    "dataloader": Way(loader=True),
    "eager": Way(),
    "fused": Way(fused=True),
    "channels_last": Way(fused=True, channels_last=True),
    "compile": Way(fused=True, compiled="default"),
    "graphs": Way(fused=True, compiled=GRAPHS, on=CUDA),
}
