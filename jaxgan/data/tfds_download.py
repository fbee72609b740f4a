"""Downloads and prepares data sets of TFDS without TensorFlow."""

import contextlib
import difflib
import functools
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jaxgan.config.errors import UserError
from jaxgan.config.schema import DataConfig
from jaxgan.data import tfds_prepared
from jaxgan.data.datasets import DATASETS, OWN_IMAGES, SPLITS, files_of
from jaxgan.data.examples import DataNotFound, Examples
from jaxgan.data.probe import CONNECT_SECONDS, connection_failure
from jaxgan.data.tfds_originals import COLUMNS, ORIGINALS, Original, SplitReader
from jaxgan.data.tfds_prepared import one_line

# TFDS retries for 205 s where there is no network, for 28 minutes where packets are dropped, and
# waits for ever for a silent server. So the server is probed first, and TFDS has these limits.
SILENCE_SECONDS = 30  # without data from the server
RETRIES = 2


def load_download(config: DataConfig, split: str) -> Examples:
    """Reads a data set of TFDS, after downloading and preparing it if that was not done before.

    Raises:
      DataNotFound: the server cannot be reached.
      UserError: the set is unknown or cannot be prepared here, the folder cannot be written, or
        the downloaded files are damaged.
    """
    root = tfds_prepared.data_dir(config)
    try:
        return tfds_prepared.load_prepared(config, split)
    except DataNotFound:
        download(config.name, root)
    examples = tfds_prepared.load_prepared(config, split)
    return examples._replace(source=f"TFDS download, now {examples.source}")


def prepare_download(name: str, root: Path) -> Path:
    """Returns the folder of a set in `root`, after downloading it if it is not there.

    Raises:
      UserError: as `load_download`, or the server cannot be reached, or the set is there in part
        or in a format that needs TensorFlow.
    """
    if name == OWN_IMAGES:
        raise UserError(f"config.data.name = {name!r}: is no set of TFDS; for pictures set --dir")
    if name in DATASETS and name.partition("/")[0] not in ORIGINALS:
        raise UserError(f"config.data.name = {name!r}: is computed when it is needed; leave it so")
    try:
        folder = tfds_prepared.find_prepared(name, root)
    except DataNotFound:
        return _download_anew(name, root)
    try:
        # Most likely a failed copy, if it is not whole: TFDS itself writes all of a set or nothing.
        tfds_prepared.check_prepared(DataConfig(name, dir=str(root)))
    except DataNotFound as reason:
        raise UserError(str(reason)) from None
    return folder


def _download_anew(name: str, root: Path) -> Path:
    try:
        download(name, root)
        return tfds_prepared.find_prepared(name, root)
    except DataNotFound as reason:
        raise UserError(f"config.data.name = {name!r}: {reason}; try again") from None


def download(name: str, root: Path) -> None:
    """Downloads a data set of TFDS, and writes root/name/version.

    Raises:
      DataNotFound: the server cannot be reached.
      UserError: as `load_download`.
    """
    if name not in DATASETS:
        raise UserError(_unknown_message(name))
    url = _original(name).url or tfds_builder(name).URL
    if failure := connection_failure(url):
        raise DataNotFound(f"no network: {url} cannot be reached ({failure})")
    prepare(name, root)


