"""Encoding a table: columns kept apart, nothing opened twice, damaged caches made again, bad media reported each time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import core.table.cell_reading as cell_reading
from core.encoders.contract import Encoder
from core.encoders.tabular import TabularEncoder
from core.errors import InputError
from core.feature_cache import FeatureCache
from core.features import Features
from core.featuresets import FeatureSet
from core.samples import Image, Modality, Observation, Text
from core.table import RowProblem, Table, read_table
from core.table.defaults import default_encoders, fit_tabular_state
from core.table.encoding import encode_table
from core.table.packs import MAX_BYTES, Encoded, PackWriter, open_pack
from core.table.progress import Progress


class Mean:
    """A real encoder of pictures, a small one: the mean colour."""

    modality, name, width = Modality.IMAGE, "mean-1", 3

    def __init__(self) -> None:
        self.seen = 0

    def encode(self, observations: Sequence[Observation]) -> Features:
        self.seen += len(observations)
        tokens = np.stack([o.payload.rgb.mean((0, 1))[None] for o in observations if isinstance(o.payload, Image)])
        return Features(tokens.astype(np.float32), np.ones(tokens.shape[:2], bool), (("a picture",),) * len(tokens), self.name)

    def describe(self, observation: Observation) -> str:
        return "a picture"


class Words:
    """A real encoder of text: a token a word, its length."""

    modality, name, width = Modality.TEXT, "words-1", 1

    def encode(self, observations: Sequence[Observation]) -> Features:
        texts = [" ".join(o.payload.sentences) for o in observations if isinstance(o.payload, Text)]
        longest = max(len(t.split()) for t in texts)
        tokens, mask = np.zeros((len(texts), longest, 1), np.float32), np.zeros((len(texts), longest), bool)
        for i, text in enumerate(texts):
            lengths = [len(word) for word in text.split()]
            tokens[i, : len(lengths), 0], mask[i, : len(lengths)] = lengths, True
        return Features(tokens, mask, tuple((t,) for t in texts), self.name)

    def describe(self, observation: Observation) -> str:
        return ""


@pytest.fixture
def table(tmp_path: Path) -> Table:
    from PIL import Image as Pictures

    for i in range(6):
        Pictures.new("RGB", (4, 4), (i, 0, 0)).save(tmp_path / f"{i}.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    lines = ["id,front,side,title,words,label,group"]
    lines += [f"r{i},{i}.png,{(i + 1) % 6}.png,one,two three,{'ab'[i % 2]},g{i // 2}" for i in range(5)]
    (tmp_path / "t.csv").write_text("\n".join([*lines, "r5,bad.png,gone.png,,four,a,g9", "r6,,,,,b,g9"]))
    return read_table(tmp_path / "t.csv", kinds={"front": "image", "side": "image", "title": "text", "words": "text"})


def encode(table: Table, cache: Path, mean: Mean, problems: list[RowProblem] | None = None) -> FeatureSet:
    encoders: dict[Modality, Encoder] = {Modality.IMAGE: mean, Modality.TEXT: Words()}
    report = None if problems is None else problems.append
    return encode_table(table, encoders=encoders, cache=FeatureCache(cache), say=lambda _: None, report=report)


def test_several_columns_are_one_run_each_begun_with_its_name(table: Table, tmp_path: Path) -> None:
    found = encode(table, tmp_path / "cache", Mean())
    row = found.rows[Modality.IMAGE][1]
    assert row is not None
    assert row.tokens[0, :, 0].tolist() == [1.0, 2.0]
    assert row.sentences == (("front: a picture", "side: a picture"),)
    words = found.rows[Modality.TEXT][0]
    assert words is not None
    assert words.sentences == (("title: one", "words: two three"),)
    assert words.tokens[0, :, 0].tolist() == [6, 3, 6, 3, 5]
    assert (found.labels[0], found.groups[:3], found.ids[0]) == (("a",), ("g0", "g0", "g1"), "r0")
    assert found.rows[Modality.IMAGE][5] is None
    assert found.rows[Modality.TEXT][6] is None


def test_a_second_run_opens_nothing_and_gives_the_same(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, mean = encode(table, tmp_path / "cache", Mean()), Mean()

    def refuse(*_: object) -> Image:
        raise AssertionError("a picture was opened again")

    monkeypatch.setitem(cell_reading._OPENERS, next(k for k in cell_reading._OPENERS if k == "image"), refuse)
    problems: list[RowProblem] = []
    second = encode(table, tmp_path / "cache", mean, problems)
    assert mean.seen == 0
    assert [(p.line, p.column) for p in problems] == [(7, "front"), (7, "side")]
    for modality, rows in first.rows.items():
        for one, other in zip(rows, second.rows[modality], strict=True):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                np.testing.assert_array_equal(one.tokens, other.tokens)
                assert one.sentences == other.sentences
    part = encode(table.select([3, 1]), tmp_path / "cache", mean)  # other rows: from the entries of each, under whatever name
    assert mean.seen == 0
    assert part.ids == ("r3", "r1")


def test_a_changed_file_is_encoded_again_and_a_renamed_one_is_not(table: Table, tmp_path: Path) -> None:
    from PIL import Image as Pictures

    encode(table, tmp_path / "cache", Mean())
    Pictures.new("RGB", (4, 4), (99, 0, 0)).save(tmp_path / "0.png")
    (tmp_path / "1.png").replace(tmp_path / "2.png")
    mean = Mean()
    found = encode(table, tmp_path / "cache", mean)
    assert mean.seen == 1
    row = found.rows[Modality.IMAGE][0]
    assert row is not None
    assert row.tokens[0, 0, 0] == 99.0


@pytest.mark.parametrize("damage", ["cut", "flip", "json"])
def test_a_damaged_pack_is_made_again_with_a_warning(table: Table, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    first = encode(table, tmp_path / "cache", Mean())
    expected = [None if r is None else r.tokens.copy() for r in first.rows[Modality.IMAGE]]
    for path in (tmp_path / "cache" / "packs").glob("*.json" if damage == "json" else "*.f32"):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:-4] if damage == "cut" else b"[]" if damage == "json" else bytes([data[0] ^ 1]) + data[1:])
    with caplog.at_level(logging.WARNING):
        again = encode(table, tmp_path / "cache", Mean())
    assert "made again" in caplog.text
    for one, other in zip(expected, again.rows[Modality.IMAGE], strict=True):
        assert (one is None and other is None) or np.array_equal(one, other.tokens)  # type: ignore[union-attr, arg-type]


def test_a_cache_that_cannot_be_written_costs_only_the_cache(table: Table, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    found = encode(table, tmp_path / "cache", Mean())
    assert sum(row is not None for row in found.rows[Modality.IMAGE]) == 5


def test_an_interrupted_run_leaves_no_half_pack(tmp_path: Path) -> None:
    def interrupted() -> None:
        with PackWriter(tmp_path, "e", 2, ["a", "b"]) as writer:
            writer.add(Encoded(np.ones((1, 2), np.float32)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    assert open_pack(tmp_path, "e", 2, ["a", "b"]) is None


def test_packs_used_longest_ago_go_first(tmp_path: Path) -> None:
    for name, most in (("a", MAX_BYTES), ("b", 600)):
        with PackWriter(tmp_path, "e", 2, [name], max_bytes=most) as writer:
            writer.add(Encoded(np.ones((50, 2), np.float32)))
            writer.finish()
    assert open_pack(tmp_path, "e", 2, ["a"]) is None
    kept = open_pack(tmp_path, "e", 2, ["b"])
    assert kept is not None
    assert kept[0].tokens.shape == (50, 2)


def test_numbers_are_fitted_on_training_rows_and_used_on_others(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "n,k,s,label\n1,x,[1 2],a\n3,y,[3 4 5],b\n100,z,,a\n".replace("[1 2]", '"[1,2]"').replace("[3 4 5]", '"[3,4,5]"')
    )
    table = read_table(tmp_path / "t.csv", kinds={"n": "number", "k": "category", "s": "series"})
    train, test = table.select([0, 1]), table.select([2])
    encoders = default_encoders(train)
    tabular = encoders[Modality.TABULAR]
    assert isinstance(tabular, TabularEncoder)
    assert tabular.state == fit_tabular_state(train)
    found = encode_table(test, encoders=encoders, cache=FeatureCache(tmp_path / "cache"), say=lambda _: None)
    row = found.rows[Modality.TABULAR][0]
    assert row is not None
    assert row.sentences == (("n 100 (high); k z",),)
    assert found.rows[Modality.SERIES] == (None,)


def test_nothing_to_encode_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("label\na\nb\n")
    with pytest.raises(InputError, match="no column of text"):
        encode_table(read_table(tmp_path / "t.csv"), say=lambda _: None)


def test_progress_says_how_long_it_takes() -> None:
    said: list[str] = []
    now = [0.0]
    progress = Progress("image", 100, said.append, clock=lambda: now[0])
    for _ in range(2):
        now[0] += 10
        progress.advance(25)
    now[0] += 20
    progress.advance(50)
    progress.finish()
    assert said == ["image: 25 of 100 (25 %), 30 s left", "image: 50 of 100 (50 %), 20 s left", "image: 100 encoded in 40.0 s"]
