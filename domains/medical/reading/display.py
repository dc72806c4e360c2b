"""Stored pixels as a person sees them: modality LUT, VOI LUT or window, and colour, as 8-bit RGB (PS3.3 C.11.1, C.11.2; PS3.4 N.2).

The steps are pydicom's; what a hostile or careless header makes of them is mended here and said in a notice.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing

from core.errors import InputError
from core.samples import ByteArray
from domains.medical.reading import fields
from domains.medical.reading.header import MONOCHROME
from domains.medical.reading.windows import Window

Values = npt.NDArray[Any]
GREY_MAX = 255
FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
LUT_ENTRIES = 1 << 16


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture for the eye.

    Attributes:
        rgb: `[rows, columns, 3]`.
        window: centre and width it is shown with, or None where it was a table, a colour, or the span of its values.
        notices: what was mended.
    """

    rgb: ByteArray = field(repr=False)
    window: Window | None = None
    notices: tuple[str, ...] = ()


def show(values: Values, data: Dataset, photometric: str, window: Window | None = None) -> Shown:
    """One frame as a person sees it.

    Args:
        values: `[rows, columns]` as stored, or `[rows, columns, 3]` in RGB.
        data: the header, as it holds for this frame.
        photometric: of the values, as decoded.
        window: to show it with, in the modality's units; else the file's own, else all its values.

    Raises:
        InputError: its colour table is damaged.
    """
    if values.ndim == 3:
        return Shown(_bytes(values, fields.whole(data, "BitsStored", 8) or 8))
    if photometric == "PALETTE COLOR":
        return Shown(_palette(values, data))
    if photometric not in MONOCHROME:
        raise InputError("its colours are of a kind that is not shown")
    scaled, notices = to_units(values, data)
    grey, used = _grey(scaled, values, data, window, notices)
    if photometric == "MONOCHROME1" or fields.text(data, "PresentationLUTShape") == "INVERSE":
        grey = GREY_MAX - grey
    padding = _padding(values, data)
    if padding is not None:
        grey[padding] = 0.0
    return Shown(_rgb(np.rint(grey).astype(np.uint8)), used, tuple(notices))


def to_units(values: Values, data: Dataset) -> tuple[Values, list[str]]:
    """Stored values in the modality's units: Hounsfield units for CT.

    Args:
        values: `[rows, columns]` as stored.

    Returns:
        The values, of any number type, and what was mended: a slope of 0 would make every pixel alike, so it is left out.
    """
    if fields.items(data, "ModalityLUTSequence"):
        try:
            entries, first = _table(fields.items(data, "ModalityLUTSequence")[0])
            return apply_modality_lut(np.clip(values.astype(np.int64), first, first + entries - 1), data), []
        except Exception:
            return values, ["a modality table is damaged and was left out"]
    slope, intercept = fields.number(data, "RescaleSlope"), fields.number(data, "RescaleIntercept")
    if slope is None and intercept is None:
        return values, []
    if not slope or intercept is None:
        return values, ["a rescale slope is 0 or missing and was left out: values are as stored"]
    return values.astype(np.float32) * np.float32(slope) + np.float32(intercept), []


def shrink(rgb: ByteArray, longest_side: int) -> ByteArray:
    """At most so long on its longest side; never larger than it was."""
    from PIL import Image

    height, width = rgb.shape[:2]
    factor = max(height, width) / longest_side
    if factor <= 1:
        return rgb
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BOX), np.uint8)


def _grey(
    scaled: Values, stored: Values, data: Dataset, window: Window | None, notices: list[str]
) -> tuple[npt.NDArray[np.float64], Window | None]:
    """0 to 255, through the window wanted, or the file's table or window, or all that is there."""
    if window is not None:
        return _through(scaled, window, "LINEAR"), window
    if fields.items(data, "VOILUTSequence"):
        try:
            entries, first = _table(fields.items(data, "VOILUTSequence")[0])
            depth = int(fields.items(data, "VOILUTSequence")[0].LUTDescriptor[2])
            looked = apply_voi(np.clip(np.rint(scaled).astype(np.int64), first, first + entries - 1), data)
            return np.asarray(looked, np.float64) * (GREY_MAX / (2**depth - 1)), None
        except Exception:
            notices.append("a VOI table is damaged and was left out")
    own = window_of(data)
    if own is not None:
        function = fields.text(data, "VOILUTFunction").upper() or "LINEAR"
        if function not in FUNCTIONS:
            notices.append("a window is of a kind that is not known and was taken as linear")
            function = "LINEAR"
        return _through(scaled, own, function), own
    if fields.value(data, "WindowWidth") is not None:
        notices.append("a window has no width; all values are shown")
    return _span(scaled, _padding(stored, data)), None


