"""Receivers of alerts: a signed webhook, and whatever Apprise reaches. One try each; trying again is not theirs.

No address, secret or body ever reaches a log: the libraries underneath name addresses below the level of warnings, so they
are kept at that level.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Any, Protocol
from uuid import uuid4

import httpx
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from core.alerts import Alert
from core.errors import ConfigError, TriviumError
from core.redaction import redact
from core.secrets import reveal
from pipelines.notify_config import NotifySettings, WebhookSettings
from pipelines.signature import DELIVERY_HEADER, SIGNATURE_HEADER, sign

log = logging.getLogger(__name__)

SNAPSHOT_WAIT_S = 3.0
WORTH_RETRYING = frozenset({408, 425, 429, *range(500, 600)})
SnapshotOf = Callable[[str], Path | None]


class UndeliveredError(Exception):
    """A try failed; another may not. The message names no address."""


class RefusedError(Exception):
    """A try failed and so would any other. The message names no address."""


class Receiver(Protocol):
    """Takes an alert, in one try."""

    name: str

    def wants(self, alert: Alert) -> bool: ...

    def deliver(self, alert: Alert, delivery: str) -> None:
        """Send it; `delivery` is the same for every try of one alert.

        Raises:
            UndeliveredError: try again later.
            RefusedError: do not.
        """
        ...

    def close(self) -> None: ...


class Webhook:
    """An HTTP address that is sent alerts as JSON. Redirects are not followed, answers not read."""

    def __init__(self, settings: WebhookSettings, number: int, timeout_s: float, environ: Mapping[str, str]) -> None:
        where = f"notify.webhooks[{number}]"
        self.name = f"webhook {number}"
        self._settings = settings
        self._url = reveal(settings.url, f"{where}.url", environ)
        try:
            parsed = httpx.URL(self._url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"{where}.url is not an http:// or https:// address; mend it")
        self._secret: str | None = None
        if settings.secret_env is not None:
            self._secret = environ.get(settings.secret_env)
            if not self._secret:
                raise ConfigError(f"{where}.secret_env: ${settings.secret_env} is not set; set it: export {settings.secret_env}=...")
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, headers={"User-Agent": "trivium"})

    def wants(self, alert: Alert) -> bool:
        kinds = self._settings.kinds
        return alert.score >= self._settings.min_score and (not kinds or any(fnmatchcase(alert.kind, kind) for kind in kinds))

    def deliver(self, alert: Alert, delivery: str) -> None:
        body = body_of(alert)
        headers = {"Content-Type": "application/json", DELIVERY_HEADER: delivery}
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = sign(body, self._secret, time.time())
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status = answer.status_code
        except httpx.HTTPError as error:
            raise UndeliveredError(type(error).__name__) from None  # its message may hold the address
        if status in WORTH_RETRYING:
            raise UndeliveredError(f"HTTP {status}")
        if not 200 <= status < 300:
            raise RefusedError(f"HTTP {status}" + (", a redirect, which is not followed" if 300 <= status < 400 else ""))

    def close(self) -> None:
        self._client.close()


class AppriseReceiver:
    """A service that Apprise knows."""

    def __init__(self, url: str, number: int, timeout_s: float, snapshot: SnapshotOf | None) -> None:
        import apprise

        self.name = f"apprise {number}"
        self._snapshot = snapshot
        self._timeout_s = timeout_s
        asset = apprise.AppriseAsset(app_id="Trivium", storage_mode=apprise.PersistentStoreMode.MEMORY, secure_logging=True)
        self._apprise = apprise.Apprise(asset=asset)
        if not self._apprise.add(url):
            raise ConfigError(f"notify.apprise[{number}] is not an address that Apprise knows; see https://appriseit.com/services/")

    def wants(self, alert: Alert) -> bool:  # noqa: ARG002 - the protocol's shape
        return True

    def deliver(self, alert: Alert, delivery: str) -> None:  # noqa: ARG002 - the protocol's shape
        title, text = message_of(alert)
        picture = self._picture_of(alert.id)
        try:
            is_sent = bool(self._apprise.notify(body=text, title=title, attach=str(picture) if picture else None, timeout=self._timeout_s))
        except Exception as error:  # any of a hundred services' own
            raise UndeliveredError(type(error).__name__) from None
        if not is_sent:
            raise UndeliveredError("the service did not take it")

    def _picture_of(self, alert_id: str) -> Path | None:
        """The snapshot, which is kept a moment after the alert; none is no reason to keep silent."""
        if self._snapshot is None:
            return None
        waiting = Retrying(
            stop=stop_after_delay(SNAPSHOT_WAIT_S),
            wait=wait_fixed(SNAPSHOT_WAIT_S / 10.0),
            retry=retry_if_result(lambda picture: picture is None),
            retry_error_callback=lambda _: None,
        )
        try:
            return waiting(self._snapshot, alert_id)
        except TriviumError as error:
            log.warning("%s: alert %s goes without its picture: %s", self.name, alert_id, error)
            return None

    def close(self) -> None:
        self._apprise.clear()


def receivers_of(
    settings: NotifySettings, snapshot: SnapshotOf | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Receiver, ...]:
    """The receivers that are configured.

    Args:
        settings: whom to tell.
        snapshot: finds the picture of an alert's id, or None.
        environ: where secrets are taken from; the process's own where none is given.

    Raises:
        ConfigError: an address or a secret cannot be used.
    """
    values = os.environ if environ is None else environ
    for library in ("httpx", "httpcore", "apprise", "urllib3", "requests"):
        logger = logging.getLogger(library)
        logger.setLevel(max(logger.level, logging.WARNING))
    attach = snapshot if settings.attach_snapshot else None
    webhooks = [Webhook(w, i, settings.timeout_s, values) for i, w in enumerate(settings.webhooks)]
    urls = [reveal(url, f"notify.apprise[{i}]", values) for i, url in enumerate(settings.apprise)]
    return (*webhooks, *(AppriseReceiver(url, i, settings.timeout_s, attach) for i, url in enumerate(urls)))


def body_of(alert: Alert) -> bytes:
    """An alert as JSON: no path, no credentials."""
    return json.dumps(plain(alert), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def plain(alert: Alert) -> dict[str, Any]:
    """An alert as JSON values, its texts redacted."""
    fields = {name: getattr(alert, name) for name in alert.__dataclass_fields__ if name != "boxes"}
    return _plain({**fields, "boxes": [asdict(box) for box in alert.boxes]})  # type: ignore[no-any-return]


def message_of(alert: Alert) -> tuple[str, str]:
    """Title and text for a person."""
    when = "" if alert.wall_start_s is None else datetime.fromtimestamp(alert.wall_start_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [redact(alert.reason), f"Since {when}" if when else "", f"Score {alert.score:.2f}, found by {alert.way}", f"Alert {alert.id}"]
    return redact(f"{alert.kind} at {alert.source}"), "\n".join(line for line in lines if line)


def new_delivery() -> str:
    """A name for one alert's way to one receiver."""
    return uuid4().hex


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {redact(str(name)): _plain(part) for name, part in value.items() if not isinstance(part, PurePath)}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value if not isinstance(part, PurePath)]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None  # JSON knows no infinity; NaN compares false
    return redact(str(value)) if isinstance(value, str) else value if isinstance(value, (bool, int)) or value is None else str(type(value))
