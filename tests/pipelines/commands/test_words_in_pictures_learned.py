"""`--read-words`: what a picture is about is told by the words in it alone, and is learned, judged and asked from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Run = Callable[..., tuple[int, str, str]]
TOPICS = {"sale": ("HALF PRICE SALE", "SALE ENDS SOON", "BIG SALE TODAY"), "road": ("ROAD CLOSED", "SLOW ROAD WORK", "NO ROAD AHEAD")}


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty-six signs of like size and colour, as `train.csv` (24) and `test.csv` (12)."""
    folder = tmp_path_factory.mktemp("signs")
    rng = np.random.default_rng(0)
    rows = []
    for index in range(36):
        topic = list(TOPICS)[index % 2]
        picture = np.full((120, 420, 3), int(rng.integers(200, 256)), np.uint8)
        words = TOPICS[topic][index // 2 % 3]
        cv2.putText(picture, words, (int(rng.integers(8, 20)), 70), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 2, cv2.LINE_AA)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        rows.append(f"s{index},{index}.png,{topic},g{index // 2}")
    header = "id,sign,topic,place"
    (folder / "train.csv").write_text("\n".join([header, *rows[:24]]) + "\n")
    (folder / "test.csv").write_text("\n".join([header, *rows[24:]]) + "\n")
    return folder


@pytest.mark.slow
def test_words_in_pictures_are_learned_from_end_to_end(trivium: Run, signs: Path, packaged: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("rapidocr", "minilm", "efficientnet-lite0"):
        packaged(name)
    model, told = tmp_path / "signs-model", ("--label", "topic", "--group", "place")
    code, _, err = trivium("train", signs / "train.csv", *told, "--read-words", "--set", "epochs=6", "--out", model)
    assert code == 0, err
    assert "words were read in 24 of 24 pictures" in err
    config = json.loads((model / "config.json").read_text())
    assert config["kinds"]["words in sign"] == "text"
    code, out, err = trivium("predict", model, signs / "test.csv", "--group", "place", "--read-words", "--json")
    assert code == 0, err
    answers = {a["id"]: a for a in map(json.loads, out.splitlines())}
    truth = {row.split(",")[0]: row.split(",")[2] for row in (signs / "test.csv").read_text().splitlines()[1:]}
    assert sum(answers[name]["label"] == topic for name, topic in truth.items()) >= 11
    assert all(set(a["contributions"]) == {"text", "image"} for a in answers.values())
    code, _, err = trivium("predict", model, signs / "test.csv", "--group", "place", "--json")
    assert code == 2  # the words are asked for: nothing is answered without them in silence
    assert "words in sign" in err
