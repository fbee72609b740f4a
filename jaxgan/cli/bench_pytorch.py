"""The MLP GAN and the DCGAN in PyTorch, as they are usually written there, for `bench`.

jaxgan does not need PyTorch; install it to see the comparison.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from jaxgan.config.schema import Config
from jaxgan.networks.resolution import resolution_for

IMAGES = 6400  # random ones: their values do not change the time of a step


def step_runner(
    torch: Any, config: Config, image_shape: tuple[int, ...], device: str
) -> Callable[[int], None]:
    """Returns a function that runs a number of eager steps, each of one D and one G update.

    The loss is the non-saturating one. Adam has PyTorch's own betas.

    Args:
      torch: the module.
      config: gives the networks, latent size, batch size and learning rate.
      image_shape: (height, width, channels).
      device: PyTorch's name of it.
    """
    gen, disc = NETWORKS[config.network.name](torch.nn, config, image_shape)
    gen, disc = gen.to(device), disc.to(device)
    gen_adam, disc_adam = _adam(torch, gen, config), _adam(torch, disc, config)
    loss, latents = torch.nn.BCEWithLogitsLoss(), config.network.latent_size
    height, width, channels = image_shape
    # On the device from the start, as in jaxgan: no loader of data is timed.
    images = torch.rand(IMAGES, channels, height, width, device=device) * 2 - 1
    batch = config.train.batch_size
    ones, zeros = torch.ones(batch, 1, device=device), torch.zeros(batch, 1, device=device)

    def run(steps: int) -> None:
        for _ in range(steps):
            real = images[torch.randint(len(images), (batch,), device=device)]
            # Drawn once for both updates, as `train_step` does it.
            fake = gen(torch.randn(batch, latents, device=device))
            disc_adam.zero_grad()
            (loss(disc(real), ones) + loss(disc(fake.detach()), zeros)).backward()
            disc_adam.step()
            gen_adam.zero_grad()
            loss(disc(fake), ones).backward()
            gen_adam.step()
        # PyTorch returns from a call to CUDA before the device is done.
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def _adam(torch: Any, net: Any, config: Config) -> Any:
    return torch.optim.Adam(net.parameters(), config.optimizer.gen.learning_rate)


def _mlps(nn: Any, config: Config, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    height, width, channels = image_shape
    size, network = height * width * channels, config.network
    gen = _dense(nn, (network.latent_size, *network.gen_widths, size))
    disc = _dense(nn, (size, *network.disc_widths, 1))
    images = nn.Unflatten(1, (channels, height, width))
    return nn.Sequential(*gen, nn.Tanh(), images), nn.Sequential(nn.Flatten(), *disc)


def _dense(nn: Any, sizes: tuple[int, ...]) -> list[Any]:
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2)]
    return layers[:-1]


def _dcgans(nn: Any, config: Config, image_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The layers of `jaxgan.networks.dcgan`, with batch norm in both networks."""
    shape, network = resolution_for("dcgan", image_shape), config.network
    top = 2 ** (shape.doublings - 1)
    width, gen = network.gen_channels * top, []
    gen += [nn.Linear(network.latent_size, shape.base**2 * width, bias=False)]
    gen += [nn.Unflatten(1, (width, shape.base, shape.base)), nn.BatchNorm2d(width), nn.ReLU()]
    for _ in range(shape.doublings - 1):
        gen += [nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)]
        width //= 2
        gen += [nn.BatchNorm2d(width), nn.ReLU()]
    gen += [nn.ConvTranspose2d(width, shape.image_channels, 4, 2, 1), nn.Tanh()]
    widths = [shape.image_channels, *(network.disc_channels * 2**i for i in range(shape.doublings))]
    disc: list[Any] = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        disc += [nn.Conv2d(fan_in, fan_out, 4, 2, 1, bias=layer == 0)]
        disc += [nn.BatchNorm2d(fan_out)] if layer else []
        disc += [nn.LeakyReLU(0.2)]
    disc += [nn.Flatten(), nn.Linear(shape.base**2 * widths[-1], 1)]
    return nn.Sequential(*gen), nn.Sequential(*disc)


NETWORKS: dict[str, Callable[[Any, Config, tuple[int, ...]], tuple[Any, Any]]] = {
    "mlp": _mlps,
    "dcgan": _dcgans,
}
