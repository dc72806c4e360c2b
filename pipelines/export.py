"""Alerts and their evidence as a folder that stands by itself: a page to look at, files to play, lines for programs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.alerts import EvidenceKind
from core.errors import InputError, StoreError
from core.store import StoredAlert

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "text/plain": ".txt",
    **{f"{kind}/mp4": ".mp4" for kind in ("video", "audio")},
    **{f"{kind}/quicktime": ".mov" for kind in ("video", "audio")},
    **{f"{kind}/x-matroska": ".mkv" for kind in ("video", "audio")},
}
PAGE = "index.html"


def alert_as_json(stored: StoredAlert) -> dict[str, Any]:
    """A stored alert as JSON values; its evidence by file and hash."""
    evidence = [
        {"kind": e.kind.value, "file": str(e.path), "sha256": e.sha256, "media_type": e.media_type, "bytes": e.bytes, "start_s": e.start_s}
        for e in stored.evidence
    ]
    return {**asdict(stored.alert), "run_id": stored.run_id, "created_wall_s": stored.created_wall_s, "evidence": evidence}


def export_alerts(alerts: Sequence[StoredAlert], folder: Path, notice: str = "") -> Path:
    """Copy alerts into a folder: `index.html`, `alerts.jsonl`, and a folder of files for each.

    Args:
        alerts: what to export, in the order in which to show it.
        folder: a new or empty folder.
        notice: a sentence for the page's head.

    Returns:
        The page.

    Raises:
        InputError: the folder holds something already.
        StoreError: a piece of evidence is missing.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    values = [_copied(stored, folder) for stored in alerts]
    with (folder / "alerts.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(value) + "\n" for value in values)
    page = folder / PAGE
    page.write_text(_page(values, notice), encoding="utf-8")
    return page


def when_of(alert: Mapping[str, Any]) -> str:
    """When an alert was, on the wall clock where there is one, else in the recording's own time."""
    length_s = alert["end_s"] - alert["start_s"]
    if alert["wall_start_s"] is None:
        return f"{alert['start_s']:.1f} s, for {length_s:.1f} s"
    return f"{datetime.fromtimestamp(alert['wall_start_s'], UTC):%Y-%m-%d %H:%M:%S} UTC, for {length_s:.1f} s"


def most_like(alert: Mapping[str, Any]) -> list[dict[str, str]]:
    """The usual moments that an alert is set beside and whose pictures it keeps: file and caption, nearest first."""
    details = alert["details"]
    nearest = details.get("nearest_usual") if isinstance(details, Mapping) else None
    files = {piece["sha256"]: piece["file"] for piece in alert["evidence"] if piece["kind"] == EvidenceKind.USUAL.value}
    shown = []
    for example in nearest if isinstance(nearest, list | tuple) else ():
        file = files.pop(str(example.get("picture")), None) if isinstance(example, Mapping) else None
        if file is not None:
            distance, visits = _number(example.get("distance")), _number(example.get("visits"))
            words = [moment_of(_number(example.get("picture_wall_s")), _number(example.get("picture_time_s")), alert["wall_start_s"])]
            words += [f"distance {distance:.1f}"] if distance is not None else []
            words += [f"seen {visits:.0f} x"] if visits is not None else []
            shown.append({"file": file, "caption": ", ".join(words), "what": str(example.get("what", ""))})
    return shown


def moment_of(wall_s: float | None, time_s: float | None, now_wall_s: float | None) -> str:
    """A moment as one would say it: `yesterday 14:02 UTC`, or `at 125 s` of a recording without a date."""
    if wall_s is None:
        return "at an unknown time" if time_s is None else f"at {time_s:.0f} s"
    try:
        at = datetime.fromtimestamp(wall_s, UTC)
        days = None if now_wall_s is None else (datetime.fromtimestamp(now_wall_s, UTC).date() - at.date()).days
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"
    day = {0: "the same day", 1: "yesterday"}.get(-1 if days is None else days, f"{at:%Y-%m-%d}")
    return f"{day} {at:%H:%M} UTC"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _copied(stored: StoredAlert, folder: Path) -> dict[str, Any]:
    """Copy one alert's evidence; names are made from kind and hash, never from stored text."""
    own = folder / stored.alert.id
    own.mkdir()
    files = []
    for piece in stored.evidence:
        name = f"{piece.kind.value}-{piece.sha256[:8]}{SUFFIXES.get(piece.media_type, '.bin')}"
        try:
            shutil.copyfile(piece.path, own / name)
        except OSError as error:
            raise StoreError(f"{piece.path}: this {piece.kind.value} cannot be copied: {error.strerror}; see trivium doctor") from error
        relative = f"{stored.alert.id}/{name}"
        files.append(
            {"kind": piece.kind.value, "file": relative, "sha256": piece.sha256, "media_type": piece.media_type, "start_s": piece.start_s}
        )
    return {**alert_as_json(stored), "evidence": files}


def _page(values: Sequence[dict[str, Any]], notice: str) -> str:
    from jinja2 import Environment, PackageLoader

    order = {"snapshot": 0, "clip": 1, "spectrogram": 2}
    shown = [
        {
            **value,
            "when": when_of(value),
            "pieces": sorted(
                (piece for piece in value["evidence"] if piece["kind"] != EvidenceKind.USUAL.value),
                key=lambda piece: order.get(piece["kind"], 9),
            ),
            "most_like": most_like(value),
        }
        for value in values
    ]
    environment = Environment(loader=PackageLoader("pipelines"), autoescape=True)
    return environment.get_template("alerts.html").render(alerts=shown, notice=notice)
