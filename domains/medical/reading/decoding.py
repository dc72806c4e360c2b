"""Decode frames in this process. Native decoders may abort on hostile data: only the worker may call this for what is compressed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import (
    HTJ2K,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
    RLELossless,
)

from core.errors import InputError
from domains.medical.reading.bounded import open_bounded, open_dicom
from domains.medical.reading.bounds import Bounds
from domains.medical.reading.header import read_header
from domains.medical.reading.pictures import FORMATS, check_size
from domains.medical.reading.places import Kind, kind_of

PixelArray = npt.NDArray[Any]
UNCOMPRESSED = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian})
# pylibjpeg for JPEG itself would mean pylibjpeg-libjpeg, which is GPL: it is never asked.
PLUGINS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset(JPEGTransferSyntaxes), ("gdcm", "pillow")),
    (frozenset(JPEGLSTransferSyntaxes), ("pyjpegls", "gdcm")),
    (frozenset(JPEG2000TransferSyntaxes), ("pylibjpeg", "gdcm", "pillow")),
    (frozenset({HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL}), ("pylibjpeg",)),
    (frozenset({RLELossless}), ("pylibjpeg", "pydicom")),
)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Decoded frames, as stored.

    Attributes:
        values: `[frames, rows, columns]`, or `[frames, rows, columns, 3]` for colour, which is RGB.
        photometric: `MONOCHROME1`, `MONOCHROME2`, `PALETTE COLOR` or `RGB`.
    """

    values: PixelArray = field(repr=False)
    photometric: str


def decode(path: Path, indices: Sequence[int], bounds: Bounds) -> Pixels:
    """Decode frames of a DICOM file or a picture.

    Args:
        indices: of the frames, from 0, in the order wanted.

    Raises:
        InputError: they cannot be decoded, are not there, or take more memory than bounded.
    """
    if kind_of(path) is Kind.PICTURE:
        return _picture(path, bounds)
    header = read_header(path, bounds)
    if not indices or min(indices) < 0 or max(indices) >= header.frames:
        raise InputError(f"frame {max(indices, default=0) + 1} is wanted, but it has {header.frames}")
    kind = str(header.data.PhotometricInterpretation)
    frame_bytes = (
        int(header.data.Rows) * int(header.data.Columns) * int(header.data.SamplesPerPixel) * max(1, int(header.data.BitsAllocated) // 8)
    )
    if frame_bytes * len(indices) > bounds.decoded_bytes:
        raise InputError(f"{len(indices)} frames take {frame_bytes * len(indices)} bytes, more than {bounds.decoded_bytes}; ask for fewer")
    frames = _frames(path, header.syntax, indices, bounds)
    shape = (int(header.data.Rows), int(header.data.Columns)) + ((3,) if int(header.data.SamplesPerPixel) == 3 else ())
    if any(frame.shape != shape for frame in frames):
        raise InputError("its pixels are not of the size its header says")
    return Pixels(np.stack(frames), "RGB" if len(shape) == 3 else kind)


def _frames(path: Path, syntax: UID, indices: Sequence[int], bounds: Bounds) -> list[PixelArray]:
    plugins: tuple[str, ...] = ("",) if syntax in UNCOMPRESSED else next((p for syntaxes, p in PLUGINS if syntax in syntaxes), ())
    if not plugins:
        raise InputError(f"its pixels are packed in a way that is not read ({syntax.name if syntax.is_transfer_syntax else 'unknown'})")
    why = ""
    for plugin in plugins:
        try:
            with open_dicom(path, bounds, value_bytes=bounds.decoded_bytes, total_bytes=sys.maxsize) as file:
                return list(iter_pixels(file, indices=indices, decoding_plugin=plugin))
        except (InputError, MemoryError):
            raise
        except Exception as error:  # a decoder raises whatever the damage leads it to
            why = why or type(error).__name__
    raise InputError(f"its pixels cannot be decoded ({syntax.name}: {why}); if it is sound, convert it (dcmdjpeg, gdcmconv --raw)")


def _picture(path: Path, bounds: Bounds) -> Pixels:
    from PIL import Image, ImageOps

    try:
        with open_bounded(path, bounds, total_bytes=sys.maxsize) as file, Image.open(file, formats=FORMATS) as picture:
            check_size(picture.height, picture.width, bounds)
            upright = ImageOps.exif_transpose(picture) if picture.format == "JPEG" else picture
            if upright.mode.startswith("I;16"):  # 16-bit grey: kept by its high byte
                grey = (np.asarray(upright, np.uint16) >> 8).astype(np.uint8)
                return Pixels(np.repeat(grey[None, :, :, None], 3, axis=3), "RGB")
            return Pixels(np.asarray(upright.convert("RGB"))[None], "RGB")
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"a picture cannot be decoded ({type(error).__name__})") from None
