"""Lists the image files of a folder or of an archive, and reads one by its name."""

import errno
import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from jaxgan.data import archives

# Formats that PIL names but cannot decode by itself; for EPS it would start another program.
UNREADABLE = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
FREQUENT = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # tried first
# Pictures of cameras, telephones and drawing programs that PIL does not read by itself.
UNREAD_PICTURES = {".heic", ".heif", ".jxl", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
MAC_FOLDER = "__MACOSX"  # in archives that macOS made


class ImageFiles(NamedTuple):
    """The files of a folder or an archive whose endings are those of images.

    Attributes:
      root: the folder or the archive.
      names: paths within it, with "/", sorted as text.
      others: how many files of each other ending were left out.
      folders: paths of the folders within it; none of an archive, where nobody can fill one.
      read: returns the bytes of the file with a name.
    """

    root: Path
    names: list[str]
    others: Counter[str]
    folders: set[str]
    read: Callable[[str], bytes]


def list_image_files(root: Path) -> ImageFiles:
    """Lists the image files in a folder, at any depth, or in an archive.

    Hidden files and what macOS adds to an archive are passed over. Links are followed in a folder.

    Raises:
      UserError: the path is a file but no archive, or the archive is damaged or dangerous.
      OSError: a folder cannot be read.
    """
    read: Callable[[str], bytes]
    if root.is_dir():
        found, read = list(_walk(root)), functools.partial(_read_file, root)
    else:
        found, read = archives.open_archive(root, is_image)
    visible = sorted(name for name in found if not _is_hidden(name))
    files = [name for name in visible if not name.endswith("/")]
    endings = [ending(name) for name in files]
    names = [name for name, end in zip(files, endings, strict=True) if end in image_endings()]
    others = Counter(end for end in endings if end not in image_endings())
    folders = {name.rstrip("/") for name in visible if name.endswith("/") and root.is_dir()}
    return ImageFiles(root, names, others, folders, read)


def holds_image(folder: Path) -> bool:
    """Returns whether a folder has an image file at any depth; looks no further than the first."""
    return any(is_image(name) and not _is_hidden(name) for name in _walk(folder))


def ending(name: str) -> str:
    """Returns the ending of a file's name in small letters: ".png", ".tar.gz", or "" for none."""
    stem, last = os.path.splitext(name.lower())
    double = f".tar{last}"
    return double if last and stem.endswith(".tar") and double in archives.ENDINGS else last


def is_image(name: str) -> bool:
    """Returns whether the ending of a file's name is that of a format that PIL decodes."""
    return ending(name) in image_endings()


@functools.cache
def image_endings() -> frozenset[str]:
    """Returns the endings of the formats that PIL decodes here."""
    import PIL.Image

    formats, readable = PIL.Image.registered_extensions(), image_formats()
    return frozenset(suffix for suffix, name in formats.items() if name in readable)


@functools.cache
def image_formats() -> tuple[str, ...]:
    """Returns PIL's names of the formats that are decoded, whatever a file is called."""
    import PIL.Image

    PIL.Image.init()
    readable = set(PIL.Image.OPEN) - UNREADABLE
    frequent = tuple(name for name in FREQUENT if name in readable)
    return (*frequent, *sorted(readable - set(frequent)))


def describe_others(others: Counter[str], shown: int = 5) -> str:
    """Returns the endings with their counts, the most frequent first, such as ".txt 11, .svg 1"."""
    listed = [f"{name or 'no ending'} {count:,}" for name, count in others.most_common(shown)]
    return ", ".join(listed + ["..."] * (len(others) > shown))


def describe_remedies(others: Counter[str]) -> str:
    """Returns what else to do with such files than to name another folder, after ", or "."""
    unread = ", ".join(name for name in others if name in UNREAD_PICTURES)
    archive = ", or the archive itself" if any(map(archives.has_archive_ending, others)) else ""
    return archive + (f", or convert pictures of {unread} to .png or .jpg" if unread else "")


def _walk(root: Path) -> Iterator[str]:
    """Yields the paths of files below a folder, and with a "/" at the end those of folders."""

    def below(folder: str, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[str]:
        status = os.stat(folder)
        here = (status.st_dev, status.st_ino)
        # A link to a folder above would never end.
        if here in above:
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir():
                    yield f"{name}/"
                    if not _is_hidden(entry.name):
                        yield from below(entry.path, f"{name}/", above | {here})
                else:
                    yield name

    return below(str(root), "", frozenset())


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == MAC_FOLDER for part in name.split("/"))


def _read_file(root: Path, name: str) -> bytes:
    path = root / name
    # To open a pipe that nobody writes to would wait for ever.
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is no file", str(path))
    return path.read_bytes()
