"""Write reports out: whole files for their owner only, and the bodies of all that is signed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from core.store import Store
    from domains.medical.report import DraftReport

OWNER_ONLY = 0o600  # reports name patients
REPORTS_A_PAGE = 200


def write_new(path: Path, content: bytes, *, force: bool) -> None:
    """A whole file or none, readable by its owner only.

    Raises:
        InputError: it is there already and may not be overwritten, or the disk does not take it.
    """
    beside = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if path.exists() and not force:
            raise InputError(f"{path} is there already; name another file, or overwrite it with --force")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, not a path
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; check its folder and the disk") from error
    finally:
        beside.unlink(missing_ok=True)


def signed_bodies(store: Store, domain: str) -> Iterator[DraftReport]:
    """The newest signed version of every report of a domain, one at a time."""
    from core.store import ReportFilter
    from domains.medical.sign_off import stored_report

    after = None
    while page := store.reports(ReportFilter(domain=domain, limit=REPORTS_A_PAGE, after=after)):
        for head in page:
            if head.state.is_signed:
                signed = [version for version in store.versions(head.id) if version.state.is_signed]
                yield stored_report(signed[-1].body)
        after = page[-1].cursor
