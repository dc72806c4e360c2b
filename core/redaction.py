"""Take credentials out of addresses, before a text reaches a log, an error, the database or a screen.

Rather too much is hidden than too little: a password may itself contain `@`, `/` or `?`, so everything up to the last `@`
that could end the user's part of an address goes.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import unquote

HIDDEN = "***"

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*://)([^\s'\"<>]+)")
_BARE_LOGIN = re.compile(r"(?<![^\s'\"<>(\[=,/])[^\s:/@'\"<>]+:(?!//)[^\s@'\"<>]+@(?=[\w\[])")
_HEADER = re.compile(r"\b((?:proxy-)?authorization\s*[:=]\s*)(basic|digest|bearer)\b[^\r\n]*", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-fA-F:.%\w]+\]|[\w.\-]*)(:\d{0,5})?")
_SEPARATOR = re.compile(r"([/?&;#,|])")
_SECRET_NAME = re.compile(
    r"token|key|passw|pass$|passphrase|pwd|auth|^sig$|signature|secret|credential|session|^sid$|^(x-amz-)?signed|^user|^usr|login|jwt|code$",
    re.IGNORECASE,
)


def redact(text: str, *secrets: str) -> str:
    """A text without logins and tokens.

    Args:
        text: any text, with any number of addresses in it.
        secrets: strings known to be secret, hidden wherever they stand.

    Returns:
        The text, with `***` in place of what was hidden. Redacting twice changes nothing more.
    """
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _ADDRESS.sub(lambda match: match[1] + _redact_address(match[2]), text)
    text = _BARE_LOGIN.sub(f"{HIDDEN}@", text)
    return _HEADER.sub(rf"\1\2 {HIDDEN}", text)


def public_name(location: str) -> str:
    """What may be shown of where something is read from.

    Args:
        location: an address or a path.

    Returns:
        For an address its scheme, host and path, without login, query or fragment; for a path its last part.
    """
    match = _ADDRESS.fullmatch(location.strip())
    if match is None:
        return HIDDEN if "://" in location else redact(PurePath(redact(location)).name) or HIDDEN
    shown = re.split(r"[?#]", _redact_address(match[2]), maxsplit=1)[0]
    return match[1] + shown.removeprefix(f"{HIDDEN}@")


def _redact_address(rest: str) -> str:
    """Redact what follows `scheme://`."""
    login_end = _login_end(rest)
    host_and_path = rest[login_end:]
    pieces = _SEPARATOR.split(host_and_path)
    shown = "".join(_redact_piece(piece) for piece in pieces)
    return f"{HIDDEN}@{shown}" if login_end else shown


def _login_end(rest: str) -> int:
    """Index after the `@` that ends the login, 0 where there is none."""
    path, _, _ = rest.partition("?")
    if "@" in path:
        return path.rindex("@") + 1
    if "@" not in rest:
        return 0
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    last = rest.rindex("@")
    is_parameter = "=" in rest[len(path) : last]
    return 0 if _HOST.fullmatch(authority) and is_parameter else last + 1


def _redact_piece(piece: str) -> str:
    name, equals, value = piece.partition("=")
    if not equals or not value:
        return piece
    plain = unquote(value)
    holds_login = "@" in plain and "://" in plain
    return f"{name}={HIDDEN}" if holds_login or _SECRET_NAME.search(unquote(name)) else piece
