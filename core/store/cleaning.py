"""Make text and JSON values fit to be stored: no credentials of a URL, nothing that a database refuses.

A caller has already left out what is secret; this is the last door before the disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from core.errors import StoreError

_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """The text without the credentials of any URL in it, and without NUL and lone surrogates."""
    return _CREDENTIALS.sub("", _UNSTORABLE.sub(REPLACEMENT, text))


def clean_json(values: Mapping[str, object], what: str) -> dict[str, Any]:
    """The mapping as plain JSON values, cleaned as text is.

    Args:
        values: JSON values only, keys text.
        what: what to call it in an error.

    Raises:
        StoreError: it holds something that is not a JSON value, a number that is not finite, or nests too deeply.
    """
    try:
        plain = json.loads(json.dumps(dict(values), allow_nan=False))
        cleaned: dict[str, Any] = _clean(plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"{what} cannot be stored as JSON: {error}; give text, finite numbers, lists and mappings only") from error
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(element) for element in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean(element) for key, element in value.items()}
    return value
