"""A sentence as tokens: words, numbers with their units, and separators."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib import import_module

from core.errors import InputError

MAX_SENTENCE_CHARACTERS = 1000
_PIECE = re.compile(
    r"(?P<time>\d{1,3}:\d{2}(?::\d{2})?)(?![\d:])"
    r"|(?P<number>[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d{1,2})?)"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<separator>[,;.!?\u3002\uff0c])|(?P<unit>[%\u00b0\u2103\u2109/<>=~\u2264\u2265\u00b1\u2248])|(?P<other>\S)"
)
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s\b")
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SMALL = {"one": "1", "two": "2"}  # text_to_num leaves these in words
_SILENT = frozenset("\"'()[]:-*\u2019\u2018\u201c\u201d\u2013\u2014_")


class Kind(Enum):
    """What a token is."""

    WORD = 0
    NUMBER = 1
    SEPARATOR = 2


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        kind: word, number or separator.
        text: in lower case, as written otherwise.
        number: its value.
        decimals: digits written after the point.
        unit: as written after the number, as pint reads it; empty without one.
    """

    kind: Kind
    text: str
    number: float = 0.0
    decimals: int = 0
    unit: str = ""


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """Read a sentence.

    Raises:
        InputError: it is too long, or not of printable characters.
    """
    from core.language.quantities import unit_at

    if len(text) > MAX_SENTENCE_CHARACTERS or not text.isprintable():
        raise InputError(f"a sentence has at most {MAX_SENTENCE_CHARACTERS} printable characters; this one has {len(text)} characters")
    plain = _POSSESSIVE.sub("", unicodedata.normalize("NFKC", text).replace("\u2212", "-"))
    pieces = _pieces(_with_digits(plain))
    found: list[Token] = []
    place = 0
    while place < len(pieces):
        kind, piece = pieces[place]
        place += 1
        if kind == "time":
            parts = [int(part) for part in piece.split(":")]
            seconds = sum(part * 60**power for power, part in enumerate(reversed(parts)))
            found.append(Token(Kind.NUMBER, piece, float(seconds), 0, "s"))
        elif kind == "number":
            unit, used = unit_at([text for _, text in pieces[place : place + 4]])
            place += used
            digits = piece.replace(",", "")
            decimals = len(digits.partition("e")[0].partition(".")[2])
            found.append(Token(Kind.NUMBER, piece, float(digits), decimals, unit))
        elif kind == "separator":
            found.append(Token(Kind.SEPARATOR, piece))
        else:
            found.append(Token(Kind.WORD, piece))
    return tuple(found)


def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a name or a value, without separators."""
    return tuple(token.text for token in tokens(text) if token.kind is not Kind.SEPARATOR)


def stem(word: str) -> str:
    """The word without the endings that change number or tense only."""
    if len(word) > 5 and word.endswith("ing"):
        return _undouble(word[:-3])
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("ed"):
        return _undouble(word[:-2])
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-2] if word.endswith(("xes", "ches", "shes", "sses")) else word[:-1].removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


def _undouble(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "slz" else word.removesuffix("e")


def _pieces(text: str) -> list[tuple[str, str]]:
    pieces: list[tuple[str, str]] = []
    for match in _PIECE.finditer(text.lower()):
        kind, piece = str(match.lastgroup), match[0]
        if piece in _SILENT:
            continue
        if kind == "word" and _CJK.search(piece):
            pieces.extend(("word", character) for character in piece)
        elif piece in _SMALL:
            pieces.append(("number", _SMALL[piece]))
        else:
            pieces.append((kind, piece))
    return pieces


def _with_digits(text: str) -> str:
    """Number words as digits: `thirty-eight point four` is 38.4."""
    if _CJK.search(text):
        return text
    return str(import_module("text_to_num").alpha2digit(text, "en"))
