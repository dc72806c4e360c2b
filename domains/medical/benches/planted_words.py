"""Words burned into pictures: names, numbers and dates in several fonts, sizes, places, contrasts and colours, with where their ink is."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from core.samples import BoolArray, ByteArray

Pixels = npt.NDArray[np.generic]

FAMILIES = ("DOE", "Kowalski", "NGUYEN", "O'Brien", "Schmidt", "GARCIA", "Lindqvist", "MBEKI", "Petrov", "Tanaka")
GIVEN = ("JANE", "Peter", "MARIA", "Thomas", "AISHA", "Olga", "KENJI", "Lars", "FATIMA", "Miguel")
OUTLINE_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "STIXGeneral.ttf", "cmss10.ttf")
STROKE_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
HEIGHTS_PX = (11, 14, 18, 24, 32)  # of an outline font; capitals are some seven tenths of it
CONTRASTS = (1.0, 0.8, 0.6, 0.45)  # of the picture's range, between ink and what it stands on
TRIES = 60


@dataclass(frozen=True, slots=True)
class PlantedWord:
    """A word in a picture.

    Attributes:
        text: what it says.
        ink: where it is drawn, `[rows, columns]`.
        box: x1 y1 x2 y2 in pixels.
        style: font, height and contrast, for whoever looks for what was missed.
    """

    text: str
    ink: BoolArray = field(repr=False)
    box: tuple[int, int, int, int]
    style: str


def identifiers(chance: random.Random) -> tuple[str, ...]:
    """Words as devices burn them in: a name, a number, a birth date, an accession number."""
    family, given = chance.choice(FAMILIES), chance.choice(GIVEN)
    day = f"{chance.randint(1930, 2015)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
    return (
        chance.choice([f"{family}^{given}", f"{family}, {given}", f"{given} {family}"]),
        f"{chance.choice(['ID', 'MRN', 'Pat'])} {chance.randint(100000, 99999999)}",
        chance.choice([day, day.replace("-", "/"), f"DOB {day}"]),
        f"ACC{chance.randint(10000, 999999)}",
    )


def plant(
    values: Pixels, chance: random.Random, *, low: float, high: float, texts: tuple[str, ...] = ()
) -> tuple[Pixels, list[PlantedWord]]:
    """Burn words into a frame.

    Args:
        values: `[rows, columns]` or `[rows, columns, 3]`, any whole numbers.
        chance: where its styles and places come from.
        low, high: the range in which the frame is shown.
        texts: what to write; `identifiers` where nothing is given.

    Returns:
        A copy with words in it, and the words that found a place, none over another.
    """
    made = values.copy()
    rows, columns = made.shape[:2]
    taken = np.zeros((rows, columns), bool)
    words: list[PlantedWord] = []
    for text in texts or identifiers(chance):
        for _ in range(TRIES):
            style, inked = _drawn(text, chance)
            height, width = inked.shape
            if height + 8 >= rows or width + 8 >= columns:
                continue
            top, left = _place(rows - height, columns - width, chance)
            if taken[max(0, top - 6) : top + height + 6, max(0, left - 6) : left + width + 6].any():
                continue
            here = (slice(top, top + height), slice(left, left + width))
            contrast = chance.choice(CONTRASTS)
            _burn(made, here, inked, contrast, low, high, chance)
            taken[here] = True
            ink = np.zeros((rows, columns), bool)
            ink[here] = inked > 0.5
            words.append(PlantedWord(text, ink, (left, top, left + width, top + height), f"{style}, contrast {contrast}"))
            break
    return made, words


def _drawn(text: str, chance: random.Random) -> tuple[str, npt.NDArray[np.float32]]:
    """A word's ink, 0 to 1, cut to its bounds."""
    if chance.random() < 0.4:
        face, scale = chance.choice(STROKE_FONTS), chance.uniform(0.45, 1.1)
        scale = scale * 1.8 if face == cv2.FONT_HERSHEY_PLAIN else scale
        thickness = chance.choice([1, 1, 2]) if scale > 0.6 else 1
        (width, height), base = cv2.getTextSize(text, face, scale, thickness)
        sheet = np.zeros((height + base + 8, width + 8), np.uint8)
        cv2.putText(sheet, text, (4, height + 4), face, scale, 255, thickness, cv2.LINE_AA)
        return f"stroke font {face} at {scale:.2f}", _cut(sheet)
    from PIL import Image, ImageDraw, ImageFont

    name, size = chance.choice(OUTLINE_FONTS), chance.choice(HEIGHTS_PX)
    font = ImageFont.truetype(str(_fonts() / name), size)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(image).text((4 - left, 4 - top), text, fill=255, font=font)
    return f"{name} at {size} px", _cut(np.asarray(image))


def _cut(sheet: ByteArray) -> npt.NDArray[np.float32]:
    there = np.argwhere(sheet > 0)
    (top, left), (bottom, right) = there.min(0), there.max(0) + 1
    return np.asarray(sheet[top:bottom, left:right], np.float32) / np.float32(255)


def _place(height_left: int, width_left: int, chance: random.Random) -> tuple[int, int]:
    """Mostly near a border, where devices write; sometimes anywhere."""
    if chance.random() < 0.3:
        return chance.randint(2, height_left - 2), chance.randint(2, width_left - 2)
    down, across = int(height_left * 0.15) + 2, int(width_left * 0.15) + 2
    top = chance.randint(2, down) if chance.random() < 0.5 else chance.randint(height_left - down, height_left - 2)
    left = chance.randint(2, across) if chance.random() < 0.5 else chance.randint(width_left - across, width_left - 2)
    return top, left


def _burn(
    made: Pixels, here: tuple[slice, slice], inked: npt.NDArray[np.float32], contrast: float, low: float, high: float, chance: random.Random
) -> None:
    """Lighter than what is beneath, or darker where it is light."""
    patch = np.asarray(made[here], np.float64)
    beneath = float(np.clip(np.median(patch), low, high))
    step = contrast * (high - low)
    light = beneath + step if beneath + step <= high or beneath - low < high - beneath else beneath - step
    ink = np.clip(light, low, high)
    if patch.ndim == 3:
        colour = np.array(chance.choice([(1, 1, 1), (1, 1, 1), (1, 1, 0), (0, 1, 0), (0.6, 0.9, 1)]))
        ink = ink * colour if light > beneath else np.full(3, ink)
        inked = inked[..., None]
    blended = patch * (1 - inked) + ink * inked
    made[here] = np.rint(blended).astype(made.dtype)


@cache
def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
