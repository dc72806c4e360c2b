"""Notifiers against a real server: retries, signatures, dead letters, and no secret anywhere."""

from __future__ import annotations

import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alerts import Alert, AlertState, Box
from core.errors import ConfigError, StoreError
from pipelines.notify import open_notifier
from pipelines.notify_config import NotifySettings
from pipelines.receivers import body_of
from pipelines.signature import sign, verify_signature

SECRET = "hush-hush-secret"
TOKEN = "t0ken-in-the-path"
BARE = {"first_wait_s": 0.01, "longest_wait_s": 0.05, "timeout_s": 5}


class Server:
    """Answers with the given statuses, the last for ever; keeps what came."""

    def __init__(self, *statuses: int, hold: threading.Event | None = None) -> None:
        self.requests: list[tuple[dict, bytes]] = []
        self.arrived = threading.Condition()
        waiting = list(statuses)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.arrived:
                    outer.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                    status = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                    outer.arrived.notify_all()
                if hold is not None:
                    hold.wait(10)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, 10)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    servers: list[Server] = []

    def start(*statuses, **more):
        servers.append(Server(*statuses, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def alert(id="a" * 32, kind="rule:door", score=1.0, reason="a person has been in zone door for 6 s", **more):
    boxes = (Box(0.1, 0.2, 0.3, 0.4, "person", 0.9, 7),)
    return Alert(
        id, "surveillance", "yard", kind, "rule", AlertState.OPEN, 1.0, 2.0, 1e9, 1e9 + 1, score, reason, {"video": 1.0}, boxes, **more
    )


def settings(server, **more):
    webhook = {"url": f"http://127.0.0.1:{server.port}/{TOKEN}", "secret_env": "HOOK_SECRET"}
    return NotifySettings.model_validate({"webhooks": [webhook], **BARE, **more})


def opened(told, tmp_path):
    return open_notifier(told, tmp_path / "dead.jsonl", environ={"HOOK_SECRET": SECRET})


def letters(tmp_path: Path) -> list[dict]:
    file = tmp_path / "dead.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_two_refusals_then_taken_signed_each_time(serve, tmp_path):
    server = serve(503, 503, 204)
    notifier = opened(settings(server), tmp_path)
    notifier.tell(alert())
    assert notifier.close(10) == 0
    assert (notifier.counts.delivered, notifier.counts.retried, notifier.counts.dead) == (1, 2, 0)
    assert len({headers["x-trivium-delivery"] for headers, _ in server.requests}) == 1
    for headers, body in server.requests:
        assert verify_signature(headers["x-trivium-signature"], body, SECRET, time.time())
    told = json.loads(server.requests[-1][1])
    assert (told["id"], told["kind"], told["state"], told["boxes"][0]["track_id"]) == ("a" * 32, "rule:door", "open", 7)
    assert letters(tmp_path) == []


def test_what_is_tried_too_often_is_a_dead_letter(serve, tmp_path):
    server = serve(503)
    notifier = opened(settings(server, attempts=3), tmp_path)
    notifier.tell(alert())
    notifier.close(10)
    assert len(server.requests) == 3
    (letter,) = letters(tmp_path)
    assert (letter["receiver"], letter["why"], letter["alert"]["id"]) == ("webhook 0", "3 tries, the last: HTTP 503", "a" * 32)
    assert (tmp_path / "dead.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("status", [400, 401, 404, 302, 307])
def test_refusals_and_redirects_are_not_tried_again(serve, tmp_path, status):
    server = serve(status)
    notifier = opened(settings(server), tmp_path)
    notifier.tell(alert())
    notifier.close(10)
    assert len(server.requests) == 1
    assert f"HTTP {status}" in letters(tmp_path)[0]["why"]


def test_apprise_is_tried_again_too(serve, tmp_path):
    server = serve(503, 503, 200)
    told = NotifySettings.model_validate({"apprise": [f"json://127.0.0.1:{server.port}/{TOKEN}"], **BARE})
    notifier = opened(told, tmp_path)
    notifier.tell(alert())
    assert notifier.close(20) == 0
    assert (notifier.counts.delivered, len(server.requests)) == (1, 3)
    told_to = json.loads(server.requests[-1][1])
    assert told_to["title"] == "rule:door at yard"
    assert "in zone door for 6 s" in told_to["message"]


def test_apprise_takes_the_picture_that_comes_a_moment_later(serve, tmp_path):
    server, picture = serve(200), tmp_path / "snapshot.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0" + b"x" * 100)
    answers = [None, picture]
    told = NotifySettings.model_validate({"apprise": [f"json://127.0.0.1:{server.port}/"], "attach_snapshot": True, **BARE})
    notifier = open_notifier(told, tmp_path / "dead.jsonl", lambda alert_id: answers.pop(0) if len(answers) > 1 else answers[0], environ={})
    notifier.tell(alert())
    assert notifier.close(20) == 0
    assert len(json.loads(server.requests[-1][1])["attachments"]) == 1


def test_apprise_goes_without_a_picture_that_cannot_be_found(serve, tmp_path):
    def missing(alert_id: str) -> Path | None:
        raise StoreError("no such alert")

    server = serve(200)
    told = NotifySettings.model_validate({"apprise": [f"json://127.0.0.1:{server.port}/"], "attach_snapshot": True, **BARE})
    notifier = open_notifier(told, tmp_path / "dead.jsonl", missing, environ={})
    notifier.tell(alert())
    notifier.close(20)
    assert (notifier.counts.delivered, len(server.requests)) == (1, 1)


def test_telling_never_waits_for_a_receiver_that_hangs(serve, tmp_path):
    hold = threading.Event()
    slow, quick = serve(204, hold=hold), serve(204)
    told = settings(slow, max_waiting=2)
    told = told.model_copy(update={"webhooks": [*told.webhooks, *settings(quick).webhooks]})
    notifier = opened(told, tmp_path)
    notifier.tell(alert())
    slow.wait_for(1)
    begin_s = time.monotonic()
    for number in range(20):
        notifier.tell(alert(id=f"{number:032x}"))
    assert time.monotonic() - begin_s < 0.5
    assert notifier.counts.dead >= 18  # the slow one's queue holds two
    hold.set()
    notifier.close(10)
    assert len([x for x in letters(tmp_path) if "too many" in x["why"] and x["receiver"] == "webhook 0"]) >= 2
    assert notifier.counts.delivered + notifier.counts.dead == 42


def test_the_deadline_of_closing_is_kept_and_nothing_is_lost_unsaid(serve, tmp_path):
    server = serve(503)
    notifier = opened(settings(server, first_wait_s=30, longest_wait_s=60), tmp_path)
    for number in range(3):
        notifier.tell(alert(id=f"{number:032x}"))
    server.wait_for(1)
    begin_s = time.monotonic()
    assert notifier.close(0.3) == 3
    assert time.monotonic() - begin_s < 3
    assert sorted(letter["alert"]["id"] for letter in letters(tmp_path)) == [f"{n:032x}" for n in range(3)]
    assert all(letter["why"] == "the program ended first" for letter in letters(tmp_path))


def test_kinds_and_scores_choose(serve, tmp_path):
    server = serve(204)
    told = settings(server)
    hook = told.webhooks[0].model_copy(update={"kinds": ["rule:*", "fall"], "min_score": 0.7})
    notifier = opened(told.model_copy(update={"webhooks": [hook]}), tmp_path)
    for kind, score in (("unusual", 1.0), ("fall", 0.6), ("fall", 0.7), ("rule:door", 1.0), ("falling", 1.0)):
        notifier.tell(alert(kind=kind, score=score))
    notifier.close(10)
    assert [json.loads(body)["kind"] for _, body in server.requests] == ["fall", "rule:door"]


def test_no_secret_reaches_a_log_a_file_or_the_receiver(serve, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(503)
    hook = {"url": f"http://user:pa55word@127.0.0.1:{server.port}/{TOKEN}?key={TOKEN}", "secret_env": "HOOK_SECRET"}
    gone = {"url": f"http://user:pa55word@127.0.0.1:1/{TOKEN}"}
    apprise = [f"json://user:pa55word@127.0.0.1:{server.port}/{TOKEN}", f"json://user:pa55word@127.0.0.1:1/{TOKEN}"]
    told = NotifySettings.model_validate({"webhooks": [hook, gone], "apprise": apprise, **BARE, "attempts": 2})
    notifier = opened(told, tmp_path)
    leaky = {"from": "rtsp://admin:cam3ra@10.0.0.1/live", "clip": Path("/var/lib/clip.mp4"), "far": float("inf")}
    notifier.tell(alert(reason="no picture from rtsp://admin:cam3ra@10.0.0.1/live", details=leaky))
    notifier.close(20)
    assert len(letters(tmp_path)) == 4
    said = caplog.text + (tmp_path / "dead.jsonl").read_text() + repr(told) + "".join(body.decode() for _, body in server.requests)
    for secret in (SECRET, TOKEN, "pa55word", "cam3ra", "/var/lib"):
        assert secret not in said


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"webhooks": [{"url": "file:///etc/passwd"}]}, r"webhooks\[0\].url is not"),
        ({"webhooks": [{"url": "http://"}]}, r"webhooks\[0\].url is not"),
        ({"webhooks": [{"url": "http://a b:x/"}]}, r"webhooks\[0\].url is not"),
        ({"webhooks": [{"url": "https://${NOT_SET}/"}]}, "NOT_SET"),
        ({"webhooks": [{"url": "https://a/", "secret_env": "NOT_SET"}]}, "export NOT_SET"),
        ({"apprise": ["nonsense-secret"]}, r"apprise\[0\] is not"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(part, message):
    with pytest.raises(ConfigError, match=message) as failure:
        open_notifier(NotifySettings.model_validate(part), None, environ={})
    assert "nonsense-secret" not in str(failure.value)


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40), st.floats(1e9, 3e9), st.floats(-299, 299))
def test_a_signature_verifies_within_the_window_and_only_for_its_body(body, secret, now_s, off_s):
    header = sign(body, secret, now_s)
    assert verify_signature(header, body, secret, now_s + off_s)
    assert not verify_signature(header, body + b" ", secret, now_s)
    assert not verify_signature(header, body, secret + "x", now_s)
    assert not verify_signature(header, body, secret, now_s + 302)
    assert not verify_signature(header, body, secret, now_s - 302)
    later = header.replace(f"t={int(now_s)}", f"t={int(now_s) + 1}")
    assert not verify_signature(later, body, secret, now_s)


@given(st.text(max_size=100))
def test_any_header_is_answered(header):
    assert not verify_signature(header, b"body", "secret", 1e9)
    assert not verify_signature(header, b"body", "", 1e9)


def test_the_signature_is_the_documented_one():
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
    digest = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    assert sign(b"{}", "secret", 1_700_000_000.9) == f"t=1700000000,v1={digest}"
    rotated = sign(b"{}", "old", 1e9) + "," + sign(b"{}", "new", 1e9).split(",")[1]
    assert verify_signature(rotated, b"{}", "new", 1e9)
    assert verify_signature(rotated, b"{}", "old", 1e9)
    assert json.loads(body_of(alert()))["reason"].startswith("a person")
