"""Gradient boosting over the leading components of mean tokens, and over numbers and categories as they are.

LightGBM (Ke et al., 2017) grows the trees. What is kept are its splits as arrays, so that a model folder is read by nothing
but safetensors and a walk down the trees in numpy: LightGBM's own reader was not made for files that somebody else wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from core.label_learning.members import Lesson
from core.label_learning.rows import Rows
from core.metrics import Array
from core.samples import FloatArray, Modality

COMPONENTS = 48
ROUNDS = 100
MOST_TREES, MOST_NODES = 200_000, 4096
WEIGHTS = "trees.safetensors"
_SETTINGS = {
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 8,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 63,
    "verbosity": -1,
    "num_threads": 1,  # two wait for each other at every split: 800 rows and 11 labels took 14.8 s of processor time in place of 3.3
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True, slots=True)
class Components:
    """How rows become columns.

    Attributes:
        centre: by modality, `[width]`.
        turn: by modality `[width, columns]`, the leading components; None where the numbers are taken as they are.
    """

    centre: dict[Modality, Array]
    turn: dict[Modality, Array | None]

    @property
    def width(self) -> int:
        return sum(len(c) if (t := self.turn[m]) is None else t.shape[1] for m, c in self.centre.items())

    def of(self, rows: Rows) -> Array:
        """`[rows, columns]`, zeros (the mean) where a row lacks the modality."""
        parts = []
        for modality, centre in self.centre.items():
            turn = self.turn[modality]
            part = np.zeros((len(rows), len(centre) if turn is None else turn.shape[1]), np.float64)
            here = rows.here.get(modality)
            if here is not None and here.any():
                away = rows.means[modality][here].astype(np.float64) - centre
                part[here] = away if turn is None else away @ turn
            parts.append(part)
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees as arrays, all `[trees, nodes]`; a node at or beyond a tree's end is never reached.

    Attributes:
        column: which column a node asks; -1 for a leaf.
        threshold: a row goes left where its value is at most this.
        left, right: the nodes below, always later in the array.
        value: of a leaf.
        output: `[trees]`, which output a tree adds to.
    """

    column: Any
    threshold: Any
    left: Any
    right: Any
    value: Any
    output: Any

    def add(self, inputs: Array, outputs: int) -> Array:
        """Sums of the leaves that rows fall into, `[rows, outputs]`."""
        sums = np.zeros((len(inputs), outputs))
        trees = np.arange(len(self.output))
        for start in range(0, len(inputs), 256):
            part = inputs[start : start + 256]
            rows = np.arange(len(part))[:, None]
            at = np.zeros((len(part), len(trees)), np.int64)  # [rows, trees], the node that each row has come to
            while ((asked := self.column[trees, at]) >= 0).any():
                goes_left = part[rows, np.maximum(asked, 0)] <= self.threshold[trees, at]
                below = np.where(goes_left, self.left[trees, at], self.right[trees, at])
                at = np.where(asked >= 0, below, at)
            leaves = self.value[trees, at]  # [rows, trees]
            for output in range(outputs):
                sums[start : start + 256, output] = leaves[:, self.output == output].sum(1)
        return sums


@dataclass(frozen=True, slots=True)
class BoostedMember:
    """Fitted trees.

    Attributes:
        name: of the member.
        kind: of the task.
        components: its inputs.
        trees: what was grown.
        offsets: `[labels]`, added to their sums.
    """

    name: str
    kind: str
    components: Components
    trees: Trees
    offsets: Array

    def ask(self, rows: Rows) -> FloatArray:
        """Probabilities or numbers, `[rows, labels]`."""
        from scipy.special import expit, softmax

        scores = self.trees.add(self.components.of(rows), len(self.offsets)) + self.offsets
        if self.kind == "value":
            return np.asarray(scores, np.float32)
        return np.asarray(softmax(scores, axis=1) if self.kind == "one" else expit(scores), np.float32)

    def save(self, folder: Path) -> dict[str, Any]:
        """Everything as safetensors."""
        from safetensors.numpy import save_file

        tensors = {name: np.ascontiguousarray(getattr(self.trees, name)) for name in _TREES}
        tensors["offsets"] = np.asarray(self.offsets, np.float64)
        for modality, centre in self.components.centre.items():
            tensors[f"centre.{modality}"] = np.asarray(centre, np.float64)
            turn = self.components.turn[modality]
            if turn is not None:
                tensors[f"turn.{modality}"] = np.ascontiguousarray(turn, np.float64)
        save_file(tensors, folder / WEIGHTS)
        return {"modalities": [m.value for m in self.components.centre]}


_TREES = {"column": np.int32, "threshold": np.float64, "left": np.int32, "right": np.int32, "value": np.float64, "output": np.int32}


def load_boosted(folder: Path, name: str, told: dict[str, Any], kind: str, labels: int) -> BoostedMember:
    """From a folder whose hashes were compared; a tree that leads out of its arrays or in a circle is refused.

    Raises:
        ModelError: it is not what `save` writes.
    """
    from core.model_folder import read_weights

    tensors = {key: value.numpy() for key, value in read_weights(folder, WEIGHTS).items()}
    try:
        modalities = [Modality(m) for m in told["modalities"]]
        components = Components({m: tensors[f"centre.{m}"] for m in modalities}, {m: tensors.get(f"turn.{m}") for m in modalities})
        trees = Trees(**{key: tensors[key].astype(kind_of, casting="safe") for key, kind_of in _TREES.items()})
        member = BoostedMember(name, kind, components, trees, tensors["offsets"])
        _check(member, labels)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the trees of {name[:40]!r} are not what this version writes ({str(error)[:80]}); train again") from error
    return member


