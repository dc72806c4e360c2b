"""Mapping by a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from core.errors import ConfigError
from domains.medical.deidentifying import SECRET_VARIABLE, Keys, read_secret

ONE, OTHER = Keys(b"0123456789abcdef"), Keys(b"0123456789abcdeX")


@given(st.text(max_size=80))
def test_uids_are_valid_and_consistent_and_need_the_secret(old: str) -> None:
    new = ONE.uid(old)

    assert UID(new).is_valid
    assert new == Keys(b"0123456789abcdef").uid(old)
    assert new != OTHER.uid(old)
    assert not old or len(old) < 4 or old not in new.replace("2.25.", "") or old.isdecimal()


def test_patients_are_told_apart_by_issuer_and_number() -> None:
    names = {ONE.pseudonym(*pair) for pair in [("a", "1"), ("b", "1"), ("", "a1"), ("a1", ""), ("a", "2")]}

    assert len(names) == 5
    assert ONE.pseudonym("a", "1") != OTHER.pseudonym("a", "1")


def test_dates_move_into_the_past_by_whole_days() -> None:
    shifts = {ONE.shift(f"P{n}").days for n in range(200)}

    assert len(shifts) > 150
    assert all(-3650 <= days <= -1 for days in shifts)


def test_the_secret_is_not_printed() -> None:
    assert "0123" not in repr(ONE)


def test_secrets_are_read_from_file_or_environment(tmp_path) -> None:
    (tmp_path / "s").write_bytes(b"0123456789abcdef\n")

    assert read_secret(tmp_path / "s") == read_secret(None, {SECRET_VARIABLE: "0123456789abcdef"}) == b"0123456789abcdef"


@pytest.mark.parametrize("content", [b"", b"short-SECRET", b"SECRET" * 2000, None])
def test_a_missing_or_weak_secret_is_refused_and_not_told(tmp_path, content) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)

    for arguments in ((tmp_path / "s", {}), (None, {SECRET_VARIABLE: (content or b"").decode()[:12]})):
        with pytest.raises(ConfigError) as raised:
            read_secret(*arguments)
        assert "SECRET" not in str(raised.value).replace(SECRET_VARIABLE, "")
