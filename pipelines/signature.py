"""Sign what a webhook is sent, and verify it on the other side.

The header is `X-Trivium-Signature: t=<Unix seconds>,v1=<hexadecimal>`, where v1 is HMAC-SHA256 under the shared secret of the
time, a full stop and the body as sent. A receiver refuses times more than `REPLAY_WINDOW_S` away from its own clock, and
remembers `X-Trivium-Delivery` for that long: it stays the same over the tries of one message.
"""

from __future__ import annotations

import hashlib
import hmac
import re

SIGNATURE_HEADER = "X-Trivium-Signature"
DELIVERY_HEADER = "X-Trivium-Delivery"
REPLAY_WINDOW_S = 300.0

_TIME = re.compile(r"[0-9]{1,12}")


def sign(body: bytes, secret: str, now_s: float) -> str:
    """The header's value for a body."""
    time_s = str(int(now_s))
    return f"t={time_s},v1={_digest(body, secret, time_s)}"


def verify_signature(header: str, body: bytes, secret: str, now_s: float, window_s: float = REPLAY_WINDOW_S) -> bool:
    """Whether a body was signed with a secret, lately.

    Args:
        header: the header's value; several v1 may stand in it while a secret is being changed.
        body: exactly the bytes that came.
        secret: shared with the sender; an empty one verifies nothing.
        now_s: Unix time here.
        window_s: how far the sender's time may be off.
    """
    if not secret or len(header) > 1_000:
        return False
    pairs = [part.strip().split("=", 1) for part in header.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        return False
    times = [value for name, value in pairs if name == "t"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or abs(now_s - int(times[0])) > window_s:
        return False
    wanted = _digest(body, secret, times[0]).encode()
    return any(hmac.compare_digest(wanted, value.encode(errors="replace")) for name, value in pairs if name == "v1")


def _digest(body: bytes, secret: str, time_s: str) -> str:
    return hmac.new(secret.encode(), time_s.encode() + b"." + body, hashlib.sha256).hexdigest()
