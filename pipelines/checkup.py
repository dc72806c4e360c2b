"""What `trivium doctor` looks at: each look gives findings, and one that fails is itself a finding.

A finding is `good`, `note` (worth knowing), `warning` (something wished for is missing) or `broken` (something needed does
not work).
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from core.errors import ConfigError, TriviumError
from core.redaction import redact
from pipelines.configuration import Configuration, root_model

if TYPE_CHECKING:
    from domains.contract import SourceStatus

State = Literal["good", "note", "warning", "broken"]

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "onnxruntime",
    "av",
    "opencv-python-headless",
    "numpy",
    "supervision",
    "trackers",
    "SQLAlchemy",
)
OPTIONAL_PACKAGES = {
    "faster-whisper": "words in speech: pip install 'trivium[asr]'",
    "psycopg": "PostgreSQL: pip install 'trivium[postgres]'",
}
LITTLE_DISK_GB = 5.0
NO_DISK_GB = 0.5
LITTLE_MEMORY_GB = 2.0
DATABASE_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found.

    Attributes:
        subject: the part that was looked at: `python`, `weights`, `camera`.
        name: which one of them.
        state: how it fares.
        text: one line, with what to do where something is wrong.
    """

    subject: str
    name: str
    state: State
    text: str


def examine(configuration: Callable[[], Configuration], with_sources: bool = True) -> Iterator[Finding]:
    """Look at everything, the quick first.

    Args:
        configuration: gives the configuration; where it cannot, that is a finding and what needs it is left out.
        with_sources: ask the cameras too, which may take seconds.
    """
    yield from _guarded("machine", machine)
    yield from _guarded("package", packages)
    yield from _guarded("video", video)
    yield from _guarded("opencv", opencv)
    yield from _guarded("weights", weights)
    yield from _guarded("words", words)
    yield from _guarded("domain", plugins)
    try:
        found = configuration()
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Finding("configuration", "file", "broken", line)
        return
    yield Finding("configuration", "file", "good", str(found.path or "none: defaults and environment"))
    yield from _guarded("disk", lambda: disk(found.settings.data_folder.expanduser()))
    yield from _guarded("database", lambda: database(found))
    if with_sources:
        yield from _guarded("source", lambda: sources(found))


def machine() -> Iterator[Finding]:
    """Python, the system, processors and memory."""
    import psutil

    is_new_enough = sys.version_info >= (3, 11)
    wanted = "" if is_new_enough else "; 3.11 or newer is needed"
    yield Finding("machine", "python", "good" if is_new_enough else "broken", f"{platform.python_version()} at {sys.executable}{wanted}")
    yield Finding("machine", "system", "good", f"{system_name()}, {platform.machine()}")
    yield Finding("machine", "processor", "good", f"{processor_name()}, {os.cpu_count()} cores")
    free_gb = psutil.virtual_memory().available / 1e9
    state: State = "good" if free_gb >= LITTLE_MEMORY_GB else "warning"
    yield Finding("machine", "memory", state, f"{free_gb:.1f} GB free of {psutil.virtual_memory().total / 1e9:.1f} GB")


def system_name() -> str:
    """The operating system's name as people know it."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}"


def processor_name() -> str:
    """The processor's model, or its architecture where the system does not say."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor() or platform.machine()
    return platform.processor() or platform.machine()


def packages() -> Iterator[Finding]:
    """Trivium itself and the packages whose versions matter."""
    yield Finding("package", "trivium", "good", version("trivium"))
    for name in PACKAGES:
        try:
            yield Finding("package", name, "good", version(name))
        except PackageNotFoundError:
            yield Finding("package", name, "broken", "not installed; install trivium again: make demo, or pip install trivium")
    for name, use in OPTIONAL_PACKAGES.items():
        try:
            yield Finding("package", name, "good", version(name))
        except PackageNotFoundError:
            yield Finding("package", name, "note", f"not installed; for {use}")


def video() -> Iterator[Finding]:
    """The codecs that films and clips need."""
    import av

    for name, mode, use in (("h264", "r", "reads most cameras"), ("aac", "r", "reads most microphones"), ("libx264", "w", "writes film")):
        try:
            av.codec.Codec(name, cast("Any", mode))
        except ValueError:
            state: State = "broken" if mode == "r" else "warning"
            yield Finding(
                "video", name, state, f"PyAV {av.__version__} lacks it ({use}); install PyAV's own wheel: pip install --force-reinstall av"
            )
        else:
            yield Finding("video", name, "good", f"{use} (PyAV {av.__version__})")


