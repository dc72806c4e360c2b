"""The endpoint writer: closed to patient data, bounded, never redirected, its key never shown."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from core.errors import ConfigError, ModelError
from core.language import Fact, describe
from core.language.remote import MAX_RESPONSE_BYTES, RemoteSettings, RemoteWriter

KEY = "sk-very-secret"
FACT = Fact("s", "car", "speed", 42.0, "km/h")
PATIENT = Fact("n", "pneumothorax", negated=True, is_patient_data=True)


def _writer(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception, sent: list[httpx.Request], *, allow: bool = False
) -> RemoteWriter:
    monkeypatch.setenv("TRIVIUM_TEST_KEY", KEY)

    def reply(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    settings = RemoteSettings(url="https://model.example/v1", model="m", api_key=SecretStr("${TRIVIUM_TEST_KEY}"), allow_patient_data=allow)
    return RemoteWriter(settings, httpx.MockTransport(reply))


def _says(text: str) -> httpx.Response:
    return httpx.Response(200, json={"choices": [{"message": {"content": text}}]})


def test_patient_data_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[httpx.Request] = []
    with pytest.raises(ConfigError, match="allow_patient_data: true") as caught:
        describe([FACT, PATIENT], _writer(monkeypatch, _says("x"), sent))
    assert not sent
    assert "pneumothorax" not in str(caught.value)


def test_patient_data_goes_where_it_was_configured_and_what_comes_back_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[httpx.Request] = []
    draft = describe([PATIENT], _writer(monkeypatch, _says("1. pneumothorax 0.72"), sent, allow=True))
    assert sent[0].headers["authorization"] == f"Bearer {KEY}"
    assert [s.text for s in draft.sentences] == ["There is no pneumothorax."]
    assert len(draft.dropped) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(401, text=f"bad key {KEY}"),
        httpx.Response(200, content=b"x" * (MAX_RESPONSE_BYTES + 1)),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json={"choices": [{"message": {"content": 7}}]}),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.ConnectError(f"cannot reach with {KEY}"),
        httpx.ReadTimeout("slow"),
    ],
)
def test_bad_answer_is_one_line_without_the_key_and_no_second_request(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception
) -> None:
    sent: list[httpx.Request] = []
    with pytest.raises(ModelError, match=r"model\.example") as caught:
        _writer(monkeypatch, answer, sent).write([FACT])
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(sent) == 1


@pytest.mark.parametrize(
    "url", ["http://model.example/v1", "https://user:pw@model.example/v1", "file:///etc/passwd", "https://", "https://h/v1?key=pw"]
)
def test_url_that_would_leak_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"language\.remote\.url") as caught:
        RemoteWriter(RemoteSettings(url=url, model="m"))
    assert "pw" not in str(caught.value)


def test_key_is_not_in_the_settings_as_shown() -> None:
    assert KEY not in repr(RemoteSettings(url="https://h/v1", model="m", api_key=SecretStr(KEY)))
