"""What hinders a signature, what a state says, what a person may edit, and what their decisions teach."""

from __future__ import annotations

import inspect
import math
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, InputError
from core.store import ReportState, ReportVersion
from domains.medical.editing import Edit, edited, edited_by_file
from domains.medical.feedback import FindingLabel, agreements, labels_of, wilson_interval
from domains.medical.formats import FORMATS, Format, write_as
from domains.medical.report import DraftReport, Evidence, Finding, ReportSentence, Section, Status
from domains.medical.sign_off import PreviousVersion, SignedState, model_status, signed_state, stored_report, undecided, unresolved

FINDINGS = ("effusion", "nodule", "mass")


def finding(name: str, probability: float, status: Status, by: str = "model") -> Finding:
    return Finding(
        name=name, probability=probability, threshold=0.7, absent_below=0.2, status=status, evidence=("picture", f"m-{name}"), by=by
    )


def sentence(identity: str, text: str, *evidence: str, section: Section = Section.FINDINGS, by: str = "model") -> ReportSentence:
    return ReportSentence(id=identity, section=section, text=text, evidence=evidence, by=by)


def report(**changes: object) -> DraftReport:
    values: dict[str, object] = {
        "id": "a" * 32,
        "study_uid": "1.2.3",
        "made_wall_s": 1.0,
        "sentences": (sentence("s1", "Effusion is present (82 %).", "m-effusion"), sentence("s2", "The nodule is absent.", "m-nodule")),
        "findings": (finding("effusion", 0.82, Status.PRESENT), finding("nodule", 0.05, Status.ABSENT)),
        "evidence": tuple(Evidence(id=i, kind="model", label=i) for i in ("picture", *(f"m-{n}" for n in FINDINGS))),
    }
    return DraftReport.model_validate(values | changes)


def version(number: int, state: ReportState, by: str, body: object = None) -> ReportVersion:
    return ReportVersion("a" * 32, number, state, by, float(number), "", number - 1 or None, "", body or {}, number)


def test_whole_report_can_be_signed():
    assert unresolved(report()) == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sentences": ()}, "no sentence under findings or impression"),
        ({"sentences": (sentence("s1", "For cough.", "picture", section=Section.INDICATION),)}, "no sentence under findings"),
        ({"sentences": (sentence("s1", "Heart size [...].", "picture"),)}, "sentence s1 has a gap"),
        ({"sentences": (sentence("s1", "Measures ____ mm.", "picture"),)}, "sentence s1 has a gap"),
        ({"sentences": (sentence("s1", "Side: TODO", "picture"),)}, "sentence s1 has a gap"),
        ({"sentences": (sentence("s1", "Clear lungs."),)}, "sentence s1 of the model rests on nothing"),
        ({"findings": (finding("mass", 0.4, Status.ABSTAINED),)}, "undecided: mass"),
        ({"findings": (finding("effusion", 0.82, Status.ABSENT, "ada"),)}, "effusion is now absent, but sentence s1"),
        ({"findings": (finding("nodule", 0.05, Status.PRESENT, "ada"),)}, "nodule is now present, but sentence s2"),
    ],
)
def test_what_hinders_a_signature_is_said(changes, says):
    assert any(says in problem for problem in unresolved(report(**changes)))


def test_what_the_signer_may_leave_open_or_has_mended_hinders_nothing():
    abstained = report(findings=(finding("mass", 0.4, Status.ABSTAINED),))
    assert unresolved(abstained, may_stay_undecided=True) == ()
    assert undecided(abstained) == ("mass",)
    mended = report(
        findings=(finding("effusion", 0.82, Status.ABSENT, "ada"), finding("nodule", 0.05, Status.ABSENT, "ada")),
        sentences=(sentence("s1", "No effusion.", "m-effusion", by="ada"), sentence("s2", "The nodule is absent.", "m-nodule")),
    )
    assert unresolved(mended) == ()


def test_sentence_on_several_findings_is_stale_only_where_it_names_the_one():
    decided = (finding("effusion", 0.82, Status.ABSENT, "ada"), finding("nodule", 0.05, Status.ABSENT))
    of_all = report(findings=decided, sentences=(sentence("s1", "Probabilities were read.", "m-effusion", "m-nodule"),))
    naming = report(findings=decided, sentences=(sentence("s1", "Effusion, no nodule.", "m-effusion", "m-nodule"),))

    assert unresolved(of_all) == ()
    assert len(unresolved(naming)) == 1


def test_state_names_a_signer_exactly_where_there_is_one():
    versions = [
        version(1, ReportState.DRAFT, "model x"),
        version(2, ReportState.FINAL, "grace"),
        version(3, ReportState.AMENDED_DRAFT, "ada"),
        version(4, ReportState.AMENDED, "grace"),
    ]
    states = [signed_state(versions, number, {"grace": "Dr. Grace"}) for number in (1, 2, 3, 4)]

    assert [(s.state, s.number, s.signer, s.signed_wall_s, s.is_signed) for s in states] == [
        ("draft", 1, "", None, False),
        ("final", 2, "Dr. Grace", 2.0, True),
        ("amended-draft", 3, "", None, False),
        ("amended", 4, "Dr. Grace", 4.0, True),
    ]
    assert states[3].previous[1] == states[2].last_signed == PreviousVersion(2, "final", "Dr. Grace", 2.0)
    assert states[1].last_signed is None
    with pytest.raises(InputError, match="no version 5"):
        signed_state(versions, 5, {})


