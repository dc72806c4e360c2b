"""Reports: drafted, edited, signed, amended; what was written stays, who may not is refused."""

from __future__ import annotations

import os
import threading
import uuid

import pytest
from sqlalchemy import text

from core.errors import StoreError
from core.store import Person, ReportFile, ReportFilter, ReportState, RetentionPolicy, open_store

BODY = {"sentences": [{"id": "s1", "text": "No effusion."}, {"id": "s2", "text": "Heart of normal size."}], "probability": 0.1}
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("light_hashes")


@pytest.fixture
def people(store):
    """A clinician and a signer."""
    return {
        role: store.add_person(name, name.title(), {role}, PASSWORD, "shell:test")
        for name, role in (("ada", "clinician"), ("grace", "signer"), ("vic", "viewer"))
    }


def draft(store, **changes):
    return store.save_draft("medical", "1.2.3", {**BODY, **changes}, "model", reason="drafted").report_id


def test_report_goes_from_draft_over_edit_and_signature_to_amendment_and_keeps_every_version(store, people):
    report = draft(store)
    store.edit(report, 1, {**BODY, "probability": 0.2}, people["clinician"], "wrong number")
    store.sign(report, 2, "grace", PASSWORD)
    assert (store.report(report).state, store.report(report).version) == (ReportState.FINAL, 3)
    store.amend(report, 3, people["clinician"], "side was wrong")
    assert (store.report(report).state, store.report(report).version_state) == (ReportState.FINAL, ReportState.AMENDED_DRAFT)
    store.edit(report, 4, {**BODY, "probability": 0.3}, people["clinician"])
    store.sign(report, 5, "grace", PASSWORD)

    versions = store.versions(report)
    assert [(v.number, v.state, v.by, v.reason, v.previous, v.body["probability"]) for v in versions] == [
        (1, "draft", "model", "drafted", None, 0.1),
        (2, "draft", "ada", "wrong number", 1, 0.2),
        (3, "final", "grace", "", 2, 0.2),
        (4, "amended-draft", "ada", "side was wrong", 3, 0.2),
        (5, "amended-draft", "ada", "", 4, 0.3),
        (6, "amended", "grace", "", 5, 0.3),
    ]
    assert store.report(report[:6]).state == ReportState.AMENDED
    assert versions[1].sha256 == versions[2].sha256
    checked = store.verify_audit()
    assert (checked.broken, checked.problem, checked.missing_guards, checked.entries) == (None, "", (), 9)


def test_edit_of_an_older_version_is_refused(store, people):
    report = draft(store)
    store.edit(report, 1, {**BODY, "x": 1}, people["clinician"])

    for step in (
        lambda: store.edit(report, 1, {**BODY, "x": 2}, people["signer"]),
        lambda: store.sign(report, 1, "grace", PASSWORD),
        lambda: store.edit(report, 9, {**BODY, "x": 2}, people["signer"]),
    ):
        with pytest.raises(StoreError, match="changed meanwhile"):
            step()
    assert len(store.versions(report)) == 2


@pytest.mark.parametrize(("name", "password"), [("ada", PASSWORD), ("vic", PASSWORD)])
def test_only_a_signer_signs(store, people, name, password):
    report = draft(store)

    with pytest.raises(StoreError, match="may not sign"):
        store.sign(report, 1, name, password)
    assert store.report(report).state == ReportState.DRAFT


def test_wrong_password_signs_nothing(store, people):
    report = draft(store)

    for name, password in (("grace", "wrong horse battery"), ("nobody", PASSWORD), ("grace", "")):
        with pytest.raises(StoreError, match="the name or the password is wrong"):
            store.sign(report, 1, name, password)
    assert store.report(report).version == 1


def test_person_who_lost_the_role_since_they_came_in_may_not_edit(store, people):
    report = draft(store)
    store.set_roles("ada", ["viewer"], "shell:test")

    for person in (people["clinician"], people["viewer"], Person("ghost", "Ghost", ("signer",))):
        with pytest.raises(StoreError, match="may not"):
            store.edit(report, 1, {**BODY, "x": 1}, person)


def test_what_the_domain_holds_against_it_refuses_the_signature(store, people):
    report = draft(store)

    with pytest.raises(StoreError, match="cannot be signed yet: a gap; another"):
        store.sign(report, 1, "grace", PASSWORD, check=lambda body: ("a gap", "another") if body["probability"] == 0.1 else ())
    assert store.report(report).state == ReportState.DRAFT