def prepare(name: str, root: Path, read: SplitReader | None = None) -> None:
    """Writes root/name/version in the array_record format, completely or not at all.

    Args:
      name: the set's name in TFDS.
      root: the folder of all prepared sets.
      read: returns the columns of a split, (images, labels, ...); None: TFDS downloads them and
        compares them with its registered checksums.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        builder = tfds_builder(name, read)(
            config=name.partition("/")[2] or None, data_dir=root, file_format="array_record"
        )
        write_set(builder, root)
    except (UserError, DataNotFound):
        raise
    # TFDS and its dependencies have no common base class of errors.
    except Exception as error:
        with contextlib.suppress(DataNotFound):
            # Another process may have prepared the set meanwhile, which makes ours fail.
            tfds_prepared.find_prepared(name, root)
            return
        raise UserError(_failure_message(name, root, error)) from error


def write_set(builder: Any, root: Path) -> None:
    """Lets a builder of TFDS download and write its set, without what it prints."""
    import tensorflow_datasets as tfds

    settings = tfds.download.DownloadConfig(try_download_gcs=False)
    with _short_timeouts():
        builder.download_and_prepare(download_dir=root / "downloads", download_config=settings)


def tfds_builder(name: str, read: SplitReader | None = None) -> Any:
    """Returns TFDS's builder class for one of the `ORIGINALS`, without its use of TensorFlow.

    This replaces how files are unpacked, opened and encoded. Name, version, features, addresses,
    checksums and the number of examples stay those of TFDS.
    """
    import tensorflow_datasets as tfds

    base = tfds.builder_cls(name.partition("/")[0])

    def _split_generators(self: Any, dl_manager: Any) -> dict[str, Any]:
        reader = read or _original(name).reader(self, dl_manager)
        return {split: self._generate_examples(reader, split) for split in SPLITS}

    def _generate_examples(self: Any, reader: SplitReader, split: str) -> Iterator[Any]:
        import PIL.Image

        digits = _original(name).id_digits
        for i, (image, *labels) in enumerate(zip(*reader(split), strict=True)):
            # As a PIL image, since TFDS encodes a numpy array with TensorFlow.
            values = (PIL.Image.fromarray(image), *map(int, labels))
            example = dict(zip(COLUMNS, values, strict=False))
            if "id" in self.info.features:
                example["id"] = f"{split}_{i:0{digits}d}"
            yield i, example

    members = {
        # TFDS looks for the registered checksums beside this module.
        "__module__": base.__module__,
        "_split_generators": _split_generators,
        "_generate_examples": _generate_examples,
    }
    # A registered class would replace TFDS's own for the whole process.
    return type(base)(base.__name__, (base,), members, skip_registration=True)


def _original(name: str) -> Original:
    return ORIGINALS[name.partition("/")[0]]


@contextlib.contextmanager
def _short_timeouts() -> Iterator[None]:
    """Gives TFDS few retries and short time limits, and silences it; bars only on a terminal."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import downloader

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    # TFDS has no setting for either, so its module is changed for as long as this lasts.
    before = downloader.MAX_RETRIES, downloader._open_url
    limited = functools.partial(before[1], timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
    downloader.MAX_RETRIES, downloader._open_url = RETRIES, limited
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        downloader.MAX_RETRIES, downloader._open_url = before


def _failure_message(name: str, root: Path, error: Exception) -> str:
    # The errors of requests are OSErrors too, but they are not about the folder.
    if isinstance(error, OSError) and not type(error).__module__.startswith("requests"):
        advice = (
            "name a folder that can be written and has room (--config.data.dir of a run, --out of "
            "prepare)"
        )
        return f"{root}: {name} cannot be prepared there ({one_line(error)}); {advice}"
    return (
        f"config.data.name = {name!r}: TFDS could not download or prepare it "
        f"({one_line(error)}); try again, or train on a folder with its {files_of(name)} by "
        "--config.data.dir"
    )


def _unknown_message(name: str) -> str:
    """Returns the error message for a set that is neither known nor prepared."""
    if name == OWN_IMAGES:
        return (
            "config.data.dir = '': this config is for pictures of your own; name their folder, or "
            "an archive of them, such as --config.data.dir=photos"
        )
    # "emnist" alone is most likely one of its six sets, however unlike their names are.
    near = [known for known in DATASETS if known.startswith(f"{name}/")]
    near = near or difflib.get_close_matches(name, DATASETS, n=3, cutoff=0.75)
    if not near:
        import tensorflow_datasets as tfds

        builders = tfds.list_builders(with_community_datasets=False)
        if name.partition("/")[0] in builders:
            return (
                f"config.data.name = {name!r}: TFDS needs TensorFlow to prepare this set; run "
                f"`tfds build {name} --file_format=array_record` where that is installed, and "
                "train on the folder it wrote by --config.data.dir"
            )
        near = difflib.get_close_matches(name, [*DATASETS, *builders], n=3)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"config.data.name = {name!r}: unknown data set; {guess}known: {', '.join(DATASETS)}; for "
        "pictures of your own set config.data.dir to their folder"
    )
