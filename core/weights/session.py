"""Open an ONNX file for the CPU, beside PyTorch and on few cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

from core.errors import ModelError

ERRORS_ONLY = 3


def open_session(path: Path | bytes, threads: int) -> Any:
    """An onnxruntime session whose idle threads sleep: spinning ones starve PyTorch's (30 to 80 ms a step instead of 19).

    Args:
        path: the file, or a model that is in memory already.
        threads: CPU threads of one call.

    Raises:
        ModelError: the file is no model or damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path) if isinstance(path, Path) else path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds share no base
        shown = path if isinstance(path, Path) else "a model in memory"
        raise ModelError(f"{shown} cannot be loaded ({type(error).__name__}); pull these weights again") from error
