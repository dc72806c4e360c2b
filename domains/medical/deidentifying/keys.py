"""What stands for UIDs, patients and days: keyed, so that the same study maps the same way and nobody without the key can guess back.

A plain hash of a patient's number is no protection: all numbers can be tried. HMAC-SHA256 with a secret is.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from core.errors import ConfigError

LEAST_SECRET_BYTES = 16
MOST_SECRET_BYTES = 4096
MOST_SHIFT_DAYS = 3650
SECRET_VARIABLE = "TRIVIUM_DEIDENTIFY_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Keys:
    """Maps identifiers by a secret.

    Attributes:
        secret: at least 16 bytes; never printed.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not LEAST_SECRET_BYTES <= len(self.secret) <= MOST_SECRET_BYTES:
            raise ConfigError(
                f"the secret needs {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes; make one: openssl rand -hex 32 > secret.txt"
            )

    def uid(self, old: str) -> str:
        """A UID under 2.25 (PS3.5 B.2), the same for the same."""
        return f"2.25.{int.from_bytes(self._keyed('uid', old)[:16], 'big') | 1 << 127}"

    def pseudonym(self, issuer: str, patient_id: str) -> str:
        """What stands for a patient, the same for the same."""
        return "P" + self._keyed("patient", "\0".join((issuer, patient_id)))[:8].hex().upper()

    def name(self, content: bytes) -> str:
        """What a file is called that has no UID."""
        return self._keyed("file", hashlib.sha256(content).hexdigest())[:16].hex()

    def shift(self, pseudonym: str) -> timedelta:
        """By how many whole days into the past a patient's dates are moved."""
        return -timedelta(days=1 + int.from_bytes(self._keyed("days", pseudonym)[:8], "big") % MOST_SHIFT_DAYS)

    def _keyed(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self.secret, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256")


def read_secret(file: Path | None, environ: Mapping[str, str] | None = None) -> bytes:
    """The secret of a file, or else of the environment.

    Args:
        file: blanks around what it holds do not count.
        environ: the process's own where none is given.

    Raises:
        ConfigError: there is none, it cannot be read, or it is too short. The message holds nothing of it.
    """
    if file is None:
        held = (os.environ if environ is None else environ).get(SECRET_VARIABLE, "").strip().encode()
        if not held:
            raise ConfigError(f"de-identification needs a secret: give --secret-file FILE or set {SECRET_VARIABLE}")
        return Keys(held).secret
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_SECRET_BYTES + 2).strip()
    except OSError as error:
        raise ConfigError(f"the secret's file cannot be read: {error.strerror}") from None
    return Keys(held).secret
