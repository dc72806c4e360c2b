"""The motion bench reads its peers rightly and scans as a process of its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from core.benchmark import BenchContext
from domains.surveillance.benches import motion
from domains.surveillance.benches.motion import edge_error_s
from domains.surveillance.benches.peers import dvr_scan_events, run_timed


def test_dvr_scans_timecodes_are_read() -> None:
    output = "[DVR-Scan] note\n00:00:08.500,00:00:20.000,00:01:26.500,01:00:36.250\n"
    assert dvr_scan_events(output) == [(8.5, 20.0), (86.5, 3636.25)]
    assert dvr_scan_events("No motion events detected.\n") == []


def test_edges_are_compared_only_when_their_number_is_right() -> None:
    assert edge_error_s([(8.5, 20.0), (26.5, 36.0)]) == pytest.approx((1.5 + 2.0 + 1.5 + 2.0) / 4)
    assert edge_error_s([(10.0, 34.0)]) is None


def test_a_process_is_counted_with_what_it_costs() -> None:
    run = run_timed(
        [sys.executable, "-c", "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass\nprint('done')"]
    )
    assert run.cpu_s >= 0.29
    assert run.output.strip() == "done"
    with pytest.raises(RuntimeError, match="no such film"):
        run_timed([sys.executable, "-c", "raise SystemExit('no such film')"])


def test_a_peer_that_is_not_there_is_named_and_not_invented(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "dvr_scan", lambda: None)
    monkeypatch.setattr(motion, "_detection", lambda *_: [])
    monkeypatch.setattr(motion, "_beside_motion", lambda *_: [])
    monkeypatch.setattr(motion, "_interleaved", lambda commands, _: {n: motion.Side((motion.Run(1.0, 1.0, ""),)) for n in commands})
    monkeypatch.setattr(shutil, "which", lambda _: None)

    metrics = motion.run(BenchContext(shared_data, tmp_path, True, lambda _: None))

    beside = [m for m in metrics if m.peer]
    assert beside
    assert all(m.peer_value is None and m.holds is None and "not installed" in m.peer for m in beside)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: it makes the film of known events")
def test_the_events_film_is_cut_where_it_was_joined(shared_data: Path, tmp_path: Path) -> None:
    film = motion._make_events(shared_data / "surveillance" / "vtest" / "vtest.avi", tmp_path)
    said = json.loads(run_timed(motion._ours(film)).output.splitlines()[-1])
    assert said["frames"] == 440
    assert edge_error_s(said["events"]) == pytest.approx(0.0, abs=0.1)
