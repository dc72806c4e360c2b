"""Turn the files of a package into the files to load: one step a name, each in its own file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from core.weights.manifest import Entry

Step = Callable[[Path, Path], None]


def prepare(entry: Entry, raw: Path, ready: Path) -> None:
    """Fill the folder `ready` from the package's files in `raw`; without a step they are moved as they are."""
    if entry.prepare is None:
        for path in sorted(raw.iterdir()):
            shutil.move(path, ready / path.name)
        return
    _step(entry.prepare)(raw, ready)


def _step(name: str) -> Step:
    """The step of this name; imported only here, because some need torch or onnx."""
    convert: Step = import_module(f"core.weights.convert_{name}").convert
    return convert
