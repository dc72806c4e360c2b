"""Tables from what is in memory already: a pandas frame, a Hugging Face data set, or anything that looks like one."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.table.cells import as_text, plain, short
from core.table.raw import MAX_ROWS, Bounds, RawRow, RawTable, checked_header, left_out, text_trouble, texts_of
from core.table.reading import roles, table_from_raw
from core.table.values import ColumnKind, RowProblem, Table

MAX_MEDIUM_BYTES = 256 << 20


def from_pandas(
    frame: Any,
    *,
    kinds: Mapping[str, ColumnKind | str] | None = None,
    label: str | None = None,
    group: str | None = None,
    root: Path | None = None,
    name: str = "frame",
    max_rows: int = MAX_ROWS,
) -> Table:
    """A table from a pandas frame; rows are counted from line 2, as below a header.

    Args:
        frame: a `pandas.DataFrame`.
        kinds, label, group: as for `read_table`.
        root: where media are; the working folder where it is not given.
        name: said in errors.
        max_rows: more is refused.

    Raises:
        InputError: no rows, or as `read_table`.
    """
    Bounds(max_rows=max_rows).check_rows(name, len(frame))
    header = checked_header(name, [str(column) for column in frame.columns])
    columns = [[plain(_python(value)) for value in frame.iloc[:, place].tolist()] for place in range(len(header))]
    raw = _raw(name, header, list(zip(*columns, strict=True)))
    return table_from_raw(raw, roles(kinds, label=label, group=group), root or Path.cwd())


def from_dataset(
    dataset: Any,
    *,
    kinds: Mapping[str, ColumnKind | str] | None = None,
    label: str | None = None,
    group: str | None = None,
    root: Path | None = None,
    name: str = "dataset",
    max_rows: int = MAX_ROWS,
) -> Table:
    """A table from a data set as of Hugging Face: something with `column_names` that gives a mapping a row.

    Class numbers become their names. Pictures and sounds that are in memory are written below `root`, named by their content.

    Args:
        dataset: one split.
        kinds, label, group: as for `read_table`.
        root: where media are, and are written to; needed only if there are any in memory.
        name: said in errors.
        max_rows: more is refused.

    Raises:
        InputError: no split, no rows, media without `root`, or as `read_table`.
    """
    names = getattr(dataset, "column_names", None)
    if isinstance(names, Mapping):
        raise InputError(f"{name} is several splits ({', '.join(map(str, names))}); give one, such as dataset['train']")
    if names is None:
        raise InputError(f"{name}: a {type(dataset).__name__} has no column_names; give a data set of Hugging Face, or use from_pandas")
    header = checked_header(name, names)
    named = _class_names(dataset, header)
    rows: list[tuple[Any, ...]] = []
    for place, row in enumerate(dataset):
        Bounds(max_rows=max_rows).check_rows(name, place + 1)
        if not isinstance(row, Mapping):
            raise InputError(f"{name}: a row is a {type(row).__name__}, not a mapping of column to value")
        values = [_medium(row.get(column), root, f"{name}, row {place + 1}, column {column!r}") for column in names]
        rows.append(tuple(_named(plain(value), named.get(column)) for value, column in zip(values, header, strict=True)))
    return table_from_raw(_raw(name, header, rows), roles(kinds, label=label, group=group), root or Path.cwd())


def _raw(name: str, header: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> RawTable:
    if not rows:
        raise InputError(f"{name} has no rows")
    kept: list[RawRow] = []
    problems: list[RowProblem] = []
    for line, values in enumerate(rows, 2):
        if trouble := next((said for value in values for text in texts_of(value) if (said := text_trouble(text))), ""):
            problems.append(left_out(line, trouble))
        else:
            kept.append(RawRow(line, values))
    return RawTable(name, header, kept, problems)


def _python(value: Any) -> Any:
    """Timestamps as text; pandas' several words for 'missing' as None."""
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _class_names(dataset: Any, header: Sequence[str]) -> dict[str, Callable[[int], str]]:
    found: dict[str, Callable[[int], str]] = {}
    features = getattr(dataset, "features", None) or {}
    for column in header:
        feature = features.get(column) if isinstance(features, Mapping) else None
        inner: Any = getattr(feature, "feature", feature)  # of a list of classes
        if callable(getattr(inner, "int2str", None)):
            found[column] = inner.int2str
    return found


def _named(value: Any, name_of: Callable[[int], str] | None) -> Any:
    if name_of is None or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(_named(one, name_of) for one in value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:  # -1 is 'no label'
        return None if isinstance(value, int | float) and value < 0 else value
    return name_of(int(value))


def _medium(value: Any, root: Path | None, where: str) -> Any:
    """A picture or sound in memory as the path of a file; anything else as it is."""
    if value is not None and callable(getattr(value, "save", None)) and hasattr(value, "mode") and hasattr(value, "size"):
        held = io.BytesIO()
        value.convert("RGBA" if "A" in value.mode or "transparency" in getattr(value, "info", {}) else "RGB").save(held, "PNG")
        return _written(held.getvalue(), ".png", root, where)
    if not isinstance(value, Mapping):
        return value
    if value.get("array") is not None and value.get("sampling_rate"):
        return _written(_wav(np.asarray(value["array"], np.float32), int(value["sampling_rate"])), ".wav", root, where)
    if set(value) == {"bytes", "path"}:
        if value["bytes"] is None:
            return as_text(value["path"])
        suffix = Path(str(value["path"] or "")).suffix.casefold()
        return _written(
            bytes(value["bytes"]), suffix if suffix.isascii() and 1 < len(suffix) <= 6 else _suffix(value["bytes"]), root, where
        )
    return value


def _written(data: bytes, suffix: str, root: Path | None, where: str) -> str:
    if root is None:
        raise InputError(f"{where}: a medium in memory; give a folder to write it to (root)")
    if len(data) > MAX_MEDIUM_BYTES:
        raise InputError(f"{where}: a medium of {len(data) / 2**20:,.0f} MiB is too large")
    name = f"{hashlib.blake2b(data, digest_size=16).hexdigest()}{suffix}"
    path = root / name
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        part = root / f".part-{name}"
        part.write_bytes(data)
        part.replace(path)
    return name


def _suffix(data: bytes) -> str:
    starts = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"GIF8": ".gif"}
    return next((suffix for start, suffix in starts.items() if bytes(data[:4]).startswith(start)), ".bin")


def _wav(samples: Any, rate_hz: int) -> bytes:
    mono = samples.mean(axis=int(np.argmin(samples.shape))) if samples.ndim == 2 else samples
    if mono.ndim != 1 or not 0 < rate_hz < 2**31:
        raise InputError(f"a sound of {short(samples.shape)} at {rate_hz} Hz is not mono or channels")
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(np.nan_to_num(mono), -1, 1) * 32767).astype("<i2").tobytes())
    return held.getvalue()
