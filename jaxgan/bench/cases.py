"""The cases of the bench, by name: each measures one thing and returns a `CaseResult`."""

import functools
from collections.abc import Callable

from jaxgan.bench import growth
from jaxgan.bench.evaluation import evaluation
from jaxgan.bench.gans import GANS
from jaxgan.bench.loop import loop
from jaxgan.bench.memory import memory
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import CaseResult
from jaxgan.bench.sampling import sampling
from jaxgan.bench.start import start
from jaxgan.bench.steps import compare_named

# The names are those of `request.CASES`, which the command line reads before JAX is imported.
CASES: dict[str, Callable[[BenchRequest], CaseResult]] = {
    **{name: functools.partial(compare_named, name) for name in GANS},
    "seeds": growth.seeds,
    "sampling": sampling,
    "evaluation": evaluation,
    "start": start,
    "memory": memory,
    "loop": loop,
    "width": growth.width,
    "batch": growth.batch,
    "data": growth.data,
}
