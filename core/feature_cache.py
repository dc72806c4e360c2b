"""Keep features on disk, so that the same input is encoded only once, whichever run or process sees it.

The key is a hash of the payload's content and the encoder's name. An entry is one safetensors file, written beside its
place and renamed into it; a damaged one is dropped, said in the log and made again. The folder never grows past its
bound: what was used longest ago goes first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.encoders.contract import Encoder
from core.errors import InputError
from core.features import Features, stack
from core.samples import Modality, Observation, Payload
from core.weights import cache_root

log = logging.getLogger(__name__)

MAX_BYTES = 2 << 30
MAX_ENTRY_BYTES = 256 << 20
KEPT_FRACTION = 0.9  # after a clean-up
DIGEST_BYTES = 20
SUFFIX = ".safetensors"


_elsewhere: ContextVar[Path | None] = ContextVar("elsewhere", default=None)


@contextmanager
def features_kept_in(folder: Path) -> Iterator[None]:
    """Within it, a `FeatureCache` that names no folder of its own keeps features there: for what must not stay in the user's cache."""
    token = _elsewhere.set(folder)
    try:
        yield
    finally:
        _elsewhere.reset(token)


class FeatureCache:
    """A folder of encoded observations, shared by every process that uses it.

    Attributes:
        folder: where the entries lie.
        max_bytes: what they may take up together.
    """

    def __init__(self, folder: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder or _elsewhere.get() or cache_root() / "features"
        self.max_bytes = max_bytes
        self._total_bytes: int | None = None  # unknown until the first write
        self._lock = Lock()

    def get(self, encoder: str, key: str) -> Features | None:
        """One row, without padding; None where it is not here or was damaged."""
        path = self._path(encoder, key)
        try:
            found = _read(path, encoder)
            os.utime(path)  # used now
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, SafetensorError, InputError) as error:
            log.warning("cached features %s are damaged (%s); they are made again", path.name, error)
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        return found

    def put(self, key: str, row: Features) -> None:
        """Keep one row. A full or read-only disk is said in the log and otherwise no matter."""
        if len(row) != 1:
            raise InputError(f"{row.encoder}: features are cached row by row, not {len(row)} at once")
        path = self._path(row.encoder, key)
        try:
            data = _write_out(row.row(0))
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
                try:
                    part.write(data)
                    part.close()
                    Path(part.name).replace(path)
                finally:
                    Path(part.name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("features cannot be cached in %s: %s", self.folder, error)
            return
        self._grew(len(data))

    def _grew(self, added_bytes: int) -> None:
        with self._lock:
            if self._total_bytes is None:
                self._total_bytes = sum(facts.st_size for _, facts in self._entries())
            else:
                self._total_bytes += added_bytes
            if self._total_bytes > self.max_bytes:
                self._total_bytes = self._make_room()

    def _make_room(self) -> int:
        """Remove what was used longest ago; other processes may do the same, which is no matter."""
        found = sorted(self._entries(), key=lambda pair: pair[1].st_mtime_ns)
        total = sum(facts.st_size for _, facts in found)
        for path, facts in found:
            if total <= self.max_bytes * KEPT_FRACTION:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
            total -= facts.st_size
        return total

    def _entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob(f"*/*{SUFFIX}"):
            with suppress(OSError):  # another process removed it
                yield path, path.stat()

    def _path(self, encoder: str, key: str) -> Path:
        return self.folder / _digest_text(encoder)[:16] / f"{key}{SUFFIX}"


class CachedEncoder:
    """Any encoder, which looks in the cache first and encodes only what is not there, in one batch.

    Attributes:
        hits: observations found in the cache.
        misses: observations encoded.
    """

    def __init__(self, encoder: Encoder, cache: FeatureCache) -> None:
        self.encoder, self.cache = encoder, cache
        self.modality: Modality = encoder.modality
        self.name: str = encoder.name
        self.width: int = encoder.width
        self.hits = self.misses = 0

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode a batch, as the encoder itself would; see `Encoder.encode`."""
        if not observations or any(o.modality is not self.modality for o in observations):
            return self.encoder.encode(observations)  # says what is wrong
        keys = [content_key(o.payload) for o in observations]
        rows = {key: row for key in set(keys) if (row := self.cache.get(self.name, key)) is not None}
        missing = {key: o for key, o in zip(keys, observations, strict=True) if key not in rows}
        self.hits += sum(key in rows for key in keys)
        self.misses += len(missing)
        if missing:
            fresh = self.encoder.encode(list(missing.values()))
            for index, key in enumerate(missing):
                rows[key] = fresh.row(index)
                self.cache.put(key, rows[key])
        return stack([rows[key] for key in keys])

    def describe(self, observation: Observation) -> str:
        """As the encoder itself."""
        return self.encoder.describe(observation)


def content_key(payload: Payload) -> str:
    """A hash of everything in the payload: kind, field names, shapes, types and values."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    digest.update(payload.modality.encode())
    for field in fields(payload):
        digest.update(b"\0" + field.name.encode() + b"\0")
        _feed(digest, getattr(payload, field.name))
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """Add a value, marked so that no two different values feed the same bytes."""
    if isinstance(value, np.ndarray):
        digest.update(f"a{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    elif isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        digest.update(b"s" + struct.pack("<q", len(encoded)) + encoded)
    elif isinstance(value, bool | int | float) or value is None:
        digest.update(f"n{value!r};".encode())
    elif isinstance(value, Mapping):
        digest.update(b"m" + struct.pack("<q", len(value)))
        for key in sorted(value):
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, tuple | list):
        digest.update(b"t" + struct.pack("<q", len(value)))
        for one in value:
            _feed(digest, one)
    else:
        raise InputError(f"a payload with a {type(value).__name__} in it has no content key")


def _write_out(row: Features) -> bytes:
    tokens = np.ascontiguousarray(row.tokens[0], np.float32)
    told = {"encoder": row.encoder, "sentences": json.dumps(row.sentences[0]), "blake2b": _digest(tokens)}
    data: bytes = save({"tokens": tokens}, metadata=told)
    return data


def _read(path: Path, encoder: str) -> Features:
    if path.stat().st_size > MAX_ENTRY_BYTES:
        raise ValueError("too large")
    with safe_open(path, framework="numpy") as opened:
        told = opened.metadata() or {}
        tokens = opened.get_tensor("tokens")
    sentences = json.loads(told["sentences"])
    is_whole = tokens.dtype == np.float32 and tokens.ndim == 2 and told["blake2b"] == _digest(tokens)
    if not is_whole or told["encoder"] != encoder or not all(isinstance(s, str) for s in sentences):
        raise ValueError("its content is not what was written")
    return Features(tokens[None], np.ones((1, len(tokens)), np.bool_), (tuple(sentences),), encoder)


def _digest(tokens: Any) -> str:
    return hashlib.blake2b(tokens.tobytes(), digest_size=DIGEST_BYTES).hexdigest()


def _digest_text(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
