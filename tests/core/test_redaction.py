"""No login and no token of a camera's address may pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.redaction import public_name, redact

SECRET = "S3cretW0rd"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://admin:{SECRET}@192.168.1.5:554/live",
        f"rtsp://admin:{SECRET}@[fe80::1]:554/live",
        f"rtsp://{SECRET}@camera/live",
        f"rtsp://admin:p@{SECRET}@camera/live",
        f"rtsp://admin:p/{SECRET}@camera/live",
        f"rtsp://admin:12/{SECRET}@camera/live",
        f"rtsp://admin:p@s/{SECRET}@camera/live",
        f"rtsp://admin:p?{SECRET}@camera/live",
        f"rtsp://admin:p#{SECRET}@camera/live",
        f"rtsp://admin:%40{SECRET}%2F@camera/live",
        f"RTSPS://admin:{SECRET}@camera",
        f"http://camera/cgi?user=admin&pwd={SECRET}",
        f"http://camera/cgi?channel=1&Access_Token={SECRET}&x=1",
        f"http://camera/cgi?pass%77ord={SECRET}",
        f"http://camera/cgi#token={SECRET}",
        f"rtsp://camera:554/user=admin&password={SECRET}&channel=1&stream=0.sdp",
        f"rtsp://camera:554/user=admin_password={SECRET}_channel=1",
        f"http://cdn/a.m3u8?X-Amz-Signature={SECRET}",
        f"http://cdn/a.m3u8?api_key={SECRET}",
        f"http://proxy/?url=rtsp%3A%2F%2Fadmin%3A{SECRET}%40camera%2Flive",
        f"rtsp://a:b@c/1,rtsp://admin:{SECRET}@d/2",
        f"admin:{SECRET}@camera",
        f"Authorization: Basic {SECRET}",
    ],
)
def test_secret_is_hidden_wherever_it_stands(address: str) -> None:
    for text in (address, f"[Errno 5] Input/output error: '{address}'", f"a {address} and {address}; again {address}"):
        assert SECRET not in redact(text)
    assert SECRET not in public_name(address)


def test_what_is_no_secret_stays() -> None:
    text = "camera door at rtsp://10.0.0.7:554/live/1?channel=2 answered 404 (see https://docs/a@b?)"
    assert "rtsp://10.0.0.7:554/live/1?channel=2" in redact(text)
    assert redact("rtsp://u:p@[fe80::1]:554/x") == "rtsp://***@[fe80::1]:554/x"
    assert redact("12:30 mail a@b.example, size 3:4") == "12:30 mail a@b.example, size 3:4"
    assert redact("http://camera/cgi?mail=a@b.example&n=1") == "http://camera/cgi?mail=a@b.example&n=1"


def test_known_secrets_are_hidden_even_where_an_address_is_torn() -> None:
    assert SECRET not in redact(f"could not parse 'x' {SECRET}' y", SECRET)


def test_public_name_is_host_and_path_or_file_name() -> None:
    assert public_name("rtsp://admin:pw@camera:554/live?channel=1#x") == "rtsp://camera:554/live"
    assert public_name("/srv/films/door.mp4") == "door.mp4"


@given(
    user=st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="'\"<>"), max_size=8),
    before=st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="'\"<>"), max_size=8),
    after=st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="'\"<>?="), max_size=8),
)
def test_no_password_of_any_characters_passes(user: str, before: str, after: str) -> None:
    shown = redact(f"failed: rtsp://{user}:{before.replace('?', '')}{SECRET}{after}@camera:554/live 5")
    assert SECRET not in shown
    assert redact(shown) == shown
