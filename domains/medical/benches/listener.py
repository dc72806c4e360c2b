"""The DICOM listener beside Orthanc and storescp: objects a second, eight senders at once, memory, half-sent objects.

Every receiver gets the same files from the same sender (storescu, `TCP_NODELAY=1` everywhere) in the same run, in turn, each time
in a fresh folder. What they promise differs: Trivium answers success once file and row are fsynced, Orthanc once the file is, storescp once
it is written.
"""

from __future__ import annotations

import socket
import sqlite3
import statistics
import struct
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from core.benchmark import BenchContext, Metric
from domains.medical.benches.receivers import RECEIVERS, Receiver, make_objects, program_of, send, sender, trivium

CT_SIDE = 512  # 0.5 MiB
SMALL_SIDE = 32
SENDERS = 8
AIM = 1.2
FLAT_MB = 10.0
NO_SENDER = "storescu is not installed: apt install dcmtk"
NAMES = (
    "objects a second, 0.5 MiB CT, one sender",
    "objects a second over Orthanc's",
    "objects a second, eight senders at once",
    "objects lost by eight senders at once",
    "growth of memory over small objects",
    "left behind by half-sent objects",
)


def run(context: BenchContext) -> list[Metric]:
    """All figures about the listener."""
    if program_of("storescu") is None:
        return [Metric(name, None, "", note=NO_SENDER) for name in NAMES]
    context.say("making objects")
    objects = make_objects(context.scratch / "ct", 200, CT_SIDE)
    rates = _rates(context, objects, rounds=3 if context.is_quick else 5)
    metrics = _rate_metrics(rates)
    metrics += _eight_at_once(context, objects[:50] if context.is_quick else objects)
    metrics += _memory(context, 1500 if context.is_quick else 5000)
    metrics += _half_sent(context, objects[0], 10 if context.is_quick else 50)
    return metrics