def test_steps_out_of_order_are_refused(store, people):
    report = draft(store)
    with pytest.raises(StoreError, match="not signed; edit it"):
        store.amend(report, 1, people["clinician"], "why")
    with pytest.raises(StoreError, match="changes nothing"):
        store.edit(report, 1, BODY, people["clinician"])
    with pytest.raises(StoreError, match="already"):
        store.save_draft("medical", "1.2.3", BODY, "model", report_id=report)
    store.sign(report, 1, "grace", PASSWORD)
    with pytest.raises(StoreError, match="signed; amend it"):
        store.edit(report, 2, {}, people["clinician"])
    with pytest.raises(StoreError, match="signed already"):
        store.sign(report, 2, "grace", PASSWORD)
    with pytest.raises(StoreError, match="no reason"):
        store.amend(report, 2, people["clinician"], "  ")
    assert len(store.versions(report)) == 2


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": object()}, {"x": "y" * 16_000_001}])
def test_body_that_cannot_be_kept_is_refused(sqlite_store, body):
    with pytest.raises(StoreError) as caught:
        sqlite_store.save_draft("medical", "1.2.3", body, "model")
    assert "\n" not in str(caught.value)
    assert sqlite_store.reports() == []
    assert sqlite_store.verify_audit().entries == 0


def test_reports_are_found_by_what_they_are_and_page_by_page(store, people):
    ids = [draft(store) for _ in range(5)]
    other = store.save_draft("surveillance", "door", {}, "rule").report_id
    store.sign(ids[2], 1, "grace", PASSWORD)

    assert [r.id for r in store.reports()] == [other, *reversed(ids)]
    assert [r.id for r in store.reports(ReportFilter(state=ReportState.FINAL))] == [ids[2]]
    assert [r.id for r in store.reports(ReportFilter(domain="surveillance"))] == [other]
    assert len(store.reports(ReportFilter(subject="1.2.3"))) == 5
    seen, after = [], None
    while page := store.reports(ReportFilter(limit=2, after=after)):
        seen += [r.id for r in page]
        after = page[-1].cursor
    assert seen == [other, *reversed(ids)]
    for bad in (ReportFilter(limit=0), ReportFilter(after="x")):
        with pytest.raises(StoreError):
            store.reports(bad)
    for hostile in ("", "%", "../x", "0" * 33):
        with pytest.raises(StoreError, match="not a report's id"):
            store.report(hostile)
    with pytest.raises(StoreError, match="no report's id"):
        store.report(uuid.uuid4().hex)
    with pytest.raises(StoreError, match="no version 7"):
        store.version(other, 7)


def test_diff_tells_what_changed_sentence_by_sentence(store, people):
    report = draft(store)
    changed = {**BODY, "sentences": [BODY["sentences"][1], {"id": "s1", "text": "Effusion."}, {"id": "s3", "text": "New."}]}
    store.edit(report, 1, changed, people["clinician"])

    assert [(c.path, c.kind, c.before, c.after) for c in store.diff(report, 1, 2)] == [
        ("sentences[s1].text", "changed", "No effusion.", "Effusion."),
        ("sentences[s3]", "added", None, {"id": "s3", "text": "New."}),
        ("sentences", "moved", ["s1", "s2"], ["s2", "s1"]),
    ]


def test_files_come_with_the_draft_and_survive_every_purge(store, people, fall, begin, tmp_path):
    picture, page = os.urandom(1000), tmp_path / "page.pdf"
    page.write_bytes(b"%PDF")
    files = [ReportFile("key image", picture, "image/png", "../../key.png"), ReportFile("pdf", page, "application/pdf", "report.pdf")]
    report = store.save_draft("medical", "1.2.3", BODY, "model", files=files).report_id
    store.attach_to_report(report, files, "ada")
    alert = fall(wall_start_s=1.0)
    store.save_alert(alert, begin(store))
    store.attach(alert.id, "snapshot", picture, "image/png", "the same picture")

    store.purge(RetentionPolicy(max_age_s=0.0, max_bytes=0))

    kept = store.report_files(report)
    assert [(f.kind, f.name, f.bytes) for f in kept] == [("key image", "../../key.png", 1000), ("pdf", "report.pdf", 4)]
    assert store.read_report_file(report, kept[0].sha256) == picture
    assert store.evidence_bytes == 1004
    assert store.check(deep=True) == []
    assert [e.action for e in store.audit_entries()][:1] == ["report.drafted"]  # attaching the same again told nothing
    assert page.exists()


