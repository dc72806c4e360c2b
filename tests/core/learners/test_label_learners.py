"""Label learners from end to end, on a tiny backbone: train, load, ask, compare; and bad input, one clear line each."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import ConfigError, InputError, ModelError, TriviumError
from core.label_learning.comparing import compare
from core.label_learning.learned import LabelLearned
from core.label_learning.options import LabelOptions
from core.learners.contract import learner, load
from core.learning import train
from core.samples import Modality
from core.table import from_pandas
from core.table.values import Table

ROWS = 90


def _frame(**changed: Any) -> Any:
    import pandas as pd

    rng = np.random.default_rng(0)
    answer = np.arange(ROWS) % 3
    columns = {
        "id": [f"r{i}" for i in range(ROWS)],
        "length": rng.normal(answer, 0.4).round(4).tolist(),
        "colour": [("red", "blue", "grey")[int(a) if rng.random() < 0.8 else int(rng.integers(3))] for a in answer],
        "group": [f"g{i // 3}" for i in range(ROWS)],
        "label": [("low", "mid", "top")[a] for a in answer],
    }
    return pd.DataFrame({**columns, **changed})


def _table(places: range | None = None, **changed: Any) -> Table:
    table = from_pandas(_frame(**changed), label="label", group="group", kinds={"id": "id", "length": "number", "colour": "category"})
    return table if places is None else table.select(list(places))


TRAIN, TEST = range(60), range(60, ROWS)
LABELS: dict[str, Any] = {
    "classification": [("low", "mid", "top")[i % 3] for i in range(ROWS)],
    "ordinal": [("low", "mid", "top")[i % 3] for i in range(ROWS)],
    "multilabel": [("low|mid", "mid", "mid|top")[i % 3] for i in range(ROWS)],
    "regression": [str(float(i % 3)) for i in range(ROWS)],
}


@pytest.fixture(scope="module")
def trained(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that gives the trained model of a task and preset, each trained once."""
    kept: dict[tuple[str, str], LabelLearned] = {}
    folder = tmp_path_factory.mktemp("models")
    FOLDERS["models"] = folder

    def give(task: str, preset: str) -> LabelLearned:
        if (task, preset) not in kept:
            order = ("low", "mid", "top") if task == "ordinal" else ()
            rows = _table(TRAIN, label=LABELS[task])
            made = train(
                rows,
                task,
                folder / f"{task}-{preset}",
                preset=preset,
                backbone=tiny_bert,
                epochs=2,
                folds=2,
                threads=1,
                order=order,
                say=_quiet,
            )
            assert isinstance(made, LabelLearned)
            kept[task, preset] = made
        return kept[task, preset]

    return give


FOLDERS: dict[str, Path] = {}


def _folder_of(model: LabelLearned) -> Path:
    return FOLDERS["models"] / model.name


def _quiet(_: str) -> None:
    pass


@pytest.mark.parametrize("task", ["classification", "multilabel", "ordinal", "regression"])
def test_best_learns_what_there_is_to_learn(task: str, trained: Any) -> None:
    model = trained(task, "best")
    figures = model.evaluate(_table(TEST, label=LABELS[task]))
    headline, estimate = next(iter(figures.items()))
    assert headline == model.model.task.headline
    assert estimate.value > 0.6
    assert estimate.low <= estimate.value <= estimate.high
    assert figures["coverage"].value > 0.6


@pytest.mark.parametrize("task", ["classification", "multilabel", "ordinal", "regression"])
def test_answers_are_plain_and_the_same_alone(task: str, trained: Any) -> None:
    model = trained(task, "best")
    table = _table(TEST, label=LABELS[task])
    answers = list(model.predict(table))
    assert [one["id"] for one in answers] == list(table.ids)
    alone = next(iter(model.predict(table.select([4]))))
    if task == "regression":
        assert alone["value"] == pytest.approx(answers[4]["value"], abs=1e-4)
        low, high = alone["interval"]
        assert low < alone["value"] < high
    else:
        assert alone["probabilities"] == pytest.approx(answers[4]["probabilities"], abs=1e-4)
        assert set(alone["accepted"]) <= set(alone["probabilities"])
        assert alone["abstained"] == (not alone["accepted"])
    assert sum(alone["contributions"].values()) == pytest.approx(1)


def test_quick_is_the_fusion_model_alone(trained: Any) -> None:
    model = trained("classification", "quick")
    assert list(model.model.members) == ["fusion"]
    assert model.evaluate(_table(TEST)).keys() >= {"balanced_accuracy", "coverage", "abstained"}


