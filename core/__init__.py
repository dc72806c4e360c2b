"""The engine: modalities in, calibrated predictions and stored evidence out.

`from core import read_table, split_table, train, load, evaluate` is the short way in; see docs/learning.md.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.learning import evaluate, load, train
    from core.table.reading import read_table
    from core.table.splitting import split_table

__all__ = ["evaluate", "load", "read_table", "split_table", "train"]

# Read by the OpenMP library when torch is first loaded: idle threads sleep. Spinning ones starve each other where other
# processes use the cores too: one sentence through MiniLM took 43 to 128 ms instead of 10 to 16 on two busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "evaluate": "core.learning",
    "load": "core.learning",
    "train": "core.learning",
    "read_table": "core.table.reading",
    "split_table": "core.table.splitting",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is first asked for: nothing heavy comes with `import core`."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'core' has no attribute {name!r}")