def _check(member: BoostedMember, labels: int) -> None:
    trees, components = member.trees, member.components
    shape = trees.column.shape
    if len(shape) != 2 or any(getattr(trees, key).shape != shape for key in ("threshold", "left", "right", "value")):
        raise ValueError("arrays differ in shape")
    if not 0 <= shape[0] <= MOST_TREES or not 1 <= shape[1] <= MOST_NODES or trees.output.shape != shape[:1]:
        raise ValueError("too many trees")
    for modality, centre in components.centre.items():
        turn = components.turn[modality]
        if centre.ndim != 1 or (turn is not None and (turn.ndim != 2 or len(turn) != len(centre))):
            raise ValueError("components do not fit")
    inner, place = trees.column >= 0, np.arange(shape[1])[None]
    for below in (trees.left, trees.right):
        if not ((below > place) & (below < shape[1]) | ~inner).all():
            raise ValueError("a tree does not end")
    is_known = (trees.column < components.width).all() and ((trees.output >= 0) & (trees.output < labels)).all()
    every = [
        trees.threshold,
        trees.value,
        member.offsets,
        *components.centre.values(),
        *(t for t in components.turn.values() if t is not None),
    ]
    if not is_known or member.offsets.shape != (labels,) or not all(np.isfinite(one).all() for one in every):
        raise ValueError("a number is out of range")


def fit_boosted(lesson: Lesson, *, name: str, seed: int = 0) -> BoostedMember:
    """Grow trees on the lesson's rows."""
    components = _fit_components(lesson.rows, seed)
    inputs = components.of(lesson.rows)
    labels = lesson.targets.shape[1]
    settings = {**_SETTINGS, "seed": seed}
    offsets = np.zeros(labels)
    if lesson.task.kind == "one":
        answer = lesson.targets.argmax(1)
        present = np.unique(answer)
        offsets[:] = -30.0  # a label that no row has
        offsets[present] = 0.0
        if len(present) == 1:
            return BoostedMember(name, lesson.task.kind, components, _arrays([]), offsets)
        place = np.searchsorted(present, answer)
        if len(present) == 2:
            grown = _grow(inputs, place, lesson.weights, {**settings, "objective": "binary"})
            return BoostedMember(name, lesson.task.kind, components, _arrays([(tree, int(present[1])) for tree in grown]), offsets)
        grown = _grow(inputs, place, lesson.weights, {**settings, "objective": "multiclass", "num_class": len(present)})
        marked = [(tree, int(present[i % len(present)])) for i, tree in enumerate(grown)]
        return BoostedMember(name, lesson.task.kind, components, _arrays(marked), offsets)
    marked = []
    for label in range(labels):
        truth = np.ascontiguousarray(lesson.targets[:, label])
        if lesson.task.kind == "value":
            marked += [(tree, label) for tree in _grow(inputs, truth, lesson.weights, {**settings, "objective": "regression"})]
            continue
        if truth.min() == truth.max():
            share = np.clip(truth.mean(), 1e-3, 1 - 1e-3)
            offsets[label] = np.log(share / (1 - share))
            continue
        marked += [(tree, label) for tree in _grow(inputs, truth, lesson.weights, {**settings, "objective": "binary"})]
    return BoostedMember(name, lesson.task.kind, components, _arrays(marked), offsets)


def _fit_components(rows: Rows, seed: int) -> Components:
    from sklearn.utils.extmath import randomized_svd

    centre: dict[Modality, Array] = {}
    turn: dict[Modality, Array | None] = {}
    for modality, means in rows.means.items():
        seen = means[rows.here[modality]].astype(np.float64)
        middle = seen.mean(0) if len(seen) else np.zeros(means.shape[1])
        centre[modality], turn[modality] = middle, None
        most = min(COMPONENTS, means.shape[1], len(seen) - 1)
        if modality is not Modality.TABULAR and 0 < most < means.shape[1]:
            turn[modality] = randomized_svd(seen - middle, most, random_state=seed)[2].T
    return Components(centre, turn)


def _grow(inputs: Array, truth: Any, weights: Array, settings: dict[str, Any]) -> list[dict[str, Any]]:
    import lightgbm

    grown = lightgbm.train(settings, lightgbm.Dataset(inputs, truth, weight=weights, params=settings), ROUNDS)
    return [one["tree_structure"] for one in grown.dump_model()["tree_info"]]


def _arrays(trees: list[tuple[dict[str, Any], int]]) -> Trees:
    flat = [_flat(tree) for tree, _ in trees]
    nodes = max((len(one) for one in flat), default=1)
    found = {key: np.zeros((len(flat), nodes), kind) for key, kind in _TREES.items() if key != "output"}
    found["column"][:] = -1
    for index, tree in enumerate(flat):
        for place, node in enumerate(tree):
            for key, value in node.items():
                found[key][index, place] = value
    return Trees(**found, output=np.array([output for _, output in trees], np.int32))


def _flat(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes in an order in which each comes before those below it."""
    nodes: list[dict[str, Any]] = []
    waiting: list[tuple[dict[str, Any], int | None, str]] = [(tree, None, "")]
    while waiting:
        node, above, side = waiting.pop()
        if above is not None:
            nodes[above][side] = len(nodes)
        if "leaf_value" in node:
            nodes.append({"column": -1, "value": float(node["leaf_value"])})
            continue
        here = len(nodes)
        nodes.append({"column": int(node["split_feature"]), "threshold": float(node["threshold"])})
        waiting += [(node["left_child"], here, "left"), (node["right_child"], here, "right")]
    return nodes