@pytest.mark.parametrize(
    "values", [{"state": "final"}, {"state": "final", "signer": "A"}, {"signer": "A", "signed_wall_s": 1.0}, {"state": "amended"}]
)
def test_signature_without_a_signer_cannot_be_made(values):
    with pytest.raises(ValueError, match="name who signed it"):
        SignedState(**values)


@pytest.mark.parametrize("body", [{}, {"study_uid": "secret"}, {"id": "x" * 32}, {"sentences": 3}])
def test_body_that_is_no_report_is_refused_without_repeating_it(body):
    with pytest.raises(InputError, match="no medical report") as caught:
        stored_report(body)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_body_comes_back_as_it_was_kept():
    assert stored_report(report().model_dump(mode="json")) == report()


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=30)
edits = st.builds(
    Edit,
    decided=st.dictionaries(st.sampled_from(["effusion", "nodule"]), st.sampled_from([Status.PRESENT, Status.ABSENT])),
    removed=st.lists(st.sampled_from(["s1"]), max_size=1).map(tuple),
    changed=st.dictionaries(st.just("s2"), texts, max_size=1),
    added=st.lists(st.tuples(st.sampled_from(list(Section)), texts), max_size=3).map(tuple),
)


@given(edits)
def test_any_edit_bears_the_persons_name_and_touches_nothing_else(edit):
    before = report()

    after = edited(before, edit, "ada", 2)

    assert DraftReport.model_validate_json(after.model_dump_json()) == after
    assert after.model_copy(update={"sentences": before.sentences, "findings": before.findings}) == before
    kept = {s.id: s for s in before.sentences}
    assert all(s == kept.get(s.id) or s.by == "ada" for s in after.sentences)
    assert len({s.id for s in after.sentences}) == len(after.sentences)
    assert [list(Section).index(s.section) for s in after.sentences] == sorted(list(Section).index(s.section) for s in after.sentences)
    assert {f.name: f.status for f in after.findings if f.by == "ada"} == dict(edit.decided)
    assert edited_by_file(before, after, "ada") == after


def test_ids_of_removed_sentences_are_not_used_again():
    one = edited(report(), Edit(added=((Section.IMPRESSION, "A."),)), "ada", 2)
    two = edited(one, Edit(removed=("v2-1",)), "ada", 3)
    three = edited(two, Edit(added=((Section.IMPRESSION, "B."),)), "ada", 4)

    assert [s.id for s in three.sentences] == ["s1", "s2", "v4-1"]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b", "a\u202eb", "\x1b[31m"])
def test_words_that_cannot_stand_in_a_report_are_refused(text):
    for edit in (Edit(changed={"s1": text}), Edit(added=((Section.FINDINGS, text),))):
        with pytest.raises(InputError, match="printable"):
            edited(report(), edit, "ada", 2)


def test_nobody_writes_as_the_model():
    with pytest.raises(InputError, match="bear their name"):
        edited(report(), Edit(changed={"s1": "x"}), "model", 2)


def test_report_does_not_grow_without_end():
    with pytest.raises(InputError, match="keep it to 500"):
        edited(report(), Edit(added=((Section.FINDINGS, "x"),) * 499), "ada", 2)


def test_labels_tell_what_was_decided_from_what_was_only_signed():
    signed = report(
        findings=(
            finding("effusion", 0.82, Status.ABSENT, "ada"),
            finding("nodule", 0.05, Status.ABSENT),
            finding("mass", 0.4, Status.ABSTAINED),
        )
    )

    assert labels_of([signed]) == [
        FindingLabel("1.2.3", "effusion", Status.ABSENT, "decided", Status.PRESENT, 0.82),
        FindingLabel("1.2.3", "nodule", Status.ABSENT, "signed", Status.ABSENT, 0.05),
    ]
    by_name = {a.finding: a for a in agreements(labels_of([signed] * 3))}
    assert (by_name["effusion"].agreed, by_name["effusion"].count, by_name["effusion"].share) == (0, 3, 0.0)
    assert (by_name["nodule"].agreed, by_name["nodule"].count, by_name["nodule"].decided) == (3, 3, 0)


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (5, 10, 0.23659, 0.76341), (81, 263, 0.25525, 0.36616), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval_is_the_published_one(successes, count, low, high):
    assert wilson_interval(successes, count) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_wilsons_interval_holds_the_share_and_stays_a_share(counts):
    successes, count = counts
    low, high = wilson_interval(successes, count)

    assert 0.0 <= low <= successes / count <= high <= 1.0
    assert math.isclose(low, 1.0 - wilson_interval(count - successes, count)[1], abs_tol=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_model_is_never_present_and_absent_at_once(probability, one, other):
    low, high = sorted((one, other))
    status = model_status(probability, high, low)

    assert (status is Status.PRESENT) == (probability >= high)
    assert (status is Status.ABSTAINED) == (low <= probability < high)


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_is_there_and_is_called_as_agreed(name):
    module, _, function = FORMATS[name].target.partition(":")
    render = getattr(pytest.importorskip(module), function)

    assert list(inspect.signature(render).parameters)[:3] == ["report", "version", "files"]


def test_format_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setattr("domains.medical.formats.FORMATS", {"x": Format("domains.medical.reporting.nowhere:render", "x/x", ".x")})
    with pytest.raises(ConfigError, match="format x is not installed"):
        write_as("x", report(), SignedState(), lambda _: b"", UTC)
