"""Finds, checks and converts the published weights of the Inception network.

They are looked for in the file that is named, else in the user's cache, else downloaded to there.
Only the file with the published SHA-256 is read, so that scores compare with those of papers.
"""

import functools
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, PyTree

from jaxgan.config.errors import UserError
from jaxgan.config.jax_env import user_cache
from jaxgan.config.paths import expand_path
from jaxgan.data.probe import CONNECT_SECONDS, connection_failure
from jaxgan.metrics.feature_nets import FeatureNet
from jaxgan.metrics.inception import CLASSES, extract_inception
from jaxgan.metrics.torch_weights import read_torch_weights
from jaxgan.types import Params

INCEPTION = "inception"
FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
MEGABYTES = 96
SILENCE_SECONDS = 20
BLOCK = 2**20  # bytes
# On a CPU, a batch takes 1.8 GB: the first layers give 64 channels of 147x147.
BATCH = 50
EPSILON = 1e-3  # of the network's batch normalization
logger = logging.getLogger(__name__)


def inception_net(name: str) -> FeatureNet:
    """Loads the Inception network; `name` is "inception", or "inception:FILE" with its weights.

    Raises:
      UserError: no such file, or another file than the published one, or it cannot be downloaded.
    """
    path = name.partition(":")[2]
    params = convert(read_published(expand_path(path) if path else cached_file()))
    function = functools.partial(_extract_checked, jax.device_put(params))
    return FeatureNet(INCEPTION, SHA256, CLASSES, function, batch_size=BATCH)


def read_published(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of the published file, whose SHA-256 is checked first."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; must be the file {URL}") from error
    if (sha256 := hashlib.sha256(raw).hexdigest()) != SHA256:
        raise UserError(
            f"{path}: other or damaged weights: {len(raw)} bytes with SHA-256 {sha256[:16]}..., "
            f"and must be {SHA256[:16]}...; delete it, or replace it by {URL}"
        )
    try:
        return read_torch_weights(raw)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def cached_file() -> Path:
    """Returns the weights in the user's cache; downloads them if they are not there."""
    if not (path := cached_path()).exists():
        logger.info(f"downloading the weights of Inception ({MEGABYTES} MB) to {path}")
        _download(path)
    return path


def cached_path() -> Path:
    """Returns where the weights are in the user's cache, once they are there."""
    return user_cache() / INCEPTION / FILE


def convert(arrays: Mapping[str, np.ndarray]) -> PyTree[np.ndarray]:
    """Returns the parameters of `Inception`, with batch normalization folded in."""
    params: dict[str, dict[str, np.ndarray]] = {"fc": {"kernel": arrays["fc.weight"].T}}
    for key, kernel in arrays.items():
        if not key.endswith(".conv.weight"):
            continue
        layer = key.removesuffix(".conv.weight")
        gain, bias, mean, variance = (
            arrays[f"{layer}.bn.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + EPSILON)
        # From PyTorch's (outputs, inputs, height, width).
        folded = kernel.transpose(2, 3, 1, 0) * gain
        params[layer] = {
            "kernel": folded.astype(np.float32),
            "bias": (bias - mean * gain).astype(np.float32),
        }
    return params


def _extract_checked(params: Params, pixels: np.ndarray) -> tuple[Array, Array]:
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3):
        shape = pixels.shape[1:]
        raise UserError(f"features {INCEPTION!r}: images of {shape}; must be grey or in colour")
    return extract_inception(params, pixels)


def _download(path: Path) -> None:
    """Writes the published file, all of it or nothing."""
    # Takes a tenth of a second to import, and most evaluations need no network.
    import requests

    remedy = f"download {URL} by other means, and name it: --features {INCEPTION}:FILE"
    if failure := connection_failure(URL):
        raise UserError(_no_weights(URL, failure, remedy))
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        timeout = (CONNECT_SECONDS, SILENCE_SECONDS)
        with requests.get(URL, stream=True, timeout=timeout) as answer, open(new, "wb") as file:
            answer.raise_for_status()
            digest = hashlib.sha256()
            for block in answer.iter_content(BLOCK):
                digest.update(block)
                file.write(block)
        if (sha256 := digest.hexdigest()) != SHA256:
            raise UserError(
                f"features {INCEPTION!r}: {URL} gave other data (SHA-256 {sha256[:16]}..., and "
                f"must be {SHA256[:16]}...); {remedy}"
            )
        os.replace(new, path)
    # The errors of requests are OSErrors too.
    except OSError as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        where = path.parent if isinstance(error, PermissionError) else URL
        raise UserError(_no_weights(where, reason, remedy)) from error
    finally:
        new.unlink(missing_ok=True)


def _no_weights(where: Path | str, reason: str, remedy: str) -> str:
    return f"features {INCEPTION!r}: its weights cannot be had from {where} ({reason}); {remedy}"
