"""History and symptoms in plain words: each sentence as an entry, and the symptoms that it tells of or denies beside it."""

from __future__ import annotations

import re

from core.errors import InputError
from domains.medical.record import Entry, EntryKind
from domains.medical.records.cleaning import clean
from domains.medical.records.symptoms import MAX_SENTENCE_CHARACTERS, symptoms_in

MAX_BYTES = 1024 * 1024
MAX_SENTENCES = 500

_END = re.compile(r"(?<=[.!?。！？])(?<!\b[A-Za-z]\.)(?<!\b(?:Dr|Mr|Ms|St|vs)\.)(?<!\bMrs\.)\s+|[\r\n]+")


def entries_of(text: str, name: str, where: str) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Read a text.

    Args:
        text: in sentences or lines; it came with the study, so its entries have no time.
        name: for the entries' ids.
        where: for problems; holds no identifier.

    Returns:
        The entries (`NAME:3` is the third sentence, `NAME:3.1` its first symptom), and what was left out.
    """
    problems: list[str] = []
    pieces = [piece for piece in _END.split(text[: MAX_BYTES + 1]) if piece.strip()]
    if len(pieces) > MAX_SENTENCES:
        problems.append(f"{where} has more than {MAX_SENTENCES} sentences; the first {MAX_SENTENCES} were read")
    made: list[Entry] = []
    for place, piece in enumerate(pieces[:MAX_SENTENCES], 1):
        told = clean(piece, MAX_SENTENCE_CHARACTERS)
        if not told:
            continue
        if len(piece) > MAX_SENTENCE_CHARACTERS:
            problems.append(f"{where}, sentence {place} is longer than {MAX_SENTENCE_CHARACTERS} characters; its beginning was read")
        made.append(Entry(f"{name}:{place}", EntryKind.HISTORY, "history", told, text=told))
        made += [
            Entry(f"{name}:{place}.{n}", EntryKind.SYMPTOM, s.name, s.duration, s.unit, negated=s.negated)
            for n, s in enumerate(symptoms_in(told), 1)
        ]
    return tuple(made), tuple(problems)


def decoded(data: bytes, where: str) -> str:
    """A text file's words.

    Raises:
        InputError: it is too long, or no text.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{where} has {len(data)} bytes; at most {MAX_BYTES} of text are read: shorten it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{where} is no text; give one in UTF-8")
    return text
