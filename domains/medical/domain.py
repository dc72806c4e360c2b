"""Medicine as a domain: what the registry finds. Light to import; the work is imported when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.errors import ConfigError, InputError
from domains.medical.config import MedicalSettings

if TYPE_CHECKING:
    from core.alerts import Alert
    from core.encoders.contract import Encoder
    from core.samples import Modality, Sample
    from domains.contract import Policy, Sink, Source, SourceStatus, Surroundings, Watch

LISTEN = "studies are sent to its listener: run `trivium medical listen`"


class Medical:
    """Studies and records."""

    name = "medical"
    summary = "draft reports of studies for a person to review and sign"
    settings = MedicalSettings
    labels = ()
    benches: Mapping[str, str] = {
        "medical.findings": "domains.medical.benches.findings:run",
        "medical.drafts": "domains.medical.benches.drafts:run",
        "medical.deidentification": "domains.medical.benches.deidentification:run",
        "medical.listener": "domains.medical.benches.listener:run",
    }

    def open(self, location: str, settings: MedicalSettings) -> Source:
        """The studies at a place as samples."""
        from domains.medical.sources import StudySource

        return StudySource(location, settings)

    def recordings(self, location: str) -> tuple[str, ...]:
        """The place itself: what lies there is put together into studies when it is read."""
        if not Path(location).exists():
            raise InputError("there is nothing at the place given; name a DICOM file, a folder, a ZIP or a picture")
        return (location,)

    def analyse(
        self,
        location: str,
        settings: MedicalSettings,
        sink: Sink,
        surroundings: Surroundings,  # noqa: ARG002  the contract's; nothing is learned about a source here
        progress: Callable[[float, float | None], None],
    ) -> Mapping[str, float]:
        """Draft a report of every study at a place, and raise an alert a finding that reached its threshold."""
        from domains.medical.delivery import deliver
        from domains.medical.drafting import Drafting

        policy, counts = self.policy(settings), {"studies": 0.0, "alerts": 0.0}
        with Drafting(settings) as drafting:
            for drafted in drafting.draft_place(location):
                counts["alerts"] += deliver(drafted, sink, policy, time.time())
                counts["studies"] += 1
                progress(counts["studies"], None)
        return counts

    def watch(self, settings: MedicalSettings, sink: Sink, surroundings: Surroundings) -> Watch:  # noqa: ARG002  the contract's
        """There is nothing to go and look at."""
        raise ConfigError(f"medicine has no live source to watch; {LISTEN}")

    def with_sources(self, settings: MedicalSettings, locations: Mapping[str, str]) -> MedicalSettings:
        """No source has an address."""
        if locations:
            raise ConfigError(f"medicine has no live sources with an address; {LISTEN}")
        return settings

    def encoders(self, settings: MedicalSettings, threads: int) -> Mapping[Modality, Encoder]:  # noqa: ARG002  the contract's
        """Pictures and words; numbers are read as a trained model reads them."""
        from core.samples import Modality
        from core.table.defaults import encoders_of

        return encoders_of((Modality.IMAGE, Modality.TEXT), threads=threads)

    def probe(self, settings: MedicalSettings) -> tuple[SourceStatus, ...]:
        """Whether the listener of the configuration answers."""
        from domains.medical.receiving.probing import probe_listener

        return () if settings.listen is None else (probe_listener(settings.listen),)

    def policy(self, settings: MedicalSettings) -> Policy:  # noqa: ARG002  the contract's
        """A fresh policy."""
        from domains.medical.policy import FindingsPolicy

        return cast("Policy", FindingsPolicy())

    def draft(self, alerts: Sequence[Alert]) -> str:
        """A DRAFT worklist."""
        from domains.medical.worklist import draft_worklist

        return draft_worklist(alerts)

    def examples(self, dataset: Path) -> Sequence[Sample]:
        """The labelled studies of a dataset folder's `studies.csv`."""
        from domains.medical.sources import TABLE, labelled_samples

        if not (dataset / TABLE).is_file():
            raise InputError(f"{dataset.name or 'the folder'} has no {TABLE}: a table of studies with their labels (findings) is needed")
        return labelled_samples(dataset, MedicalSettings())


MEDICAL = Medical()
