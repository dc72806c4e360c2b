"""Settings from files and pairs, the task that columns call for, a table as it was asked for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, InputError
from core.table import from_pandas
from pipelines.learning import TableRequest, read_options, task_of


def table(**columns: list[object]):
    import pandas as pd

    return from_pandas(pd.DataFrame(columns), label="label" if "label" in columns else None)


def test_pairs_win_over_the_file_and_keep_their_types(tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text("epochs: 5\nseed: 3\norder: [low, high]\n")

    assert read_options(file, ["epochs=7", "rate=1e-3", "is_on=true", "name=a=b"]) == {
        "epochs": 7,
        "seed": 3,
        "order": ["low", "high"],
        "rate": 0.001,
        "is_on": True,
        "name": "a=b",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"epochs: [1, 2", "no valid YAML"),
        (b"- 1\n- 2\n", "key: value"),
        (b"just words", "key: value"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: 1\na: 2\n", "given twice"),
        (b"a: !!python/object/apply:os.system [ls]\n", "tag"),
        (b"a: " + b"[" * 5000, "nested"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)),
            "values",
        ),
        (b"#" * ((1 << 20) + 1), "larger"),
    ],
)
def test_a_file_that_is_no_settings_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "options.yaml"
    file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_options(file, [])
    assert said in str(caught.value)
    assert "options.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pair", ["epochs", "=5", " =5", "a=[1", "a=b: c", "a='", "a=!!python/name:os.system"])
def test_a_pair_that_is_none_is_named(pair: str) -> None:
    with pytest.raises(ConfigError, match="--set") as caught:
        read_options(None, [pair])
    assert repr(pair) in str(caught.value)


def test_a_day_that_is_none_is_words() -> None:
    assert read_options(None, ["day=2001-99-99"]) == {"day": "2001-99-99"}


@given(st.text(max_size=40))
def test_no_pair_is_more_than_an_error_of_the_user(text: str) -> None:
    with suppress(ConfigError):
        assert isinstance(read_options(None, [text]), dict)


def test_columns_call_for_a_task() -> None:
    few = ["a", "b"] * 20
    words = [f"some words {i}" for i in range(40)]
    assert task_of(table(words=words, label=few)) == "classification"
    assert task_of(table(words=words, label=[str(i / 7) for i in range(40)])) == "regression"
    assert task_of(table(words=words, label=[f"kind {i}" for i in range(40)])) == "classification"
    assert task_of(table(words=words, label=[["a"], ["a", "b"]] * 20)) == "multilabel"
    with pytest.raises(InputError, match="--label"):
        task_of(table(words=words))


def test_words_and_tags_call_for_tagging(tmp_path: Path) -> None:
    (tmp_path / "t.conll").write_text("Anna\tB-PER\nsleeps\tO\n\nBerlin\tB-LOC\n\n")
    assert task_of(TableRequest(tmp_path / "t.conll").read()) == "token_classification"


@pytest.mark.parametrize("kind", ["photo", "=image", "photo=", "="])
def test_a_kind_that_is_no_pair_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "t.csv").write_text("photo,label\na,b\n")
    with pytest.raises(InputError, match="column=kind"):
        TableRequest(tmp_path / "t.csv", kinds=(kind,)).read()


def test_words_are_only_read_where_there_are_pictures(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("words,label\na,b\n")
    with pytest.raises(InputError, match="no column of pictures"):
        TableRequest(tmp_path / "t.csv", label="label", read_words=True).read()
