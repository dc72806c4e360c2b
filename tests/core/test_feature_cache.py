"""The feature cache: nothing is encoded twice, nothing damaged is believed, nothing grows without bound."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feature_cache import CachedEncoder, FeatureCache, content_key
from core.features import Features
from core.samples import Audio, Image, Modality, Observation, Series, Tabular, Text

REPOSITORY = Path(__file__).resolve().parents[2]


class LengthEncoder:
    """Counts characters; one token a sentence."""

    modality = Modality.TEXT
    width = 2

    def __init__(self, name: str = "length:1") -> None:
        self.name = name
        self.batches: list[int] = []

    def encode(self, observations):
        self.batches.append(len(observations))
        texts = [o.payload.sentences for o in observations]
        longest = max(map(len, texts))
        tokens = np.zeros((len(texts), longest, 2), np.float32)
        mask = np.zeros((len(texts), longest), np.bool_)
        for i, sentences in enumerate(texts):
            tokens[i, : len(sentences)] = [[len(s), 1] for s in sentences]
            mask[i, : len(sentences)] = True
        return Features(tokens, mask, tuple((" ".join(t),) for t in texts), self.name)

    def describe(self, observation):
        return "text"


def seen(*sentences: str) -> Observation:
    return Observation(Text(sentences), "test")


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_only_what_is_not_there_is_encoded_in_one_batch(tmp_path):
    encoder = LengthEncoder()
    cached = CachedEncoder(encoder, FeatureCache(tmp_path))
    first = cached.encode([seen("one"), seen("two", "three")])

    second = cached.encode([seen("two", "three"), seen("new"), seen("one"), seen("new")])

    assert encoder.batches == [2, 1]
    assert (cached.hits, cached.misses) == (2, 3)
    np.testing.assert_array_equal(second.row(0).tokens, first.row(1).tokens)
    np.testing.assert_array_equal(second.row(2).tokens, first.row(0).tokens)
    assert second.sentences == (("two three",), ("new",), ("one",), ("new",))


def test_the_same_words_from_another_source_are_a_hit(tmp_path):
    encoder = LengthEncoder()
    cached = CachedEncoder(encoder, FeatureCache(tmp_path))
    cached.encode([Observation(Text(("one",)), "a", 0.0, 1.0)])
    cached.encode([Observation(Text(("one",)), "b", 5.0, 6.0)])

    assert encoder.batches == [1]


def test_another_version_of_the_encoder_is_no_hit(tmp_path):
    cache, newer = FeatureCache(tmp_path), LengthEncoder("length:2")
    CachedEncoder(LengthEncoder("length:1"), cache).encode([seen("one")])

    assert CachedEncoder(newer, cache).encode([seen("one")]).encoder == "length:2"
    assert newer.batches == [1]


def test_another_process_reads_what_this_one_wrote(tmp_path):
    CachedEncoder(LengthEncoder(), FeatureCache(tmp_path)).encode([seen("one", "three")])
    code = f"""
from pathlib import Path
from core.feature_cache import FeatureCache, content_key
from core.samples import Text
row = FeatureCache(Path({str(tmp_path)!r})).get("length:1", content_key(Text(("one", "three"))))
print(row.tokens.tolist(), row.sentences)
"""

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[[[3.0, 1.0], [5.0, 1.0]]] (('one three',),)"


def damage_header(path: Path) -> None:
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def damage_numbers(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0xFF]))


def damage_length(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damage_all(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_header, damage_numbers, damage_length, damage_all])
def test_damaged_entry_is_made_again_with_a_warning(damage, tmp_path, caplog):
    encoder = LengthEncoder()
    cached = CachedEncoder(encoder, FeatureCache(tmp_path))
    whole = cached.encode([seen("one")])
    damage(files_of(tmp_path)[0])

    with caplog.at_level(logging.WARNING):
        again = cached.encode([seen("one")])

    assert "damaged" in caplog.text
    assert encoder.batches == [1, 1]
    np.testing.assert_array_equal(again.tokens, whole.tokens)
    assert cached.encode([seen("one")]).sentences == whole.sentences
    assert encoder.batches == [1, 1]


def test_the_folder_stays_within_its_bound_and_keeps_what_was_used_last(tmp_path):
    cache = FeatureCache(tmp_path, max_bytes=4000)
    cached = CachedEncoder(LengthEncoder(), cache)
    cached.encode([seen("kept")])
    for number in range(60):
        cached.encode([seen(f"text {number}")])
        cached.encode([seen("kept")])

    assert sum(p.stat().st_size for p in files_of(tmp_path)) <= 4000
    assert cache.get("length:1", content_key(Text(("kept",)))) is not None
    assert cache.get("length:1", content_key(Text(("text 0",)))) is None


def test_disk_that_cannot_be_written_is_no_error(tmp_path, caplog):
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    cached = CachedEncoder(LengthEncoder(), FeatureCache(blocked))

    with caplog.at_level(logging.WARNING):
        features = cached.encode([seen("one")])

    assert features.tokens[0, 0, 0] == 3
    assert "cannot be cached" in caplog.text


def test_no_part_files_are_left(tmp_path):
    CachedEncoder(LengthEncoder(), FeatureCache(tmp_path)).encode([seen("one"), seen("two")])

    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".part-")]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_different_texts_have_different_keys(one, other):
    same = content_key(Text(tuple(one))) == content_key(Text(tuple(other)))

    assert same == (one == other)


def test_key_tells_shape_type_rate_and_modality_apart():
    flat = np.zeros(12, np.float32)
    payloads = [
        Image(np.zeros((2, 2, 3), np.uint8)),
        Image(np.zeros((1, 4, 3), np.uint8)),
        Audio(flat, 16000),
        Audio(flat, 8000),
        Series(flat.reshape(6, 2), 1.0, ("a", "b")),
        Series(flat.reshape(6, 2), 1.0, ("a", "c")),
        Tabular({"a": 1.0}),
        Tabular({"a": None}),
        Tabular({"a": "1.0"}),
    ]

    assert len({content_key(payload) for payload in payloads}) == len(payloads)


def test_key_of_a_table_does_not_depend_on_the_order_of_its_columns():
    assert content_key(Tabular({"a": 1.0, "b": 2.0})) == content_key(Tabular({"b": 2.0, "a": 1.0}))
