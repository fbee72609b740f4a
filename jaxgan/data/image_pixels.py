"""Decodes one image file to 8-bit pixels of the size and the colours that a run asks for."""

import io
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgan.config.fields import Size
from jaxgan.config.schema import DataConfig
from jaxgan.data.image_files import ImageFiles, image_formats

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # PIL's mode for each number of channels
COLOURS = {1: "grey", 3: "colour", 4: "colour with transparency"}  # by number of channels
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
PROFILE = "colour profile not applied"  # what was not done, as a key of `decode`'s counts
# In the text of a profile, which older ones have in ASCII.
SRGB = (b"sRGB", "sRGB".encode("utf-16-be"))
NOT_EXACT = "of another size than"  # so begins the reason of rules.fit = "exact"
UNREADABLE = "not readable"  # a reason that begins so may be gone the next time
NAMED_COLOURS = {"white": "#ffffff", "black": "#000000", "grey": "#808080"}


class BadImage(Exception):
    """An image file cannot be used; the text says why, after the word "is" or "are"."""


class Rules(NamedTuple):
    """The changes that are made to every image; the fields are settings of `DataConfig`.

    Attributes:
      size: (height, width), or None for the size of the file.
      background: red, green and blue.
    """

    size: tuple[int, int] | None
    fit: str
    channels: int
    background: tuple[int, int, int]


def rules_of(config: DataConfig) -> Rules:
    """Returns the rules that a config sets."""
    return Rules(_height_and_width(config.size), config.fit, config.channels, _rgb(config))


def decode(files: ImageFiles, name: str, rules: Rules, done: Counter[str]) -> np.ndarray:
    """Decodes the first picture in a file.

    Args:
      name: one of `files.names`.
      done: counts what was done to images: "turned", "transparent", "from 16 bits", "resized",
        and PROFILE.

    Returns:
      uint8 (height, width, channels). With rules.channels = 0 a picture in which every pixel is
      grey has one channel, and others have three.

    Raises:
      BadImage: the file is no image, is damaged, or has a kind or size that is not allowed.
    """
    with _open(files, name) as image:
        _check_size(image)
        image.load()
        # The result of applying one would depend on the version of LittleCMS.
        if (profile := image.info.get("icc_profile")) and not any(x in profile for x in SRGB):
            done[PROFILE] += 1
        upright = _upright(image, done)
        return _to_array(_fit(_to_8_bits(upright, rules, done), rules, done), rules)


def size_of(files: ImageFiles, name: str) -> tuple[int, int] | None:
    """Returns (height, width) as the header of a file says; None if it cannot be read."""
    try:
        with quiet_decoding(), _open(files, name) as image:
            return image.height, image.width
    except BadImage:
        return None


@contextmanager
def _open(files: ImageFiles, name: str) -> Iterator["Image"]:
    """Opens an image; every failure of reading it becomes a BadImage."""
    import PIL.Image

    try:
        with PIL.Image.open(io.BytesIO(files.read(name)), formats=image_formats()) as image:
            yield image
    except BadImage:
        raise
    except PIL.UnidentifiedImageError:
        raise BadImage("of no image format") from None
    except PIL.Image.DecompressionBombError:
        raise _too_large() from None
    # PIL's decoders have no common base class of errors.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise BadImage(f"{UNREADABLE} ({error.strerror})") from error
        raise BadImage("damaged") from error


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Silences PIL's warnings about files; those that matter are errors here. Not thread-safe."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_size(image: "Image") -> None:
    import PIL.Image

    # PIL itself only warns, up to twice this number.
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit and image.width * image.height > limit:
        raise _too_large()


def _too_large() -> BadImage:
    import PIL.Image

    return BadImage(f"larger than {PIL.Image.MAX_IMAGE_PIXELS:,} pixels")


def _upright(image: "Image", done: Counter[str]) -> "Image":
    """Turns or mirrors the picture as its EXIF orientation says."""
    import PIL.ExifTags
    import PIL.ImageOps

    try:
        orientation = image.getexif().get(PIL.ExifTags.Base.Orientation, 1)
    # A damaged EXIF part says nothing about the orientation.
    except Exception:
        return image
    if orientation not in range(2, 9):
        return image
    done["turned"] += 1
    return PIL.ImageOps.exif_transpose(image)


def _to_8_bits(image: "Image", rules: Rules, done: Counter[str]) -> "Image":
    """Returns the picture as "L" or "RGB", without transparency."""
    import PIL.Image

    if image.mode in SIXTEEN_BITS or image.mode == "I":
        return _grey_from_16_bits(image, rules, done)
    if image.mode == "F":
        raise BadImage("of floating-point numbers, whose range is not known")
    if image.has_transparency_data:
        done["transparent"] += 1
        image = image.convert("RGBA")
        background = PIL.Image.new("RGBA", image.size, rules.background)
        return PIL.Image.alpha_composite(background, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L", "LA", "La") else "RGB")


def _grey_from_16_bits(image: "Image", rules: Rules, done: Counter[str]) -> "Image":
    import PIL.Image

    done["from 16 bits"] += 1
    values = np.asarray(image)
    grey = PIL.Image.fromarray(_from_16_bits(values))
    # PIL converts no such picture to one with transparency.
    if (clear := image.info.get("transparency")) is None:
        return grey
    done["transparent"] += 1
    background = PIL.Image.new("RGB", image.size, rules.background)
    return PIL.Image.composite(
        grey.convert("RGB"), background, PIL.Image.fromarray(values != clear)
    )


def _from_16_bits(values: np.ndarray) -> np.ndarray:
    if values.min() < 0 or values.max() > 65535:
        raise BadImage("of 32 bits, whose range is not known")
    # 65535 becomes 255, and not 65535 modulo 256.
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _fit(image: "Image", rules: Rules, done: Counter[str]) -> "Image":
    """Gives the picture its size. Smaller pictures are filtered first, against aliasing."""
    import PIL.Image
    import PIL.ImageOps

    if rules.size is None or image.size == (size := rules.size[::-1]):
        return image
    if rules.fit == "exact":
        raise BadImage(f"{NOT_EXACT} {rules.size[0]}x{rules.size[1]}")
    done["resized"] += 1
    method = PIL.Image.Resampling.LANCZOS
    if rules.fit == "cover":
        return PIL.ImageOps.fit(image, size, method)
    # Its shorter side would have no pixel, and the background alone would be left.
    if not min(
        round(image.height / image.width * size[0]), round(image.width / image.height * size[1])
    ):
        raise BadImage(f"too narrow to be contained in {rules.size[0]}x{rules.size[1]}")
    return PIL.ImageOps.pad(image.convert("RGB"), size, method, rules.background)


def _to_array(image: "Image", rules: Rules) -> np.ndarray:
    """Returns (height, width, channels)."""
    if rules.channels:
        pixels = np.asarray(image.convert(MODES[rules.channels]))
        return pixels.reshape(image.height, image.width, rules.channels)
    pixels = np.asarray(image)
    if pixels.ndim == 3 and np.array_equal(pixels[..., 0], pixels[..., 1]):
        pixels = pixels[..., 0] if np.array_equal(pixels[..., 1], pixels[..., 2]) else pixels
    return pixels.reshape(image.height, image.width, -1)


def _height_and_width(size: Size) -> tuple[int, int] | None:
    if isinstance(size, tuple):
        return size
    return (size, size) if size else None


def _rgb(config: DataConfig) -> tuple[int, int, int]:
    code = NAMED_COLOURS.get(config.background, config.background)
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue
