"""A live camera that dies, hangs, refuses and comes back; no password of it anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from footage import FilmMaker

from core.errors import ConfigError, InputError
from domains.surveillance.benches.camera_server import CameraServer, free_port
from domains.surveillance.clips import Clip, ClipRecorder
from domains.surveillance.config import CameraSettings, EvidenceSettings
from domains.surveillance.live import ArrivalClock, LiveStream
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamChange, StreamEvent, StreamState

PASSWORD = "S3cret%P@ss/w:rd"


class Watching:
    """Reads a stream in a thread and keeps its events with the time each came."""

    def __init__(self, stream: LiveStream, stop: threading.Event) -> None:
        self.stream, self._stop = stream, stop
        self.events: list[tuple[float, StreamEvent]] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for event in self.stream:
            with self._news:
                self.events.append((time.monotonic(), event))
                self._news.notify_all()

    def wait(self, wanted: Callable[[StreamEvent], bool], since_s: float = 0.0, timeout_s: float = 30.0) -> tuple[float, StreamEvent]:
        def found() -> tuple[float, StreamEvent] | None:
            return next(((at, e) for at, e in self.events if at >= since_s and wanted(e)), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, timeout_s), [e for _, e in self.events if isinstance(e, StreamChange)]
            result = found()
        assert result is not None
        return result

    def end(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def watching(url: str, recorder: ClipRecorder | None = None, **settings: object) -> Iterator[Watching]:
    stop = threading.Event()
    camera = CameraSettings.model_validate({"url": url, **settings})
    watch = Watching(LiveStream("door", camera, recorder, stop), stop)
    try:
        yield watch
    finally:
        watch.end()


def is_frame(event: StreamEvent) -> bool:
    return isinstance(event, CameraFrame)


def is_state(state: StreamState) -> Callable[[StreamEvent], bool]:
    return lambda event: isinstance(event, StreamChange) and event.state is state


def test_picture_and_sound_of_a_real_server_with_a_clip(rtsp_server: CameraServer, tmp_path: Path) -> None:
    clips: list[Clip] = []
    recorder = ClipRecorder(EvidenceSettings(), tmp_path / "clips", on_clip=clips.append)
    began_s = time.monotonic()
    with watching(rtsp_server.url("cam.mp4"), recorder) as watch:
        first_s, first = watch.wait(is_frame)
        watch.wait(lambda e: isinstance(e, SoundBlock))
        recorder.start("a", 0.0)
        recorder.stop("a", 1.5)
        watch.wait(lambda e: isinstance(e, CameraFrame) and e.time_s > 2.0)
    recorder.close()
    print(f"first picture after {first_s - began_s:.2f} s")
    assert isinstance(watch.events[0][1], StreamChange)
    assert watch.events[0][1].state is StreamState.ONLINE
    assert isinstance(first, CameraFrame)
    assert first.wall_s == pytest.approx(time.time(), abs=60)
    assert [c.key for c in clips] == ["a"]
    assert clips[0].media_type == "video/mp4"
    times = [e.time_s for _, e in watch.events if isinstance(e, CameraFrame)]
    assert times == sorted(times)
    assert watch.stream.counts.frames_damaged == 0


def test_back_within_3_s_after_the_server_returns(rtsp_server: CameraServer) -> None:
    with watching(rtsp_server.url("cam.mp4")) as watch:
        watch.wait(is_frame)
        killed_s = time.monotonic()
        rtsp_server.kill()
        offline_s, offline = watch.wait(is_state(StreamState.OFFLINE))
        assert offline_s - killed_s < 5
        threading.Event().wait(1.5)
        rtsp_server.start()
        returned_s = time.monotonic()
        online_s, online = watch.wait(is_state(StreamState.ONLINE), since_s=offline_s)
        watch.wait(is_frame, since_s=online_s)
        print(f"offline after {offline_s - killed_s:.2f} s, back {online_s - returned_s:.2f} s after the return")
        assert online_s - returned_s < 10  # 3 s where the machine is idle; the figure is measured by the bench
    assert isinstance(offline, StreamChange)
    assert isinstance(online, StreamChange)
    assert online.time_s - offline.time_s == pytest.approx(online_s - offline_s, abs=1.0)  # the gap is kept
    assert sum(is_state(StreamState.OFFLINE)(e) for _, e in watch.events) == 1
    assert watch.stream.counts.reconnections == 1
    frames = [e for _, e in watch.events if isinstance(e, CameraFrame)]
    assert [f.index for f in frames] == list(range(len(frames)))
    assert [f.time_s for f in frames] == sorted(f.time_s for f in frames)


def test_a_camera_that_hangs_is_noticed(rtsp_server: CameraServer) -> None:
    with watching(rtsp_server.url("cam.mp4"), read_timeout_s=1.0, open_timeout_s=2.0) as watch:
        watch.wait(is_frame)
        frozen_s = time.monotonic()
        rtsp_server.freeze()
        try:
            offline_s, offline = watch.wait(is_state(StreamState.OFFLINE))
        finally:
            rtsp_server.thaw()
        print(f"hang noticed after {offline_s - frozen_s:.2f} s: {offline}")
        assert offline_s - frozen_s < 10
        assert isinstance(offline, StreamChange)
        assert offline.reason == "nothing came for 1 s"
        watch.wait(is_state(StreamState.ONLINE), since_s=offline_s)


class Proxy:
    """A TCP proxy that can hold everything back."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def hold(self, is_held: bool) -> None:
        self._loop.call_soon_threadsafe(self._flowing.clear if is_held else self._flowing.set)

    def close(self) -> None:
        async def end() -> None:
            for task in asyncio.all_tasks(self._loop) - {asyncio.current_task()}:
                task.cancel()
            self._loop.call_later(0.1, self._loop.stop)

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    await self._flowing.wait()
                    writer.write(data)
                    await writer.drain()
            writer.close()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, back), pump(there, writer))

        async def serve() -> None:
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        asyncio.set_event_loop(self._loop)
        self._loop.create_task(serve())
        self._loop.run_forever()


