"""Reads the files of an archive (.zip, .tar, compressed .tar) without unpacking it to the disk."""

import lzma
import math
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from jaxgan.config.errors import UserError

# Images are compressed already. An archive that unpacks to more than both is no set of images, but
# one that is made to fill the memory.
MAX_EXPANSION = 200  # times its own size
MAX_EXPANDED = 2**30  # bytes
MAX_NAME = 2**20  # bytes of a header that holds a long name or comments
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
COPY_AGAIN = "download or copy it again"
NAMES = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError),
    *(NotImplementedError, RuntimeError, ValueError),
)

Member = TypeVar("Member", zipfile.ZipInfo, tarfile.TarInfo)


class Archive(NamedTuple):
    """The names of the files in an archive, and a function that reads one of them."""

    names: list[str]
    read: Callable[[str], bytes]


def is_archive(path: Path) -> bool:
    """Returns whether a file is an archive, by its content."""
    return path.is_file() and (zipfile.is_zipfile(path) or _is_tar(path))


def has_archive_ending(name: str) -> bool:
    """Returns whether a file is called as an archive is."""
    return name.lower().endswith(ENDINGS)


def open_archive(path: Path, is_wanted: Callable[[str], bool]) -> Archive:
    """Lists the files of an archive.

    Args:
      is_wanted: says by its name whether a file will be read; a compressed .tar is unpacked once,
        into the memory, and only these files of it are kept.

    Raises:
      UserError: the file is not an archive, or it is damaged, encrypted or dangerous.
    """
    if path.is_file() and not os.access(path, os.R_OK):
        raise UserError(f"{path}: you have no permission to read it; change its permissions")
    if not is_archive(path) and has_archive_ending(path.name):
        raise UserError(f"{path}: is no whole archive; {COPY_AGAIN}")
    if not is_archive(path):
        raise UserError(
            f"config.data.dir = {str(path)!r}: is a file; must be a folder, or an archive (.zip, "
            ".tar, .tar.gz, .tar.bz2, .tar.xz)"
        )
    try:
        return _open_zip(path) if zipfile.is_zipfile(path) else _open_tar(path, is_wanted)
    except UserError:
        raise
    # Neither library has a common base class of what a damaged file makes it raise.
    except DAMAGE as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: is a damaged archive ({text}); {COPY_AGAIN}") from error


class _Member(tarfile.TarInfo):
    """A header of a .tar, whose long name is read into memory at once: it must be a short one."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        member = super().frombuf(buf, encoding, errors)
        if member.type in NAMES and member.size > MAX_NAME:
            raise tarfile.ReadError(f"announces a name of {member.size} bytes")
        return member


def _is_tar(path: Path) -> bool:
    try:
        tarfile.open(path, tarinfo=_Member).close()
        return True
    except DAMAGE:
        return False


def _open_zip(path: Path) -> Archive:
    archive = zipfile.ZipFile(path)
    members = {}
    for member in _bounded(path, archive.infolist(), lambda member: member.file_size):
        if member.flag_bits & 1:
            raise UserError(f"{path}: is encrypted; unpack it and name the folder")
        # Some programs for Windows write its separator.
        members[_checked(path, member.filename.replace("\\", "/"))] = member
    return Archive(list(members), lambda name: archive.read(members[name]))


def _open_tar(path: Path, is_wanted: Callable[[str], bool]) -> Archive:
    try:
        with tarfile.open(path, "r:", tarinfo=_Member) as archive:
            places = {
                _checked(path, member.name): (member.offset_data, member.size)
                for member in archive
                if _is_plain(member)
            }
            _check_end(archive)
    except tarfile.ReadError:
        return _open_compressed_tar(path, is_wanted)

    def read(name: str) -> bytes:
        start, size = places[name]
        # Opened for each file, since the threads of a streamed run read several at once.
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    return Archive(list(places), read)


def _open_compressed_tar(path: Path, is_wanted: Callable[[str], bool]) -> Archive:
    """Reads all of it at once: to reach one file, all before it must be unpacked."""
    contents = {}
    with tarfile.open(path, "r:*", tarinfo=_Member) as archive:
        for member in _bounded(path, archive, lambda member: member.size):
            if not _is_plain(member):
                continue
            name = _checked(path, member.name)
            file = archive.extractfile(member) if is_wanted(name) else None
            contents[name] = file.read() if file else b""
        _check_end(archive)
    return Archive(list(contents), contents.__getitem__)


def _check_end(archive: tarfile.TarFile) -> None:
    """Raises for an archive that was cut between two files, which tarfile takes for its end."""
    assert archive.fileobj is not None
    # The end is a block of zeros, which tarfile has just read without counting it.
    if archive.fileobj.tell() != archive.offset + tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing")


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Returns whether a member is a file; links and devices are passed over."""
    return member.isreg() and not member.issparse()


def _bounded(
    path: Path, members: Iterable[Member], size: Callable[[Member], int]
) -> Iterator[Member]:
    """Yields the members; raises before those whose sizes add up to too much."""
    limit, total = max(MAX_EXPANDED, MAX_EXPANSION * path.stat().st_size), 0
    for member in members:
        total += size(member)
        if total > limit:
            times = math.floor(total / path.stat().st_size)
            raise UserError(
                f"{path}: unpacks to more than {times} times its size, as no archive of images "
                "does; name an archive of images"
            )
        yield member


def _checked(path: Path, name: str) -> str:
    """Returns the name of a file in an archive, without "./" at its beginning."""
    parts = name.split("/")
    # Nothing is written by these names, but an archive that has them is not what it seems to be.
    if name.startswith("/") or ".." in parts or parts[0].endswith(":"):
        raise UserError(
            f"{path}: holds {name!r}, a path that leads out of the archive; name another archive"
        )
    kept = [part for part in parts[:-1] if part not in ("", ".")]
    return "/".join([*kept, parts[-1]])
