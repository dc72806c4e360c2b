"""Tables from pandas and from data sets that look like Hugging Face's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import InputError
from core.table import ColumnKind, from_dataset, from_pandas

pandas = pytest.importorskip("pandas")


class Classes:
    def int2str(self, index: int) -> str:
        return ("cat", "dog")[index]


class Dataset:
    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any] | None = None) -> None:
        self._rows, self.features = rows, features or {}
        self.column_names = list(rows[0])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._rows)


def test_pandas_gaps_numbers_and_times() -> None:
    frame = pandas.DataFrame(
        {
            "n": pandas.array([1, None, 3], dtype="Int64"),
            "when": pandas.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "flag": [True, False, True],
            "label": ["a", "b", None],
            "x": np.array([1.5, np.nan, 2.5], np.float32),
        }
    )
    table = from_pandas(frame, kinds={"when": "ignored"}, label="label")
    assert table.values("n") == (1.0, None, 3.0)
    assert table.values("x") == (1.5, None, 2.5)
    assert table.values("flag") == ("true", "false", "true")
    assert table.values("when")[0] == "2024-01-01T00:00:00"
    assert table.values("label") == ("a", "b", None)
    assert table.lines == (2, 3, 4)


def test_an_empty_frame_and_twin_columns_are_refused() -> None:
    with pytest.raises(InputError, match="no rows"):
        from_pandas(pandas.DataFrame({"a": []}))
    with pytest.raises(InputError, match="twice"):
        from_pandas(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_dataset_classes_get_names_and_media_in_memory_become_files(tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.new("RGB", (4, 4), "red")
    sound = {"array": np.zeros(160), "sampling_rate": 16000, "path": None}
    rows: list[dict[str, Any]] = [{"picture": picture, "sound": sound, "label": 1}, {"picture": picture, "sound": None, "label": 0}]
    table = from_dataset(Dataset(rows, {"label": Classes()}), label="label", root=tmp_path)
    assert table.values("label") == ("dog", "cat")
    assert (table.of(ColumnKind.IMAGE), table.of(ColumnKind.AUDIO)) == (("picture",), ("sound",))
    assert (tmp_path / table.rows[0]["picture"]).read_bytes().startswith(b"\x89PNG")
    assert table.rows[0]["picture"] == table.rows[1]["picture"]  # one file for one content
    with pytest.raises(InputError, match="give a folder"):
        from_dataset(Dataset(rows))


def test_several_splits_are_refused() -> None:
    class Splits:
        def __init__(self) -> None:
            self.column_names = {"train": ["a"], "test": ["a"]}

    with pytest.raises(InputError, match="give one"):
        from_dataset(Splits())
