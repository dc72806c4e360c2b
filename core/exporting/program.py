"""Load a torch.export program that `trivium export --format torch` wrote."""

from __future__ import annotations

from pathlib import Path

import torch

from core.errors import ModelError
from core.exporting.preparing import Arrays, input_names
from core.exporting.runtime import KIND, PROGRAM, Deployed, read_deployed
from core.model_folder import check_hashes
from core.samples import FloatArray


def load(folder: Path) -> Deployed:
    """Check every file's hash, then load the program.

    Raises:
        ModelError: it is missing, damaged, was changed, or is of another version of torch.
    """
    if PROGRAM not in check_hashes(folder, kind=KIND):
        raise ModelError(f"{folder.name} holds no {PROGRAM}; export it with --format torch")
    try:
        module = torch.export.load(folder / PROGRAM).module()
    except Exception as error:  # many kinds, none of them promised
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise ModelError(f"{folder.name}: {PROGRAM} cannot be loaded by torch {torch.__version__}: {reason}; export again") from error

    def run(arrays: Arrays) -> tuple[FloatArray, FloatArray]:
        with torch.no_grad():
            joint, each = module(*(torch.from_numpy(arrays[name]) for name in names))
        return joint.numpy(), each.numpy()

    deployed = read_deployed(folder, run)
    names = input_names(deployed.specs)
    return deployed