def test_a_new_process_gives_the_same_answers(trained: Any, tmp_path: Path) -> None:
    model = trained("classification", "best")
    rows = _table(TEST)
    folder = _folder_of(model)
    again = load(folder)
    assert [a["probabilities"] for a in again.predict(rows)] == [a["probabilities"] for a in model.predict(rows)]
    frame = _frame()[60:]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    code = (
        "import sys; from core import load, read_table\n"
        "t = read_table(sys.argv[2], label='label', group='group', kinds={'id': 'id'})\n"
        "print([a['label'] for a in load(sys.argv[1]).predict(t)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "rows.csv")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.strip().splitlines()[-1] == str([a["label"] for a in model.predict(rows)])


def test_card_says_who_won_and_nothing_is_pickled(trained: Any) -> None:
    folder = _folder_of(trained("classification", "best"))
    card = (folder / "README.md").read_text("utf-8")
    assert "out of fold" in card
    assert "worst set of modalities" not in card  # there is only one
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".md"}


def test_paired_test_of_two_models(trained: Any) -> None:
    found = compare(trained("classification", "best"), trained("classification", "quick"), _table(TEST))
    assert found.rows == 30
    assert found.groups == 10
    assert found.difference.value == pytest.approx(found.first.value - found.second.value)
    assert 0 <= found.mcnemar_p <= 1
    same = compare(trained("classification", "best"), trained("classification", "best"), _table(TEST))
    assert (same.difference.value, same.mcnemar_p, same.permutation_p) == (0, 1, 1)
    with pytest.raises(InputError, match="different tasks"):
        compare(trained("classification", "best"), trained("regression", "best"), _table(TEST))


def test_scores_of_every_set_of_modalities(tiny_bert: str, tmp_path: Path) -> None:
    words = [("a dog barks", "a person falls", "the floor")[i % 3] for i in range(ROWS)]
    frame = _frame(words=words)
    kinds = {"id": "id", "length": "number", "colour": "category", "words": "text"}
    table = from_pandas(frame, label="label", group="group", kinds=kinds)
    rows, rest = table.select(list(TRAIN)), table.select(list(TEST))
    made = train(rows, "classification", tmp_path / "m", preset="best", backbone=tiny_bert, epochs=1, folds=2, threads=1, say=_quiet)
    assert isinstance(made, LabelLearned)
    scores = made.subset_scores(rest)
    assert [len(chosen) for chosen in scores] == [2, 1, 1]
    assert min(one.value for one in scores.values()) > 0.8  # each alone tells; so what is left when one is missing must too
    assert "worst set of modalities" in (tmp_path / "m" / "README.md").read_text("utf-8")
    blind = replace(rest, rows=tuple({**row, "words": None} for row in rest.rows))
    assert set(next(iter(made.predict(blind)))["contributions"]) == {"tabular"}


def test_quick_says_how_it_does_where_modalities_are_missing(tiny_bert: str, tmp_path: Path) -> None:
    words = [("a dog barks", "a person falls", "the floor")[i % 3] for i in range(ROWS)]
    kinds = {"id": "id", "length": "number", "colour": "category", "words": "text"}
    table = from_pandas(_frame(words=words), label="label", group="group", kinds=kinds)
    rows, rest = table.select(list(TRAIN)), table.select(list(TEST))
    settings: dict[str, Any] = {"backbone": tiny_bert, "epochs": 1, "threads": 1, "validation_fraction": 0.4}
    made = train(rows, "classification", tmp_path / "m", say=_quiet, **settings)
    assert isinstance(made, LabelLearned)
    assert {"validation text+tabular", "validation text", "validation tabular", "text alone, linear"} <= set(made.model.metrics or {})
    card = (tmp_path / "m" / "README.md").read_text("utf-8")
    assert "| modalities | balanced_accuracy | one alone | rows |" in card
    assert "linear probes stand in for the fusion model" in card  # which after one epoch knows next to nothing
    scores = made.subset_scores(rest)
    assert min(scores[chosen].value for chosen in scores if len(chosen) == 1) > 0.8
    assert made.model.weights[frozenset({Modality.TEXT, Modality.TABULAR})] == {"fusion": 1.0}


def _fit(table: Table, out: Path, task: str = "classification", validation: Table | None = None, **options: Any) -> Any:
    chosen = learner(task)
    return chosen.fit(table, out, chosen.options(**options), validation=validation, say=_quiet)


