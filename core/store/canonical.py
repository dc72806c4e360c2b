"""One way to write a JSON value, so that its hash can be had again from what a database gives back.

ASCII, keys sorted, no spaces, no NaN. Floats are written as Python's shortest that reads back the same.
"""

from __future__ import annotations

import hashlib
import json

from core.errors import StoreError


def canonical_json(value: object) -> bytes:
    """The value in its one way of writing.

    Raises:
        StoreError: it is no JSON value.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"a value cannot be written as JSON: {error}; give text, finite numbers, lists and mappings only") from error


def sha256_of(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
