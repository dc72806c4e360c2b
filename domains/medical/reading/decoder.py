"""Pixels on demand: what is compressed is decoded in a process of its own, whose death, hang or greed costs one file.

The processes are kept between files and started again when one is lost. Uncompressed pixels are read here, by NumPy alone.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import BufferTooShort
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from core.errors import InputError
from domains.medical.reading.bounded import transfer_syntax
from domains.medical.reading.bounds import DEFAULT_BOUNDS, GIB, Bounds
from domains.medical.reading.decoding import UNCOMPRESSED, PixelArray, Pixels, decode
from domains.medical.reading.places import Kind, kind_of
from domains.medical.study import Instance

START_S = 60.0  # until a new process answers its first request, beyond its time to decode
ANSWER_BYTES = 1 << 16
ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
ROOT = Path(__file__).resolve().parents[3]


class Decoder:
    """Decodes frames; safe to share between threads.

    Args:
        workers: processes at most; each starts when it is first needed.
        timeout_s: for one request; a process that takes longer is killed.
        memory_bytes: address space of each process.
        bounds: what is refused beyond.
    """

    def __init__(self, *, workers: int = 2, timeout_s: float = 30.0, memory_bytes: int = 3 * GIB, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        self.bounds = bounds
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)
        self.workers = workers

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def frame(self, instance: Instance, index: int = 0) -> Pixels:
        """One frame; its values are `[1, rows, columns]` or `[1, rows, columns, 3]`.

        Raises:
            InputError: it cannot be decoded; other files can still be.
        """
        return self.frames(instance, (index,))

    def frames(self, instance: Instance, indices: Sequence[int]) -> Pixels:
        """Frames in the order wanted.

        Raises:
            InputError: they cannot be decoded; other files can still be.
        """
        if not instance.has_pixels:
            raise InputError("it has no pixels")
        path = instance.path.absolute()
        if kind_of(path) is Kind.DICOM and transfer_syntax(path) in UNCOMPRESSED:
            try:
                return decode(path, indices, self.bounds)
            except MemoryError:
                raise InputError("its pixels take more memory than there is") from None
        with self._worker() as worker:
            return worker.ask({"path": str(path), "indices": list(indices), "bounds": asdict(self.bounds)}, self._timeout_s)

    def close(self) -> None:
        """End the processes. The decoder starts new ones if it is used again."""
        for _ in range(self.workers):
            worker = self._idle.get()
            if worker is not None:
                worker.stop()
            self._idle.put(None)

    @contextmanager
    def _worker(self) -> Iterator[_Worker]:
        """A living process, for one request; one that fails is not used again."""
        worker = self._idle.get()
        try:
            if worker is None or not worker.lives:
                worker = None
                worker = _Worker(self._memory_bytes)
            yield worker
        finally:
            self._idle.put(worker if worker is not None and worker.lives else None)


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, memory_bytes: int) -> None:
        self._connection, theirs = Pipe()
        arguments = [sys.executable, "-P", "-m", "domains.medical.reading.worker", str(theirs.fileno()), str(memory_bytes)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
                arguments,
                pass_fds=(theirs.fileno(),),
                cwd="/",  # a folder such as dl/ in the working directory breaks gdcm
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders print what they read
            )
        except OSError as error:
            self._connection.close()
            raise InputError(f"no process to decode pixels could be started ({error.strerror})") from None
        finally:
            theirs.close()
        self._is_new = True

    @property
    def lives(self) -> bool:
        return not self._connection.closed

    def ask(self, request: dict[str, Any], timeout_s: float) -> Pixels:
        """Send a request and wait for its answer.

        Raises:
            InputError: the answer says so, or the process died or took too long, and is gone.
        """
        try:
            answer, values = self._exchange(request, timeout_s + (START_S if self._is_new else 0.0))
        except TimeoutError:
            self.stop()
            raise InputError(f"its pixels took longer than {timeout_s:g} s to decode; the decoder was stopped") from None
        except (EOFError, OSError, ValueError, KeyError, TypeError, BufferTooShort):
            self.stop()
            raise InputError("the decoder of its pixels crashed; the file is damaged or hostile") from None
        except BaseException:  # an interrupt leaves an answer in the pipe that the next request must not get
            self.stop()
            raise
        self._is_new = False
        if values is None:
            raise InputError(str(answer["error"]))
        return Pixels(values, str(answer["photometric"]))

    def _exchange(self, request: dict[str, Any], timeout_s: float) -> tuple[dict[str, Any], PixelArray | None]:
        self._connection.send_bytes(json.dumps(request).encode())
        if not self._connection.poll(timeout_s):
            raise TimeoutError
        answer = json.loads(self._connection.recv_bytes(ANSWER_BYTES))
        return answer, None if "error" in answer else _receive(self._connection, answer)

    def stop(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()


def _receive(connection: Connection, answer: dict[str, Any]) -> PixelArray:
    dtype = np.dtype(str(answer["dtype"]))
    if dtype.kind not in "iuf":
        raise ValueError("not numbers")
    values = np.empty(tuple(map(int, answer["shape"])), dtype)
    received = connection.recv_bytes_into(values.reshape(-1).view(np.uint8).data)
    if received != values.nbytes:
        raise ValueError("too few pixels")
    return values


def _environment() -> dict[str, str]:
    """What an interpreter needs, the way to our own code, and one thread a process; no secret of ours."""
    here = str(Path.cwd())
    ways = [str(ROOT), *(p for p in sys.path if p and p != here)]
    needed = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**needed, "PYTHONPATH": os.pathsep.join(dict.fromkeys(ways)), **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")}
