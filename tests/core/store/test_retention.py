"""Retention's rules, as properties: what fits stays, the oldest goes first, protected evidence never."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.alerts import AlertState, EvidenceKind
from core.errors import StoreError
from core.store import AlertFilter, RetentionPolicy, open_store
from core.store.retention import EvidenceUse, files_to_drop

uses = st.lists(
    st.builds(
        EvidenceUse,
        sha256=st.uuids().map(lambda number: number.hex * 2),
        bytes=st.integers(0, 1000),
        newest_wall_s=st.floats(0, 100),
        is_protected=st.booleans(),
    ),
    max_size=30,
    unique_by=lambda use: use.sha256,
)


@given(uses, st.integers(0, 20_000))
def test_what_is_left_fits_or_is_all_protected(files, max_bytes):
    dropped = set(files_to_drop(files, max_bytes))
    left = [use for use in files if use.sha256 not in dropped]

    assert not any(use.is_protected for use in files if use.sha256 in dropped)
    assert sum(use.bytes for use in left) <= max_bytes or all(use.is_protected for use in left)


@given(uses, st.integers(0, 20_000))
def test_the_oldest_go_first_and_no_more_than_needed(files, max_bytes):
    dropped = files_to_drop(files, max_bytes)
    by_hash = {use.sha256: use for use in files}
    ages = [by_hash[sha256].newest_wall_s for sha256 in dropped]

    assert ages == sorted(ages)
    assert all(use.newest_wall_s >= max(ages, default=0) for use in files if not use.is_protected and use.sha256 not in dropped)
    if dropped:
        all_but_last = sum(use.bytes for use in files) - sum(by_hash[sha256].bytes for sha256 in dropped[:-1])
        assert all_but_last > max_bytes


@given(uses)
def test_order_of_the_question_does_not_change_the_answer(files):
    assert files_to_drop(files, 500) == files_to_drop(list(reversed(files)), 500)


alerts = st.lists(
    st.tuples(
        st.sampled_from(["fall", "glass"]), st.sampled_from([AlertState.OPEN, AlertState.CLOSED]), st.lists(st.integers(0, 5), max_size=3)
    ),
    max_size=6,
)
policies = st.builds(
    RetentionPolicy,
    max_age_s=st.sampled_from([None, 0.0, 3600.0]),
    max_bytes=st.sampled_from([None, 0, 10, 40]),
    protected_kinds=st.sampled_from([frozenset(), frozenset({"glass"})]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(saved=alerts, policy=policies)
def test_purged_store_keeps_what_it_must_and_names_no_missing_file(fall, begin, saved, policy):
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/t.db", Path(folder) / "evidence")
        run = begin(store)
        for kind, state, contents in saved:
            alert = fall(id=uuid.uuid4().hex, kind=kind, state=state)
            store.save_alert(alert, run)
            for number in contents:
                store.attach(alert.id, EvidenceKind.CLIP, bytes([number]) * (number + 1) * 3, "video/mp4", "c.mp4")
        before = {stored.alert.id: stored for stored in store.alerts(AlertFilter(limit=100))}

        report = store.purge(policy)

        after = {stored.alert.id: stored for stored in store.alerts(AlertFilter(limit=100))}
        for alert_id, stored in before.items():
            if stored.alert.state is AlertState.OPEN or stored.alert.kind in policy.protected_kinds:
                assert after[alert_id] == stored
            elif policy.max_age_s == 0.0:
                assert alert_id not in after
            else:
                assert after[alert_id].alert == stored.alert
        named = {piece.path: piece.bytes for stored in after.values() for piece in stored.evidence}
        assert set((Path(folder) / "evidence").glob("[0-9a-f][0-9a-f]/*")) == set(named)
        assert store.check(deep=True) == []
        assert report.bytes_left == store.evidence_bytes == sum(named.values())
        assert report.alerts == len(before) - len(after)
        again = store.purge(policy)
        assert (again.alerts, again.evidence, again.files) == (0, 0, 0)
        store.close()


@pytest.mark.parametrize("limits", [{"max_age_s": -1.0}, {"max_bytes": -1}, {"max_age_s": float("nan")}])
def test_impossible_limit_is_refused(limits):
    with pytest.raises(StoreError, match="retention"):
        RetentionPolicy(**limits)
