"""Fixtures that tests of the commands about tables share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.cli import main

COLOURS = {"red": (0, 0, 255), "green": (0, 200, 0), "blue": (255, 60, 0)}
SHAPES = ("circle", "square")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def trivium(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: exit code, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 48 drawn pictures with `train.csv` (36 rows, a line of which is bad) and `test.csv` (12 rows)."""
    folder = tmp_path_factory.mktemp("drawings")
    rng = np.random.default_rng(0)
    rows = []
    for index in range(48):
        colour, shape = list(COLOURS)[index % 3], SHAPES[index % 2]
        picture = np.full((96, 96, 3), 255, np.uint8)
        x, y, r = int(rng.integers(34, 60)), int(rng.integers(34, 60)), int(rng.integers(14, 24))
        if shape == "circle":
            cv2.circle(picture, (x, y), r, COLOURS[colour], -1)
        else:
            cv2.rectangle(picture, (x - r, y - r), (x + r, y + r), COLOURS[colour], -1)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        rows.append(f"d{index},{index}.png,{'big' if r > 19 else 'small'} figure number {index},{shape},m{index // 2}")
    header = "id,picture,words,shape,maker"
    (folder / "train.csv").write_text("\n".join([header, *rows[:36], "d99,too,few"]) + "\n")
    (folder / "test.csv").write_text("\n".join([header, *rows[36:]]) + "\n")
    return folder


@pytest.fixture(scope="session")
def shape_model(drawings: Path, tmp_path_factory: pytest.TempPathFactory, packaged: Callable[[str], Path]) -> Path:
    """A model that tells the drawings' shapes, trained by the command."""
    packaged("minilm")
    packaged("efficientnet-lite0")
    out = tmp_path_factory.mktemp("models") / "shapes"
    words = ["train", drawings / "train.csv", "--label", "shape", "--group", "maker", "--kind", "words=text", "--out", out]
    assert main([str(word) for word in [*words, "--set", "epochs=8"]]) == 0
    return out
