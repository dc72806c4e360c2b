"""Domains and encoders come from entry points; a broken one harms no other."""

import sys
from pathlib import Path

import pytest

from core import registry
from core.errors import ConfigError

DOMAIN_CODE = """
from pydantic import BaseModel

class HiveSettings(BaseModel):
    frames: int = 10

class Hive:
    name, summary, settings, labels, benches = "beehive", "bees", HiveSettings, ("calm", "swarm"), {}
    def open(self, location, settings): ...
    recordings = analyse = watch = probe = policy = draft = examples = open

HIVE = Hive()
HALF = object()
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution on the path with a good domain, broken ones and an encoder."""
    (tmp_path / "throwaway_hive.py").write_text(DOMAIN_CODE)
    (tmp_path / "throwaway_broken.py").write_text("raise RuntimeError('no bees today\\nsecond line')")
    info = tmp_path / "throwaway_hive-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: throwaway-hive\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trivium.domains]\n"
        "beehive = throwaway_hive:HIVE\n"
        "half = throwaway_hive:HALF\n"
        "broken = throwaway_broken:X\n"
        "gone = throwaway_nowhere:X\n"
        "surveillance = throwaway_hive:HIVE\n"
        "[trivium.encoders]\n"
        "humming = throwaway_hive:Hive\n"
        "constant = throwaway_hive:HALF\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("throwaway_hive", "throwaway_broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


def test_domain_of_another_distribution_is_found(plugins: Path) -> None:
    assert registry.domain("beehive").name == "beehive"  # type: ignore[attr-defined]
    assert "beehive" in registry.names()


def test_names_are_listed_without_importing_anything(plugins: Path) -> None:
    assert {"beehive", "broken", "gone", "surveillance"} <= set(registry.names())
    assert "throwaway_hive" not in sys.modules


def test_broken_plugins_are_named_and_the_others_work(plugins: Path) -> None:
    working, broken = registry.domains()

    assert {"beehive", "surveillance"} <= set(working)
    assert [(plugin.name, plugin.distribution) for plugin in broken] == [
        ("broken", "throwaway-hive"),
        ("gone", "throwaway-hive"),
        ("half", "throwaway-hive"),
    ]
    assert broken[0].reason == (
        "domain 'broken' (throwaway_broken:X, from throwaway-hive) cannot be loaded: RuntimeError: no bees today; update or uninstall it"
    )


def test_half_a_domain_says_what_it_lacks(plugins: Path) -> None:
    with pytest.raises(ConfigError, match=r"^domain 'half' of throwaway-hive is no domain: it lacks name, summary, .*examples"):
        registry.domain("half")


def test_stranger_cannot_take_the_name_of_a_domain_that_comes_along(plugins: Path) -> None:
    assert registry.domain("surveillance").name == "surveillance"  # type: ignore[attr-defined]


def test_unknown_domain_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^no domain is named 'surveilance'; did you mean 'surveillance'\?$"):
        registry.domain("surveilance")


def test_unknown_encoder_lists_what_there_is(plugins: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no encoder is named 'xyz'; there are: .*humming"):
        registry.encoder("xyz")


def test_encoder_is_given_as_what_makes_it(plugins: Path) -> None:
    assert registry.encoder("humming")().name == "beehive"
    with pytest.raises(ConfigError, match="cannot be called"):
        registry.encoder("constant")


@pytest.mark.parametrize(("word", "expected"), [("Detektor", "detector"), ("DETECTOR", "detector"), ("xyzzy", None), ("", None)])
def test_nearest_word(word: str, expected: str | None) -> None:
    assert registry.nearest(word, ["detector", "policy"]) == expected
