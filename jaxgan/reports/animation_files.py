"""Writes pictures of one size as an animation: GIF, WebP or MP4."""

import importlib.util
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, features

from jaxgan.config.errors import UserError
from jaxgan.runs.atomic_files import replace_file

COLOURS = 256  # in a GIF
PALETTE_PIXELS = 250_000  # from which the palette of a GIF is chosen

Frames = Sequence[np.ndarray]


def check_encoder(out: Path) -> None:
    """Raises UserError if there is no encoder for this ending, or it is not installed."""
    if out.suffix not in WRITERS:
        raise UserError(f"--out {out}: must end in {', '.join(WRITERS)}")
    if out.suffix == ".webp" and not features.check("webp"):
        raise UserError(f"--out {out}: this Pillow has no WebP; write a .gif, or install another")
    if out.suffix == ".mp4" and not _has_ffmpeg():
        raise UserError(
            f"--out {out}: needs an encoder: pip install imageio-ffmpeg (and ffmpeg, where that "
            "brings none), or write a .gif or .webp"
        )


def _has_ffmpeg() -> bool:
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return False
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    # The package is for all machines too, and then without a program.
    except RuntimeError:
        return False
    return True


def write_animation(out: Path, frames: Frames, fps: int) -> None:
    """Writes an endless loop, or a film; equal frames give equal bytes.

    Args:
      frames: uint8 (height, width, channels) of one shape, grey or RGB.
      fps: frames per second. A GIF counts in hundredths of a second.

    Raises:
      UserError: as `check_encoder`, or the encoder fails.
    """
    check_encoder(out)
    WRITERS[out.suffix](out, frames, fps)


def _write_gif(out: Path, frames: Frames, fps: int) -> None:
    pictures = [_picture(frame) for frame in frames]
    if pictures[0].mode == "RGB":
        # One palette for all: with one each, colours that do not change would flicker.
        palette = _palette(frames)
        pictures = [x.quantize(palette=palette, dither=Image.Dither.NONE) for x in pictures]
    _save(out, pictures, "GIF", fps, optimize=False)


def _write_webp(out: Path, frames: Frames, fps: int) -> None:
    pictures = [_picture(frame).convert("RGB") for frame in frames]
    _save(out, pictures, "WEBP", fps, lossless=True)


def _write_mp4(out: Path, frames: Frames, fps: int) -> None:
    # Here, since it is not there on every machine.
    import imageio_ffmpeg

    pictures = [_even(np.asarray(_picture(frame).convert("RGB"))) for frame in frames]
    height, width, _ = pictures[0].shape
    size = f"{width}x{height}"
    # Of one thread and without the version of the encoder, so that the same frames give the same
    # bytes. Most players need yuv420p.
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(fps), "-i", "-")
    coded = ("-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p", "-threads", "1")
    exact = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1")
    new = out.with_name(f".{out.name}.new.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *raw, *coded, *exact]
    try:
        frames_of_bytes = b"".join(picture.tobytes() for picture in pictures)
        done = subprocess.run([*command, str(new)], input=frames_of_bytes, capture_output=True)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines() or [
                "no reason given"
            ]
            raise UserError(
                f"--out {out}: the encoder failed ({reason[-1]}); write a .gif or .webp"
            )
        os.replace(new, out)
    finally:
        new.unlink(missing_ok=True)


def _save(out: Path, pictures: list[Image.Image], form: str, fps: int, **options: bool) -> None:
    first, *others = pictures
    replace_file(
        out,
        lambda file: first.save(
            file,
            format=form,
            save_all=True,
            append_images=others,
            duration=round(1000 / fps),
            loop=0,
            **options,
        ),
    )


def _picture(frame: np.ndarray) -> Image.Image:
    """Returns a frame as a grey picture or, without transparency, as one in colour."""
    if frame.shape[-1] == 1:
        return Image.fromarray(frame[..., 0])
    return Image.fromarray(frame).convert("RGB")


def _palette(frames: Frames) -> Image.Image:
    """Returns a picture whose palette suits all frames, chosen from evenly spaced pixels."""
    pixels = np.stack(frames).reshape(-1, frames[0].shape[-1])[..., :3]
    pixels = pixels[:: -(-len(pixels) // PALETTE_PIXELS)]
    return Image.fromarray(pixels[None]).quantize(COLOURS, Image.Quantize.MEDIANCUT)


def _even(frame: np.ndarray) -> np.ndarray:
    """Adds a white row or column to an odd number of them, which yuv420p cannot have."""
    height, width, _ = frame.shape
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=255)


WRITERS: dict[str, Callable[[Path, Frames, int], None]] = {
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".mp4": _write_mp4,
}
