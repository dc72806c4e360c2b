"""`trivium medical reports`, `audit` and `people`: from a draft to a signed report, for people and for programs."""

from __future__ import annotations

import csv
import hashlib
import json
import logging

import pytest
from click.testing import CliRunner

from core.store import ReportFile, open_store
from domains.medical.report import Checkpoint, DraftReport, Evidence, Finding, ReportSentence, Section, Status, Subject
from pipelines.cli import Session
from pipelines.commands.medical.reports import audit, reports
from pipelines.commands.people import people

PASSWORD = "correct horse battery"
PICTURE = b"\x89PNG\r\n\x1a\n a picture"
STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
PATIENT = "Doe^Jane"


def finding(name: str, probability: float, status: Status) -> Finding:
    return Finding(name=name, probability=probability, threshold=0.7, absent_below=0.2, status=status, evidence=("i1", f"m-{name}"))


def draft(report_id: str = "ab" * 16, **changes: object) -> DraftReport:
    sha256 = hashlib.sha256(PICTURE).hexdigest()
    values: dict[str, object] = {
        "id": report_id,
        "study_uid": STUDY_UID,
        "subject": Subject(patient_id="PID-77", name=PATIENT),
        "made_wall_s": 1_700_000_000.0,
        "sentences": (
            ReportSentence(id="s1", section=Section.FINDINGS, text="Pleural effusion is present (82 %).", evidence=("m-effusion",)),
            ReportSentence(
                id="s2", section=Section.IMPRESSION, text="No finding reached its threshold but effusion.", evidence=("m-effusion",)
            ),
        ),
        "findings": (
            finding("effusion", 0.82, Status.PRESENT),
            finding("nodule", 0.05, Status.ABSENT),
            finding("mass", 0.4, Status.ABSTAINED),
        ),
        "evidence": (
            Evidence(id="i1", kind="picture", label="chest film, PA", image_sha256=sha256),
            *(Evidence(id=f"m-{name}", kind="model", label="probability") for name in ("effusion", "nodule", "mass")),
        ),
        "checkpoint": Checkpoint(name="demo", sha256="0" * 64, trained_on="made studies"),
    }
    return DraftReport.model_validate(values | changes)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on a fresh store; what it says is also kept, to be searched for patients."""
    for name, value in (("TIME_COST", 1), ("MEMORY_KIB", 64), ("LANES", 1)):
        monkeypatch.setattr(f"core.store.passwords.{name}", value)
    monkeypatch.setenv("TRIVIUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("TRIVIUM_PASSWORD", PASSWORD)
    monkeypatch.setenv("TRIVIUM_NEW_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)

    def call(group, *words, fails=False):
        result = CliRunner().invoke(group, [str(word) for word in words], obj=Session(None))
        if fails:
            assert result.exit_code != 0, result.output
            return str(result.exception) + result.output
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.output

    return call


@pytest.fixture
def store(run, tmp_path):
    """The same store, with a clinician, a signer and a draft."""
    opened = open_store(f"sqlite:///{tmp_path}/data/trivium.db", tmp_path / "data" / "evidence")
    for name, shown, role in (("ada", "Dr. Ada", "clinician"), ("grace", "Dr. Grace", "signer")):
        run(people, "add", name, "--display-name", shown, "--role", role)
    keep(opened, draft())
    yield opened
    opened.close()


def keep(store, report):
    files = [ReportFile("key image", PICTURE, "image/png", "key.png")]
    store.save_draft("medical", report.study_uid, report.model_dump(mode="json"), "trivium drafting", report_id=report.id, files=files)


def test_report_is_corrected_signed_amended_and_exported(run, store, tmp_path):
    listed = json.loads(run(reports, "list", "--json"))
    assert (listed["id"], listed["study_uid"], listed["state"], listed["version"]) == ("ab" * 16, STUDY_UID, "draft", 1)

    run(
        reports,
        "edit",
        "ab",
        "--by",
        "ada",
        "--finding",
        "effusion=absent",
        "--finding",
        "mass=absent",
        "--remove",
        "s2",
        "--why",
        "looked",
    )
    run(reports, "edit", "ab", "--by", "ada", "--sentence", "s1", "--text", "No pleural  effusion.")
    run(reports, "edit", "ab", "--by", "ada", "--add", "impression", "--text", "Normal chest film.")
    assert "is final: version 5, signed by grace" in run(reports, "sign", "ab", "--by", "grace")
    run(reports, "amend", "ab", "--by", "ada", "--why", "wrong side")
    run(reports, "edit", "ab", "--by", "ada", "--remove", "v4-1")
    run(reports, "sign", "ab", "--by", "grace")

    shown = json.loads(run(reports, "show", "ab", "--version", "5", "--json"))
    body = DraftReport.model_validate(shown["body"])
    assert [(s.id, s.section, s.text, s.by) for s in body.sentences] == [
        ("s1", "findings", "No pleural effusion.", "ada"),
        ("v4-1", "impression", "Normal chest film.", "ada"),
    ]
    assert [(f.name, f.status, f.by, f.probability) for f in body.findings] == [
        ("effusion", "absent", "ada", 0.82),
        ("nodule", "absent", "model", 0.05),
        ("mass", "absent", "ada", 0.4),
    ]
    assert [(v["number"], v["state"], v["by"]) for v in shown["versions"]] == [
        (1, "draft", "trivium drafting"),
        *((n, "draft", "ada") for n in (2, 3, 4)),
        (5, "final", "grace"),
        *((n, "amended-draft", "ada") for n in (6, 7)),
        (8, "amended", "grace"),
    ]
    exported = json.loads((tmp_path / run(reports, "export", "ab", "--format", "json").split(":")[0]).read_text())
    assert (exported["is_draft"], exported["version"]["state"], exported["version"]["signer"]) == (False, "amended", "Dr. Grace")
    assert run(audit, "verify").startswith("12 entries hold")  # two people, eight versions, shown, exported


def test_what_is_printed_for_people_says_draft_and_whose_words_they_are(run, store):
    run(reports, "edit", "ab", "--by", "ada", "--sentence", "s1", "--text", "No effusion.")

    shown = run(reports, "show", "ab")
    assert "DRAFT for review by a qualified person" in shown
    assert "No effusion.  [ada: probability]" in shown
    changed = run(reports, "diff", "ab")
    assert "- Pleural effusion is present (82 %)." in changed
    assert "+ No effusion." in changed
    assert json.loads(run(reports, "diff", "ab", "1", "2", "--json"))["changes"][0]["path"] == "sentences[s1].text"
    assert "draft" in run(reports, "list")
    assert "ada  report.edited" in run(audit, "show", "--report", "ab")
    assert "Dr. Ada" in run(people, "list")


def test_unsigned_report_exports_as_draft_and_never_as_final(run, store, tmp_path):
    refused = run(reports, "export", "ab", "--format", "html", "--final", fails=True)
    assert "it cannot be exported as final unsigned" in refused
    assert list(tmp_path.glob("*.html")) == []

    assert "DRAFT" in run(reports, "export", "ab", "--format", "html", "--out", "draft.html")
    page = (tmp_path / "draft.html").read_text()
    assert "DRAFT" in page
    assert "data:image/png;base64," in page
    assert (tmp_path / "draft.html").stat().st_mode & 0o077 == 0
    assert "is there already" in run(reports, "export", "ab", "--format", "html", "--out", "draft.html", fails=True)
    run(reports, "export", "ab", "--format", "html", "--out", "draft.html", "--force")
    assert "report.exported" in run(audit, "show", "--limit", "1")


def test_signed_version_stays_the_one_that_is_exported_while_an_amendment_is_open(run, store, tmp_path):
    run(reports, "sign", "ab", "--by", "grace", "--leave-undecided")
    run(reports, "amend", "ab", "--by", "ada", "--why", "wrong side")
    run(reports, "edit", "ab", "--by", "ada", "--sentence", "s1", "--text", "On the left.")

    run(reports, "export", "ab", "--format", "json", "--out", "a.json", "--final")
    run(reports, "export", "ab", "--format", "json", "--out", "b.json", "--version", "4")

    assert [json.loads((tmp_path / f).read_text())["version"]["state"] for f in ("a.json", "b.json")] == ["final", "amended-draft"]
    assert "cannot be exported as final unsigned" in run(reports, "export", "ab", "--final", "--version", "4", fails=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sign", "ab", "--by", "ada"), "may not sign reports"),
        (("sign", "ab", "--by", "grace"), "undecided: mass"),
        (("sign", "ab", "--by", "grace", "--version", "7"), "no version 7"),
        (("edit", "ab", "--by", "ada", "--finding", "effuson=absent"), "did you mean 'effusion'"),
        (("edit", "ab", "--by", "ada", "--finding", "effusion=maybe"), "is no decision"),
        (("edit", "ab", "--by", "ada", "--sentence", "s9", "--text", "x"), "no sentence 's9'"),
        (("edit", "ab", "--by", "ada", "--text", "x"), "--text goes with"),
        (("edit", "ab", "--by", "ada"), "say what to change"),
        (("edit", "ab", "--by", "nobody", "--remove", "s1"), "the name or the password is wrong"),
        (("edit", "ab", "--by", "ada", "--sentence", "s1", "--text", "a\u202eb"), "printable"),
        (("edit", "ab", "--remove", "s1"), "--by"),
        (("amend", "ab", "--by", "ada", "--why", "x"), "not signed; edit it"),
        (("show", "ff"), "no report's id"),
        (("diff", "ab", "1", "9"), "no version 9"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_changes_nothing(run, store, words, says):
    said = run(reports, *words, fails=True)

    assert says in said
    assert PATIENT not in said
    assert "PID-77" not in said
    assert store.report("ab").version == 1


def test_model_sentence_on_a_finding_decided_otherwise_hinders_the_signature(run, store):
    run(reports, "edit", "ab", "--by", "ada", "--finding", "effusion=absent", "--finding", "mass=absent")

    said = run(reports, "sign", "ab", "--by", "grace", fails=True)

    assert "effusion is now absent, but sentence s1 is still the model's" in said
    assert "sentence s2" in said


def test_edit_by_file_bears_the_editors_name_whatever_the_file_says(run, store, tmp_path):
    value = json.loads(run(reports, "show", "ab", "--json"))
    value["body"]["sentences"][0] |= {"text": "No effusion.", "by": "grace"}
    value["body"]["sentences"].append({"id": "n1", "section": "indication", "text": "Cough.", "by": "grace"})
    value["body"]["findings"][0] |= {"status": "absent", "by": "grace"}
    (tmp_path / "edited.json").write_text(json.dumps(value))

    run(reports, "edit", "ab", "--by", "ada", "--file", "edited.json")

    body = DraftReport.model_validate(store.version("ab").body)
    assert [(s.id, s.by) for s in body.sentences] == [("n1", "ada"), ("s1", "ada"), ("s2", "model")]
    assert (body.findings[0].status, body.findings[0].by) == (Status.ABSENT, "ada")
    assert "changed meanwhile" in run(reports, "edit", "ab", "--by", "ada", "--file", "edited.json", fails=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body["subject"].update(name="Somebody^Else"), "subject was changed"),
        (lambda body: body["findings"][0].update(probability=0.01), "more than the status of effusion"),
        (lambda body: body["findings"].pop(), "adds, removes or moves findings"),
        (lambda body: body["findings"][0].update(status="abstained"), "present or absent, not abstained"),
        (lambda body: body["sentences"][0].update(evidence=["made-up"], text="x"), "no evidence of the report"),
        (lambda body: body["sentences"].append(body["sentences"][0]), "two sentences with the id"),
        (lambda body: body["sentences"][0].update(text="\x1b[2J"), "printable"),
        (lambda body: body.update(checkpoint=None), "checkpoint was changed"),
        (lambda body: body.update(extra=1), "no medical report: extra"),
        (lambda body: body.clear(), "no medical report"),
    ],
)
def test_file_that_changes_more_than_a_person_may_is_refused(run, store, tmp_path, change, says):
    value = json.loads(run(reports, "show", "ab", "--json"))
    change(value["body"])
    (tmp_path / "edited.json").write_text(json.dumps(value))

    said = run(reports, "edit", "ab", "--by", "ada", "--file", "edited.json", fails=True)

    assert says in said
    assert PATIENT not in said
    assert "Somebody" not in said
    assert store.report("ab").version == 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"body": 1}', "[" * 5000, "\x00"])
def test_file_that_is_no_report_is_one_line(run, store, tmp_path, content):
    (tmp_path / "edited.json").write_text(content)
    assert "edited.json" in run(reports, "edit", "ab", "--by", "ada", "--file", "edited.json", fails=True)


def test_labels_are_what_people_decided_and_agreement_counts_what_was_signed(run, store, tmp_path):
    keep(store, draft("cd" * 16, study_uid="=cmd|x"))
    keep(store, draft("ef" * 16))
    decided = ("--finding", "effusion=absent", "--finding", "mass=present", "--remove", "s1", "--remove", "s2")
    run(reports, "edit", "ab", "--by", "ada", *decided)
    run(reports, "edit", "ab", "--by", "ada", "--add", "findings", "--text", "A mass.")
    run(reports, "sign", "ab", "--by", "grace")
    run(reports, "edit", "cd", "--by", "ada", "--finding", "effusion=present")
    run(reports, "sign", "cd", "--by", "grace", "--leave-undecided")

    printed = json.loads(run(reports, "labels", "labels.csv", "--json"))
    run(reports, "labels", "all.csv", "--signed-too")

    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert {(r["study_uid"], r["finding"], r["label"], r["how"], r["model"]) for r in rows} == {
        (STUDY_UID, "effusion", "absent", "decided", "present"),
        (STUDY_UID, "mass", "present", "decided", "abstained"),
        ("'=cmd|x", "effusion", "present", "decided", "present"),
    }
    agreement = {a["finding"]: (a["count"], a["agreed"], a["decided"]) for a in printed["agreement"]}
    assert agreement == {"effusion": (2, 1, 2), "nodule": (2, 2, 0), "mass": (0, 0, 1)}
    assert sum(1 for _ in (tmp_path / "all.csv").open()) == 1 + 5


def test_audit_that_was_tampered_with_is_exit_code_2_and_names_the_entry(run, store, tmp_path):
    anchor = json.loads(run(audit, "verify", "--json"))["anchor"]
    with store._database.write() as session:
        connection = session.connection()
        for trigger in ("audit_entries_update", "audit_entries_delete"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("UPDATE audit_entries SET who = 'eve' WHERE number = 2")

    result = CliRunner().invoke(audit, ["verify"], obj=Session(None))

    assert result.exit_code == 2
    assert "entry 2 was changed" in result.output
    assert "audit_entries_update" in result.output
    assert json.loads(CliRunner().invoke(audit, ["verify", "--json"], obj=Session(None)).output)["broken"] == 2
    run(audit, "verify", "--expect", anchor, fails=True)


def test_once_there_is_an_admin_only_an_admin_changes_people(run, store):
    run(people, "add", "root", "--display-name", "Root", "--role", "admin")

    assert "name one with --by" in run(people, "add", "eve", "--display-name", "Eve", "--role", "signer", fails=True)
    assert "takes the role admin" in run(people, "add", "eve", "--display-name", "E", "--role", "signer", "--by", "grace", fails=True)
    run(people, "add", "eve", "--display-name", "Eve", "--role", "signer", "--by", "root")
    run(people, "roles", "eve", "--by", "root")
    run(people, "password", "ada", "--by", "ada")
    run(people, "unlock", "ada", "--by", "root")
    assert "takes the role admin" in run(people, "password", "grace", "--by", "ada", fails=True)
    assert "may not sign" in run(reports, "sign", "ab", "--by", "eve", fails=True)
    assert "root  person.added  eve" in run(audit, "show", "--person", "eve")


def test_password_comes_from_a_file_and_never_from_nowhere(run, store, tmp_path, monkeypatch):
    monkeypatch.delenv("TRIVIUM_PASSWORD")
    (tmp_path / "password").write_text(PASSWORD + "\nsomething else\n")

    assert "no terminal" in run(reports, "edit", "ab", "--by", "ada", "--remove", "s1", fails=True)
    run(reports, "edit", "ab", "--by", "ada", "--remove", "s1", "--password-file", "password")
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert "cannot be read" in run(reports, "edit", "ab", "--by", "ada", "--remove", "s2", "--password-file", "password", fails=True)


def test_no_log_line_names_the_patient(run, store, caplog):
    caplog.set_level(logging.DEBUG)
    run(reports, "edit", "ab", "--by", "ada", "--remove", "s2")
    run(reports, "show", "ab")
    run(reports, "sign", "ab", "--by", "grace", fails=True)
    run(reports, "export", "ab", "--format", "html")

    assert PATIENT not in caplog.text
    assert "PID-77" not in caplog.text
    assert STUDY_UID not in caplog.text
    assert PASSWORD not in caplog.text
    assert PATIENT not in json.dumps([entry.details for entry in store.audit_entries()])


def test_help_of_every_command_has_examples():
    for group in (reports, audit, people):
        for command in (group, *group.commands.values()):
            assert "Examples:" in (command.epilog or ""), command.name
