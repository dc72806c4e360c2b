"""Captions and answers from a table, through a decoder with random weights: what they can see they can say."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError, ModelError
from core.learners import learner, load
from core.learners._options import options_of
from core.table import Table, read_table

COLOURS = {"red": (0, 0, 255), "green": (0, 200, 0)}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    lines = ["id,picture,question,answer,caption"]
    for index in range(80):
        colour = list(COLOURS)[index % 2]
        picture = np.full((64, 64, 3), 255, np.uint8)
        x, y = (int(v) for v in rng.integers(20, 44, 2))
        cv2.circle(picture, (x, y), 16, COLOURS[colour], -1)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        name = "" if index == 79 else f"{index}.png"
        lines.append(f"p{index},{name},is it red or green ?,{colour},a {colour} circle")
    (folder / "pictures.csv").write_text("\n".join(lines) + "\n")
    return folder / "pictures.csv"


def _options(writer: str, **more: object) -> dict[str, object]:
    return {
        "backbone": writer,
        "epochs": 25,
        "rate": 3e-3,
        "patience": 80,
        "modality_dropout": 0.0,
        "dropout": 0.0,
        "max_answer": 6,
        **more,
    }


@pytest.fixture(scope="module")
def answerer(pictures: Path, tiny_writer: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Table]:
    table = read_table(pictures, kinds={"picture": "image", "question": "question", "caption": "ignored"}, label="answer")
    folder = tmp_path_factory.mktemp("models") / "answerer"
    chosen = learner("question_answering")
    chosen.fit(table.select(range(60)), folder, options_of(chosen, _options(tiny_writer)), say=lambda _: None)
    return folder, table.select(range(60, 80))


@pytest.mark.slow
def test_a_question_about_a_picture_is_answered_and_nothing_seen_is_not_stated(answerer: tuple[Path, Table]) -> None:
    folder, test = answerer
    model = load(folder)
    answers = {row["id"]: row for row in model.predict(test)}
    assert answers["p79"]["answer"] == "not stated"
    seen = [i for i in test.ids if i != "p79"]
    truth = dict(zip(test.ids, test.values("answer"), strict=True))
    assert np.mean([answers[i]["answer"] == truth[i] for i in seen]) > 0.85
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4) for row in answers.values())
    figures = model.evaluate(test)
    assert next(iter(figures)) == "balanced_accuracy"
    assert figures["accuracy"].value > figures["accuracy_of_the_most_common_answer"].value


@pytest.mark.slow
def test_an_answerer_says_the_same_after_loading_and_a_changed_folder_is_refused(answerer: tuple[Path, Table], tmp_path: Path) -> None:
    import shutil

    folder, test = answerer
    assert list(load(folder).predict(test)) == list(load(folder).predict(test))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "config.json").write_text((copy / "config.json").read_text().replace('"temperature"', '"heat"'))
    with pytest.raises(ModelError, match="damaged or was changed"):
        load(copy)
    seen, model = replace(test, ids=("p0", *test.ids[1:])), load(folder)
    with pytest.raises(InputError, match="used in training"):
        model.evaluate(seen)


@pytest.mark.slow
def test_a_picture_gets_the_caption_that_people_would_write(pictures: Path, tiny_writer: str, tmp_path: Path) -> None:
    table = read_table(pictures, kinds={"picture": "image", "question": "ignored", "answer": "ignored"}, label="caption").select(range(79))
    chosen = learner("captioning")
    chosen.fit(table.select(range(60)), tmp_path / "captioner", options_of(chosen, _options(tiny_writer)), say=lambda _: None)
    model = load(tmp_path / "captioner")
    figures = model.evaluate(table.select(range(60, 79)))
    assert figures["exact"].value > 0.8
    assert figures["chrf"].value > 80
    assert next(iter(model.predict(table.select([60]))))["caption"].startswith("a ")


def test_a_table_without_questions_or_captions_is_refused_before_anything_is_written(pictures: Path, tmp_path: Path) -> None:
    table = read_table(pictures, kinds={"picture": "image", "question": "ignored", "caption": "ignored"}, label="answer")
    for name, wanted in (("question_answering", "one question column"), ("captioning", "one label column")):
        chosen = learner(name)
        from core.table import recast

        given = table if name == "question_answering" else recast(table, {"answer": "ignored"})
        with pytest.raises(InputError, match=wanted):
            chosen.fit(given, tmp_path / name, options_of(chosen, {}))
        assert not (tmp_path / name).exists()
