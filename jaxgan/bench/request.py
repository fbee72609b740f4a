"""A request to the bench: which cases, and how often each is timed; imports no JAX."""

import dataclasses
import difflib

from jaxgan.config.errors import UserError

ROUNDS, QUICK_ROUNDS = 7, 3
CASES = {
    "classic": "a step of the MLP GAN on MNIST",
    "dcgan": "a step of the DCGAN on MNIST",
    "infogan_r1r2": "a step of the networks and the loss of configs/mnist_best.py",
    "r3gan": "a step of a small R3GAN on MNIST: relativistic loss, R1 and R2",
    "seeds": "1, 8 and 64 seeds of the classic GAN in one program",
    "sampling": "generating images, from latents to pixels",
    "evaluation": "scoring generated images during training",
    "start": "from the command to its first step, with an empty and a full compilation cache",
    "memory": "peak memory of a process that trains",
    "loop": "the training loop of the classic GAN, with all that it writes",
    "width": "cost per image of the classic GAN against the width of its layers",
    "batch": "cost per image of the classic GAN against the batch size",
    "data": "cost per image of the classic GAN against the number of training images",
}
CURVES = ("batch", "width", "seeds", "data")  # cases that a picture shows


@dataclasses.dataclass(frozen=True)
class BenchRequest:
    """Says what is measured.

    Attributes:
      cases: names in CASES, in the order in which they are measured.
      rounds: timings of each variant of a case.
      quick: few steps and small sizes, for a first look: its figures are too rough to compare.
    """

    cases: tuple[str, ...] = tuple(CASES)
    rounds: int = ROUNDS
    quick: bool = False


def find_cases(text: str) -> tuple[str, ...]:
    """Reads "classic,dcgan" as cases; "" stands for all of them.

    Raises:
      UserError: there is no such case; the nearest name is given.
    """
    # A case that is named twice is measured once, at its first place.
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in CASES:
            near = difflib.get_close_matches(name, CASES, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"--case {name}: unknown; {guess}known: {', '.join(CASES)}")
    return names or tuple(CASES)


def check_picture(cases: tuple[str, ...]) -> None:
    """Raises UserError if none of the cases has a curve to draw."""
    if not set(cases) & set(CURVES):
        raise UserError(f"--picture: draws the cases {', '.join(CURVES)}; --case has none of them")