def _rates(context: BenchContext, objects: list[Path], rounds: int) -> dict[str, list[float]]:
    """Objects a second of each receiver that is here, by round."""
    here = [name for name, (program, _) in RECEIVERS.items() if not program or program_of(program)]
    rates: dict[str, list[float]] = {name: [] for name in here}
    warm = make_objects(context.scratch / "warm", 1, SMALL_SIDE, start=1_000_000)
    for number in range(rounds):
        for name in here:
            start = RECEIVERS[name][1]
            with cast("AbstractContextManager[Receiver]", start(context.scratch / f"{name}-{number}")) as receiver:
                send(receiver, warm)
                rates[name].append(send(receiver, objects))
        context.say(f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {rates[name][-1]:.0f}/s" for name in here))
    return rates


def _rate_metrics(rates: dict[str, list[float]]) -> list[Metric]:
    ours = rates["Trivium"]
    note = f"200 CT of 0.5 MiB by one storescu, median of {len(ours)} rounds in turn, fresh folders, one small object first"
    metrics = []
    for peer, promise in (("Orthanc", "fsyncs the file, not the index"), ("storescp", "fsyncs nothing, has no index")):
        theirs = rates.get(peer)
        metrics.append(
            Metric(
                f"{NAMES[0]}, beside {peer}",
                statistics.median(ours),
                "/s",
                peer=peer if theirs else f"{peer}, not installed",
                peer_value=statistics.median(theirs) if theirs else None,
                interval=(min(ours), max(ours)),
                note=f"{note}; we fsync file and index before success, {peer} {promise}",
            )
        )
    if theirs := rates.get("Orthanc"):
        by_round = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        ratio = statistics.median(by_round)
        bounds = (min(by_round), max(by_round))
        metrics.append(
            Metric(
                NAMES[1], ratio, "x", ">= 1.0 of Orthanc", ratio >= 1.0, interval=bounds, note=f"aim {AIM}; median of the rounds' ratios"
            )
        )
    else:
        metrics.append(Metric(NAMES[1], None, "x", ">= 1.0 of Orthanc", note="Orthanc is not installed: apt install orthanc"))
    return metrics


def _eight_at_once(context: BenchContext, objects: Sequence[Path]) -> list[Metric]:
    """As many objects again for each of eight senders, at once."""
    context.say("eight senders at once")
    each = len(objects) // SENDERS
    sets = [make_objects(context.scratch / "at-once", each, CT_SIDE, start=2_000_000 + number * 10_000) for number in range(SENDERS)]
    found: dict[str, float] = {}
    lost = 0
    for name, (program, start) in RECEIVERS.items():
        if program and program_of(program) is None:
            continue
        with cast("AbstractContextManager[Receiver]", start(context.scratch / f"{name}-at-once")) as receiver:
            began_s = time.perf_counter()
            senders = [sender(receiver, paths) for paths in sets]
            codes = []
            for one in senders:
                one.communicate(timeout=300)
                codes.append(one.returncode)
            found[name] = each * SENDERS / (time.perf_counter() - began_s)
            if name == "Trivium":
                lost = each * SENDERS - _rows(receiver.folder) + sum(code != 0 for code in codes)
    note = f"{SENDERS} storescu at once, {each} CT of 0.5 MiB each"
    return [
        Metric(NAMES[2], found["Trivium"], "/s", peer="Orthanc", peer_value=found.get("Orthanc"), note=note),
        Metric(NAMES[3], float(lost), "", "= 0", lost == 0, note=note),
    ]


def _memory(context: BenchContext, count: int) -> list[Metric]:
    """Resident memory after the first fifth of the objects and after all of them."""
    context.say(f"{count} small objects")
    objects = make_objects(context.scratch / "small", count, SMALL_SIDE)
    resident = []
    with trivium(context.scratch / "memory") as receiver:
        for fifth in range(5):
            send(receiver, objects[fifth * count // 5 : (fifth + 1) * count // 5])
            resident.append(receiver.process.memory_info().rss / 1e6)
    growth = resident[-1] - resident[0]
    shown = ", ".join(f"{each:.0f}" for each in resident)
    note = f"{count} objects in five associations; resident memory after each: {shown} MB"
    return [Metric(NAMES[4], growth, "MB", f"<= {FLAT_MB:g}", growth <= FLAT_MB, note=note)]


def _half_sent(context: BenchContext, path: Path, times: int) -> list[Metric]:
    """Cut the line amid an object, again and again; count files and rows that are there afterwards."""
    context.say(f"{times} half-sent objects")
    sent = dcmread(path)
    with trivium(context.scratch / "half") as receiver:
        for number in range(times):
            _cut_after(receiver, sent, 50_000 + number * 8000)
        left = _left(receiver.folder)
        until_s = time.monotonic() + 10
        while left and time.monotonic() < until_s:
            time.sleep(0.05)  # the last one's thread ends when it ends, and tells nobody outside
            left = _left(receiver.folder)
    note = f"{times} associations reset after 50 kB and more of an object of 0.5 MiB; files and rows"
    return [Metric(NAMES[5], float(left), "", "= 0", left == 0, note=note)]


def _cut_after(receiver: Receiver, sent: Any, sent_bytes: int) -> None:
    count = 0

    def cut(event: Any) -> None:
        nonlocal count
        count += len(event.data)
        line = event.assoc.dul.socket.socket
        if count > sent_bytes and line.fileno() >= 0:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()

    entity = AE()
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    entity.add_requested_context(CTImageStorage)
    association = entity.associate("127.0.0.1", receiver.port, ae_title=receiver.title, evt_handlers=[(evt.EVT_DATA_SENT, cut)])
    if association.is_established:
        association.send_c_store(sent)


def _left(folder: Path) -> int:
    objects = folder / "data" / "received"
    return sum(path.is_file() and path.suffix != ".lock" for path in objects.rglob("*")) + _rows(folder)


def _rows(folder: Path) -> int:
    with sqlite3.connect(folder / "data" / "trivium.db") as database:
        return int(database.execute("SELECT count(*) FROM received_objects").fetchone()[0])
