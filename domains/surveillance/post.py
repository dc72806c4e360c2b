"""One live camera at work: its stream, its reader thread, its line, and how it fares."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from domains.contract import SourceStatus
from domains.surveillance.clips import ClipRecorder
from domains.surveillance.eyes import Eyes
from domains.surveillance.line import CameraLine
from domains.surveillance.live import LiveStream
from domains.surveillance.mailbox import Due, Mail, Mailbox
from domains.surveillance.models import Models
from domains.surveillance.stream import CameraFrame, StreamChange, StreamState

log = logging.getLogger(__name__)

METER_S = 5.0
TICK_S = 0.5
RESTART_S = 1.0


class CameraPost:
    """A camera, watched.

    `read` runs in the reader's thread; `judge` in the judge's.

    Reading begins before the models are loaded; what is due waits in the mailbox until `equip`.

    Attributes:
        camera: the camera's name.
        mailbox: from reader to judge.
        lags_s: the newest lags, from a frame's wall time until it was judged.
    """

    def __init__(
        self, stream: LiveStream, recorder: ClipRecorder, eyes: Eyes, make_line: Callable[[Models], CameraLine], bell: threading.Condition
    ) -> None:
        self.camera = stream.camera
        self.mailbox = Mailbox(bell)
        self.lags_s: deque[float] = deque(maxlen=256)
        self._stream = stream
        self._recorder = recorder
        self._eyes = eyes
        self._make_line = make_line
        self._line: CameraLine | None = None
        self._state, self._since_wall_s = "starting", time.time()
        self._note = ""
        self._failures = 0
        self._arrivals_s: deque[float] = deque(maxlen=512)
        self._last_time_s, self._last_arrival_s = 0.0, time.monotonic()
        self._last_frame_arrival_s: float | None = None
        self._next_tick_s = 0.0

    def equip(self, models: Models) -> None:
        """Give the judge its models."""
        self._line = self._make_line(models)

    def read(self, stop: threading.Event) -> None:
        """Read the camera until `stop`; a fault in the reader itself is logged and reading starts again."""
        try:
            while not stop.is_set():
                try:
                    for event in self._stream:
                        self._receive(event)
                        if stop.is_set():
                            break
                except Exception:
                    self._failures += 1
                    log.exception("camera %s: the reader failed; it starts again", self.camera)
                    stop.wait(RESTART_S)
        finally:
            self._stream.close()
            self._recorder.close()

    def _receive(self, event: object) -> None:
        now_s = time.monotonic()
        if isinstance(event, CameraFrame):
            self._arrivals_s.append(now_s)
            self._last_frame_arrival_s = now_s
            motion = self._eyes.gate(event)
            if self._eyes.is_due(event, motion):
                self.mailbox.put(Due(event, motion))
        elif isinstance(event, StreamChange):
            self._state = "online" if event.state is StreamState.ONLINE else "offline"
            self._since_wall_s = time.time()
            self._note = event.reason
            self.mailbox.put(event)
            return
        else:
            self.mailbox.put(event)  # type: ignore[arg-type]
        self._last_time_s, self._last_arrival_s = event.time_s, now_s  # type: ignore[attr-defined]

    def judge(self, mail: Mail) -> None:
        """Judge what was waiting, then let the camera's clock run on where nothing came."""
        line = self._line
        if line is None:
            return
        for change in mail.changes:
            line.change(change)
        for block in mail.sounds:
            line.listen(block)
        if mail.due is not None:
            line.see(mail.due.frame, mail.due.motion)
            if mail.due.frame.wall_s is not None:
                self.lags_s.append(time.time() - mail.due.frame.wall_s)
        self._tick(line)

    def catch_up(self) -> bool:
        """Let the fusion model read what is due; whether it did."""
        return self._line is not None and self._line.catch_up()

    def finish(self) -> None:
        """The camera is watched no longer."""
        if self._line is not None:
            self._line.finish()

    def _tick(self, line: CameraLine) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_tick_s:
            self._next_tick_s = now_s + TICK_S
            silent_s = now_s - self._last_arrival_s
            # a picture that stops while the sound goes on is a fault too; a microphone without any picture is none
            unseen_s = silent_s if self._last_frame_arrival_s is None else now_s - self._last_frame_arrival_s
            if unseen_s > TICK_S:
                line.tick(self._last_time_s + silent_s, time.time())

    def status(self) -> SourceStatus:
        """How the camera fares."""
        now_s = time.monotonic()
        lately = [t for t in tuple(self._arrivals_s) if t > now_s - METER_S]
        counts, line = self._stream.counts, self._line
        words_dropped = line.words_dropped if line else 0
        return SourceStatus(
            name=self.camera,
            state=self._state,
            since_wall_s=self._since_wall_s,
            fps=len(lately) / METER_S,
            queue=len(self.mailbox),
            dropped=counts.frames_dropped + self.mailbox.frames_dropped + self.mailbox.sounds_dropped + words_dropped,
            lag_s=self.lags_s[-1] if self.lags_s and self._state == "online" else None,
            last_alert=line.last_alert if line else "",
            note=self._note if self._state != "online" else "",
            counts={
                "frames": counts.frames,
                "frames_damaged": counts.frames_damaged,
                "sound_blocks": counts.sound_blocks,
                "sound_damaged": counts.sound_damaged,
                "time_jumps": counts.time_jumps,
                "reconnections": counts.reconnections,
                "moving": self._eyes.moving,
                "inspected": self._eyes.inspected,
                "classified": line.classified if line else 0,
                "alerts": line.alerts if line else 0,
                "frames_due": self.mailbox.frames_due,
                "frames_dropped": counts.frames_dropped + self.mailbox.frames_dropped,
                "sounds_dropped": self.mailbox.sounds_dropped,
                "utterances": line.utterances if line else 0,
                "words_dropped": words_dropped,
                "reader_failures": self._failures,
            },
        )
