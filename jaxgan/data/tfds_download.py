"""TFDS's MNIST family, downloaded and prepared without TensorFlow."""

import contextlib
import difflib
import functools
import io
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import tfds_prepared
from jaxgan.data.datasets import DATASETS
from jaxgan.data.examples import DataNotFound, Examples
from jaxgan.data.idx_files import parse_idx
from jaxgan.data.tfds_prepared import one_line

PROBE_SECONDS = 8  # name lookup and several addresses included
CONNECT_SECONDS = 5
SILENCE_SECONDS = 30  # a server that sends nothing for so long is given up
RETRIES = 2
SplitReader = Callable[[str], tuple[np.ndarray, np.ndarray]]


def load_download(config: DataConfig, split: str) -> Examples:
    """Examples of TFDS's own set, downloaded and prepared first unless that was done before.

    Raises:
      Absent: the server cannot be reached.
      UserError: the set is unknown or not one that can be prepared here, the folder cannot be
        written, or what was downloaded is damaged.
    """
    root = tfds_prepared.data_dir(config)
    try:
        return tfds_prepared.load_prepared(config, split)
    except DataNotFound:
        if config.name not in DATASETS:
            raise UserError(_unknown(config.name)) from None
    _probe(tfds_builder(config.name).URL)
    prepare(config.name, root)
    examples = tfds_prepared.load_prepared(config, split)
    return examples._replace(source=f"TFDS download, now {examples.source}")


def prepare(name: str, root: Path, read: SplitReader | None = None) -> None:
    """Writes root/name/version in array_record format, all of it or nothing.

    `read` gives (images, labels) of a split; without it TFDS downloads them and compares them
    with the checksums it has registered.
    """
    import tensorflow_datasets as tfds

    try:
        root.mkdir(parents=True, exist_ok=True)
        builder = tfds_builder(name, read)(
            config=name.partition("/")[2] or None, data_dir=root, file_format="array_record"
        )
        settings = tfds.download.DownloadConfig(try_download_gcs=False)
        with _short_timeouts():
            builder.download_and_prepare(download_dir=root / "downloads", download_config=settings)
    except (UserError, DataNotFound):
        raise
    except Exception as error:  # TFDS and what it calls have no common class of errors
        with contextlib.suppress(DataNotFound):
            tfds_prepared.find_prepared(name, root)  # another process was quicker
            return
        raise UserError(_failure(name, root, error)) from error


def tfds_builder(name: str, read: SplitReader | None = None) -> Any:
    """TFDS's builder class of a set of the MNIST family, less its uses of TensorFlow.

    Those are unpacking, opening and encoding. Name, version, features, addresses, checksums
    and the number of examples are TFDS's own.
    """
    import tensorflow_datasets as tfds

    base = tfds.builder_cls(name.partition("/")[0])

    def _split_generators(self: Any, dl_manager: Any) -> dict[str, Any]:
        reader = read or _downloaded(self, dl_manager)
        return {split: self._generate_examples(reader, split) for split in ("train", "test")}

    def _generate_examples(self: Any, reader: SplitReader, split: str) -> Iterator[Any]:
        import PIL.Image

        images, labels = reader(split)
        count = getattr(self.builder_config, f"{split}_examples", len(images))
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            if i == count:  # EMNIST's files hold more than TFDS takes
                break
            yield i, {"image": PIL.Image.fromarray(image), "label": int(label)}

    members = {
        "__module__": base.__module__,  # where TFDS looks for the checksums
        "_split_generators": _split_generators,
        "_generate_examples": _generate_examples,
    }
    return types.new_class(
        base.__name__, (base,), {"skip_registration": True}, lambda body: body.update(members)
    )


def _downloaded(builder: Any, dl_manager: Any) -> SplitReader:
    """Reads the splits of the original files, which are fetched at once."""
    if builder.builder_config:  # EMNIST: one .zip with the files of all six
        archive = dl_manager.download(builder.URL)
        member = f"gzip/emnist-{builder.builder_config.name}-{{}}-{{}}-ubyte.gz"

        def raw(split: str, what: str) -> tuple[bytes, str]:
            name = member.format(split, what)
            with zipfile.ZipFile(archive) as file:
                return file.read(name), f"{archive}: {name}"

    else:
        stems = {"train": "train", "test": "t10k"}
        names = {
            f"{split} {what}": f"{builder.URL}{stem}-{what}-ubyte.gz"
            for split, stem in stems.items()
            for what in ("images-idx3", "labels-idx1")
        }
        paths = dl_manager.download(names)

        def raw(split: str, what: str) -> tuple[bytes, str]:
            path = paths[f"{split} {what}"]
            return path.read_bytes(), str(path)

    return lambda split: (
        parse_idx(*raw(split, "images-idx3")),
        parse_idx(*raw(split, "labels-idx1")),
    )


def _probe(url: str) -> None:
    """Raises Absent where nothing answers at an address, within PROBE_SECONDS."""
    import requests

    failures = [f"no answer in {PROBE_SECONDS} s"]

    def ask() -> None:
        try:
            requests.head(url, timeout=CONNECT_SECONDS, allow_redirects=True)
            failures.clear()
        except (requests.RequestException, OSError) as error:
            failures[:] = [type(error).__name__]

    thread = threading.Thread(target=ask, daemon=True)  # a name lookup has no time limit
    thread.start()
    thread.join(PROBE_SECONDS)
    if failures:
        raise DataNotFound(f"no network: {url} cannot be reached ({failures[0]})")


@contextlib.contextmanager
def _short_timeouts() -> Iterator[None]:
    """TFDS with few retries, time limits, no announcements, and bars only on a terminal."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader

    limits = (CONNECT_SECONDS, SILENCE_SECONDS)
    limited = functools.partial(downloader._open_url, timeout=limits)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    before = downloader.MAX_RETRIES, downloader._open_url
    downloader.MAX_RETRIES, downloader._open_url = RETRIES, limited
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        downloader.MAX_RETRIES, downloader._open_url = before


def _failure(name: str, root: Path, error: Exception) -> str:
    if isinstance(error, OSError) and not error.__class__.__module__.startswith("requests"):
        advice = "choose a folder that can be written, with room, by config.data.dir"
        return f"{root}: {name} cannot be prepared there ({one_line(error)}); {advice}"
    return (
        f"config.data.name = {name!r}: TFDS could not download or prepare it "
        f"({one_line(error)}); try again, or name a folder with its IDX files by config.data.dir"
    )


def _unknown(name: str) -> str:
    """What to say of a set that is neither known nor prepared."""
    near = [known for known in DATASETS if known.startswith(f"{name}/")]
    near = near or difflib.get_close_matches(name, DATASETS, n=3, cutoff=0.75)
    if not near:
        import tensorflow_datasets as tfds

        builders = tfds.list_builders(with_community_datasets=False)
        if name.partition("/")[0] in builders:
            return (
                f"config.data.name = {name!r}: TFDS needs TensorFlow to prepare this set; run "
                f"`tfds build {name} --file_format=array_record` where that is installed, and "
                "name the folder it wrote by config.data.dir"
            )
        near = difflib.get_close_matches(name, [*DATASETS, *builders], n=3)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    return f"config.data.name = {name!r}: unknown data set; {guess}known: {', '.join(DATASETS)}"
