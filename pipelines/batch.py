"""Judge recordings one after another, each as a run of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError, TriviumError
from core.store import Store
from domains.contract import Domain, Surroundings
from pipelines.runs import configuration_of, versions
from pipelines.sink import StoreSink


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recording.

    Attributes:
        location: the recording.
        run_id: its run in the store.
        counts: what the domain counted.
        error: one line, or empty when it went through.
    """

    location: str
    run_id: str
    counts: Mapping[str, float]
    error: str = ""


def analyse(
    domain: Domain,
    locations: Sequence[str],
    settings: Any,
    store: Store,
    state_folder: Path,
    threads: int,
    progress: Callable[[str, float, float | None], None],
) -> Iterator[Outcome]:
    """Judge recordings.

    A recording that cannot be read gives an outcome with its error; the others are judged all the same.

    Args:
        domain: who judges.
        locations: files.
        settings: the domain's part of the configuration.
        store: where alerts go.
        state_folder: where what was learned is kept.
        threads: processor threads for the models.
        progress: told location, seconds done, seconds in all.
    """
    for location in locations:
        run_id = store.begin_run("analyse", domain.name, location, configuration_of(settings), versions(), None)
        sink = StoreSink(store, run_id)
        with scratch_folder() as scratch:
            surroundings = Surroundings(state_folder, scratch, threads)

            def tell(done_s: float, all_s: float | None, location: str = location) -> None:
                progress(location, done_s, all_s)

            try:
                counts = domain.analyse(location, settings, sink, surroundings, tell)
            except InputError as error:
                store.finish_run(run_id, "failed", {"error": str(error)})
                yield Outcome(location, run_id, {}, str(error))
                continue
            except (TriviumError, KeyboardInterrupt):
                store.finish_run(run_id, "failed", {})
                raise
        store.finish_run(run_id, "done", counts)
        yield Outcome(location, run_id, counts)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for files in the making, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trivium-") as folder:
        yield Path(folder)
