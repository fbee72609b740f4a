"""Starts the processes of one run on this machine, and waits for them."""

import os
import socket
import subprocess
import sys
import time

from tests.fault_configs import ROOT

SETTINGS = {
    "data.name": "tiny",
    "data.source": "idx",
    "train.batch_size": 8,
    "train.logs_per_epoch": 3,
    "train.epochs": 2,
    "network.gen_widths": (7,),
    "network.disc_widths": (6,),
    "network.latent_size": 5,
    "ema.half_life": 100,
    "evaluate.num_samples": 50,
    "evaluate.features": "tests.tiny:flat_features",
    "save.every": 1,
    "parallel.devices": 0,
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start(workdir, data, *flags, devices=2, env=(), program=(ROOT / "run.py",), **settings):
    """Starts the training command in a process of its own; settings have __ in place of a dot."""
    settings = (
        SETTINGS
        | {"data.dir": data}
        | {name.replace("__", "."): value for name, value in settings.items()}
    )
    command = [sys.executable, *program, "--config", ROOT / "configs" / "mnist.py"]
    command += ["--workdir", workdir, *flags]
    command += [f"--config.{name}={value}" for name, value in settings.items()]
    inherited = {name: os.environ[name] for name in os.environ if "proxy" not in name.lower()}
    env = inherited | {  # JAX warns about a proxy
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        **dict(env),
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(list(map(str, command)), cwd=ROOT, env=env, **pipes)


def place(index, port, count=2):
    return (
        f"--coordinator=127.0.0.1:{port}",
        f"--num_processes={count}",
        f"--process_id={index}",
    )


def start_both(workdir, data, **settings):
    port = free_port()
    return [start(workdir, data, *place(i, port), **settings) for i in range(2)]


def ended(processes, seconds=900):
    """(exit status, standard output, standard error) of each."""
    spoken = [process.communicate(timeout=seconds) for process in processes]
    return [(p.returncode, *words) for p, words in zip(processes, spoken, strict=True)]


def trained(*processes):
    found = ended(processes)
    assert [status for status, *_ in found] == [0] * len(found), found
    return found


def wait_for(path, processes, seconds=600):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"
        assert all(process.poll() is None for process in processes), ended(processes)
        time.sleep(0.05)


def error_lines(err):
    return [line for line in err.splitlines() if line.startswith("jaxgan: error: ")]
