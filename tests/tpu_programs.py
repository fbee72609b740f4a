"""The training step of every shipped config, compiled for a TPU that need not be there.

    python -m tests.tpu_programs                      # all configs, as a table in Markdown
    python -m tests.tpu_programs --only mnist,dcgan   # --json: a line of JSON for each

It needs the package `libtpu`, which has the TPU's compiler. The device is one chip of a v5e, whose
products are made in tiles of 128 by 128, and which has 16 GB of memory.
"""

import argparse
import functools
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import topologies
from jaxlib.mlir import ir
from jaxlib.mlir.dialects import stablehlo

from jaxgan.config.files import load_config, shipped_configs
from jaxgan.config.schema import Config
from tests.programs import lower_config

TOPOLOGY = "v5e:2x2"  # the smallest that the compiler knows; one of its chips is used
REMAT = ("network.remat", "True")
# Settings with which the networks for large GPUs fit on a chip.
SMALLER = {"images": [REMAT], "cifar10": [REMAT, ("train.batch_size", "256")]}
LANES, SUBLANES = 128, 8  # a tile of float32: 8 rows of 128 numbers
TO_HOST = ("callback", "SendToHost", "RecvFromHost", "infeed", "outfeed")
# Without a TPU, libtpu asks the cloud what the machine is, and waits for the answer.
SETTINGS = {"TPU_SKIP_MDS_QUERY": "1"}


class TpuProgram(NamedTuple):
    """What the compiler says about the program of a config.

    Attributes:
      arguments: bytes of the state and the data, in the layout of the device.
      unpadded: the same, without the rows and columns that fill tiles.
      temporaries: bytes of all other arrays.
      flop: floating-point operations of a step, as the compiler counts them.
      product_padding: the products' operations with their sides filled up to whole tiles, divided
        by those without; of matrix products only, not of convolutions.
      to_host: operations that move data between host and device during the steps.
    """

    arguments: int
    unpadded: int
    temporaries: int
    flop: float
    product_padding: float
    to_host: list[str]


def compile_config(config: Config) -> TpuProgram:
    """Compiles some steps of a config for one chip."""
    lowered, arrays = lower_config(config, _chip())
    compiled = lowered.compile()
    memory, text = compiled.memory_analysis(), compiled.as_text()
    return TpuProgram(
        memory.argument_size_in_bytes,
        sum(math.prod(x.shape) * _itemsize(x.dtype) for x in arrays),
        memory.temp_size_in_bytes,
        compiled.cost_analysis()["flops"],
        product_padding_of(lowered),
        [word for word in TO_HOST if word in text],
    )


@functools.cache
def _chip() -> jax.Device:
    os.environ.update({name: os.environ.get(name, value) for name, value in SETTINGS.items()})
    return topologies.get_topology_desc(platform="tpu", topology_name=TOPOLOGY).devices[0]


def _itemsize(dtype: Any) -> int:
    # A key is two numbers of 32 bits.
    return 8 if jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key) else np.dtype(dtype).itemsize


def product_padding_of(lowered: jax.stages.Lowered) -> float:
    """Returns TpuProgram.product_padding of a program."""
    products = list(_products(lowered.compiler_ir("stablehlo")))
    padded = sum(
        _up(rows, SUBLANES) * _up(inner, LANES) * _up(columns, LANES) * batch
        for batch, rows, inner, columns in products
    )
    return padded / max(sum(map(math.prod, products)), 1)


def _up(size: int, tile: int) -> int:
    return -(-size // tile) * tile


def _products(module: Any) -> Iterator[tuple[int, int, int, int]]:
    """Yields (batch, rows, inner size, columns) of every matrix product of a program."""
    operations: list[Any] = []

    def visit(operation: Any) -> ir.WalkResult:
        if operation.name == "stablehlo.dot_general":
            operations.append(operation)
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    for operation in operations:
        axes = stablehlo.DotDimensionNumbers(operation.attributes["dot_dimension_numbers"])
        left, right = (ir.RankedTensorType(x.type).shape for x in operation.operands)
        batch = math.prod(left[i] for i in axes.lhs_batching_dimensions)
        inner = math.prod(left[i] for i in axes.lhs_contracting_dimensions)
        rows, columns = (math.prod(shape) // batch // inner for shape in (left, right))
        yield batch, rows, inner, columns


def compile_named(name: str) -> TpuProgram:
    """Compiles a shipped config, with the settings of SMALLER."""
    return compile_config(load_config(Path(name), SMALLER.get(name, [])))


def table(names: list[str]) -> Iterator[str]:
    """Yields the lines of a table in Markdown, one for each config."""
    yield "| config | arguments, MB | of it padding | temporaries, MB | GFLOP a step | products |"
    yield "|---|---|---|---|---|---|"
    for name in names:
        program = compile_named(name)
        padding = program.arguments / program.unpadded - 1
        label = " ".join([name, *map("=".join, SMALLER.get(name, []))])
        yield (
            f"| `{label}` | {program.arguments / 1e6:.1f} | {padding:.0%} | "
            f"{program.temporaries / 1e6:.1f} | {program.flop / 1e9:.2f} | "
            f"{program.product_padding:.2f} times |"
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME,NAME", help="default: all shipped configs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(shipped_configs())
    of_json = (json.dumps(compile_named(name)._asdict()) for name in names)
    for line in of_json if options.json else table(names):
        print(line, flush=True)


if __name__ == "__main__":
    main()
