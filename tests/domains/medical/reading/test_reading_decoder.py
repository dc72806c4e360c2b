"""A native decoder that dies, hangs or takes too much costs one file; the next is decoded as if nothing had been."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from core.errors import InputError
from domains.medical.reading import DEFAULT_BOUNDS, Decoder, read_study
from domains.medical.study import Instance


def instance_of(path: Path, scratch: Path) -> Instance:
    return read_study(path, scratch=scratch)[0].instances[0]


def workers_of(before: set[int]) -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if p.pid not in before]


def children() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True)}


def test_a_decoder_that_is_killed_costs_one_file(real: Callable[[str], Path], tmp_path: Path) -> None:
    small, large = instance_of(real("MR_small_jp2klossless.dcm"), tmp_path), instance_of(real("RG3_J2KR.dcm"), tmp_path)
    before = children()
    with Decoder(workers=1) as decoder:
        expected = decoder.frame(small).values
        (worker,) = workers_of(before)
        stopper = threading.Timer(0.1, os.kill, (worker.pid, signal.SIGSEGV))
        stopper.start()
        with pytest.raises(InputError, match="crashed"):
            decoder.frame(large)
        stopper.join()
        assert np.array_equal(decoder.frame(small).values, expected)
        assert workers_of(before)[0].pid != worker.pid
    assert not workers_of(before)


def test_a_decoder_that_takes_too_long_is_stopped(real: Callable[[str], Path], tmp_path: Path) -> None:
    small, large = instance_of(real("MR_small_jp2klossless.dcm"), tmp_path), instance_of(real("RG3_J2KR.dcm"), tmp_path)
    with Decoder(workers=1, timeout_s=20) as decoder:
        decoder.frame(small)
        decoder._timeout_s = 0.02
        with pytest.raises(InputError, match=r"longer than 0\.02 s"):
            decoder.frame(large)
        decoder._timeout_s = 20
        assert decoder.frame(small).values.shape == (1, 64, 64)


def test_a_codestream_that_claims_more_than_memory_allows_costs_one_file(real: Callable[[str], Path], tmp_path: Path) -> None:
    data = dcmread(real("MR_small_jp2klossless.dcm"))
    stream = bytearray(next(generate_frames(data.PixelData, number_of_frames=1)))
    size_at = stream.index(b"\xff\x51") + 6
    stream[size_at : size_at + 8] = struct.pack(">II", 60_000, 60_000)
    tile_at = size_at + 16
    stream[tile_at : tile_at + 8] = struct.pack(">II", 60_000, 60_000)
    data.PixelData = encapsulate([bytes(stream)])
    data.save_as(tmp_path / "greedy.dcm")
    before = children()
    with Decoder(workers=1) as decoder:
        with pytest.raises(InputError):
            decoder.frame(instance_of(tmp_path / "greedy.dcm", tmp_path))
        assert all(p.memory_info().rss < 1 << 30 for p in workers_of(before))
        assert decoder.frame(instance_of(real("MR_small_jp2klossless.dcm"), tmp_path)).values.shape == (1, 64, 64)


def test_a_worker_keeps_to_its_memory(real: Callable[[str], Path], tmp_path: Path) -> None:
    with Decoder(workers=1, memory_bytes=1 << 30) as decoder:
        assert decoder.frame(instance_of(real("MR_small_jp2klossless.dcm"), tmp_path)).values.any()
    with Decoder(workers=1, memory_bytes=32 << 20) as starved, pytest.raises(InputError, match="more memory"):
        starved.frame(instance_of(real("RG3_J2KR.dcm"), tmp_path))


def test_uncompressed_pixels_need_no_process(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    before = children()
    with Decoder() as decoder:
        decoder.frame(instance_of(make_dicom("a.dcm"), tmp_path))
        assert not workers_of(before)


def test_frames_come_in_the_order_wanted_and_within_bounds(real: Callable[[str], Path], tmp_path: Path) -> None:
    loop = instance_of(real("emri_small_RLE.dcm"), tmp_path)
    with Decoder(workers=1, bounds=replace(DEFAULT_BOUNDS, decoded_bytes=64 * 64 * 2 * 3)) as decoder:
        both = decoder.frames(loop, (7, 2)).values
        assert np.array_equal(both[0], decoder.frame(loop, 7).values[0])
        assert not np.array_equal(both[0], both[1])
        with pytest.raises(InputError, match="ask for fewer"):
            decoder.frames(loop, (0, 1, 2, 3))
        for index in (10, -1):
            with pytest.raises(InputError, match="it has 10"):
                decoder.frame(loop, index)


def test_threads_share_the_workers(real: Callable[[str], Path], tmp_path: Path) -> None:
    instance = instance_of(real("MR_small_RLE.dcm"), tmp_path)
    found: list[int] = []
    before = children()
    with Decoder(workers=2) as decoder:
        threads = [threading.Thread(target=lambda: found.append(int(decoder.frame(instance).values.max()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(workers_of(before)) <= 2
    assert found == [2145] * 8


def test_a_worker_ends_with_its_parent(real: Callable[[str], Path], tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; import psutil; from domains.medical.reading import *\n"
        "d = Decoder(workers=1); d.frame(read_study(sys.argv[1], scratch=Path(sys.argv[2]))[0].instances[0])\n"
        "print(psutil.Process().children()[0].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    root = str(Path(__file__).resolve().parents[4])
    done = subprocess.run(
        [sys.executable, "-c", program, str(real("MR_small_RLE.dcm")), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
    )
    pid = int(done.stdout)
    if psutil.pid_exists(pid):
        psutil.Process(pid).wait(timeout=10)


def test_a_folder_named_dl_where_one_works_changes_nothing(
    real: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dl").mkdir()
    monkeypatch.chdir(tmp_path)
    with Decoder(workers=1) as decoder:  # JPEG lossless is gdcm's alone
        assert decoder.frame(instance_of(real("JPEG-LL.dcm"), tmp_path)).values.max() == 278


def test_an_instance_without_pixels_has_no_frames(real: Callable[[str], Path], decoder: Decoder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pixels"):
        decoder.frame(instance_of(real("rtplan.dcm"), tmp_path))