@pytest.mark.parametrize(
    ("changed", "task", "said"),
    [
        ({"label": ["low"] * ROWS}, "classification", "every row has the label 'low'"),
        ({"label": [None] * ROWS}, "classification", "no row has a label"),
        ({"label": [float("nan")] * ROWS}, "regression", "no row has a label"),
        ({}, "regression", "line 2, column 'label': 'low' is not a number"),
        ({}, "ordinal", "the order of the labels is not known"),
        ({"label": ["only"] * ROWS}, "multilabel", "needs at least two"),
    ],
)
def test_bad_labels_are_one_clear_line(changed: dict[str, Any], task: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        _fit(_table(**changed), tmp_path / "m", task)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_tables_that_cannot_be_learned_from(tmp_path: Path) -> None:
    table = _table(TRAIN)
    unlabelled = replace(table, columns=tuple(c for c in table.columns if c.name != "label"))
    with pytest.raises(InputError, match="one label column is needed"):
        _fit(unlabelled, tmp_path / "m")
    with pytest.raises(InputError, match="there are no rows"):
        _fit(table.select([]), tmp_path / "m")
    with pytest.raises(InputError, match=r"the id 'r\d+' is in training and in test"):
        _fit(table, tmp_path / "m", validation=table.select([0, 1, 2]))
    with pytest.raises(InputError, match="one group"):
        _fit(_table(group=["g"] * ROWS), tmp_path / "m", preset="best", validation_fraction=0)
    new_label = _table(TEST, label=["low", "mid", "new"] * 30)
    with pytest.raises(InputError, match="'new' is not among those that were trained"):
        _fit(table, tmp_path / "m", validation=new_label)
    assert not any(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(ModelError, match="not a model"):
        _fit(table, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_rows_without_a_number_are_left_out_and_reported(tiny_bert: str, tmp_path: Path) -> None:
    values: list[Any] = [str(float(i % 3)) for i in range(ROWS)]
    values[4], values[5] = "nan", None
    outcome = _fit(_table(label=values), tmp_path / "m", "regression", backbone=tiny_bert, epochs=1, threads=1)
    assert "2 rows were left out for want of a label; the first: line 6" in outcome.notes[0]


def test_questions_that_cannot_be_answered(trained: Any) -> None:
    model = trained("classification", "best")
    rows = _table(TEST)
    with pytest.raises(InputError, match="length"):
        list(model.predict(from_pandas(_frame().drop(columns="length"), label="label", group="group", kinds={"id": "id"})))
    with pytest.raises(InputError, match="there are no rows"):
        list(model.predict(rows.select([])))
    with pytest.raises(InputError, match="were used in training"):
        model.evaluate(_table(TRAIN))
    with pytest.raises(InputError, match="groups were used in training"):
        model.evaluate(_table(TEST, group=["g0"] * ROWS))
    with pytest.raises(InputError, match="'new' is not among those that were trained"):
        model.evaluate(_table(TEST, label=["low", "new", "mid"] * 30))


def test_damaged_and_foreign_models_are_refused(trained: Any, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(_folder_of(trained("classification", "quick")), folder)
    with pytest.raises(ModelError, match="of the task 'classification', not one of the task 'regression'"):
        learner("regression").load(folder)
    weights = next(folder.rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="is damaged or was changed"):
        load(folder)
    with pytest.raises(ModelError, match="no checkpoint at"):
        load(tmp_path / "nothing")


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="option colour"):
        train(_table(TRAIN), "classification", tmp_path / "m", colour="red")
    with pytest.raises(ConfigError, match="there is no task 'guessing'"):
        train(_table(TRAIN), "guessing", tmp_path / "m")
    assert issubclass(ConfigError, TriviumError)
    assert LabelOptions().preset == "quick"


def test_weights_of_rows_count(tiny_bert: str, tmp_path: Path) -> None:
    """Half of the labels are wrong, and weigh nothing."""
    wrong = [i % 2 == 1 for i in range(ROWS)]
    labels = [("low", "mid", "top")[(i + 1) % 3 if wrong[i] else i % 3] for i in range(ROWS)]
    kinds = {"id": "id", "length": "number", "colour": "category", "w": "weight"}
    table = from_pandas(_frame(label=labels, w=[0.0 if one else 1.0 for one in wrong]), label="label", group="group", kinds=kinds)
    settings: dict[str, Any] = {"preset": "best", "backbone": tiny_bert, "epochs": 1, "folds": 2, "threads": 1}
    made = train(table.select(list(TRAIN)), "classification", tmp_path / "m", say=_quiet, **settings)
    right = [i for i in TEST if not wrong[i]]
    assert made.evaluate(table.select(right))["accuracy"].value > 0.7


def test_core_is_light_to_import() -> None:
    code = "import sys, core; from core import read_table; print([name for name in ('torch', 'pandas', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
