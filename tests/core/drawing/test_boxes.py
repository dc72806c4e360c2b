"""What is in a box of NLVR, read off its pixels, and the table of boxes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.drawing.boxes import COLOURS, measure, read_boxes, write_boxes
from core.errors import InputError


def box() -> np.ndarray:
    return np.full((100, 100, 3), 211, np.uint8)


def test_a_stack_is_counted_by_colour_though_its_blocks_touch() -> None:
    picture = box()
    for place, colour in enumerate(("yellow", "yellow", "blue")):
        picture[80 - 20 * place : 100 - 20 * place, 40:60] = COLOURS[colour]
    facts = measure(picture)
    assert facts.words == "a stack of 2 yellow and 1 blue blocks"
    assert facts.row["arrangement"] == "stack"
    assert (facts.row["yellow"], facts.row["squares"], facts.row["black"]) == (2, 3, 0)


def test_scattered_shapes_are_told_by_form() -> None:
    picture = box()
    cv2.circle(picture, (20, 20), 10, COLOURS["black"], -1)
    cv2.circle(picture, (70, 20), 5, COLOURS["black"], -1)
    cv2.rectangle(picture, (60, 60), (89, 89), COLOURS["yellow"], -1)
    cv2.fillPoly(picture, [np.array([[30, 60], [15, 89], [45, 89]])], COLOURS["blue"])
    assert measure(picture).words == "2 black circles, 1 blue triangle and 1 yellow square scattered in a box"
    assert measure(box()).words == "an empty box"


def test_true_boxes_become_a_table_with_true_sentences_only(shared_data: Path, tmp_path: Path) -> None:
    nlvr, part = shared_data / "text" / "nlvr_image_sentence", tmp_path / "nlvr"
    part.mkdir()
    with (nlvr / "examples.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    some = [row for split in ("train", "dev", "test", "hidden") for row in [r for r in rows if r["split"] == split][:6]]
    (part / "examples.jsonl").write_text("\n".join(map(json.dumps, some)) + "\n")
    (part / "images").symlink_to(nlvr / "images")
    sides = read_boxes(write_boxes(part, tmp_path))
    scenes = {side: {r["identifier"]: r for r in some if r["split"] == split} for side, split in (("train", "train"), ("test", "test"))}
    for side, known in scenes.items():
        table = sides[side]
        assert len(table) == 3 * len(known)
        assert {name.rpartition("-")[0] for name in table.ids} == set(known)
        for name, said in zip(table.ids, table.values("sentence"), strict=True):
            scene = known[name.rpartition("-")[0]]
            assert said == (scene["sentence"] if scene["label"] == "true" else None)
    assert not set(sides["train"].groups) & set(sides["test"].groups)
    assert all(row["yellow"] + row["black"] + row["blue"] == row["circles"] + row["squares"] + row["triangles"] for row in table.rows)


def test_a_folder_without_the_set_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"NLVR is not at .*examples.jsonl"):
        write_boxes(tmp_path / "nowhere", tmp_path)
