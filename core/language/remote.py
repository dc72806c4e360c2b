"""Any OpenAI-compatible endpoint as a writer: off unless configured, and closed to patient data unless that is configured too.

The key stays in the environment (`${NAME}` in the configuration) and in the header of the one call; no error names it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from core.errors import ConfigError, ModelError
from core.language.facts import Fact
from core.language.local import one_line
from core.language.wording import word
from core.secrets import reveal

if TYPE_CHECKING:
    import httpx

MAX_RESPONSE_BYTES = 256 * 1024
MAX_FACTS = 200
_SYSTEM = (
    "Reword each numbered sentence as one plain sentence on a line of its own, without its number. "
    "Keep every number, unit, name, side, time and negation. Add nothing."
)


class RemoteSettings(BaseModel):
    """Where the endpoint is.

    Attributes:
        url: its base, such as `https://host/v1`; http only to this machine.
        model: the model's name there.
        api_key: `${NAME}` takes it from the environment; empty for an endpoint without one.
        allow_patient_data: whether facts of patients may be sent there.
        timeout_s: for the whole answer to begin, and between its pieces.
        max_tokens: of the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str = Field(min_length=1, max_length=200)
    api_key: SecretStr = SecretStr("")
    allow_patient_data: bool = False
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    max_tokens: int = Field(default=1024, ge=1, le=16_384)


class RemoteWriter:
    """Rewords facts at an endpoint."""

    def __init__(self, settings: RemoteSettings, transport: httpx.BaseTransport | None = None) -> None:
        """Check the configuration; nothing is sent yet.

        Args:
            settings: where and what.
            transport: another way to reach it than the network.

        Raises:
            ConfigError: the URL cannot be used.
        """
        self._endpoint = _endpoint(settings.url)
        self._settings = settings
        self._transport = transport

    def write(self, facts: Sequence[Fact]) -> list[str]:
        """Reword all facts in one request.

        Raises:
            ConfigError: patients' facts, and the configuration does not allow to send them; or the key is not set.
            ModelError: the endpoint cannot be reached or answers with something else.
        """
        if not facts:
            return []
        if any(fact.is_patient_data for fact in facts) and not self._settings.allow_patient_data:
            raise ConfigError(
                f"patient data is not sent to {self._host}: use the local model, or set language.remote.allow_patient_data: true "
                "where that is allowed"
            )
        if len(facts) > MAX_FACTS:
            raise ConfigError(f"{len(facts)} facts are more than the {MAX_FACTS} that go into one request; describe them in parts")
        numbered = "\n".join(f"{number}. {word(fact)}" for number, fact in enumerate(facts, 1))
        body = {
            "model": self._settings.model,
            "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": numbered}],
            "temperature": 0,
            "max_tokens": self._settings.max_tokens,
            "stream": False,
        }
        lines = (one_line(line).lstrip("0123456789.-) ") for line in self._ask(body).splitlines())
        return [line for line in lines if line][: 2 * len(facts)]

    @property
    def _host(self) -> str:
        return urlsplit(self._endpoint).hostname or "the endpoint"

    def _ask(self, body: dict[str, object]) -> str:
        import httpx

        key = reveal(self._settings.api_key, "language.remote.api_key")
        if not key.isascii() or not key.isprintable():
            raise ConfigError("language.remote.api_key holds characters that no header can carry; set it anew")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            with (
                httpx.Client(
                    timeout=self._settings.timeout_s, follow_redirects=False, trust_env=False, transport=self._transport
                ) as client,
                client.stream("POST", self._endpoint, json=body, headers=headers) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise ModelError(f"{self._host} answered with status {response.status_code}; check language.remote")
                raw = _bounded(response, self._host)
        except httpx.HTTPError as error:
            raise ModelError(f"{self._host} cannot be reached ({type(error).__name__}); check language.remote.url") from None
        return _content(raw, self._host)


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("language.remote.url is no URL; give one such as https://host/v1") from None
    if not host or parts.query or parts.fragment or parts.username or parts.password:
        raise ConfigError("language.remote.url must be like https://host/v1, without user, password or query; the key goes into api_key")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1")):
        raise ConfigError("language.remote.url must be https; http is for this machine only")
    return url.rstrip("/") + "/chat/completions"


def _bounded(response: httpx.Response, host: str) -> bytes:
    raw = bytearray()
    for piece in response.iter_bytes(16_384):
        raw += piece
        if len(raw) > MAX_RESPONSE_BYTES:
            raise ModelError(f"{host} answered with more than {MAX_RESPONSE_BYTES} bytes; lower language.remote.max_tokens")
    return bytes(raw)


def _content(raw: bytes, host: str) -> str:
    try:
        content = json.loads(raw)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        content = None
    if not isinstance(content, str):
        raise ModelError(f"{host} did not answer as an OpenAI-compatible endpoint does; check language.remote.url")
    return content
