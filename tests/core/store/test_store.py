"""The store's contract, over both databases."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from core.alerts import AlertState, EvidenceKind
from core.errors import StoreError
from core.store import AlertFilter, RetentionPolicy, open_store


def test_alert_comes_back_as_it_was_saved(store, fall, begin):
    run, alert, before_s = begin(store), fall(), time.time()

    store.save_alert(alert, run)

    stored = store.alert(alert.id)
    assert stored.alert == alert
    assert stored.run_id == run
    assert before_s <= stored.created_wall_s <= time.time()
    assert stored.evidence == ()


def test_update_keeps_when_it_was_first_stored(store, fall, begin):
    run, alert = begin(store), fall(state=AlertState.OPEN, wall_start_s=None, wall_end_s=None)
    store.save_alert(alert, run)
    first = store.alert(alert.id)

    store.save_alert(replace(alert, state=AlertState.CLOSED, end_s=40.0, score=0.95), run)

    second = store.alert(alert.id)
    assert (second.alert.state, second.alert.end_s, second.alert.score) == (AlertState.CLOSED, 40.0, 0.95)
    assert (second.created_wall_s, second.at_wall_s) == (first.created_wall_s, first.created_wall_s)
    assert len(store.alerts()) == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AlertFilter(), "dcba"),
        (AlertFilter(source="yard"), "c"),
        (AlertFilter(kind="scream"), "b"),
        (AlertFilter(way="classifier"), "d"),
        (AlertFilter(domain="driving"), "a"),
        (AlertFilter(state=AlertState.OPEN), "d"),
        (AlertFilter(since_wall_s=200.0), "dcb"),
        (AlertFilter(until_wall_s=200.0), "a"),
        (AlertFilter(since_wall_s=200.0, until_wall_s=400.0), "cb"),
        (AlertFilter(min_score=0.6), "db"),
        (AlertFilter(limit=2), "dc"),
        (AlertFilter(run="0" * 32), ""),
        (AlertFilter(source="'; DROP TABLE alerts; --"), ""),
    ],
)
def test_filter_finds_exactly_what_it_names(store, fall, begin, wanted, expected):
    run = begin(store)
    alerts = {
        "a": fall(wall_start_s=100.0, domain="driving", score=0.5),
        "b": fall(wall_start_s=200.0, kind="scream", score=0.6),
        "c": fall(wall_start_s=300.0, source="yard", score=0.1),
        "d": fall(wall_start_s=400.0, way="classifier", state=AlertState.OPEN, score=1.0),
    }
    for alert in alerts.values():
        store.save_alert(alert, run)

    found = [stored.alert.id for stored in store.alerts(wanted)]

    assert found == [alerts[letter].id for letter in expected]


def test_pages_show_every_alert_once_even_at_one_moment(store, fall, begin):
    run = begin(store)
    ids = {fall_.id for fall_ in (fall(wall_start_s=100.0) for _ in range(7)) if store.save_alert(fall_, run) is None}
    seen, after = [], None

    while page := store.alerts(AlertFilter(limit=3, after=after)):
        seen += [stored.alert.id for stored in page]
        after = page[-1].cursor

    assert len(seen) == 7
    assert set(seen) == ids


def test_unique_prefix_finds_an_alert_and_an_ambiguous_one_says_so(store, fall, begin):
    run = begin(store)
    for alert_id in ("ab" + "0" * 30, "ac" + "0" * 30):
        store.save_alert(fall(id=alert_id), run)

    assert store.alert("ab").alert.id == "ab" + "0" * 30
    with pytest.raises(StoreError, match="more than one"):
        store.alert("a")
    with pytest.raises(StoreError, match="no alert"):
        store.alert("b")
    for hostile in ("", "%", "A", "../x", "0" * 33):
        with pytest.raises(StoreError, match="not an alert's id"):
            store.alert(hostile)


@pytest.mark.parametrize(
    "bad", [AlertFilter(limit=0), AlertFilter(limit=10_001), AlertFilter(after="x"), AlertFilter(after="nan:" + "0" * 32)]
)
def test_impossible_filter_is_refused(sqlite_store, bad):
    with pytest.raises(StoreError):
        sqlite_store.alerts(bad)


def test_alert_of_an_unknown_run_is_refused(store, fall):
    with pytest.raises(StoreError, match="no run"):
        store.save_alert(fall(), "0" * 32)
    assert store.alerts() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../etc/passwd"},
        {"score": float("nan")},
        {"start_s": float("inf")},
        {"details": {"x": float("nan")}},
        {"details": {"x": object()}},
    ],
)
def test_alert_that_cannot_be_stored_is_refused_in_one_line(store, fall, begin, changes):
    with pytest.raises(StoreError) as caught:
        store.save_alert(fall(**changes), begin(store))
    assert "\n" not in str(caught.value)
    assert store.alerts() == []


def test_what_a_database_refuses_in_text_is_replaced(store, fall, begin):
    alert = fall(reason="a\x00b\ud800", details={"k\x00": ["\udfff"]})

    store.save_alert(alert, begin(store))

    stored = store.alert(alert.id).alert
    assert stored.reason == "a\ufffdb\ufffd"
    assert stored.details == {"k\ufffd": ["\ufffd"]}


def test_credentials_of_a_url_reach_no_column(store, fall, begin, tmp_path):
    url = "rtsp://operator:hunter2@camera:554/live"
    run = store.begin_run("watch", "surveillance", url, {"cameras": [{"url": url}]}, {}, None)
    alert = fall(source=url, reason=f"lost {url}", details={"url": url, "list": [url]})
    store.save_alert(alert, run)
    store.mute(url, None, 2e9, f"broken {url}")

    assert store.alerts(AlertFilter(source=url))[0].alert.source == "rtsp://camera:554/live"
    assert "hunter2" not in repr((store.alerts(), store.mutes(0.0)))
    store.close()
    for path in (tmp_path / "store").glob("*"):
        assert b"hunter2" not in path.read_bytes()


def test_threads_write_at_the_same_time(store, fall, begin):
    run, failures = begin(store), []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                alert = fall()
                store.save_alert(alert, run)
                store.attach(alert.id, EvidenceKind.SNAPSHOT, b"%d" % (turn % 2), "image/jpeg", f"{number}.jpg")
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(store.alerts()) == 30
    assert store.evidence_bytes == 2
    assert store.check(deep=True) == []


def test_reopened_store_has_everything(store, fall, begin, database_url, tmp_path):
    alert = fall()
    store.save_alert(alert, begin(store))
    sha256 = store.attach(alert.id, EvidenceKind.CLIP, b"film", "video/mp4", "fall.mp4", 7.5)
    store.close()

    again = open_store(database_url, tmp_path / "evidence")

    evidence = again.alert(alert.id).evidence
    assert [(e.sha256, e.name, e.start_s, e.bytes, e.path.read_bytes()) for e in evidence] == [(sha256, "fall.mp4", 7.5, 4, b"film")]
    assert again.schema_version == store.schema_version
    again.close()


def test_another_database_may_not_use_the_same_folder(store, tmp_path):
    with pytest.raises(StoreError, match="belongs to another database"):
        open_store(f"sqlite:///{tmp_path}/other.db", tmp_path / "evidence")


def test_mutes_hold_until_they_end_or_are_lifted(store):
    both = store.mute("door", "fall", 200.0, "painters")
    source = store.mute("yard", None, 300.0, "")

    assert store.mutes(100.0) == [both, source]
    assert store.mutes(200.0) == [source]
    assert both.silences("door", "fall")
    assert not both.silences("door", "scream")
    assert source.silences("yard", "anything")
    store.unmute(source.id)
    assert store.mutes(100.0) == [both]
    with pytest.raises(StoreError, match="no mute"):
        store.unmute(source.id)
    with pytest.raises(StoreError, match="neither"):
        store.mute(None, None, 200.0, "everything")


def test_purge_by_age_takes_rows_and_files_but_not_open_or_protected_alerts(store, fall, begin):
    run = begin(store)
    old, still_open, protected = fall(), fall(state=AlertState.OPEN), fall(kind="glass")
    for alert, content in ((old, b"old"), (still_open, b"open!"), (protected, b"kept too")):
        store.save_alert(alert, run)
        store.attach(alert.id, EvidenceKind.SNAPSHOT, content, "image/jpeg", "s.jpg")
        store.attach(alert.id, EvidenceKind.CLIP, b"shared", "video/mp4", "s.mp4")

    report = store.purge(RetentionPolicy(max_age_s=0.0, protected_kinds=frozenset({"glass"})))

    assert (report.alerts, report.evidence, report.files, report.bytes) == (1, 2, 1, 3)
    assert {stored.alert.id for stored in store.alerts()} == {still_open.id, protected.id}
    assert store.check(deep=True) == []


def test_purge_by_size_takes_the_oldest_evidence_and_leaves_its_alert(store, fall, begin):
    run, alerts = begin(store), [fall() for _ in range(4)]
    for number, alert in enumerate(alerts):
        store.save_alert(alert, run)
        store.attach(alert.id, EvidenceKind.CLIP, bytes([number]) * 100, "video/mp4", "c.mp4")

    report = store.purge(RetentionPolicy(max_bytes=250))

    assert (report.alerts, report.evidence, report.files, report.bytes, report.bytes_left) == (0, 2, 2, 200, 200)
    assert [len(store.alert(alert.id).evidence) for alert in alerts] == [0, 0, 1, 1]
    assert store.evidence_bytes == 200


def test_purge_forgets_ended_runs_without_alerts(store, fall, begin):
    ended, running = begin(store), begin(store)
    store.finish_run(ended, "done", {"frames": 9})

    assert store.purge(RetentionPolicy(max_age_s=0.0)).runs == 1
    store.save_alert(fall(), running)
    with pytest.raises(StoreError, match="no run"):
        store.save_alert(fall(), ended)
