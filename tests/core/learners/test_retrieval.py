import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError, ModelError
from core.learners import learner, load
from core.learners._options import options_of
from core.learners.retrieval import RetrievalLearned
from core.table import Table, read_table

COLOURS = {"red": (0, 0, 255), "green": (0, 200, 0), "blue": (255, 60, 0), "yellow": (0, 230, 230)}
SHAPES = ("circle", "square", "cross")


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one shape with a sentence that says which; every fifth lacks one of the two."""
    folder = tmp_path_factory.mktemp("drawings")
    rng = np.random.default_rng(0)
    lines = ["id,picture,words,maker"]
    for index in range(120):
        colour, shape = list(COLOURS)[index % 4], SHAPES[index % 3]
        picture = np.full((96, 96, 3), 255, np.uint8)
        x, y, r = (int(v) for v in rng.integers(28, 64, 3))
        r = 12 + r // 5
        if shape == "circle":
            cv2.circle(picture, (x, y), r, COLOURS[colour], -1)
        elif shape == "square":
            cv2.rectangle(picture, (x - r, y - r), (x + r, y + r), COLOURS[colour], -1)
        else:
            cv2.line(picture, (x - r, y - r), (x + r, y + r), COLOURS[colour], 7)
            cv2.line(picture, (x - r, y + r), (x + r, y - r), COLOURS[colour], 7)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        named = "" if index % 10 == 4 else f"{index}.png"
        words = "" if index % 10 == 9 else f"a {colour} {shape}, drawing number {index}"
        lines.append(f'd{index},{named},"{words}",m{index // 2}')
    (folder / "drawings.csv").write_text("\n".join(lines) + "\n")
    return folder / "drawings.csv"


@pytest.fixture(scope="module")
def table(drawings: Path) -> Table:
    return read_table(drawings, kinds={"words": "text", "picture": "image"}, group="maker")


@pytest.fixture(scope="module")
def trained(table: Table, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Table]:
    chosen = learner("retrieval")
    train, test = table.select(range(90)), table.select(range(90, 120))
    folder = tmp_path_factory.mktemp("models") / "finder"
    chosen.fit(train, folder, options_of(chosen, {"epochs": 30, "batch": 32, "queue": 64}), say=lambda _: None)
    return folder, test


def test_pictures_and_words_find_each_other_far_above_chance(trained: tuple[Path, Table]) -> None:
    folder, test = trained
    figures = load(folder).evaluate(test)
    for direction in ("text_to_image", "image_to_text"):
        assert figures[f"{direction}_recall_at_10"].value > 0.55  # 24 candidates, ten of them: chance 0.42
        assert figures[f"{direction}_recall_at_5"].value > 2 * 5 * figures[f"{direction}_chance_at_1"].value * 0.8
        assert figures[f"{direction}_recall_at_1"].value <= figures[f"{direction}_recall_at_5"].value


def test_rows_that_lack_a_side_are_answered_with_what_they_have(trained: tuple[Path, Table]) -> None:
    folder, test = trained
    answers = list(load(folder).predict(test))
    assert [a["id"] for a in answers] == list(test.ids)
    by_id = {a["id"]: a for a in answers}
    assert "image_to_text" not in by_id["d94"]
    assert "text_to_image" not in by_id["d99"]
    assert len(by_id["d90"]["text_to_image"]) == 5
    assert not any(hit["id"] == "d94" for a in answers for hit in a.get("text_to_image", []))


def test_the_same_folder_gives_the_same_vectors_and_a_changed_one_is_refused(trained: tuple[Path, Table], tmp_path: Path) -> None:
    folder, test = trained
    first, second = load(folder), load(folder)
    assert isinstance(first, RetrievalLearned)
    assert isinstance(second, RetrievalLearned)
    for modality, vectors in first.embed(test).items():
        np.testing.assert_array_equal(vectors, second.embed(test)[modality])
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="damaged or was changed"):
        load(copy)


def test_rows_of_training_are_refused_and_one_modality_is_not_enough(table: Table, trained: tuple[Path, Table], tmp_path: Path) -> None:
    folder, _ = trained
    with pytest.raises(InputError, match="used in training"):
        load(folder).evaluate(table)
    chosen = learner("retrieval")
    from core.table import recast

    only_words = recast(table, {"picture": "ignored"})
    with pytest.raises(InputError, match="pairs two modalities"):
        chosen.fit(only_words, tmp_path / "none", options_of(chosen, {}))
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_example_of_the_page_runs(drawings: Path, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    (example,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "pairs.md").read_text("utf-8"), re.DOTALL)
    for path in drawings.parent.iterdir():
        shutil.copy(path, tmp_path)
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.match(r"d\d+ -?0\.\d+", done.stdout.splitlines()[-1])
