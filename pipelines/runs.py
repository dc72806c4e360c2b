"""What is written down with every run: versions and configuration, without secrets."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

NAMED = ("trivium", "torch", "transformers", "onnxruntime", "av", "opencv-python-headless", "numpy")


def versions() -> dict[str, str]:
    """Python and the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in NAMED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def configuration_of(settings: Any) -> Mapping[str, object]:
    """Settings as JSON values; pydantic shows its secrets as stars."""
    loaded: Mapping[str, object] = json.loads(settings.model_dump_json())
    return loaded
