"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
