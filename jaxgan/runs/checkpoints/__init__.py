"""Checkpoints of a TrainState through Orbax: written in the background, atomic, several kept.

A checkpoint holds a flat dictionary of numpy arrays, named by their path in the state, and the
SHA-256 of all their bytes, so that a damaged one is recognised and skipped.
"""

from jaxgan.runs.checkpoints.folder import prepare_folder, remove_surplus, set_aside_after, steps
from jaxgan.runs.checkpoints.leaves import (
    Leaves,
    flatten,
    leaf_name,
    leaves_sha256,
    named_leaves,
    unflatten,
)
from jaxgan.runs.checkpoints.reading import (
    DamagedCheckpoint,
    load_run,
    read_record,
    read_score,
    restore,
    restore_newest,
    restore_newest_valid,
)
from jaxgan.runs.checkpoints.writing import Checkpoints, Record, Score
