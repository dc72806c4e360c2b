"""Scan one film for motion and print its events: `python -m domains.surveillance.benches.motion_scan FILM [--detect]`.

A process of its own, so that its processor time counts everything: the interpreter's start, decoding, the gate, and with
`--detect` also the detector, the tracker and behaviour on the frames that the gate lets through.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from domains.surveillance.config import CameraSettings, DetectorSettings
from domains.surveillance.gate import MotionGate, motion_events
from domains.surveillance.scene import Motion
from domains.surveillance.sources import open_film
from domains.surveillance.stream import CameraFrame


def main() -> None:
    """Scan the film of the command line."""
    parser = argparse.ArgumentParser(description="Find the motion in a film.")
    parser.add_argument("film", type=Path)
    parser.add_argument("--detect", action="store_true", help="also detect and track in the frames that move")
    parser.add_argument("--real-time", action="store_true", help="read no faster than the film plays")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this much of the film")
    given = parser.parse_args()
    cv2.setNumThreads(1)  # the pictures are too small to be worth a second thread
    frames = _frames(given.film, given.seconds)
    if given.real_time:
        frames = _paced(frames)
    settings = CameraSettings(url=str(given.film))  # type: ignore[arg-type]
    result = _scan_and_detect(frames, settings) if given.detect else _scan(frames, settings)
    print(json.dumps(result))


def _scan(frames: Iterator[CameraFrame], settings: CameraSettings) -> dict[str, object]:
    gate = MotionGate(settings.gate)
    return _result([gate.step(frame.luma, frame.time_s) for frame in frames])


def _scan_and_detect(frames: Iterator[CameraFrame], settings: CameraSettings) -> dict[str, object]:
    from domains.surveillance.detector import load_detector
    from domains.surveillance.eyes import Eyes

    detector_settings = DetectorSettings()
    detector = load_detector(detector_settings)
    eyes = Eyes("scan", settings, detector_settings)
    motions, people = [], set()
    for frame in frames:
        motion = eyes.gate(frame)
        motions.append(motion)
        if eyes.is_due(frame, motion) and eyes.needs_detection(motion):
            scene = eyes.look(frame, motion, eyes.find(frame, detector))
            people |= {a.track.id for a in scene.actors if a.track.label == "person"}
    return _result(motions) | {"inspected": eyes.inspected, "people": len(people)}


def _result(motions: list[Motion]) -> dict[str, object]:
    return {"frames": len(motions), "moving": sum(m.is_moving for m in motions), "events": motion_events(motions)}


def _frames(film: Path, seconds: float) -> Iterator[CameraFrame]:
    stream = open_film(film, "scan", sound=False)
    try:
        for event in stream:
            if isinstance(event, CameraFrame):
                if event.time_s > seconds:
                    return
                yield event
    finally:
        stream.close()


def _paced(frames: Iterator[CameraFrame]) -> Iterator[CameraFrame]:
    start_s = time.monotonic()
    for frame in frames:
        time.sleep(max(0.0, start_s + frame.time_s - time.monotonic()))  # plays the part of a camera's clock
        yield frame


if __name__ == "__main__":
    main()
