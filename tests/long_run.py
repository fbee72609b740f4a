"""Trains many epochs of a tiny data set, and shows what an epoch costs at the start and at the end.

    python -m tests.long_run --epochs 1000 --out runs/long

Costs that grow with the length of a run show as other seconds per epoch, or as more memory.
"""

import argparse
import dataclasses
import os
import sys
import threading
from pathlib import Path

import numpy as np

from jaxgan.config.schema import SaveConfig
from jaxgan.runs import layout, row_files
from jaxgan.training.loop import train
from tests import tiny

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def watch_memory(found, stop):
    while not stop.wait(0.2):
        found.append(resident_megabytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    config = tiny.config(tiny.write_data(options.out / "data"), epochs=options.epochs)
    config = dataclasses.replace(config, save=SaveConfig(every=5, samples_every=50))
    memory, stop = [], threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(memory, stop))
    watcher.start()
    train(config, options.out / "run")
    stop.set()
    watcher.join()
    rows = row_files.read_rows(options.out / "run")
    seconds = np.array([row["seconds"] for row in rows if row["epoch"] == int(row["epoch"])])
    epochs, part = np.diff(seconds), options.epochs // 5
    for name, values in (("second", epochs[part : 2 * part]), ("last", epochs[-part:])):
        mean, median = 1000 * np.mean(values), 1000 * np.median(values)
        print(f"{name} fifth: {mean:.1f} ms an epoch, median {median:.1f} ms")
    for when in (0.2, 0.4, 0.6, 0.8, 1.0):
        print(f"memory at {when:.0%} of the time: {memory[int((len(memory) - 1) * when)]:.0f} MB")
    for name in (layout.METRICS, layout.LEDGER, layout.LEAVES):
        print(f"{name}: {(options.out / 'run' / name).stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
