"""The boxes of NLVR's pictures (Suhr et al., 2017, CC BY 4.0) as a table: each a picture, what is in it, and what people said of it.

NLVR's sentences speak of three boxes at once and say little of each one. So that control can be measured, what is in a box is
also read off its true pixels, which are flat shapes of three colours on grey. From a shell:

    python -m core.drawing.boxes ../shared/data/text/nlvr_image_sentence boxes
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.samples import ByteArray
from core.table import Table, read_table

COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
FORMS = ("circle", "square", "triangle")
SIDE_PX = 100
LEFT_EDGES_PX = (0, 150, 300)
BLOCK_PX = 20  # side of a block of a stack
BLOCK_LEFT_PX = 40
NEAR = 60.0  # RGB distance within which a pixel counts as of a colour
LEAST_AREA_PX = 30  # smaller specks are no shape
SQUARE_FILL, CIRCLE_FILL = 0.88, 0.66  # least share of its bounding box that a form fills
SPLITS = {"train": "train", "dev": "validation", "test": "test"}  # NLVR's own; its fourth, hidden, is left alone
ATTRIBUTES = ("arrangement", *COLOURS, *(f"{form}s" for form in FORMS))
WORDS = ("words", "sentence")
KINDS = {"image": "image", "arrangement": "category", **dict.fromkeys(ATTRIBUTES[1:], "number"), **dict.fromkeys(WORDS, "text")}


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is in a box.

    Attributes:
        arrangement: `stack`, `scattered` or `empty`.
        shapes: how many of each colour and form.
    """

    arrangement: str
    shapes: Mapping[tuple[str, str], int]

    def count(self, of: str) -> int:
        """Shapes of a colour or of a form."""
        return sum(number for named, number in self.shapes.items() if of in named)

    @property
    def words(self) -> str:
        """The same as a made phrase."""
        if self.arrangement == "stack":
            counted = _listed([f"{n} {colour}" for colour in COLOURS if (n := self.count(colour))])
            return f"a stack of {counted} block{'s' * (sum(self.shapes.values()) > 1)}"
        named = [f"{n} {colour} {form}{'s' * (n > 1)}" for (colour, form), n in sorted(self.shapes.items()) if n]
        return f"{_listed(named)} scattered in a box" if named else "an empty box"

    @property
    def row(self) -> dict[str, str | int]:
        """As columns of the table."""
        counts = {f"{form}s": self.count(form) for form in FORMS}
        return {"arrangement": self.arrangement, **{colour: self.count(colour) for colour in COLOURS}, **counts, "words": self.words}


def measure(rgb: ByteArray) -> BoxFacts:
    """What is in a true box `[100, 100, 3]`, by colour and connected pieces."""
    import cv2

    shapes: Counter[tuple[str, str]] = Counter()
    blocks = 0
    for colour, value in COLOURS.items():
        mask = (np.linalg.norm(rgb.astype(np.float32) - np.array(value, np.float32), axis=2) < NEAR).astype(np.uint8)
        found, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for left, _top, width, height, area in stats[1:found].tolist():
            if area < LEAST_AREA_PX:
                continue
            is_block = abs(left - BLOCK_LEFT_PX) <= 1 and abs(width - BLOCK_PX) <= 1 and height > 0.75 * BLOCK_PX
            number = max(1, round(height / BLOCK_PX)) if is_block else 1  # neighbours of one colour may run together
            filled = area / (width * height)
            shapes[colour, "square" if filled > SQUARE_FILL else "circle" if filled > CIRCLE_FILL else "triangle"] += number
            blocks += number * is_block
    total = shapes.total()
    return BoxFacts("empty" if not total else "stack" if blocks == total else "scattered", dict(shapes))


def write_boxes(nlvr: Path, out: Path) -> Path:
    """Cut and measure the boxes and write `boxes.csv` with a PNG a box; of a train picture's reorderings one is taken.

    Returns:
        The path of the table. Its columns: id, image, split, group, those of `ATTRIBUTES`, `words` (made), and `sentence`, what a
        person wrote of the three boxes together, where it is true.

    Raises:
        InputError: the set is not there.
    """
    from PIL import Image

    (out / "boxes").mkdir(parents=True, exist_ok=True)
    table = out / "boxes.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "image", "split", "group", *ATTRIBUTES, *WORDS])
        writer.writeheader()
        for scene, picture in _scenes(nlvr):
            for place, left in enumerate(LEFT_EDGES_PX):
                box = np.ascontiguousarray(picture[:, left : left + SIDE_PX])
                name = f"{scene['identifier']}-{place}"
                Image.fromarray(box).save(out / "boxes" / f"{name}.png")
                known = {"id": name, "image": f"boxes/{name}.png", "split": SPLITS[scene["split"]], "group": scene["group"]}
                said = scene["sentence"] if scene["label"] == "true" else ""
                writer.writerow(known | measure(box).row | {"sentence": said})
    return table


def read_boxes(path: Path, asked: tuple[str, ...] = (*ATTRIBUTES, *WORDS)) -> dict[str, Table]:
    """The table by split, with some of its columns to be asked for, the rest left aside."""
    kinds = {name: kind if name in ("image", *asked) else "ignored" for name, kind in KINDS.items()}
    table = read_table(path, kinds=kinds, group="group")
    sides = table.values("split")
    return {side: table.select([i for i, one in enumerate(sides) if one == side]) for side in SPLITS.values()}


def _scenes(nlvr: Path) -> Iterator[tuple[dict[str, Any], ByteArray]]:
    """Row and RGB of one picture an identifier."""
    from PIL import Image

    seen: set[str] = set()
    try:
        with (nlvr / "examples.jsonl").open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                if row["split"] in SPLITS and row["identifier"] not in seen:
                    seen.add(row["identifier"])
                    with Image.open(nlvr / row["image"]) as opened:
                        yield row, np.asarray(opened.convert("RGB"), np.uint8)
    except OSError as error:
        raise InputError(f"NLVR is not at {nlvr}: {error.strerror or error}; give the folder with examples.jsonl") from error


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""


if __name__ == "__main__":
    print(write_boxes(Path(sys.argv[1]), Path(sys.argv[2])))
