"""LabelModel: members with their weights and a calibration; what is shipped, and how it is put into a folder and taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.calibration import Calibration
from core.encoders.tabular import TabularState
from core.errors import ModelError
from core.label_learning.answers import to_logits
from core.label_learning.members import Member
from core.label_learning.options import LabelOptions
from core.label_learning.rows import Rows, ask_by_weights, weights_fit, weights_from_json
from core.label_learning.selection import Pattern, Weights
from core.model_folder import check_hashes, read_json, write_json
from core.samples import FloatArray, Modality
from core.splits import Split, load_split
from core.table.values import ColumnKind
from core.tasks import Task, task

FORMAT = 1
CONFIG, CALIBRATION, SPLIT, METRICS, CARD, MEMBERS = "config.json", "calibration.json", "split.json", "metrics.json", "README.md", "members"
MOST_MEMBERS = 20  # fusion, boosting, and a linear probe a set of modalities


@dataclass(frozen=True, slots=True)
class LabelModel:
    """Everything that answers need.

    Attributes:
        task: of `core.tasks`.
        labels: the label space.
        modalities: those that it reads.
        kinds: of the columns that it was trained on, by name.
        tabular: what was learned of columns of numbers and categories.
        members: by name.
        weights: for each set of modalities, the weight of each member; the first set is all of them.
        calibration: of the weighted mean.
        options: with which it was trained.
        split: rows of training and validation, by id.
        groups: the groups of those rows; empty where the table named none.
        separator: between labels of a cell.
        metrics: figures of the training.
    """

    task: Task
    labels: tuple[str, ...]
    modalities: tuple[Modality, ...]
    kinds: Mapping[str, ColumnKind]
    tabular: TabularState | None
    members: Mapping[str, Member]
    weights: Mapping[Pattern, Weights]
    calibration: Calibration
    options: LabelOptions
    split: Split
    groups: frozenset[str] = frozenset()
    separator: str | None = None
    metrics: Mapping[str, float] | None = None

    def raw(self, rows: Rows) -> FloatArray:
        """The weighted mean of the members' answers, by what each row has, `[rows, labels]`."""
        return ask_by_weights(rows, self.weights, {name: member.ask for name, member in self.members.items()}, len(self.labels))

    def answers(self, rows: Rows) -> FloatArray:
        """Calibrated probabilities, or numbers, `[rows, labels]`."""
        return self.calibration.probabilities(to_logits(self.task, self.raw(rows)), self.task)


def write_model(model: LabelModel, folder: Path, card: str) -> None:
    """Write every file of the model into an empty folder (`core.model_folder.save_whole` makes it whole)."""
    told = {}
    for index, (name, member) in enumerate(model.members.items()):
        place = folder / MEMBERS / str(index)
        place.parent.mkdir(exist_ok=True)
        if name != "fusion":
            place.mkdir()
        told[name] = {"folder": str(index), **member.save(place)}
    config = {
        "learner": model.task.name,
        "format": FORMAT,
        "labels": list(model.labels),
        "modalities": [m.value for m in model.modalities],
        "kinds": {name: kind.value for name, kind in model.kinds.items()},
        "tabular": model.tabular.to_json() if model.tabular else None,
        "members": told,
        "weights": [{"modalities": sorted(m.value for m in p), "members": dict(w)} for p, w in model.weights.items()],
        "options": model.options.model_dump(mode="json"),
        "groups": sorted(model.groups),
        "separator": model.separator,
    }
    write_json(folder / CONFIG, config)
    write_json(folder / CALIBRATION, asdict(model.calibration))
    write_json(folder / METRICS, dict(model.metrics or {}))
    model.split.save(folder / SPLIT)
    (folder / CARD).write_text(card, "utf-8")


def read_model(folder: Path, task_name: str) -> LabelModel:
    """Read a model and check it.

    Raises:
        ModelError: it is missing, damaged, hostile, of another task or version, or its backbone is not here.
    """
    from core.checkpoints import read_calibration

    named = check_hashes(folder)
    if lacking := {CONFIG, CALIBRATION, SPLIT, METRICS, CARD} - set(named):
        raise ModelError(f"{folder.name} is not a model that was trained from a table: it lacks {min(lacking)}; train again")
    config = read_json(folder, CONFIG)
    kept = config.get("learner")
    if kept != task_name:
        what = f"of the task {kept!r}" if kept else "that was not trained from a table"
        raise ModelError(f"{folder.name} holds a model {what}, not one of the task {task_name!r}")
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder.name}: format {config.get('format')!r}, this version reads {FORMAT}; update Trivium or train again")
    try:
        labels = tuple(str(label) for label in config["labels"])
        modalities = tuple(Modality(m) for m in config["modalities"])
        kinds = {str(name): ColumnKind(kind) for name, kind in config["kinds"].items()}
        tabular = TabularState.from_json(config["tabular"]) if config["tabular"] else None
        members = _members(folder, config["members"], task(task_name), labels)
        weights = weights_from_json(config["weights"])
        options = LabelOptions.model_validate(config["options"])
        calibration = read_calibration(read_json(folder, CALIBRATION), len(labels))
        groups, separator = frozenset(map(str, config["groups"])), config["separator"]
        metrics = {str(k): float(v) for k, v in read_json(folder, METRICS).items() if isinstance(v, int | float)}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder.name}: its JSON files are not what this version writes ({str(error)[:80]}); train again") from error
    if not weights_fit(weights, members):
        raise ModelError(f"{folder.name}: the weights of its members do not fit; train again")
    split = load_split(folder / SPLIT)
    return LabelModel(
        task(task_name), labels, modalities, kinds, tabular, members, weights, calibration, options, split, groups, separator, metrics
    )


def _members(folder: Path, told: Mapping[str, Any], learned: Task, labels: tuple[str, ...]) -> dict[str, Member]:
    from core.label_learning.boosting import load_boosted
    from core.label_learning.fusion_member import load_fusion
    from core.label_learning.linear import load_linear

    if not 0 < len(told) <= MOST_MEMBERS:
        raise ValueError(f"{len(told)} members")
    found: dict[str, Member] = {}
    for name, one in told.items():
        if not str(one["folder"]).isdecimal():
            raise ValueError("a member's folder is not a number")
        place = folder / MEMBERS / str(one["folder"])
        if name == "fusion":
            found[name] = load_fusion(place, learned.name, labels)
        elif name == "gradient boosting":
            found[name] = load_boosted(place, name, one, learned.kind, len(labels))
        else:
            found[name] = load_linear(place, name, one, learned.kind, len(labels))
    return found
