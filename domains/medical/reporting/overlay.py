"""A key image with what the model looked at drawn over it: a heat map, a box, and a legend below that says what they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.samples import ByteArray, FloatArray

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MOST_SIDE = 1024  # pixels of the picture's longer side
LEAST_SIDE = 384
STRENGTH = 0.45  # of the heat map where it is hottest
BOX_RGB = (255, 204, 51)
LEGEND_RGB, WORDS_RGB = (20, 24, 28), (235, 238, 240)
WHAT = "what the model looked at"
LIMITS = "not necessarily where a finding is"
_STOPS = np.array([0.0, 0.35, 0.7, 1.0])
_COLOURS = np.array([(20, 30, 120), (30, 160, 190), (250, 200, 60), (230, 50, 30)], dtype=np.float64)  # read by the colour-blind too

Box = tuple[float, float, float, float]


def overlay(rgb: ByteArray, *, heat: FloatArray | None = None, box: Box | None = None, title: str = "") -> bytes:
    """A picture with its marks as PNG.

    Args:
        rgb: `[height, width, 3]`, 0 to 255.
        heat: `[rows, columns]`, how much each part counted, over the whole picture; below 0 counts as 0.
        box: x1 y1 x2 y2 in 0 to 1.
        title: what it is of, such as `pleural effusion`; no name of a person.

    Raises:
        InputError: the picture or the heat map is no such array.
    """
    from PIL import Image

    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
        raise InputError(f"an overlay needs a picture of bytes [height, width, 3], not {rgb.dtype} {list(rgb.shape)}")
    picture = _sized(Image.fromarray(rgb))
    if heat is not None:
        picture = _heated(picture, heat)
    if box is not None:
        _boxed(picture, box)
    return _png(_with_legend(picture, title, has_heat=heat is not None, has_box=box is not None))


def png(rgb: ByteArray) -> bytes:
    """A key image as PNG, as it is stored with a report, no larger than a page needs."""
    from PIL import Image

    return _png(_sized(Image.fromarray(rgb)))


def _png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=6)
    return written.getvalue()


def _sized(picture: Image.Image) -> Image.Image:
    """No side longer than a page needs, and none so short that a legend does not fit."""
    longer = max(picture.size)
    scale = MOST_SIDE / longer if longer > MOST_SIDE else max(1.0, LEAST_SIDE / longer)
    if scale == 1.0:
        return picture
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))


def _heated(picture: Image.Image, heat: FloatArray) -> Image.Image:
    from PIL import Image

    if heat.ndim != 2 or not heat.size or not np.isfinite(heat).all():
        raise InputError(f"a heat map needs finite numbers [rows, columns], not {list(heat.shape)}")
    positive = np.clip(heat.astype(np.float64), 0.0, None)
    share = positive / positive.max() if positive.max() > 0 else positive
    small = Image.fromarray((share * 255).astype(np.uint8))
    smooth = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC), dtype=np.float64) / 255.0  # [height, width]
    colours = np.stack([np.interp(smooth, _STOPS, _COLOURS[:, channel]) for channel in range(3)], axis=2)
    weight = (STRENGTH * smooth)[..., None]
    mixed = np.asarray(picture, dtype=np.float64) * (1.0 - weight) + colours * weight
    return Image.fromarray(mixed.round().astype(np.uint8))


def _boxed(picture: Image.Image, box: Box) -> None:
    from PIL import ImageDraw

    x1, y1, x2, y2 = (min(max(edge, 0.0), 1.0) for edge in box)
    left, right = sorted((x1 * (picture.width - 1), x2 * (picture.width - 1)))
    top, bottom = sorted((y1 * (picture.height - 1), y2 * (picture.height - 1)))
    line = max(2, round(max(picture.size) / 256))
    ImageDraw.Draw(picture).rectangle((left, top, right, bottom), outline=BOX_RGB, width=line)


def _with_legend(picture: Image.Image, title: str, *, has_heat: bool, has_box: bool) -> Image.Image:
    """Words and a scale on a band below, so that nothing of the picture is hidden."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(12, round(max(picture.size) / 48))
    font = ImageFont.load_default(size)
    what = f"{title[:80]}: {WHAT}" if title else WHAT
    lines = [what, LIMITS] if has_heat or has_box else [title[:80]]
    band = round(size * (1.4 * len(lines) + (1.6 if has_heat else 0.6)))
    whole = Image.new("RGB", (picture.width, picture.height + band), LEGEND_RGB)
    whole.paste(picture)
    pen = ImageDraw.Draw(whole)
    y = picture.height + size * 0.3
    for line in lines:
        pen.text((size * 0.5, y), _fitting(pen, line, font, whole.width - size), fill=WORDS_RGB, font=font)
        y += size * 1.4
    if has_heat:
        _scale(pen, size, y, font)
    return whole


def _fitting(pen: ImageDraw.ImageDraw, text: str, font: Font, width: float) -> str:
    """Words cut to a width, with dots where something is cut off."""
    if pen.textlength(text, font=font) <= width:
        return text
    fitting = (f"{text[:length]}..." for length in range(len(text) - 1, -1, -1))
    return next((shown for shown in fitting if pen.textlength(shown, font=font) <= width), "")


def _scale(pen: ImageDraw.ImageDraw, size: int, y: float, font: Font) -> None:
    steps, width = 64, size * 8
    for step in range(steps):
        share = step / (steps - 1)
        colour = tuple(int(np.interp(share, _STOPS, _COLOURS[:, channel])) for channel in range(3))
        x = size * 3.6 + width * step / steps
        pen.rectangle((x, y + size * 0.2, x + width / steps + 1, y + size), fill=colour)
    pen.text((size * 0.5, y), "little", fill=WORDS_RGB, font=font)
    pen.text((size * 4.2 + width, y), "most", fill=WORDS_RGB, font=font)
