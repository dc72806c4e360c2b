"""JSON of bounded size, depth and number of values, counted before anything is built of it."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np

from core.errors import InputError

MAX_BYTES = 64 * 1024 * 1024
MAX_VALUES = 4_000_000
MAX_DEPTH = 40

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def loaded(data: bytes, where: str) -> Any:
    """Read JSON.

    Args:
        data: UTF-8, with or without a byte order mark.
        where: for the error.

    Raises:
        InputError: it is no JSON, or holds more than the bounds above. The message tells nothing of what it holds.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"{where} has {len(data)} bytes; at most {MAX_BYTES} are read: split it")
    bare = _STRING.sub(b"", data)
    if (count := sum(bare.count(c) for c in (b"{", b"[", b","))) > MAX_VALUES:
        raise InputError(f"{where} holds some {count} values; at most {MAX_VALUES} are read: split it")
    if _depth(bare) > MAX_DEPTH:
        raise InputError(f"{where} is nested deeper than {MAX_DEPTH}; no record is")
    del bare
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InputError(f"{where} is no JSON in UTF-8; write it anew") from None


def _refuse(_: str) -> NoReturn:
    raise ValueError("no number")


def _depth(bare: bytes) -> int:
    """How deep brackets are nested, outside strings."""
    array = np.frombuffer(bare, np.uint8)
    steps = np.zeros(256, np.int8)
    steps[[ord("{"), ord("[")]], steps[[ord("}"), ord("]")]] = 1, -1
    brackets = array[steps[array] != 0]
    return int(np.cumsum(steps[brackets], dtype=np.int64).max(initial=0))
