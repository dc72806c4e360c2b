"""The demonstration's study: drafted with its record by the demonstration's model, kept, and written as pages to look at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.commands.medical import DOMAIN
from pipelines.runs import configuration_of, versions
from pipelines.sink import StoreSink

if TYPE_CHECKING:
    from core.store import Store

MODEL = "lung-ultrasound-demo"


def draft_sample(samples: Path, pages: Sequence[Path], store: Store) -> list[Path]:
    """Draft the sample study.

    Args:
        samples: folder with `study`, `record.json`, `symptoms.txt` and the model.
        pages: to be written, each in the format of its suffix.
        store: where the draft and its alerts go.

    Returns:
        The pages that were written; none where there is no sample study or the libraries of medicine are not installed.
    """
    if not (samples / "study").is_dir():
        return []
    try:
        from domains.medical.delivery import deliver
        from domains.medical.drafting import Drafting
        from domains.medical.formats import write_as
        from domains.medical.policy import FindingsPolicy
    except ImportError:
        click.echo("no report is drafted: the libraries of medicine are not installed (pip install 'trivium[medical]')")
        return []
    from core.whole_file import write_whole
    from domains.medical.config import MedicalSettings
    from domains.medical.sign_off import SignedState

    settings = MedicalSettings(models=[samples / MODEL])
    run_id = store.begin_run("draft", DOMAIN, "the sample study", configuration_of(settings), versions(), None)
    sink, policy = StoreSink(store, run_id), FindingsPolicy()
    texts = [(samples / "symptoms.txt").read_text("utf-8")]
    with Drafting(settings) as drafting:
        (drafted,) = drafting.draft_place(samples / "study", records=[samples / "record.json"], texts=texts)
    deliver(drafted, sink, policy, time.time())
    store.finish_run(run_id, "done", {"reports": 1})
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_whole(page, write_as(page.suffix.lstrip("."), drafted.report, SignedState(), drafted.file, UTC))
    click.echo("1 draft report from 1 study; its model is a demonstration, trained on 50 loops and stills: expect mistakes")
    return list(pages)
