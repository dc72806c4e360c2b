"""An exported folder stands by itself, and nothing in it comes from stored text but as text."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import InputError, StoreError
from core.store import AlertFilter, Store, open_store
from pipelines.export import export_alerts, moment_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store' / 'trivium.db'}", tmp_path / "store" / "evidence")


def save(store: Store, **fields: object) -> Alert:
    values: dict[str, object] = {"reason": "somebody is there", "source": "door", "kind": "rule:person"} | fields
    alert = Alert(
        "ab" * 16, "surveillance", str(values["source"]), str(values["kind"]), "rule", AlertState.CLOSED, 1.0, 3.0, None, None, 0.9,
        str(values["reason"]), {"video": 1.0},
    )  # fmt: skip
    run_id = store.begin_run("analyse", "surveillance", "door.mp4", {}, {}, None)
    store.save_alert(alert, run_id)
    store.attach(alert.id, EvidenceKind.SNAPSHOT, b"jpeg", "image/jpeg", "../../snapshot.jpg", 1.0)
    return alert


def test_an_alert_leaves_with_its_files_and_a_line_for_programs(store: Store, tmp_path: Path) -> None:
    alert = save(store)

    page = export_alerts(store.alerts(AlertFilter()), tmp_path / "out")

    line = json.loads((tmp_path / "out" / "alerts.jsonl").read_text(encoding="utf-8"))
    assert line["id"] == alert.id
    assert (tmp_path / "out" / line["evidence"][0]["file"]).read_bytes() == b"jpeg"
    assert "somebody is there" in page.read_text(encoding="utf-8")


def test_a_hostile_name_is_neither_a_path_nor_markup(store: Store, tmp_path: Path) -> None:
    save(store, source="<script>alert(1)</script>", reason='"><img src=x onerror=alert(2)>')

    page = export_alerts(store.alerts(AlertFilter()), tmp_path / "out").read_text(encoding="utf-8")

    assert "<script>" not in page
    assert "<img src=x" not in page
    written = [p for p in tmp_path.rglob("*") if p.is_file() and "store" not in p.parts]
    assert all(p.is_relative_to(tmp_path / "out") for p in written)


@pytest.mark.parametrize(("subtype", "suffix"), [("mp4", ".mp4"), ("quicktime", ".mov"), ("x-matroska", ".mkv")])
def test_a_clip_of_every_container_leaves_with_a_name_that_players_know(store: Store, tmp_path: Path, subtype: str, suffix: str) -> None:
    for kind in ("video", "audio"):
        alert = save(store)
        store.attach(alert.id, EvidenceKind.CLIP, kind.encode(), f"{kind}/{subtype}", "clip", 1.0)

    export_alerts(store.alerts(AlertFilter()), tmp_path / "out")

    assert len(list((tmp_path / "out").rglob(f"clip-*{suffix}"))) == 2


def test_a_folder_that_holds_something_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep", encoding="utf-8")

    with pytest.raises(InputError, match="is not empty; name a new folder"):
        export_alerts([], tmp_path / "out")


def test_missing_evidence_is_named(store: Store, tmp_path: Path) -> None:
    save(store)
    stored = store.alerts(AlertFilter())
    stored[0].evidence[0].path.unlink()

    with pytest.raises(StoreError, match="this snapshot cannot be copied"):
        export_alerts(stored, tmp_path / "out")


def test_nothing_found_is_a_page_too(tmp_path: Path) -> None:
    assert "Nothing was raised" in export_alerts([], tmp_path / "out").read_text(encoding="utf-8")


def test_an_unusual_alert_is_shown_beside_what_is_usual(store: Store, tmp_path: Path) -> None:
    near, far = b"\xff\xd8near\xff\xd9", b"\xff\xd8far\xff\xd9"
    names = [hashlib.sha256(content).hexdigest() for content in (near, far)]
    nearest = [
        {
            "distance": 1.234,
            "visits": 12,
            "what": "1 person",
            "picture": names[0],
            "picture_wall_s": 1_763_992_920.0,
            "picture_time_s": 5.0,
        },
        {"distance": 9.0, "visits": 3, "what": "<script>", "picture": names[1], "picture_wall_s": None, "picture_time_s": 125.0},
        {"distance": 9.5, "visits": 3, "what": "no picture"},
        "damaged",
    ]
    alert = Alert(
        "cd" * 16, "surveillance", "door", "unusual", "normality", AlertState.CLOSED, 1.0, 3.0, 1_764_060_000.0, None, 0.9, "odd",
        details={"nearest_usual": nearest},
    )  # fmt: skip
    run_id = store.begin_run("watch", "surveillance", "door", {}, {}, None)
    store.save_alert(alert, run_id)
    for content in (far, near, b"\xff\xd8of an earlier moment\xff\xd9"):
        store.attach(alert.id, EvidenceKind.USUAL, content, "image/jpeg", "usual.jpg", None)

    page = export_alerts(store.alerts(AlertFilter()), tmp_path / "out").read_text(encoding="utf-8")

    first, second = page.index(f"usual-{names[0][:8]}.jpg"), page.index(f"usual-{names[1][:8]}.jpg")
    assert first < page.index("most like: yesterday 14:02 UTC, distance 1.2, seen 12 x") < second
    assert "at 125 s, distance 9.0, seen 3 x" in page
    assert page.count("<img") == 2
    assert "<script>" not in page
    assert (tmp_path / "out" / alert.id / f"usual-{names[0][:8]}.jpg").read_bytes() == near


@pytest.mark.parametrize("wall_s", [1e300, -1e300, 1e15])
def test_a_moment_beyond_the_calendar_is_no_error(wall_s: float) -> None:
    assert moment_of(wall_s, None, 0.0) == "at an unknown time"
