"""Several processes of one run, of which one fails, is stopped, or never comes."""

import errno
import re
import resource
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from jaxgan.cli.entry import INTERRUPTED
from jaxgan.runs import checkpoints
from tests import tiny
from tests.processes import (
    ended,
    error_lines,
    free_port,
    place,
    start,
    start_both,
    trained,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled_once")]


REFUSING = """
import errno, os, sys
from jaxgan.cli import entry

number, times = (int(text) for text in sys.argv.pop(1).split())

def refuse(event, arguments):
    global times
    if times and event == "os.rename" and str(arguments[1]).endswith("/checkpoints/24"):
        times -= 1
        raise OSError(number, os.strerror(number))

sys.addaudithook(refuse)
sys.exit(entry.run())
"""


def start_refusing(run, data, number, times):
    """Starts two processes, of which the first is refused to finish its second checkpoint."""
    port, program = free_port(), ("-c", REFUSING, f"{number} {times}")
    first = start(run, data, *place(0, port), program=program, evaluate__every=0)
    return [first, start(run, data, *place(1, port), evaluate__every=0)]


def test_a_first_process_that_cannot_write_says_why_and_ends_the_others(tmp_path, data):
    both = start_both(tmp_path / "run", data, train__epochs=10_000)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    resource.prlimit(both[0].pid, resource.RLIMIT_FSIZE, (0, 0))
    begun = time.monotonic()
    first, other = ended(both, seconds=300)
    assert time.monotonic() - begun < 60
    assert first[0] == other[0] == 2, (first, other)
    (line,) = error_lines(first[2])
    assert "File too large" in line
    assert error_lines(other[2]) == [line.replace("error: ", "error: process 0: ")]
    assert "Traceback" not in first[2] + other[2]


def test_a_refused_save_ends_all_processes_and_leaves_the_one_before(tmp_path, data):
    run = tmp_path / "run"
    first, other = ended(start_refusing(run, data, errno.EROFS, 10_000))
    assert first[0] == other[0] == 2, (first, other)
    (line,) = error_lines(first[2])
    assert f"{run}/checkpoints: no checkpoint could be saved: " in line
    assert error_lines(other[2]) == [line.replace("error: ", "error: process 0: ")]
    assert "Traceback" not in first[2] + other[2]
    assert checkpoints.steps(run / "checkpoints") == [12]


def test_a_save_that_fails_for_a_moment_is_repeated_while_the_others_wait(tmp_path, data):
    run = tmp_path / "run"
    (_, _, said), _ = trained(*start_refusing(run, data, errno.EIO, 1))
    assert "Input/output error; trying again for up to 30 s" in said
    assert "Traceback" not in said
    assert checkpoints.steps(run / "checkpoints") == [12, 24]


def test_a_signal_at_any_process_stops_all_of_them_saved(tmp_path, data):
    both = start_both(tmp_path / "run", data, train__epochs=10_000)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[1].send_signal(signal.SIGTERM)
    first, other = ended(both)
    assert first[0] == other[0] == 128 + signal.SIGTERM
    step = int(re.search(r"saved at step (\d+) of 120000; go on with:", first[2])[1])
    assert max(checkpoints.steps(tmp_path / "run" / "checkpoints")) == step


@pytest.mark.parametrize("impatient", [0, 1])
def test_a_second_signal_ends_one_and_then_the_others(tmp_path, data, impatient):
    both = start_both(tmp_path / "run", data, train__epochs=10_000)
    wait_for(tmp_path / "run" / "checkpoints" / "12", both)
    both[impatient].send_signal(signal.SIGTERM)
    both[impatient].send_signal(signal.SIGINT)
    begun = time.monotonic()
    found = ended(both, seconds=200)
    assert time.monotonic() - begun < 100
    assert error_lines(found[impatient][2]) == [INTERRUPTED.strip()]
    assert all(status != 0 for status, *_ in found)


def test_a_run_that_diverges_ends_all_of_its_processes(tmp_path, data):
    wild = {f"optimizer__{player}__learning_rate": 1e38 for player in ("gen", "disc")}
    first, other = ended(start_both(tmp_path / "run", data, **wild))
    assert first[0] == other[0] == 1
    (line,) = error_lines(first[2])
    assert "steps in a row had an update that was not finite, up to step" in line
    assert error_lines(other[2])[0].startswith(line.split(", up to step")[0])


def test_an_image_that_one_process_cannot_read_any_more_ends_all_of_them(tmp_path):
    copies = [tmp_path / "first", tmp_path / "other"]
    random = np.random.RandomState(0)
    for number, image in enumerate(random.randint(0, 256, (100, 6, 6), np.uint8)):
        for copy in copies:
            copy.mkdir(exist_ok=True)
            Image.fromarray(image).save(copy / f"{number:03}.png")
    port, run = free_port(), tmp_path / "run"
    settings = {"data__source": "folder", "data__stream": 2, "train__epochs": 10_000}
    settings["evaluate__every"] = 0  # nothing is held out
    both = [start(run, copy, *place(i, port), **settings) for i, copy in enumerate(copies)]
    wait_for(run / "checkpoints" / "12", both)
    shutil.rmtree(copies[1])
    first, other = ended(both, seconds=300)
    assert first[0] != 0
    assert other[0] != 0
    named = rf"error: {copies[1]}/\d+\.png: is now not readable .*; put the old file back"
    assert re.search(named, other[2])


def test_processes_that_would_train_different_things_are_refused(tmp_path, data):
    port = free_port()
    others = {
        "config.seed is 0 in process 0 and 1 in process 1": {"seed": 1},
        "the data's SHA-256 is": {"data": tiny.write_data(tmp_path / "data", seed=1)},
    }
    for words, other in others.items():
        settings = {"data": data} | other
        both = [
            start(tmp_path / "run", data, *place(0, port)),
            start(tmp_path / "run", settings.pop("data"), *place(1, port), **settings),
        ]
        for status, _, err in ended(both):
            assert status == 2
            (line,) = error_lines(err)
            assert line.startswith(f"jaxgan: error: the processes of a run must agree: {words}")
        assert not (tmp_path / "run").exists()


def test_what_the_first_process_refuses_all_of_them_say(tmp_path, data):
    trained(start(tmp_path / "run", data, devices=1, train__epochs=1))
    first, other = ended(start_both(tmp_path / "run", data, seed=1))
    assert first[0] == other[0] == 2
    why = f"--workdir {tmp_path / 'run'}: its run has config.seed = 0, not 1; choose another"
    assert error_lines(first[2])[0].startswith(f"jaxgan: error: {why}")
    assert error_lines(other[2])[0].startswith(f"jaxgan: error: process 0: {why}")
    few = ended(start_both(tmp_path / "few", data, parallel__devices=1))
    for status, _, err in few:
        assert status == 2
        assert "config.parallel.devices = 1: 2 processes have 4 devices; must be 4, or 0" in err


def test_a_process_whose_peers_do_not_come_ends(tmp_path, data):
    begun = time.monotonic()
    (found,) = ended([start(tmp_path / "run", data, *place(0, free_port()))], seconds=200)
    assert time.monotonic() - begun < 100
    assert found[0] != 0
    assert "process 0 of 2: waiting up to 45 s for the other processes" in found[2]
    assert not (tmp_path / "run").exists()


def test_processes_with_unequal_numbers_of_devices_are_refused(tmp_path, data):
    port = free_port()
    both = [start(tmp_path / "run", data, *place(i, port), devices=i + 1) for i in range(2)]
    for status, _, err in ended(both):
        assert status == 2
        (line,) = error_lines(err)
        assert line.endswith("equally many devices: process 0 has 1, process 1 has 2")
