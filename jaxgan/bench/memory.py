"""The case that measures the peak memory of a process that trains, in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import jax

from jaxgan.bench import ours
from jaxgan.bench.child import child_environment, python_command
from jaxgan.bench.gans import GANS
from jaxgan.bench.request import BenchRequest
from jaxgan.bench.result import BYTES, CaseResult
from jaxgan.data import load_data

IMPORTS = "imports alone"
STEPS, QUICK_STEPS = 20, 2  # in one call
CALLS = 2
STATUS = Path("/proc/self/status")


def memory(request: BenchRequest, names: tuple[str, ...] = (IMPORTS, *GANS)) -> CaseResult:
    """Measures each GAN once; the processes have no compilation cache, so that all compile."""
    steps = QUICK_STEPS if request.quick else STEPS
    environment = child_environment(JAX_ENABLE_COMPILATION_CACHE="false")
    rounds = {}
    for name in names:
        command = python_command("-m", "jaxgan.bench.memory", name, str(steps))
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            raise RuntimeError(f"{name}: {' '.join(last)}")
        rounds[name] = [float(done.stdout)]
    platform = jax.devices()[0].platform
    measured = "resident memory" if platform == "cpu" else f"memory of the {platform}"
    return CaseResult(BYTES, rounds, facts={"measured": measured, "steps": CALLS * steps})


def peak_bytes() -> int:
    """Returns the peak so far of an accelerator's memory, or on CPU of the process's own."""
    if stats := jax.devices()[0].memory_stats():
        return int(stats["peak_bytes_in_use"])
    # Not `ru_maxrss` where this is known: on Linux that has the peak of the parent process too.
    if STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())):
        return int(found.group(1)) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Trains the named GAN for some steps, and prints the peak in bytes."""
    name, steps = sys.argv[1:]
    if name != IMPORTS:
        config = GANS[name]()
        measure = ours.epoch(config, load_data(config.data).pixels, int(steps)).prepare()
        for _ in range(CALLS):
            measure()
    print(peak_bytes())


if __name__ == "__main__":
    main()
