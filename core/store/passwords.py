"""Passwords: Argon2id hashes, and what a password must be.

The parameters are RFC 9106's for little memory (64 MiB); at most two are reckoned at once, so that many who sign in at the same time
cannot take all memory.
"""

from __future__ import annotations

import functools
import secrets
import threading
import unicodedata
from typing import TYPE_CHECKING

from core.errors import StoreError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARACTERS = 12
MAX_CHARACTERS = 512
MIN_DIFFERENT = 5
TIME_COST = 3
MEMORY_KIB = 65_536
LANES = 4
_turn = threading.Semaphore(2)


def check_strength(password: str, name: str) -> None:
    """Refuse what is guessed first.

    Raises:
        StoreError: it is short, endless, monotonous, or holds the person's name. The message does not repeat it.
    """
    text = _normal(password)
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        raise StoreError(f"the password has {len(text)} characters; use {MIN_CHARACTERS} to {MAX_CHARACTERS}")
    if len(set(text)) < MIN_DIFFERENT:
        raise StoreError(f"the password repeats too few characters; use at least {MIN_DIFFERENT} different ones")
    if name.casefold() in text.casefold():
        raise StoreError("the password holds the person's name; choose another one")


def hash_password(password: str) -> str:
    """An Argon2id hash with its salt and parameters."""
    with _turn:
        return _hasher(TIME_COST, MEMORY_KIB, LANES).hash(_normal(password))


def is_password(password_hash: str, password: str) -> bool:
    """Whether it is the one; takes as long whether or not it is.

    Raises:
        StoreError: the hash in the database is damaged.
    """
    from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

    if len(password) > MAX_CHARACTERS * 4:  # longer than any that was accepted
        password = ""
    try:
        with _turn:
            return _hasher(TIME_COST, MEMORY_KIB, LANES).verify(password_hash, _normal(password))
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError) as error:
        raise StoreError("a person's password hash in the database is damaged; give them a new password") from error


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than these."""
    return _hasher(TIME_COST, MEMORY_KIB, LANES).check_needs_rehash(password_hash)


def nobodys_hash() -> str:
    """A hash that no password fits: what is reckoned with where there is no person, so that it takes as long."""
    return _nobodys_hash(TIME_COST, MEMORY_KIB, LANES)


@functools.cache
def _nobodys_hash(time_cost: int, memory_kib: int, lanes: int) -> str:
    return _hasher(time_cost, memory_kib, lanes).hash(secrets.token_hex(32))


@functools.cache
def _hasher(time_cost: int, memory_kib: int, lanes: int) -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ImportError as error:
        raise StoreError("people need argon2-cffi; install it with: pip install 'trivium[medical]'") from error
    return PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=lanes)


def _normal(password: str) -> str:
    """One form for what looks the same, however the keyboard sent it."""
    return unicodedata.normalize("NFKC", password.encode("utf-8", "replace").decode())
