"""Writes the golden files with PyTorch: 100 steps of the classic GAN's loop.

    pip install torch numpy && python -m tests.golden.make_golden

PyTorch is needed here alone. Figures in the repository: PyTorch 2.13.0, CPU, one thread.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from tests.golden import inputs


def network(widths, seed, dtype, last):
    layers = []
    for kernel, bias in inputs.weights(widths, seed):
        linear = nn.Linear(*kernel.shape, dtype=dtype)
        linear.weight.data.copy_(torch.from_numpy(kernel.T))
        linear.bias.data.copy_(torch.from_numpy(bias))
        layers += [linear, nn.LeakyReLU(inputs.SLOPE)]
    return nn.Sequential(*layers[:-1], *last)


def adam(module):
    betas = (inputs.B1, inputs.B2)
    return torch.optim.Adam(module.parameters(), inputs.LEARNING_RATE, betas, inputs.EPS)


def run(size, dtype):
    """Losses (STEPS, 2) of D and G, and the final parameters by name."""
    gen = network(size.gen, 1, dtype, [nn.Tanh()])
    disc = network(size.disc, 2, dtype, [])
    gen_adam, disc_adam = adam(gen), adam(disc)
    ones, zeros = (
        torch.ones(inputs.BATCH, 1, dtype=dtype),
        torch.zeros(inputs.BATCH, 1, dtype=dtype),
    )
    losses = []
    for z, real in zip(*inputs.latents_and_batches(size), strict=True):
        z, real = torch.tensor(z, dtype=dtype), torch.tensor(real, dtype=dtype)
        fake = gen(z)
        disc_adam.zero_grad()
        d_loss = cross_entropy(disc(real), ones) + cross_entropy(disc(fake.detach()), zeros)
        d_loss.backward()
        disc_adam.step()
        gen_adam.zero_grad()
        g_loss = cross_entropy(disc(fake), ones)
        g_loss.backward()
        gen_adam.step()
        losses.append((d_loss.item(), g_loss.item()))
    return np.array(losses), {**parameters("gen", gen), **parameters("disc", disc)}


def parameters(player, module):
    linears = [layer for layer in module if isinstance(layer, nn.Linear)]
    return {
        f"{player}.{i}.{name}": value.detach().numpy().T.astype(np.float64)
        for i, linear in enumerate(linears)
        for name, value in (("kernel", linear.weight), ("bias", linear.bias))
    }


def main():
    torch.set_num_threads(1)
    for name, size in inputs.SIZES.items():
        losses64, final = run(size, torch.float64)
        losses32, _ = run(size, torch.float32)
        if name == "classic":  # nine megabytes: every 997th entry stands for all
            final = {leaf: value.reshape(-1)[::997] for leaf, value in final.items()}
        path = Path(__file__).parent / f"{name}.npz"
        np.savez_compressed(path, losses64=losses64, losses32=losses32, **final)
        print(path.name, losses64[[0, 19, 99]].tolist())


if __name__ == "__main__":
    main()
