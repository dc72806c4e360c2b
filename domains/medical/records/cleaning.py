"""Words from a file as they may be kept: one line, printable, of bounded length. And the lines that say what was left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

MAX_NAME_CHARACTERS = 160
MAX_TEXT_CHARACTERS = 1000
MAX_PROBLEMS = 200


def clean(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """Printable words on one line; what is beyond `most` characters is cut off, at a word's end where one is near."""
    whole = unicodedata.normalize("NFC", text[: 4 * most])
    plain = " ".join("".join(c if c.isprintable() else " " for c in whole).split())
    if len(plain) <= most:
        return plain
    cut = plain[: most - 1]
    near = cut.rfind(" ", most - 40)
    return (cut[:near] if near > 0 else cut).rstrip() + "…"


def plain_file_name(path: Path) -> str:
    """The file's name as a part of an id: letters, digits, point, dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.name)[-40:] or "file"


def bounded(problems: Iterable[str]) -> tuple[str, ...]:
    """So many problems as a person reads, and how many more there are."""
    lines = list(problems)
    more = len(lines) - MAX_PROBLEMS
    return tuple(lines) if more <= 0 else (*lines[:MAX_PROBLEMS], f"{more} more of such")
