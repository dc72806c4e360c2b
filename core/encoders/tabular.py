"""Turn a row of numbers and categories into a token a column and a sentence.

As in FT-Transformer (Gorishniy et al., 2021) every column has weights of its own: each fills its own stretch of the token and
nothing else, so that one linear projector acts as one embedding a column. A number is told as its standardised value and
piecewise-linear over quantiles (Gorishniy et al., 2022), a category as one of its known values. What is known of the columns
is fitted on training rows alone and kept with the model.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.encoders.checks import payloads
from core.errors import InputError, ModelError
from core.features import Features
from core.samples import FloatArray, Modality, Observation, Tabular

VERSION = 1
BINS = 8
MOST_VALUES = 64  # different categories of a column; the rest counts as 'other'
MAX_COLUMNS = 512
MAX_TOKENS = 32  # more columns than this share tokens
FARTHEST = 6.0  # standard deviations
NUMBER_HEAD, CATEGORY_HEAD = 3, 3  # here, missing, value; here, missing, other
MOST_SAID = 40
LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """What is known of a column of numbers.

    Attributes:
        name: of the column.
        mean, deviation: of the training rows that have it.
        edges: quantiles between the pieces, ascending, each once.
        low, high: a value below or above is said to be so.
    """

    name: str
    mean: float
    deviation: float
    edges: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """What is known of a column of categories.

    Attributes:
        name: of the column.
        values: the most frequent first.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TabularState:
    """What was learned from training rows; plain enough for JSON, small enough for a model folder.

    Attributes:
        numbers, categories: columns in order.
    """

    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain lists, numbers and text."""
        told: dict[str, Any] = json.loads(json.dumps({"version": VERSION, **asdict(self)}))
        return told

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> TabularState:
        """From `to_json`.

        Raises:
            ModelError: it is not that, or of another version.
        """
        try:
            if told["version"] != VERSION:
                raise ModelError(f"the columns' statistics are of version {told['version']!r}, not {VERSION}; train the model again")
            numbers = tuple(
                NumberColumn(
                    str(n["name"]),
                    float(n["mean"]),
                    float(n["deviation"]),
                    tuple(float(edge) for edge in n["edges"]),
                    float(n["low"]),
                    float(n["high"]),
                )
                for n in told["numbers"]
            )
            categories = tuple(CategoryColumn(str(c["name"]), tuple(str(value) for value in c["values"])) for c in told["categories"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("the columns' statistics are damaged; train the model again") from error
        facts = [x for n in numbers for x in (n.mean, n.deviation, n.low, n.high, *n.edges)]
        is_ordered = all(n.deviation > 0 and list(n.edges) == sorted(set(n.edges)) for n in numbers)
        if not np.isfinite(facts).all() or not is_ordered or not 0 < len(numbers) + len(categories) <= MAX_COLUMNS:
            raise ModelError("the columns' statistics are damaged; train the model again")
        return TabularState(numbers, categories)


def fit_tabular(rows: Sequence[Mapping[str, Any]], numbers: Sequence[str], categories: Sequence[str]) -> TabularState:
    """Learn means, quantiles and categories.

    Args:
        rows: training rows, and only those; None where a value is missing.
        numbers: names of the columns of numbers.
        categories: names of the columns of categories.

    Raises:
        InputError: no column, or too many.
    """
    if not 0 < len(numbers) + len(categories) <= MAX_COLUMNS:
        raise InputError(f"{len(numbers) + len(categories)} columns of numbers and categories; give 1 to {MAX_COLUMNS}, ignore the others")
    return TabularState(tuple(_fit_number(name, rows) for name in numbers), tuple(_fit_category(name, rows) for name in categories))


class TabularEncoder:
    """Encodes rows of numbers and categories.

    Attributes:
        state: what was learned from training rows.
    """

    modality = Modality.TABULAR

    def __init__(self, state: TabularState) -> None:
        self.state = state
        widths = [NUMBER_HEAD + BINS] * len(state.numbers) + [CATEGORY_HEAD + len(c.values) for c in state.categories]
        ends = np.cumsum(widths)
        self._starts = [int(end - width) for end, width in zip(ends, widths, strict=True)]
        self._token_of = [i * min(len(widths), MAX_TOKENS) // len(widths) for i in range(len(widths))]
        self._place = [{value: i for i, value in enumerate(c.values)} for c in state.categories]
        self.width = int(ends[-1])
        digest = hashlib.blake2b(json.dumps(state.to_json(), sort_keys=True).encode(), digest_size=8).hexdigest()
        self.name = f"tabular-{VERSION}:{digest}"

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode rows: tokens `[batch, columns, width]` (32 tokens at most), one sentence a row.

        Columns that the training rows did not have are left aside; those that are not here count as missing.

        Raises:
            InputError: an observation is of another modality, or a number is text or not finite.
        """
        rows = [row.values for row in payloads(observations, Tabular, self.name)]
        tokens = np.zeros((len(rows), self._token_of[-1] + 1, self.width), np.float32)
        for index, column in enumerate(self.state.numbers):
            values = np.array([self._number(row, column.name) for row in rows], np.float64)
            start = self._starts[index]
            tokens[:, self._token_of[index], start : start + NUMBER_HEAD + BINS] = _number_block(values, column)
        for offset, category in enumerate(self.state.categories):
            index = offset + len(self.state.numbers)
            token, start = self._token_of[index], self._starts[index]
            for row_index, row in enumerate(rows):
                _fill_category(tokens[row_index, token, start:], row.get(category.name), self._place[offset])
        return Features(tokens, np.ones(tokens.shape[:2], np.bool_), tuple((self._sentence(row),) for row in rows), self.name)

    def describe(self, observation: Observation) -> str:
        """The row in words: `age 63 (high); sex male`."""
        (row,) = payloads([observation], Tabular, self.name)
        return self._sentence(row.values)

    def _number(self, row: Mapping[str, Any], name: str) -> float:
        value = row.get(name)
        if value is None:
            return float("nan")
        if isinstance(value, str) or not np.isfinite(value):
            raise InputError(f"{self.name}: {name} is {str(value)[:40]!r}, not a finite number")
        return float(value)

    def _sentence(self, row: Mapping[str, Any]) -> str:
        parts: list[str] = []
        for column in self.state.numbers:
            if (value := row.get(column.name)) is not None:
                word = " (low)" if value < column.low else " (high)" if value > column.high else ""
                parts.append(f"{_spoken(column.name)} {value:.6g}{word}")
        parts += [f"{_spoken(c.name)} {_spoken(str(value))[:80]}" for c in self.state.categories if (value := row.get(c.name)) is not None]
        if not parts:
            return "no value is known"
        more = f"; and {len(parts) - MOST_SAID} more" if len(parts) > MOST_SAID else ""
        return "; ".join(parts[:MOST_SAID]) + more


