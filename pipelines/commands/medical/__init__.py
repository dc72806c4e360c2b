"""`trivium medical`: studies and records, draft reports, sign-off."""

from __future__ import annotations

from pipelines.cli import Entry, LazyGroup

DOMAIN = "medical"
ID_DIGITS = 8  # of a report's id, in tables and names of files
FORMAT_NAMES = ("html", "pdf", "sr", "fhir", "encapsulated", "json")  # as domains.medical.formats.FORMATS, so that help stays quick

medical = LazyGroup(
    "medical",
    help="Studies and records in, DRAFT reports out, for a person to review and sign.",
    epilog="\b\nExamples:\n  trivium medical draft study/ --record patient.json --out drafts/\n  trivium medical listen --port 11112\n"
    "  trivium medical reports list",
    entries={
        "draft": Entry("pipelines.commands.medical.draft:draft", "Draft a report of each study at a place."),
        "listen": Entry("pipelines.commands.medical.listen:listen", "Receive studies by DICOM and draft each when it is whole."),
        "pull": Entry("pipelines.commands.medical.listen:pull", "Fetch a study by DICOMweb."),
        "reports": Entry("pipelines.commands.medical.reports:reports", "List, show, edit, sign, amend and export reports."),
        "audit": Entry("pipelines.commands.medical.reports:audit", "Show and verify the audit trail."),
        "train": Entry("pipelines.commands.medical.train:train", "Learn findings from your own table of studies."),
        "evaluate": Entry("pipelines.commands.medical.train:evaluate", "Measure a findings model on studies it has not seen."),
        "deidentify": Entry("pipelines.commands.medical.deidentify:deidentify", "Remove what identifies a person from studies."),
        "worklist": Entry("pipelines.commands.medical.draft:worklist", "Which studies to look at first, as a draft."),
    },
)