def window_of(data: Dataset) -> Window | None:
    """The file's first window, where it has one with a width that can be used."""
    centre, width = fields.number(data, "WindowCenter"), fields.number(data, "WindowWidth")
    if centre is None or width is None:
        return None
    linear = fields.text(data, "VOILUTFunction").upper() not in ("LINEAR_EXACT", "SIGMOID")
    return (centre, width) if (width >= 1 if linear else width > 0) else None


def _through(scaled: Values, window: Window, function: str) -> npt.NDArray[np.float64]:
    """pydicom's windowing with an output of 0 to 255: of a header that says 8 bits and no rescale."""
    made = Dataset()
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsStored = 8
    made.PixelRepresentation = 0
    made.WindowCenter, made.WindowWidth = window
    made.VOILUTFunction = function
    with np.errstate(over="ignore"):
        return np.asarray(apply_windowing(scaled, made), np.float64)


def _span(scaled: Values, padding: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.float64]:
    """From the smallest value that is there to the largest."""
    there = scaled if padding is None else scaled[~padding]
    there = there[np.isfinite(there)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    grey = np.nan_to_num(scaled.astype(np.float64), nan=low, posinf=high, neginf=low)
    return np.clip((grey - low) * (GREY_MAX / (high - low)), 0, GREY_MAX) if high > low else np.zeros(scaled.shape)


def _padding(values: Values, data: Dataset) -> npt.NDArray[np.bool_] | None:
    """Where nothing was taken (PS3.3 C.7.5.1.1.2), or None where that is nowhere or everywhere."""
    first = fields.whole(data, "PixelPaddingValue")
    if first is None:
        return None
    last = fields.whole(data, "PixelPaddingRangeLimit", first)
    low, high = sorted((first, first if last is None else last))
    found: npt.NDArray[np.bool_] = (values >= low) & (values <= high)
    return found if found.any() and not found.all() else None


def _palette(values: Values, data: Dataset) -> ByteArray:
    try:
        entries, first = _described(data.RedPaletteColorLookupTableDescriptor)
        for keyword in ("Red", "Green", "Blue"):
            _check_segments(data, f"Segmented{keyword}PaletteColorLookupTableData", int(data.RedPaletteColorLookupTableDescriptor[2]))
        looked = apply_color_lut(np.clip(values.astype(np.int64), first, first + entries - 1), data)
    except InputError:
        raise
    except Exception:
        raise InputError("its colour table is damaged") from None
    return _bytes(looked[..., :3], looked.dtype.itemsize * 8)


def _check_segments(data: Dataset, keyword: str, depth: int) -> None:
    """A segmented table (PS3.3 C.7.9.2) says how far it expands, and so could fill the memory."""
    packed = fields.value(data, keyword)
    if packed is None:
        return
    words = [w for (w,) in struct.iter_unpack("<B" if depth == 8 else "<H", packed[: len(packed) // (depth // 8) * (depth // 8)])]
    at = expanded = 0
    while at + 1 < len(words):
        code, length = words[at], words[at + 1]
        if code not in (0, 1):
            raise InputError("its colour table refers to itself, which is not read")
        expanded += length
        at += 2 + (length if code == 0 else 1)
    if expanded > LUT_ENTRIES:
        raise InputError("its colour table expands past 65536 entries")


def _table(item: Dataset) -> tuple[int, int]:
    return _described(item.LUTDescriptor)


def _described(descriptor: Any) -> tuple[int, int]:
    """How many entries a table has, and which value its first is for; 0 entries stands for 65536."""
    return int(descriptor[0]) or LUT_ENTRIES, int(descriptor[1])


def _bytes(values: Values, bits: int) -> ByteArray:
    """The upper 8 of so many bits."""
    if values.dtype == np.uint8:
        return values.copy() if values.base is not None else values
    top = 2 ** max(1, min(bits, 16)) - 1
    grey: ByteArray = np.rint(np.clip(values.astype(np.float64), 0, top) * (GREY_MAX / top)).astype(np.uint8)
    return grey


def _rgb(grey: ByteArray) -> ByteArray:
    return np.repeat(grey[:, :, None], 3, axis=2)
