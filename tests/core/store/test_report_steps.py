"""Any sequence of drafting, editing, signing and amending: the store against a plain model; and a kill at any moment of it."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.errors import StoreError
from core.store import ReportState, open_store, passwords
from core.store.json_diff import changes_between

PASSWORD = "correct horse battery"
KILLS = 8
AFTER_SIGNING = {"draft": "final", "amended-draft": "amended"}


class ReportSteps(RuleBasedStateMachine):
    """A list of `(state, body)` stands for the report; every step that it allows succeeds, every other changes nothing."""

    @initialize()
    def begin(self) -> None:
        self.before = (passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES)
        passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES = 1, 64, 1
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(f"sqlite:///{self.folder.name}/t.db", Path(self.folder.name) / "evidence")
        self.editor = self.store.add_person("ada", "Ada", {"clinician"}, PASSWORD, "test")
        self.store.add_person("grace", "Grace", {"signer"}, PASSWORD, "test")
        self.id = self.store.save_draft("m", "s", {"text": 0}, "model").report_id
        self.expected = [("draft", 0)]
        self.anchors: list[str] = []

    @property
    def is_signed(self) -> bool:
        return self.expected[-1][0] in ("final", "amended")

    def step(self, number: int, act, state: str, text: int, *, is_allowed: bool) -> None:
        if is_allowed and number == len(self.expected):
            act()
            self.expected.append((state, text))
        else:
            with pytest.raises(StoreError):
                act()

    @rule(text=st.integers(0, 3), behind=st.sampled_from([0, 0, 0, 1]))
    def edit(self, text: int, behind: int) -> None:
        state, was = self.expected[-1]
        number = len(self.expected) - behind
        is_allowed = not self.is_signed and text != was
        self.step(number, lambda: self.store.edit(self.id, number, {"text": text}, self.editor), state, text, is_allowed=is_allowed)

    @rule(name=st.sampled_from(["grace", "grace", "ada"]), behind=st.sampled_from([0, 0, 0, 1]), hinders=st.booleans())
    def sign(self, name: str, behind: int, hinders: bool) -> None:
        state, was = self.expected[-1]
        number = len(self.expected) - behind
        is_allowed = not self.is_signed and name == "grace" and not hinders
        problems = ("a gap",) if hinders else ()
        act = lambda: self.store.sign(self.id, number, name, PASSWORD, lambda _: problems)  # noqa: E731
        self.step(number, act, AFTER_SIGNING.get(state, ""), was, is_allowed=is_allowed)

    @rule(behind=st.sampled_from([0, 0, 0, 1]), text=st.none() | st.integers(0, 3))
    def amend(self, behind: int, text: int | None) -> None:
        number = len(self.expected) - behind
        body = None if text is None else {"text": text}
        kept = self.expected[-1][1] if text is None else text
        act = lambda: self.store.amend(self.id, number, self.editor, "why", body)  # noqa: E731
        self.step(number, act, "amended-draft", kept, is_allowed=self.is_signed)

    @precondition(lambda self: len(self.anchors) < 3)
    @rule()
    def note_anchor(self) -> None:
        self.anchors.append(self.store.verify_audit().anchor)

    @invariant()
    def everything_that_was_written_is_there(self) -> None:
        if not hasattr(self, "store"):
            return
        versions = self.store.versions(self.id)
        assert [(v.state, v.body["text"]) for v in versions] == self.expected
        assert [v.number for v in versions] == list(range(1, len(versions) + 1))
        head = self.store.report(self.id)
        signed = [state for state, _ in self.expected if state in ("final", "amended")]
        assert (head.state, head.version_state) == (signed[-1] if signed else ReportState.DRAFT, self.expected[-1][0])
        for anchor in (None, *self.anchors):
            assert self.store.verify_audit(anchor).broken is None

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()
            passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES = self.before


TestReportSteps = ReportSteps.TestCase
TestReportSteps.settings = settings(max_examples=12, stateful_step_count=12, deadline=None, derandomize=True)

STEP_FOR_EVER = """
import sys
from pathlib import Path
from core.store import ReportFile, open_store, passwords
passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES = 1, 64, 1
store = open_store(sys.argv[1], Path(sys.argv[2]))
grace = store.check_password("grace", sys.argv[3])
print("ready", flush=True)
while True:
    files = [ReportFile("key image", b"x" * 50_000, "image/png", "key.png")]
    kept = store.save_draft("m", "s", {"text": 0}, "model", files=files)
    print("kept", kept.report_id, kept.number, flush=True)
    for turn in range(3):
        for act in (
            lambda: store.edit(kept.report_id, kept.number, {"text": kept.number}, grace),
            lambda: store.sign(kept.report_id, kept.number, "grace", sys.argv[3]),
            lambda: store.amend(kept.report_id, kept.number, grace, "why"),
        ):
            kept = act()
            print("kept", kept.report_id, kept.number, flush=True)
"""


@pytest.mark.slow
def test_kill_in_the_middle_of_signing_leaves_all_of_it_or_nothing(database_url, child, tmp_path, light_hashes):
    chance = random.Random(5)
    store = open_store(database_url, tmp_path / "evidence")
    store.add_person("grace", "Grace", {"signer"}, PASSWORD, "test")
    acknowledged: dict[str, int] = {}
    for _ in range(KILLS):
        process = child(STEP_FOR_EVER, database_url, tmp_path / "evidence", PASSWORD)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        said = "".join(process.stdout.readline() for _ in range(chance.randrange(9)))
        time.sleep(chance.uniform(0.0, 0.02))  # a moment anywhere inside a step
        process.kill()
        said += process.stdout.read()
        assert process.wait() == -9
        for line in said.splitlines(keepends=True):
            if line.endswith("\n"):
                _, report_id, number = line.split()
                acknowledged[report_id] = int(number)
        store.unlock_person("grace", "test")  # an attempt that was killed counts as one

    checked = store.verify_audit()
    assert (checked.broken, checked.problem) == (None, "")
    for report_id, number in acknowledged.items():
        versions = store.versions(report_id)
        assert len(versions) >= number
        assert store.report(report_id).version == len(versions)
        assert [file.kind for file in store.report_files(report_id)] == ["key image"]
    assert store.check(deep=True) == []
    assert len(acknowledged) >= KILLS // 2
    store.close()


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"id": st.sampled_from(["x", "y", "z"]), "v": inner}), max_size=3)
    ),
    max_leaves=12,
)


def is_same(one: object, other: object) -> bool:
    """JSON's sameness: `True == 1` and `1 == 1.0` in Python, not there; -0.0 is 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


@given(values, values)
def test_difference_is_empty_exactly_where_two_values_are_the_same(before, after):
    assert (changes_between(before, after) == ()) == is_same(before, after)
    assert changes_between(before, before) == ()


@given(values, values)
def test_difference_turned_around_swaps_what_was_and_what_is(before, after):
    there, back = changes_between(before, after), changes_between(after, before)

    assert sorted((c.path, repr(c.before), repr(c.after)) for c in there) == sorted((c.path, repr(c.after), repr(c.before)) for c in back)
