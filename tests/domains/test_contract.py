"""Every domain keeps the contract, and what it ships fits the encoders that it ships with."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel

from core.errors import ConfigError, InputError
from core.registry import domains
from domains.contract import Domain, Surroundings

WORKING, BROKEN = domains()


def test_no_domain_is_broken() -> None:
    assert not BROKEN
    assert WORKING


@pytest.mark.parametrize("name", sorted(WORKING))
class TestDomain:
    def domain(self, name: str) -> Domain:
        return cast("Domain", WORKING[name])

    def test_has_every_part(self, name: str) -> None:
        assert isinstance(WORKING[name], Domain)
        assert issubclass(self.domain(name).settings, BaseModel)
        assert self.domain(name).name == name

    def test_each_bench_can_be_found(self, name: str) -> None:
        for target in self.domain(name).benches.values():
            module, _, function = target.partition(":")
            assert callable(getattr(importlib.import_module(module), function))

    def test_a_draft_says_so_even_over_nothing(self, name: str) -> None:
        assert "DRAFT" in self.domain(name).draft([])

    def test_a_folder_that_is_no_dataset_is_an_input_error(self, name: str, tmp_path: Path, packaged: Callable[[str], Path]) -> None:
        packaged("nanodet")
        with pytest.raises(InputError, match="labels"):
            self.domain(name).examples(tmp_path)

    def test_nothing_to_watch_is_a_configuration_error(self, name: str, tmp_path: Path) -> None:
        settings: Any = self.domain(name).settings()
        with pytest.raises(ConfigError, match="to watch"):
            self.domain(name).watch(settings, cast("Any", None), Surroundings(tmp_path, tmp_path))


def test_the_shipped_fall_checkpoint_fits_today_s_encoders_and_says_what_it_is(packaged: Callable[[str], Path]) -> None:
    for weights in ("minilm", "efficientnet-lite0", "silero-vad", "nanodet"):
        packaged(weights)
    from core.checkpoints import load_checkpoint
    from domains.surveillance.config import SurveillanceSettings
    from domains.surveillance.encoders import fusion_encoders
    from domains.surveillance.models import SHIPPED_CHECKPOINT

    checkpoint = load_checkpoint(SHIPPED_CHECKPOINT)

    assert checkpoint.labels == ("daily", "fall")
    encoders = fusion_encoders(SurveillanceSettings().sound_tagger, threads=1)
    assert {m: e.name for m, e in encoders.items()} == {m: i.encoder for m, i in checkpoint.config.inputs.items()}
    assert sum(f.stat().st_size for f in SHIPPED_CHECKPOINT.iterdir()) <= 20 * 2**20
    card = (SHIPPED_CHECKPOINT / "README.md").read_text(encoding="utf-8")
    assert "acted falls" in card
    assert "MIT" in card
