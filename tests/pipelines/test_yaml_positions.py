"""The configuration file is read as plain values with their places; what is more than that is refused."""

import json
import re
import string
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from pipelines.yaml_positions import MAX_BYTES, Position, parse_document, read_document


def test_each_key_and_value_has_its_place() -> None:
    document = parse_document("store:\n  url: x\nlist: [1, 22]\n", "site.yaml")

    assert document.values == {"store": {"url": "x"}, "list": [1, 22]}
    assert document.keys["store", "url"] == Position(2, 3)
    assert document.positions["store", "url"] == Position(2, 8)
    assert document.positions["list", 1] == Position(3, 11)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on: 0.6", {"on": 0.6}),  # a truth in YAML 1.1
        ("a: off", {"a": "off"}),
        ("a: yes", {"a": "yes"}),
        ("a: true", {"a": True}),
        ("a: 22:00", {"a": "22:00"}),  # 1320 in YAML 1.1
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ("a: 010", {"a": 10}),  # 8 in YAML 1.1
        ("a: 1e3", {"a": 1000.0}),
        ("a: '12'", {"a": "12"}),
        ('a: "null"', {"a": "null"}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("1: x", {"1": "x"}),
        ("a: &z [1]\nb: *z", {"a": [1], "b": [1]}),
        ("", {}),
        ("# nothing\n", {}),
        ("---\n...\n", {}),
    ],
)
def test_plain_core_of_yaml(written: str, value: object) -> None:
    assert parse_document(written, "f").values == value


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: 'a' is given twice, first on line 1; remove one"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "f:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not allowed; write the plain value",
        ),
        ("a: !!binary aGk=\n", "f:1:4: the tag 'tag:yaml.org,2002:binary' is not allowed; write the plain value"),
        ("x: &x {a: 1}\nb:\n  <<: *x\n", "f:3:3: merge keys (<<) are not read; write the values out, or use an alias"),
        ("[1, 2]: 3\n", "f:1:1: a key must be a word"),
        ("- a\n", "f:1:1: a configuration is made of 'key: value' lines"),
        ("just words\n", "f:1:1: a configuration is made of 'key: value' lines"),
    ],
)
def test_more_than_the_plain_core_is_refused(written: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(written, "f")
    assert str(caught.value) == message


@pytest.mark.parametrize("written", ["a: [1, 2\n", "a: 'x\n", "a:\n\t- b\n", "a: *nobody\n", "a: 1\n---\nb: 2\n", "%YAML 9\x00"])
def test_broken_yaml_is_one_line_with_its_place(written: str) -> None:
    with pytest.raises(ConfigError, match=r"^f(:\d+:\d+)?: no valid YAML: .+$") as caught:
        parse_document(written, "f")
    assert "\n" not in str(caught.value)


def test_alias_bomb_is_refused_at_once() -> None:
    levels = [f"{letter}: &{letter} [{', '.join(['*' + previous] * 9)}]" for previous, letter in zip("abcdefgh", "bcdefghi", strict=True)]
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(levels)

    began = time.monotonic()
    with pytest.raises(ConfigError, match="more than 100,000 values once its aliases are followed"):
        parse_document(bomb, "f")
    assert time.monotonic() - began < 10


def test_alias_to_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"once its aliases are followed|no valid YAML"):
        parse_document("a: &a [*a]\n", "f")


@pytest.mark.parametrize("deep", ["a: " + "[" * 5000, "a: " + "{b: " * 5000, "\n".join("  " * n + "a:" for n in range(60))])
def test_deep_nesting_is_refused_not_a_crash(deep: str) -> None:
    with pytest.raises(ConfigError, match="nested more than 40 deep"):
        parse_document(deep, "f")


def test_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_bytes(b"#" * (MAX_BYTES + 1))

    with pytest.raises(ConfigError, match="larger than 1,000,000 bytes"):
        read_document(file)


def test_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    file = tmp_path / "film.yaml"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"film\.yaml: not UTF-8 text \(byte 0\); save it as UTF-8$"):
        read_document(file)


def test_missing_file_and_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file or directory; name another file with --config$"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_document(tmp_path)


KEYS = st.text(string.ascii_lowercase, min_size=1, max_size=8).filter(lambda key: key not in ("null", "true", "false"))
SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(string.printable, max_size=20)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=5))
def test_what_was_dumped_is_read_back(values: dict[str, object]) -> None:
    written = json.dumps(values)  # YAML 1.2 reads JSON; PyYAML writes 1.1, which leaves '0E0' without quotes

    assert parse_document(written, "f").values == values


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:- \n[]{}&*!'\"|>#,?%@\t0.1~"), max_size=60))
def test_any_text_gives_values_or_one_clear_error(written: str) -> None:
    outcome: object
    try:
        outcome = parse_document(written, "f").values
    except ConfigError as error:
        outcome = str(error)
    assert isinstance(outcome, dict) or re.fullmatch(r"f:.+", str(outcome))
