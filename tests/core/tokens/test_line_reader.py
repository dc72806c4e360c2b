"""Printed lines: where they are, what CTC makes of them, and when a picture mends a text."""

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from core.errors import InputError
from core.tokens.printed_lines import read_grey, strips, text_lines
from core.tokens.reader import LineReader, ReaderTraining, aligned, greedy, text_scores, train_reader
from core.tokens.rereading import mend, proposals


def logs_of(path: str, sure: float = 0.9) -> np.ndarray:
    """Steps that say 'a', 'b', 'c' or '-' (nothing)."""
    rows = np.full((len(path), 4), (1 - sure) / 3, np.float32)
    rows[np.arange(len(path)), ["-abc".index(c) for c in path]] = sure
    return np.log(rows)


def test_short_second_line_is_found_and_slivers_are_not() -> None:
    page = np.full((100, 400), 230, np.uint8)
    cv2.putText(page, "Dufour Gabriel libraire", (5, 35), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 20, 2)
    cv2.putText(page, "34.", (20, 75), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 20, 2)
    page[97:] = 30
    lines = text_lines(page)
    assert len(lines) == 2
    assert lines[0][1] <= lines[1][0] + 1


@pytest.mark.parametrize("shape", [(2, 400), (30, 30, 3), (5000, 5000)])
def test_pictures_that_are_no_lines_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="printed line"):
        strips(np.zeros(shape, np.uint8))


def test_picture_file_is_refused_by_its_header_where_it_is_too_large(tmp_path: Path) -> None:
    Image.new("1", (5000, 4000), 1).save(tmp_path / "page.png")
    with pytest.raises(InputError, match="5000 x 4000 pixels"):
        read_grey(tmp_path / "page.png")
    (tmp_path / "none.png").write_bytes(b"")
    for name in ("none.png", "missing.png"):
        with pytest.raises(InputError, match=f"{name} cannot be read as a picture"):
            read_grey(tmp_path / name)


def test_blank_picture_gives_one_line() -> None:
    assert len(strips(np.full((40, 300), 255, np.uint8))) == 1


def test_text_score_is_the_sum_over_all_paths() -> None:
    logs = np.log(np.random.default_rng(0).dirichlet(np.ones(4), 4)).astype(np.float32)
    total = sum(np.exp(logs[np.arange(4), list(path)].sum()) for path in itertools.product(range(4), repeat=4) if collapsed(path) == [1, 2])
    assert text_scores(logs, [[1, 2]])[0] == pytest.approx(np.log(total), abs=1e-4)


def collapsed(path: tuple[int, ...]) -> list[int]:
    return [code for code, _ in itertools.groupby(path) if code]


def test_alignment_finds_the_steps_of_letters() -> None:
    assert greedy(logs_of("-aa-ab--c"), "abc") == "aabc"
    assert aligned(logs_of("-a--ab--c"), [1, 1, 2, 3]) == [1, 4, 5, 8]


def test_picture_mends_only_what_it_is_sure_of() -> None:
    reader = LineReader("abc", 3)
    sure, unsure = logs_of("a--b--c--", 0.97), logs_of("a--b--c--", 0.4)
    assert mend("acc", proposals("acc", sure, reader), 2.0) == "abc"
    assert mend("acc", proposals("acc", unsure, reader), 2.0) == "acc"
    assert proposals("", sure, reader) == []


def test_reader_learns_lines_and_is_the_same_at_one_seed() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abc"), 5)) for _ in range(40)]
    looks = {c: rng.normal(size=12) for c in "abc"}
    lines = [(np.stack([v for c in t for v in (looks[c], np.zeros(12))]).astype(np.float32), t) for t in texts]
    one, two = (train_reader(lines, ReaderTraining(epochs=25, rate=1e-2, dropout=0.0)) for _ in range(2))
    assert greedy(one.read(lines[0][0]), one.alphabet) == texts[0]
    assert np.array_equal(one.read(lines[0][0]), two.read(lines[0][0]))


def test_untrained_reader_reads_as_the_encoder_names_and_prefers_bare_letters() -> None:
    reader = LineReader("abcé", 6, named=("", "a", "b", "e"), dropout=0.0)
    torch.nn.init.zeros_(reader.outer.weight)
    torch.nn.init.zeros_(reader.outer.bias)
    tokens = np.zeros((3, 6), np.float32)
    tokens[:, 2:] = -9.0
    tokens[[0, 1, 2], [3, 2, 4]] = -0.1  # 'a', nothing, 'b'
    assert greedy(reader.read(tokens), reader.alphabet) == "ab"
    tokens[0] = (0, 0, -9.0, -9.0, -9.0, -0.1)  # 'e', which the alphabet has with its accent alone
    assert greedy(reader.read(tokens), reader.alphabet) == "éb"