def test_a_network_that_stalls_is_noticed_and_a_short_stall_is_not_a_break(rtsp_server: CameraServer) -> None:
    proxy = Proxy(rtsp_server.port)
    url = rtsp_server.url("cam.mp4").replace(str(rtsp_server.port), str(proxy.port))
    try:
        with watching(url, read_timeout_s=2.5) as watch:
            watch.wait(is_frame)
            proxy.hold(True)
            threading.Event().wait(0.8)
            proxy.hold(False)
            since_s = time.monotonic()
            watch.wait(is_frame, since_s=since_s + 0.5)
            assert not any(is_state(StreamState.OFFLINE)(e) for _, e in watch.events)
            walls = [e.wall_s - e.time_s for _, e in watch.events if isinstance(e, CameraFrame) and e.wall_s is not None]
            assert max(walls[5:]) - min(walls) < 0.5  # what was held back does not count as late
            proxy.hold(True)
            watch.wait(is_state(StreamState.OFFLINE), timeout_s=15)
            proxy.hold(False)
            watch.wait(is_state(StreamState.ONLINE), since_s=time.monotonic(), timeout_s=30)
    finally:
        proxy.close()


class Answering:
    """An RTSP or HTTP server that gives one answer to everything, or none."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._kept: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._kept.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while request := connection.recv(4096):
                if self._answer is None:
                    continue
                sequence = next((line.split(b":")[1].strip() for line in request.splitlines() if line.lower().startswith(b"cseq")), b"1")
                connection.sendall(self._answer.replace(b"@", sequence))
                if self._answer.startswith(b"HTTP"):
                    connection.close()

    def close(self) -> None:
        self._socket.close()
        for connection in self._kept:
            connection.close()


UNAUTHORIZED = b'RTSP/1.0 401 Unauthorized\r\nCSeq: @\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n'
NOT_FOUND = b"RTSP/1.0 404 Not Found\r\nCSeq: @\r\n\r\n"
NO_VIDEO = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in first</html>"


@pytest.mark.parametrize(
    ("scheme", "answer", "reason"),
    [
        ("rtsp", UNAUTHORIZED, "401"),
        ("rtsp", NOT_FOUND, "404"),
        ("http", b"HTTP/1.0 401 Unauthorized\r\n\r\n", "401"),
        ("http", NO_VIDEO, "not video"),
        ("rtsp", None, "nothing came"),
        ("http", None, "nothing came"),
    ],
)
def test_reasons_are_plain_and_no_password_is_anywhere(
    scheme: str,
    answer: bytes | None,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DOOR_PASSWORD", PASSWORD)
    server = Answering(answer)
    try:
        url = f"{scheme}://admin:${{DOOR_PASSWORD}}@127.0.0.1:{server.port}/live?token=T0kenT0ken"
        with watching(url, open_timeout_s=1.5, read_timeout_s=1.0) as watch:
            began_s = time.monotonic()
            offline_s, offline = watch.wait(is_state(StreamState.OFFLINE))
            assert offline_s - began_s < 10
    finally:
        server.close()
    assert isinstance(offline, StreamChange)
    assert reason in offline.reason
    shown = repr(watch.events) + caplog.text + "".join(capfd.readouterr()) + repr(watch.stream) + watch.stream.reason
    for secret in (PASSWORD, "S3cret", "P%40ss", "T0kenT0ken"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("host", "reason"), [("127.0.0.1:{port}", "refused"), ("no-such-host.invalid", "name is not known")], ids=["refused", "name"]
)
def test_nobody_there(host: str, reason: str) -> None:
    url = f"rtsp://u:{'geheim'}@{host.format(port=free_port())}/x"
    with watching(url) as watch:
        _, offline = watch.wait(is_state(StreamState.OFFLINE))
    assert isinstance(offline, StreamChange)
    assert reason in offline.reason
    assert "geheim" not in repr(watch.events)


def test_http_mjpeg_gets_the_times_at_which_pictures_come(make_film: FilmMaker) -> None:
    with av.open(str(make_film("jpeg.avi", codec="mjpeg", pix_fmt="yuvj420p", sound=None, seconds=1))) as film:
        pictures = [bytes(p) for p in film.demux(video=0) if p.size]

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(OSError):
                for number in range(60):
                    picture = pictures[number % len(pictures)]
                    self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
                    self.wfile.write(picture + b"\r\n")
                    threading.Event().wait(0.1)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with watching(f"http://127.0.0.1:{server.server_port}/x.mjpg") as watch:
            first_s, _ = watch.wait(is_frame)
            last_s, last = watch.wait(lambda e: isinstance(e, CameraFrame) and e.index == 15)
    finally:
        server.shutdown()
        server.server_close()
    assert isinstance(last, CameraFrame)
    assert last.wall_s is not None
    assert last.time_s == pytest.approx(last_s - first_s, abs=0.5)
    assert last.time_s > 1.2


def test_an_address_that_cannot_be_used_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
    stop = threading.Event()
    with pytest.raises(ConfigError, match="NO_SUCH_PASSWORD"):
        LiveStream("door", CameraSettings(url="rtsp://u:${NO_SUCH_PASSWORD}@host/x"), None, stop)
    with pytest.raises(InputError, match="folder"):
        LiveStream("door", CameraSettings(url=str(tmp_path)), None, stop)
    with pytest.raises(InputError, match="no such file"):
        LiveStream("door", CameraSettings(url="films/none.mp4"), None, stop)


def test_a_film_is_played_at_its_own_pace_and_again_with_the_clock_going_on(make_film: FilmMaker) -> None:
    stop = threading.Event()
    stream = LiveStream("door", CameraSettings(url=str(make_film(seconds=1))), None, stop)
    began_s = time.monotonic()
    first, second = list(stream), list(stream)
    assert time.monotonic() - began_s > 1.5
    for events in (first, second):
        assert is_state(StreamState.ENDED)(events[-1])
        assert sum(map(is_frame, events)) == 10
    times = [e.time_s for e in first + second if isinstance(e, CameraFrame)]
    assert times == sorted(times)
    assert times[10] >= 0.9


def test_wall_times_follow_the_least_delay() -> None:
    now = 1000.0
    clock = ArrivalClock(lambda: now)
    walls = []
    for index in range(100):
        now = 1000.0 + index * 0.1 + (0.8 if index % 7 else 0.05)
        walls.append(clock.at(index * 0.1) - index * 0.1)
    assert walls[20:] == pytest.approx([1000.05] * 80)
