"""Read CoNLL-style columns: a word and its tag a line, a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from core.errors import InputError
from core.table.raw import MAX_CELL_CHARACTERS, Bounds, RawRow, RawTable, left_out, text_trouble
from core.table.values import RowProblem

TOKENS, TAGS, IMAGE = "tokens", "tags", "image"
MAX_WORDS = 10_000  # of one sentence
MAX_PICTURES = 200_000  # looked at to find which belongs to which sentence
_TAG = re.compile(r"O|[BIESLU]-\S+")
_PICTURE = re.compile(r"IMGID:\s*(\S+)")
_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(slots=True)
class _Sentence:
    line: int
    picture: str | None = None
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    trouble: str = ""


def read_conll(path: Path, root: Path, bounds: Bounds) -> RawTable:
    """Read sentences: the word is the first column, the tag the last; a file of words alone has no tags.

    A line `IMGID:name` before a sentence names its picture, which is looked for in `root` and the folders right below it.

    Raises:
        InputError: it holds no sentence.
    """
    sentences = list(_sentences(path, bounds))
    has_tags = any(s.tags for s in sentences)
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    pictures = _pictures(root) if any(s.picture for s in sentences) else {}
    for sentence in sentences:
        if not sentence.trouble and has_tags and len(sentence.tags) != len(sentence.words):
            sentence.trouble = f"{len(sentence.words)} words, but {len(sentence.tags)} tags"
        if sentence.trouble:
            problems.append(left_out(sentence.line, sentence.trouble))
            continue
        values: list[str | tuple[str, ...] | None] = [tuple(sentence.words)]
        values += [tuple(sentence.tags)] if has_tags else []
        values += [pictures.get(sentence.picture or "", sentence.picture)] if pictures else []
        rows.append(RawRow(sentence.line, tuple(values)))
    if not sentences:
        raise InputError(f"{path.name} holds no sentence; a line is a word and its tag, a blank line ends a sentence")
    header = (TOKENS, *((TAGS,) if has_tags else ()), *((IMAGE,) if pictures else ()))
    return RawTable(path.name, header, rows, problems)


def _sentences(path: Path, bounds: Bounds) -> Iterator[_Sentence]:
    count = 0
    current, picture = _Sentence(0), None
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        line = 0
        while text := file.readline(MAX_CELL_CHARACTERS):
            line += 1
            text = text.rstrip("\r\n")
            named = _PICTURE.fullmatch(text.strip())
            if not text.strip() or named or text.startswith(("-DOCSTART-", "# ")):
                if current.line:
                    count += 1
                    bounds.check_rows(path.name, count)
                    yield current
                    picture = None
                picture = named[1] if named else picture
                current = _Sentence(0)
                continue
            if not current.line:
                current = _Sentence(line, picture)
            _add(current, text, line)
    if current.line:
        yield current


def _add(sentence: _Sentence, text: str, line: int) -> None:
    """Take one line into the sentence, or say what is wrong with it."""
    if sentence.trouble:
        return
    cells = text.split("\t") if "\t" in text else text.split()
    word, tag = cells[0].strip(), cells[-1].strip()
    if said := text_trouble(text):
        sentence.trouble = f"line {line} {said}"
    elif not word:
        sentence.trouble = f"line {line} has a tag without a word"
    elif len(sentence.words) >= MAX_WORDS:
        sentence.trouble = f"more than {MAX_WORDS:,} words; a blank line ends a sentence"
    elif len(cells) > 1 and not _TAG.fullmatch(tag):
        sentence.trouble = f"line {line}: {tag[:30]!r} is no tag such as O, B-PER or I-PER"
    else:
        sentence.words.append(word)
        if len(cells) > 1:
            sentence.tags.append(tag)


def _pictures(root: Path) -> dict[str, str]:
    """Name without suffix, and with it, to the path below `root`."""
    found: dict[str, str] = {}
    for pattern in ("*", "*/*"):
        for path in islice(root.glob(pattern), MAX_PICTURES):
            if path.suffix.casefold() in _PICTURE_SUFFIXES:
                relative = path.relative_to(root).as_posix()
                found.setdefault(path.stem, relative)
                found.setdefault(path.name, relative)
    return found
