"""One picture file: what its header says, and its pixels as bytes."""

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from .findings import (
    ALPHA,
    ANIMATED,
    ARCHIVE,
    BROKEN,
    BROKEN_ARCHIVE,
    CMYK,
    DEEP,
    EMPTY,
    HUGE,
    NO_PICTURE,
    OTHER_FILE,
    ROTATED,
    UNSUPPORTED,
    WRONG_ENDING,
    Kind,
)

MEGAPIXELS = 64
ENDINGS = {
    "PNG": {".png", ".apng"},
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "MPO": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},  # several JPEGs, as cameras write them
    "WEBP": {".webp"},
}
OUR_ENDINGS = set().union(*ENDINGS.values())
READ = ("PNG", "JPEG", "WEBP")  # no other decoder ever sees a file, whatever its ending
OTHER_ENDINGS = set(".gif .bmp .tif .tiff .ppm .pgm .avif .heic .jp2 .jxl .ico .psd .svg".split())
OUR_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF")
OTHER_STARTS = (b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP", b"8BPS", b"SIMPLE  =")
ARCHIVE_ENDINGS = set(".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst".split())

# From the value of EXIF's Orientation to what turns the picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPicture(Exception):
    """A file that gives no picture: which kind of fault, and a detail."""

    def __init__(self, kind: Kind, detail: str = "") -> None:
        super().__init__(kind.name, detail)
        self.kind, self.detail = kind, detail


class Header(NamedTuple):
    """What is known of a picture before it is decoded."""

    short: int  # pixels of its short side
    grey: bool  # stored as grey; colours that happen to be grey do not count
    handled: tuple[Kind, ...]  # what decoding converts


def header(file: IO[bytes], name: str) -> Header:
    """Reads a header, and no pixels.

    Raises BadPicture, or anything that Pillow raises over damaged data.
    """
    with _opened(file, name) as picture:
        odd = {
            WRONG_ENDING: _ending(name) not in ENDINGS[picture.format or ""],
            CMYK: picture.mode == "CMYK",
            DEEP: _is_deep(file, picture),
            ALPHA: picture.has_transparency_data,
            ANIMATED: getattr(picture, "n_frames", 1) > 1,
            ROTATED: _orientation(picture) in UPRIGHT,
        }
        handled = tuple(kind for kind, is_so in odd.items() if is_so)
        return Header(min(picture.size), _is_grey(picture), handled)


def decode(file: IO[bytes], name: str, size: int, channels: int) -> np.ndarray:
    """The picture upright, on white, resized to its short side and cropped: uint8 [C, S, S].

    Raises BadPicture, or anything that Pillow raises over damaged data.
    """
    content = BytesIO(file.read())  # to the end, where a zip compares checksums
    with _opened(content, name) as picture:
        turn = UPRIGHT.get(_orientation(picture))
        picture.draft(None, (3 * size, 3 * size))  # JPEG: skips detail that resizing drops
        flat = _flat(picture, "L" if channels == 1 else "RGB")
    upright = flat if turn is None else flat.transpose(turn)
    fitted = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)
    return np.atleast_3d(np.asarray(fitted)).transpose(2, 0, 1)


def is_picture_name(name: str) -> bool:
    """Whether a file's ending is that of a format that is read."""
    return _ending(name) in OUR_ENDINGS


@contextmanager
def without_warnings() -> Iterator[None]:
    """Pillow warns of large pictures and odd metadata; here they are judged instead.

    Filters of warnings belong to the process: enter this before threads are started.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _opened(file: IO[bytes], name: str) -> Image.Image:
    try:
        picture = Image.open(file, formats=READ)
    except Image.DecompressionBombError:
        raise BadPicture(HUGE) from None
    except Image.UnidentifiedImageError:
        raise BadPicture(_stranger(file, name)) from None
    if picture.width * picture.height > MEGAPIXELS * 1e6:
        raise BadPicture(HUGE, f"{picture.width} x {picture.height}")
    return picture


def _stranger(file: IO[bytes], name: str) -> Kind:
    """Which kind of file it is that none of our decoders takes for its own."""
    start, ending = _start(file), _ending(name)
    is_ours = ending in OUR_ENDINGS
    kinds = {
        EMPTY: is_ours and not start,
        BROKEN: is_ours and start.startswith(OUR_STARTS),
        UNSUPPORTED: start.startswith(OTHER_STARTS) or ending in OTHER_ENDINGS,
        NO_PICTURE: is_ours,
        BROKEN_ARCHIVE: ending == ".zip" and not zipfile.is_zipfile(file),
        ARCHIVE: ending in ARCHIVE_ENDINGS or start.startswith(b"PK\3\4"),
        OTHER_FILE: True,
    }
    return next(kind for kind, is_so in kinds.items() if is_so)


def _start(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(32)


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _orientation(picture: Image.Image) -> int:
    try:
        return picture.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata must not cost a good picture
        return 1


def _is_deep(file: IO[bytes], picture: Image.Image) -> bool:
    """Byte 24 of a PNG tells the bits of a channel; the other formats hold 8."""
    return picture.format == "PNG" and _start(file)[24] == 16


def _is_grey(picture: Image.Image) -> bool:
    if picture.palette and picture.mode == "P":
        red, green, blue = (picture.palette.getdata()[1][i::3] for i in range(3))
        return picture.palette.mode == "RGB" and red == green == blue
    return picture.mode in {"1", "L", "LA", "La", "I", "I;16", "I;16B"}


def _flat(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in `mode`, L or RGB, with 8 bits a channel, what is transparent on white."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which Pillow's own conversion clips
        values = np.asarray(picture, np.float32) / 257  # 65,535 becomes 255
        picture = Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert(mode)
