"""The process in which compressed pixels are decoded: `python -m domains.medical.reading.worker FD MEMORY_BYTES`.

It speaks over one pipe that it was given, a message a line of JSON, pixels as plain bytes; nothing is pickled. A decoder that
aborts ends this process and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from domains.medical.reading.bounds import Bounds
from domains.medical.reading.decoding import decode
from domains.medical.reading.quiet import silence_pydicom


def serve(connection: Connection) -> None:
    """Answer until the other end closes."""
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        answer, content = _answer(request)
        connection.send_bytes(json.dumps(answer).encode())
        if content is not None:
            connection.send_bytes(content)


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    try:
        pixels = decode(Path(request["path"]), request["indices"], Bounds(**request["bounds"]))
    except InputError as error:
        return {"error": str(error)}, None
    except MemoryError:
        return {"error": "its pixels take more memory to decode than is allowed"}, None
    except Exception as error:  # an answer that says so is better than a pipe that closes
        return {"error": f"its pixels cannot be decoded ({type(error).__name__})"}, None
    values = np.ascontiguousarray(pixels.values)
    if values.dtype.byteorder == ">":
        values = values.astype(values.dtype.newbyteorder("<"))
    return {"dtype": values.dtype.str, "shape": values.shape, "photometric": pixels.photometric}, values.reshape(-1).view(np.uint8)


def main() -> None:
    descriptor, memory_bytes = map(int, sys.argv[1:3])
    silence_pydicom()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the patient's picture
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with Connection(descriptor) as connection:
        serve(connection)


if __name__ == "__main__":
    main()