def test_damaged_or_missing_file_of_a_report_is_found(sqlite_store):
    report = sqlite_store.save_draft("m", "s", {}, "model", files=[ReportFile("pdf", b"page", "application/pdf", "x")]).report_id
    (file,) = sqlite_store.report_files(report)
    file.path.write_bytes(b"PAGE")

    assert [(fault.alert_id, fault.problem) for fault in sqlite_store.check(deep=True)] == [(report, "wrong hash")]
    with pytest.raises(StoreError, match="damaged"):
        sqlite_store.read_report_file(report, file.sha256)
    file.path.unlink()
    assert [fault.problem for fault in sqlite_store.check()] == ["missing"]
    with pytest.raises(StoreError, match="has no file"):
        sqlite_store.read_report_file(report, "../../etc/passwd")


def test_protected_report_files_push_out_alerts_evidence_and_never_themselves(sqlite_store, fall, begin):
    sqlite_store.save_draft("m", "s", {}, "model", files=[ReportFile("pdf", b"r" * 100, "application/pdf", "x")])
    alert = fall()
    sqlite_store.save_alert(alert, begin(sqlite_store))
    sqlite_store.attach(alert.id, "clip", b"a" * 100, "video/mp4", "c")

    report = sqlite_store.purge(RetentionPolicy(max_bytes=150))

    assert (report.evidence, report.files, report.bytes_left) == (1, 1, 100)


def test_two_who_edit_at_once_do_not_overwrite_each_other(store, people):
    report, outcomes, together = draft(store), [], threading.Barrier(4)

    def work(number: int) -> None:
        together.wait()
        try:
            outcomes.append(store.edit(report, 1, {**BODY, "x": number}, people["clinician"]).number)
        except StoreError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes))[0] == "2"
    assert sum("changed meanwhile" in str(outcome) for outcome in outcomes) == 3
    assert store.verify_audit().broken is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE report_versions SET body = '{}'",
        "UPDATE report_versions SET number = 9",
        "DELETE FROM report_versions",
        "UPDATE report_files SET name = 'x'",
        "DELETE FROM report_files",
        "UPDATE audit_entries SET who = 'nobody'",
        "DELETE FROM audit_entries",
        "DELETE FROM reports",
        "UPDATE reports SET state = 'final'",
        "UPDATE reports SET state = 'amended', version = version + 1",
        "UPDATE reports SET subject = 'x', version = version + 1",
    ],
)
def test_database_itself_refuses_to_change_what_was_written(store, statement):
    report = store.save_draft("m", "s", BODY, "model", files=[ReportFile("pdf", b"page", "application/pdf", "x")]).report_id

    with pytest.raises(StoreError, match="keeps what was written") as caught, store._database.write() as session:
        session.execute(text(statement))

    assert "\n" not in str(caught.value)
    assert store.version(report).body == BODY
    assert store.verify_audit().broken is None


def test_replacing_by_insertion_is_refused(sqlite_store):
    sqlite_store.save_draft("m", "s", BODY, "model", files=[ReportFile("pdf", b"page", "application/pdf", "x")])

    for table in ("report_versions", "report_files", "audit_entries", "reports"):
        with pytest.raises(StoreError, match="keeps what was written"), sqlite_store._database.write() as session:
            session.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))
    with sqlite_store._database.write() as session, pytest.raises(Exception, match="keeps what was written"):
        session.execute(text("INSERT INTO reports SELECT * FROM reports WHERE true ON CONFLICT (id) DO UPDATE SET state = 'final'"))


def test_truncating_is_refused_for_replication_too(postgres, tmp_path):
    store = open_store(postgres.url(postgres.new_database()), tmp_path / "evidence")
    store.save_draft("m", "s", BODY, "model")
    for before in ("SELECT 1", "SET LOCAL session_replication_role = replica"):
        for statement in ("TRUNCATE report_versions", "TRUNCATE reports CASCADE", "DELETE FROM report_versions"):
            with pytest.raises(StoreError, match="keeps what was written"), store._database.write() as session:
                [session.execute(text(each)) for each in (before, statement)]
    store.close()
