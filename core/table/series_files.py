"""Series from a list in a cell, or from a CSV or npy file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.samples import FloatArray, Series
from core.table.cells import as_number, is_gap, short
from core.table.media import MediaBounds

_TIME_NAMES = ("time", "t", "time_s", "timestamp", "seconds", "date", "datetime", "step")


def open_series(path: Path, bounds: MediaBounds) -> Series:
    """A series from a `.npy` of numbers, or a `.csv`/`.tsv` with a channel a column; a first column of seconds gives its rate.

    Raises:
        InputError: it cannot be read, or is too long or too wide.
    """
    bounds.check_file(path)
    if path.suffix.casefold() == ".npy":
        return _checked(_from_npy(path, bounds), 1.0, (), bounds)
    return _from_csv(path, bounds)


def series_from_list(values: Sequence[Any], name: str, bounds: MediaBounds) -> Series:
    """A series from numbers, or from rows of one number a channel.

    Raises:
        InputError: rows of different lengths, or too many.
    """
    if values and isinstance(values[0], tuple) and len({len(row) if isinstance(row, tuple) else -1 for row in values}) > 1:
        raise InputError("the rows of the series have different lengths")
    try:
        array = np.array(values, np.float32)
    except (ValueError, TypeError) as error:
        raise InputError("the series is no list of numbers") from error
    return _checked(array, 1.0, (name,) if array.ndim == 1 else (), bounds)


def _checked(array: Any, rate_hz: float, channels: tuple[str, ...], bounds: MediaBounds) -> Series:
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"a series must be [time] or [time, channels], not {list(array.shape)}")
    steps, width = array.shape
    if steps > bounds.max_steps or width > bounds.max_channels:
        raise InputError(f"a series of {steps:,} steps and {width:,} channels is more than {bounds.max_steps:,} and {bounds.max_channels}")
    with np.errstate(over="ignore"):
        values: FloatArray = np.array(array, np.float32)
    values[~np.isfinite(values)] = np.nan
    if np.isnan(values).all():
        raise InputError("the series has no value")
    return Series(values, rate_hz, channels or tuple(f"channel {i + 1}" for i in range(width)))


def _from_npy(path: Path, bounds: MediaBounds) -> Any:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError, TypeError) as error:
        raise InputError("not an npy file of numbers") from error
    if not hasattr(array, "dtype") or array.dtype.kind not in "fiub":
        raise InputError("not an npy file of numbers")
    if array.size > bounds.max_steps * bounds.max_channels:
        raise InputError(f"an array of {array.size:,} numbers is too large for a series")
    return array


def _from_csv(path: Path, bounds: MediaBounds) -> Series:
    rows: list[list[float]] = []
    header: list[str] = []
    times: list[float] = []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter="\t" if path.suffix.casefold() == ".tsv" else ",")
        try:
            for cells in reader:
                if not cells:
                    continue
                if not header:
                    header = [cell.strip() for cell in cells]
                    if len(header) > bounds.max_channels + 1:
                        raise InputError(f"a series of {len(header):,} channels is more than {bounds.max_channels}")
                    if not all(_is_number(cell) for cell in header):
                        continue
                    header = [f"channel {i + 1}" for i in range(len(cells))]
                if len(cells) != len(header):
                    raise InputError(f"line {reader.line_num}: {len(cells)} cells, but the first line has {len(header)}")
                has_time = header[0].casefold() in _TIME_NAMES and len(header) > 1
                rows.append([_number(cell, reader.line_num) for cell in cells[has_time:]])
                if has_time and _is_number(cells[0]) and not is_gap(cells[0]):
                    times.append(as_number(cells[0]))
                if len(rows) > bounds.max_steps:
                    raise InputError(f"a series of more than {bounds.max_steps:,} steps")
        except csv.Error as error:
            raise InputError(f"line {reader.line_num}: {error}") from error
    if not rows:
        raise InputError("the series has no value")
    channels = tuple(header[len(header) - len(rows[0]) :])
    step_s = float(np.median(np.diff(times))) if len(times) == len(rows) > 1 else 0.0
    return _checked(np.array(rows, np.float64), 1 / step_s if step_s > 0 else 1.0, channels, bounds)


def _is_number(cell: str) -> bool:
    if is_gap(cell):
        return True
    try:
        as_number(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, line: int) -> float:
    if is_gap(cell):
        return float("nan")
    try:
        return as_number(cell)
    except ValueError as error:
        raise InputError(f"line {line}: {short(cell)} is not a number") from error
