"""The house stands: what is installed, what is pinned, what the layers allow, what the samples may hold."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
MAX_SAMPLE_BYTES = 12_000_000
OUR_PACKAGES = ("core", "domains", "pipelines")
UNINSTALLED = {"faster_whisper": ["faster-whisper"], "pydantic_core": ["pydantic"]}  # an optional package, and one that another one pins


def pinned() -> Mapping[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    return {
        str(canonicalize_name(name)): version for name, _, version in (line.partition("==") for line in lines if line and line[0] != "#")
    }


def test_opencv_is_the_headless_build() -> None:
    interface = [line.split(":")[1].strip() for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")]

    assert interface in ([], ["NONE"])
    owners = [each.name for each in distributions() if any(path.parts[0] == "cv2" for path in each.files or ())]
    assert owners == ["opencv-python-headless"]


def test_everything_that_is_asked_for_is_pinned_within_its_range() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [Requirement(text) for text in [*project["dependencies"], *extras["test"], *extras["docs"], *extras["postgres"]]]
    versions: Mapping[str, str] = pinned()

    wrong = [
        str(each)
        for each in wanted
        if canonicalize_name(each.name) not in versions
        or not each.specifier.contains(versions[canonicalize_name(each.name)], prereleases=True)
    ]
    assert wrong == []
    assert "opencv-python" not in versions


def test_what_runs_here_is_what_is_pinned() -> None:
    versions = pinned()
    installed = {str(canonicalize_name(each.name)): each.version.partition("+")[0] for each in distributions() if each.name}

    assert {name: installed[name] for name in versions if name in installed and installed[name] != versions[name]} == {}


def test_everything_that_is_imported_is_asked_for() -> None:
    """What a package of ours imports must be named, not be there by somebody else's grace."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    optional = [text for texts in project["optional-dependencies"].values() for text in texts]
    wanted = {canonicalize_name(Requirement(text).name) for text in [*project["dependencies"], *optional]}
    owners = {**packages_distributions(), **UNINSTALLED}

    strangers = {
        f"{file.relative_to(REPOSITORY)}: {name}"
        for package in OUR_PACKAGES
        for file in (REPOSITORY / package).rglob("*.py")
        for name in imported(file) - sys.stdlib_module_names - set(OUR_PACKAGES)
        if not wanted & {canonicalize_name(owner) for owner in owners.get(name, [])}
    }
    assert strangers == set()


def imported(file: Path) -> set[str]:
    """Names of the packages that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module.partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}


@pytest.mark.slow
def test_layers_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_layers_are_really_watched(tmp_path: Path) -> None:
    for package in ("core", "domains", "pipelines"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors", "*.onnx"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / "core" / "rogue.py").write_text("import pipelines.cli\n")
    (tmp_path / "pipelines" / "rogue.py").write_text("import domains.surveillance.config\n")

    linter = Path(sys.executable).with_name("lint-imports")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([linter, "--no-cache"], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 1
    assert "core.rogue -> pipelines.cli" in done.stdout
    assert "pipelines.rogue -> domains.surveillance.config" in done.stdout


@pytest.mark.slow
def test_documentation_builds_strictly(tmp_path: Path) -> None:
    mkdocs = Path(sys.executable).with_name("mkdocs")
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--site-dir", tmp_path],
        cwd=REPOSITORY,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    configuration = (tmp_path / "reference" / "configuration" / "index.html").read_text()
    assert "<code>surveillance.cameras.NAME.zones.NAME.polygon</code>" in configuration
    assert "trivium config check" in (tmp_path / "reference" / "commands" / "index.html").read_text()


def test_every_sample_is_small_and_has_its_notice(sample_data: Path) -> None:
    notice = (sample_data / "NOTICE.md").read_text()
    media = [path for path in sample_data.rglob("*") if path.suffix in (".mp4", ".ogg", ".wav", ".png")]

    assert len(media) >= 10
    assert [path.name for path in media if f"`{path.name}`" not in notice and f"/{path.name}`" not in notice] == []
    assert sum(path.stat().st_size for path in sample_data.rglob("*") if path.is_file()) <= MAX_SAMPLE_BYTES


def test_lobby_has_picture_and_sound_with_its_events(sample_data: Path) -> None:
    levels: dict[int, float] = {}
    with av.open(str(sample_data / "surveillance" / "lobby.mp4")) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        for frame in film.decode(audio=0):
            second = int(frame.time or 0)
            levels[second] = max(levels.get(second, 0.0), float(np.abs(frame.to_ndarray()).max()))

    assert max(levels[second] for second in range(12)) < 0.02  # only the faint noise
    assert max(levels[second] for second in range(14, 18)) > 0.2  # the dog
    assert max(levels[second] for second in range(33, 37)) > 0.2  # the baby
