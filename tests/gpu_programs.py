"""The kernels of a training step of every shipped config, for a GPU that need not be there.

    python -m tests.gpu_programs                      # all configs, as a table in Markdown
    python -m tests.gpu_programs --only mnist,dcgan

It needs the CUDA packages of `jaxgan[cuda]`, which compile without a GPU. Where kernels are short,
their number says how long a step takes, as the launch of each takes a microsecond or more. With a
GPU the compiler also times several forms of each product, and may choose others than here.
"""

import argparse
import collections
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental import topologies

from jaxgan.config.files import load_config, shipped_configs
from jaxgan.config.schema import Config
from tests.programs import lower_config

# Without a GPU, JAX cannot ask its driver for versions.
SETTINGS = {"JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1"}
H200 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }
  threads_per_block_limit: 1024
  threads_per_warp: 32
  threads_per_core_limit: 2048
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  core_count: 132
  fpus_per_core: 128
  clock_rate_ghz: 1.98
  memory_bandwidth: 4800000000000
  l2_cache_size: 52428800
  device_memory_size: 150000000000
}
platform_name: "CUDA"
runtime_version { major: 13 }
dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H200"
"""
FREE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}  # launch nothing
OUTER = {"while", "conditional", "call"}  # what they run is counted instead
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%?(\S+) = (?:\([^=]*?\)|\S+) ([\w\-]+)\(")
CALLED = re.compile(r"(?:body|to_apply|\w+_computations?)=(?:%?([\w.\-]+)|\{([^}]*)\})")
PRODUCT = re.compile(r"gemm|dot|conv(?!ert)|cublas|cudnn")


def kernels_of(config: Config) -> list[str]:
    """Returns the names of the kernels that a step of a config launches."""
    lowered, _ = lower_config(config, _gpu())
    return step_kernels(lowered.compile().as_text())


def step_kernels(text: str) -> list[str]:
    """Returns the names of the kernels in the loop over the steps of a compiled program.

    Of a condition both branches are counted, and a loop within the step once.
    """
    # Long tuples have comments, whose "=" would end the pattern of an instruction.
    text = re.sub(r"/\*index=\d+\*/", "", text)
    computations = _computations(text)
    # The loop over the steps is the largest one; others are inside of it.
    bodies = set(re.findall(r"body=%?([\w.\-]+)", text))
    return max((_launched(computations, body) for body in bodies), key=len)


@functools.cache
def _gpu() -> jax.Device:
    os.environ.update({name: os.environ.get(name, value) for name, value in SETTINGS.items()})
    topology = topologies.get_topology_desc(platform="cuda", target_config=H200, topology="1x1x1")
    return topology.devices[0]


def _computations(text: str) -> dict[str, list[str]]:
    """Returns the lines of each computation of a program, by its name."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if match := re.match(r"(?:ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            name = match[1]
            found[name] = []
        elif line.startswith("  ") and name:
            found[name].append(line)
    return found


def _launched(computations: dict[str, list[str]], name: str) -> list[str]:
    kernels = []
    for line in computations.get(name, []):
        match = INSTRUCTION.match(line)
        if not match or match[2] in FREE:
            continue
        if match[2] in OUTER:
            for one, several in CALLED.findall(line):
                for inner in re.findall(r"[\w.\-]+", one or several):
                    kernels += _launched(computations, inner)
        else:
            kernels.append(match[1])
    return kernels


def table(names: list[str]) -> Iterator[str]:
    """Yields the lines of a table in Markdown, one for each config."""
    yield "| config | kernels a step | of them products | most frequent others |"
    yield "|---|---|---|---|"
    for name in names:
        kernels = kernels_of(load_config(Path(name), []))
        others = [kernel for kernel in kernels if not PRODUCT.search(kernel)]
        kinds = collections.Counter(re.sub(r"[.\d]+$", "", kernel) for kernel in others)
        frequent = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3))
        yield f"| `{name}` | {len(kernels)} | {len(kernels) - len(others)} | {frequent} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAME,NAME", help="default: all shipped configs")
    only = parser.parse_args().only
    for line in table(only.split(",") if only else list(shipped_configs())):
        print(line, flush=True)


if __name__ == "__main__":
    main()
