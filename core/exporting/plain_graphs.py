"""Plain members of a label model as ONNX graphs, made by hand: a linear probe is a few matrix products, boosted trees are one operator.

Both read by modality the mean token `{modality}_mean` `[rows, width]` and whether it is there, `{modality}_here` `[rows, 1]`; a probe
also `{modality}_words` `[rows, words]`. Both give `answers` `[rows, labels]`: probabilities, or numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.exporting.mixture import ANSWERS, here_input, mean_input, words_input
from core.label_learning.boosting import BoostedMember, Trees
from core.label_learning.linear import LinearMember

OPSET, ML_OPSET, IR_VERSION = 18, 3, 9
_LINKS: dict[str, tuple[str, dict[str, Any]]] = {"one": ("Softmax", {"axis": 1}), "several": ("Sigmoid", {})}


class _Graph:
    """Nodes and constants of a graph that is being written."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.constants: list[Any] = []

    def read(self, name: str, width: int) -> str:
        """An input of floats, `[rows, width]`."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]))
        return name

    def hold(self, value: Any) -> str:
        """A constant."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), f"c{len(self.constants)}"))
        return str(self.constants[-1].name)

    def do(self, operator: str, *given: str, domain: str = "", **attributes: Any) -> str:
        """A node; returns the name of its output."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(given), [name], domain=domain, **attributes))
        return name

    def save(self, path: Path, scores: str, kind: str, labels: int) -> None:
        """Finish with the task's link, check, write."""
        operator, attributes = _LINKS.get(kind, ("Identity", {}))
        self.nodes.append(helper.make_node(operator, [scores], [ANSWERS], **attributes))
        output = helper.make_tensor_value_info(ANSWERS, TensorProto.FLOAT, ["rows", labels])
        graph = helper.make_graph(self.nodes, path.stem, self.inputs, [output], self.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="trivium", ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def write_linear(member: LinearMember, path: Path) -> None:
    """A linear probe."""
    graph, columns = _Graph(), member.columns
    scores, at = graph.hold(member.offsets[None].astype(np.float32)), 0
    for m in columns.modalities:
        width = len(columns.centre[m])
        mean, here = graph.read(mean_input(m), width), graph.read(here_input(m), 1)
        away = graph.do("Div", graph.do("Sub", mean, graph.hold(columns.centre[m][None])), graph.hold(columns.spread[m][None]))
        slopes = graph.hold(member.slopes[at : at + width])
        told = graph.do("Add", graph.do("MatMul", away, slopes), graph.hold(member.slopes[at + width][None]))
        scores = graph.do("Add", scores, graph.do("Mul", told, here))
        at += width + 1
    for m, words in columns.words.items():
        loud = member.slopes[at : at + len(words)] * np.float32(np.sqrt(max(len(columns.centre[m]), 1)))
        scores = graph.do("Add", scores, graph.do("MatMul", graph.read(words_input(m), len(words)), graph.hold(loud)))
        at += len(words)
    graph.save(path, scores, member.kind, len(member.offsets))


def write_boosted(member: BoostedMember, path: Path) -> None:
    """Boosted trees, in double precision as they were grown: a value at a threshold must fall on the same side."""
    graph, parts = _Graph(), []
    for m, centre in member.components.centre.items():
        mean, here = graph.read(mean_input(m), len(centre)), graph.read(here_input(m), 1)
        away = graph.do("Sub", graph.do("Cast", mean, to=TensorProto.DOUBLE), graph.hold(centre[None].astype(np.float64)))
        turn = member.components.turn[m]
        turned = away if turn is None else graph.do("MatMul", away, graph.hold(turn.astype(np.float64)))
        parts.append(graph.do("Mul", turned, graph.do("Cast", here, to=TensorProto.DOUBLE)))
    inputs = graph.do("Concat", *parts, axis=1)
    grown = graph.do("TreeEnsembleRegressor", inputs, domain="ai.onnx.ml", **_ensemble(member.trees, len(member.offsets)))
    scores = graph.do("Add", grown, graph.hold(np.asarray(member.offsets, np.float32)[None]))
    graph.save(path, scores, member.kind, len(member.offsets))


def _ensemble(trees: Trees, outputs: int) -> dict[str, Any]:
    """The attributes of a TreeEnsembleRegressor: those nodes alone that a row can come to."""
    nodes: dict[str, list[Any]] = {key: [] for key in ("tree", "node", "column", "threshold", "mode", "left", "right")}
    leaves: dict[str, list[Any]] = {key: [] for key in ("tree", "node", "output", "value")}
    for tree, output in enumerate(trees.output):
        waiting: list[int] = [0]
        while waiting:
            at = waiting.pop()
            is_leaf = trees.column[tree, at] < 0
            below = (0, 0) if is_leaf else (int(trees.left[tree, at]), int(trees.right[tree, at]))
            row = (tree, at, max(int(trees.column[tree, at]), 0), 0.0 if is_leaf else float(trees.threshold[tree, at]))
            for key, value in zip(nodes, (*row, "LEAF" if is_leaf else "BRANCH_LEQ", *below), strict=True):
                nodes[key].append(value)
            if is_leaf:
                for key, value in zip(leaves, (tree, at, int(output), float(trees.value[tree, at])), strict=True):
                    leaves[key].append(value)
            else:
                waiting += below
    return {
        "n_targets": outputs,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "nodes_treeids": nodes["tree"],
        "nodes_nodeids": nodes["node"],
        "nodes_featureids": nodes["column"],
        "nodes_values_as_tensor": _doubles("thresholds", nodes["threshold"]),
        "nodes_modes": nodes["mode"],
        "nodes_truenodeids": nodes["left"],
        "nodes_falsenodeids": nodes["right"],
        "target_treeids": leaves["tree"],
        "target_nodeids": leaves["node"],
        "target_ids": leaves["output"],
        "target_weights_as_tensor": _doubles("values", leaves["value"]),
    }


def _doubles(name: str, values: Sequence[float]) -> Any:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], list(values))
