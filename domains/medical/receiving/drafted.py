"""What becomes of a study that was received: a draft report, kept in the store like any other."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from domains.contract import Policy, Sink
    from domains.medical.config import MedicalSettings
    from domains.medical.drafting import Drafted, Drafting


def drafter(
    drafting: Drafting, settings: MedicalSettings, sink: Sink, policy: Policy, tell: Callable[[Drafted], None]
) -> Callable[[str, tuple[Path, ...]], None]:
    """Make the function that drafts each whole study.

    Args:
        drafting: drafts.
        settings: name the folder of records.
        sink, policy: where drafts and their alerts go.
        tell: called with each draft once it is kept.

    Returns:
        What `Listener` and `pull` call with a study's identifier and its files.
    """
    from domains.medical.delivery import deliver
    from domains.medical.drafting import record_of
    from domains.medical.reading import read_study

    def draft(study_uid: str, paths: tuple[Path, ...]) -> None:
        with tempfile.TemporaryDirectory(prefix="trivium-received-") as name:
            place, scratch = Path(name) / "study", Path(name) / "scratch"
            place.mkdir()
            scratch.mkdir()
            for number, path in enumerate(paths):
                _bring(path, place / f"{number:06}")
            studies = [study for study in read_study(place, scratch=scratch, timezone=settings.timezone) if study.uid == study_uid]
            if not studies:
                raise InputError("a received study holds nothing that can be read as one")
            for study in studies:
                record = record_of(study, settings.records, timezone=settings.timezone) if settings.records else None
                drafted = drafting.draft(study, record)
                deliver(drafted, sink, policy, time.time())
                tell(drafted)

    return draft


def _bring(path: Path, name: Path) -> None:
    """Another name for the same file, or a copy where the folders are not on one disk."""
    try:
        name.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, name)
