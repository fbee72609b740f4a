"""Writes and reads the weights of a generator as a safetensors file, with its record in it."""

import json
import logging
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.config.errors import UserError
from jaxgan.config.files import from_record
from jaxgan.config.own_parts import for_sampling
from jaxgan.config.packages import import_package
from jaxgan.config.paths import expand_path
from jaxgan.config.schema import Config
from jaxgan.config.versions import mathematics_of
from jaxgan.export.generator import TrainedGenerator
from jaxgan.gan.state import Gan, build_gan
from jaxgan.runs.atomic_files import replace_file
from jaxgan.runs.checkpoints import Leaves, leaf_name, leaves_sha256, named_leaves
from jaxgan.runs.environment import check_data_record
from jaxgan.runs.plan import images_in_run, make_step_plan
from jaxgan.types import Params

logger = logging.getLogger(__name__)
Shapes = Any  # a PyTree of jax.ShapeDtypeStruct


def write_safetensors(generator: TrainedGenerator, out: Path) -> None:
    """Writes the weights and statistics to `out`, by their names in the network."""
    from safetensors.numpy import save

    leaves = named_leaves({"params": generator.params, **generator.stats})
    record = generator.record | {"sha256": leaves_sha256(leaves)}
    # The format has texts only.
    metadata = {name: json.dumps(value) for name, value in record.items()}
    content = save(leaves, metadata)
    replace_file(out, lambda file: file.write(content))


def load_generator(path: Path | str) -> TrainedGenerator:
    """Loads a generator that `jaxgan export --format safetensors` wrote.

    Its images are those of the run, to the bit. A warning says if this version of jaxgan computes
    the network in another way. Code of a user's own that the file names is imported only if it is
    trusted.

    Raises:
      UserError: there is no such file, it is damaged, or it is not from jaxgan.
    """
    path = expand_path(str(path))
    if not path.is_file():
        raise UserError(f"{path}: does not exist; name a file written by export")
    leaves, record = _read(path)
    try:
        config, gan, wanted = _network_of(path, record)
        is_as_now = _has_todays_network(config, record)
    except UserError:
        raise
    # JAX has no common class of errors for sizes beyond those of its integers.
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UserError(f"{path}: has no record of a generator of jaxgan ({error!r})") from None
    if not is_as_now:
        logger.warning(
            f"{path}: was written by jaxgan {record.get('jaxgan')}, which computed its network in "
            "another way: the images are not those of its run"
        )
    variables = _unflatten(path, leaves, wanted)
    return TrainedGenerator(gan, variables.pop("params"), variables, record)


def _has_todays_network(config: Config, record: dict[str, Any]) -> bool:
    network = f"network {config.network.name}"
    then = record.get("mathematics", {}).get(network, 1)
    return bool(mathematics_of(config)[network] == then)


def _read(path: Path) -> tuple[Leaves, dict[str, Any]]:
    """Reads arrays and metadata, and compares the arrays with their SHA-256."""
    safetensors = import_package("safetensors", str(path), "export")
    try:
        with safetensors.safe_open(path, "numpy") as file:
            texts = file.metadata() or {}
            # Those of others can be of types that numpy does not know.
            names = file.keys() if "sha256" in texts else ()
            leaves = {name: file.get_tensor(name) for name in names}
    except safetensors.SafetensorError as error:
        raise UserError(f"{path}: damaged, or not a safetensors file ({error})") from None
    if "sha256" not in texts:
        raise UserError(f"{path}: is not from jaxgan: its metadata has no SHA-256 of the weights")
    try:
        record = {name: json.loads(text) for name, text in texts.items()}
    # Python's parser calls itself for each bracket, and gives up on a text of brackets.
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged metadata ({error}); export it again") from None
    if leaves_sha256(leaves) != record.pop("sha256"):
        raise UserError(f"{path}: damaged (the SHA-256 of its weights differs); export it again")
    return leaves, record


def _network_of(path: Path, record: dict[str, Any]) -> tuple[Config, Gan, Shapes]:
    """Returns config and rules of a record, and the shapes of the generator's variables."""
    config, data = for_sampling(from_record(record["config"])), record["data"]
    check_data_record(data, path, "export it again")
    images = images_in_run(config.train, make_step_plan(config.train, data["examples"]))
    counts = tuple(data.get("class_counts", ()))
    gan = build_gan(config, tuple(data["shape"]), data["classes"], counts, images)
    z = jnp.zeros((1, gan.latent_size))
    labels = jnp.zeros(1, jnp.int32) if gan.classes else None
    return (
        config,
        gan,
        jax.eval_shape(lambda key: gan.gen.init(key, z, False, labels), jax.random.key(0)),
    )


def _unflatten(path: Path, leaves: Leaves, wanted: Shapes) -> Params:
    """Returns the variables of the network, from arrays by name."""

    def take(key_path: jax.tree_util.KeyPath, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        array = leaves.get(name := leaf_name(key_path))
        if array is None or array.shape != leaf.shape:
            raise UserError(f"{path}: its weights are not those of its config, as {name} shows")
        return jnp.asarray(array)

    return jax.tree_util.tree_map_with_path(take, wanted)