def _fit_number(name: str, rows: Sequence[Mapping[str, Any]]) -> NumberColumn:
    values = np.array([row[name] for row in rows if row.get(name) is not None], np.float64)
    if not len(values):
        return NumberColumn(name, 0.0, 1.0, (0.0,), 0.0, 0.0)
    values = np.clip(values, -1e150, 1e150)  # so that squares stay finite
    edges = tuple(float(edge) for edge in np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1))))
    low, high = (float(bound) for bound in np.quantile(values, [LOW, HIGH]))
    deviation = float(values.std())
    return NumberColumn(
        name, float(values.mean()), deviation if deviation > 1e-12 * max(1.0, abs(float(values.mean()))) else 1.0, edges, low, high
    )


def _fit_category(name: str, rows: Sequence[Mapping[str, Any]]) -> CategoryColumn:
    counts = Counter(str(row[name]) for row in rows if row.get(name) is not None)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return CategoryColumn(name, tuple(value for value, _ in ordered[:MOST_VALUES]))


def _number_block(values: Any, column: NumberColumn) -> FloatArray:
    """`[rows, 3 + bins]`; NaN is missing."""
    block = np.zeros((len(values), NUMBER_HEAD + BINS), np.float32)
    here = ~np.isnan(values)
    block[:, 0], block[:, 1] = here, ~here
    known = values[here]
    block[here, 2] = np.clip((known - column.mean) / column.deviation, -FARTHEST, FARTHEST)
    for piece, (low, high) in enumerate(zip(column.edges, column.edges[1:], strict=False)):
        block[here, NUMBER_HEAD + piece] = np.clip((known - low) / (high - low), 0.0, 1.0)
    return block


def _fill_category(block: FloatArray, value: Any, place: Mapping[str, int]) -> None:
    block[0] = value is not None
    block[1] = value is None
    if value is not None:
        index = place.get(str(value))
        block[2 if index is None else CATEGORY_HEAD + index] = 1.0


def _spoken(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name.replace("_", " ")).split())
