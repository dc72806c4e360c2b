"""Which word pieces belong to which word, and windows over sentences that are longer than the backbone reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError

MOST_WORD_CHARACTERS = 100  # of a longer word the beginning is read: BERT's splitter makes a longer one a single unknown piece
MOST_PIECES_A_WORD = 16


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a sentence.

    Attributes:
        first: its first word.
        pieces: word-piece ids of each of its words; never empty, a word without pieces is an unknown piece.
        trusted: words from here to there (end exclusive) whose tags are taken from this window.
    """

    first: int
    pieces: tuple[tuple[int, ...], ...]
    trusted: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A sentence as windows.

    Attributes:
        windows: together their trusted words are the whole sentence, each word once.
        shortened: words of which only the beginning is read.
    """

    windows: tuple[Window, ...]
    shortened: tuple[int, ...]


def word_pieces(words: Sequence[str], tokenizer: Any) -> tuple[list[tuple[int, ...]], list[int]]:
    """Pieces of each word, and the words that were shortened."""
    if not words:
        return [], []
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else tokenizer.eos_token_id
    ids = tokenizer([word[:MOST_WORD_CHARACTERS] or " " for word in words], add_special_tokens=False)["input_ids"]
    pieces = [tuple(row[:MOST_PIECES_A_WORD]) or (int(unknown or 0),) for row in ids]
    return pieces, [i for i, row in enumerate(ids) if len(row) > MOST_PIECES_A_WORD or len(words[i]) > MOST_WORD_CHARACTERS]


def cut(words: Sequence[str], tokenizer: Any, most: int, overlap: int) -> Cut:
    """Windows of at most `most` pieces that share `overlap` pieces or more with the next where the sentence goes on.

    Raises:
        ConfigError: windows would not move forward.
    """
    if most < 2 * overlap + MOST_PIECES_A_WORD:
        raise ConfigError(f"a window of {most} pieces is too short for an overlap of {overlap}; give {2 * overlap + MOST_PIECES_A_WORD}")
    pieces, shortened = word_pieces(words, tokenizer)
    spans: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last, size = first, 0
        while last < len(pieces) and size + len(pieces[last]) <= most:
            size += len(pieces[last])
            last += 1
        spans.append((first, last))
        if last == len(pieces):
            break
        shared, first = 0, last
        while shared < overlap and first > spans[-1][0] + 1:
            first -= 1
            shared += len(pieces[first])
    windows = []
    for index, (a, b) in enumerate(spans):
        start = a if index == 0 else (a + spans[index - 1][1]) // 2
        end = b if index + 1 == len(spans) else (spans[index + 1][0] + b) // 2
        windows.append(Window(a, tuple(pieces[a:b]), (start, end)))
    return Cut(tuple(windows), tuple(shortened))