def opencv() -> Iterator[Finding]:
    """The one OpenCV that is loaded must be the headless build."""
    import cv2

    interface = next(
        (line.partition(":")[2].strip() for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), ""
    )
    remedy = "pip uninstall -y opencv-python && pip install --force-reinstall --no-deps opencv-python-headless"
    if interface not in ("", "NONE"):
        yield Finding("opencv", "cv2", "warning", f"the build with windows ({interface}) is loaded, it needs libGL; mend it: {remedy}")
    elif _has_files("opencv-python", "cv2"):
        yield Finding("opencv", "cv2", "warning", f"two builds share the folder cv2; mend it: {remedy}")
    else:
        yield Finding("opencv", "cv2", "good", f"{cv2.__version__}, headless")


def _has_files(name: str, folder: str) -> bool:
    try:
        return any(path.parts[0] == folder for path in distribution(name).files or ())
    except PackageNotFoundError:
        return False


def weights() -> Iterator[Finding]:
    """Which pretrained weights lie in the cache."""
    from core.weights import entries, is_here

    for entry in entries():
        if is_here(entry):
            yield Finding("weights", entry.name, "good", f"{entry.purpose}; {entry.licence or 'no licence stated'}")
        else:
            state: State = "warning" if entry.sets else "note"
            yield Finding("weights", entry.name, state, f"{entry.purpose}; not here: trivium models pull {entry.name}")


def words() -> Iterator[Finding]:
    """Whether what is said can be written down, where a configuration asks for it."""
    from core.weights import entry, is_here

    steps = [] if find_spec("faster_whisper") is not None else ["pip install 'trivium[asr]'"]
    steps += [f"trivium models pull {name}" for name in ("silero-vad", "whisper-tiny") if not is_here(entry(name))]
    if steps:
        yield Finding("words", "speech to text", "note", f"spoken words cannot be written down; for that: {'; '.join(steps)}")
    else:
        yield Finding("words", "speech to text", "good", "spoken words (English) can be written down where `words: true` asks for it")


def plugins() -> Iterator[Finding]:
    """Domains that load, and those that do not."""
    model, broken = root_model()
    for name in model.model_fields:
        if name not in model.__base__.model_fields and name != "notify":  # type: ignore[union-attr]
            yield Finding("domain", name, "good", "installed")
    for plugin in broken:
        yield Finding("domain", plugin.name, "broken", plugin.reason)


def disk(folder: Path) -> Iterator[Finding]:
    """Free space where the data lies, or would lie."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    state: State = "broken" if free_gb < NO_DISK_GB else "warning" if free_gb < LITTLE_DISK_GB else "good"
    if not os.access(existing, os.W_OK):
        yield Finding("disk", "data folder", "broken", f"{folder} cannot be written; set data_folder or its rights")
        return
    made = "" if folder.exists() else "; the folder is made at first use"
    yield Finding("disk", "data folder", state, f"{free_gb:.1f} GB free at {folder}{made}")


def database(configuration: Configuration) -> Iterator[Finding]:
    """Whether the database answers, and which schema it has."""
    from sqlalchemy import make_url

    from core.store.database import open_database
    from core.store.schema import newest_schema, schema_of

    url = configuration.settings.store_url()
    if url.startswith("sqlite") and not Path(make_url(url).database or "").exists():
        yield Finding("database", "store", "note", f"{redact(url)}: none yet; it is made at first use")
        return
    opened = open_database(url, deadline_s=DATABASE_DEADLINE_S)
    try:
        with opened.connect(writes=False) as connection:
            schema = schema_of(connection)
    finally:
        opened.engine.dispose()
    newest = newest_schema()
    if schema == newest:
        yield Finding("database", "store", "good", f"{opened.where}: schema {schema}")
    else:
        yield Finding("database", "store", "note", f"{opened.where}: schema {schema or 'none'}; brought to {newest} at next use")


def sources(configuration: Configuration) -> Iterator[Finding]:
    """Every configured source of every domain, asked once."""
    from core.registry import domains

    working, _ = domains()
    count = 0
    for name, domain in working.items():
        statuses: tuple[SourceStatus, ...] = cast("Any", domain).probe(configuration.settings.section(name))
        for status in statuses:
            count += 1
            answers = status.state == "online"
            text = "answers" if answers else f"{status.state}: {redact(status.note) or 'no answer'}"
            yield Finding("source", f"{name}/{status.name}", "good" if answers else "warning", text)
    if not count:
        yield Finding("source", "all", "note", "none is configured")


def _guarded(subject: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except TriviumError as error:
        yield Finding(subject, "all", "broken", " ".join(redact(str(error)).split()))
    except Exception as error:  # a check-up ends with a finding, whatever is wrong with the machine
        yield Finding(subject, "all", "broken", redact(f"{type(error).__name__}: {' '.join(str(error).split())}"))
