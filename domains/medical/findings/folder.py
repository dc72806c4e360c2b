"""FindingsModel: a model folder of this field, and what the model says of a row."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ModelError
from core.feature_cache import features_kept_in
from core.model_folder import HASHES, check_hashes, read_json, sha256, write_json
from core.table.values import ColumnKind
from domains.medical.findings.columns import HISTORY, SYMPTOMS, Row
from domains.medical.findings.fitted import Fitted
from domains.medical.findings.thresholds import Thresholds
from domains.medical.report import Checkpoint, Coded, Finding

if TYPE_CHECKING:
    from core.label_learning.rows import Rows
    from core.samples import FloatArray

FACTS, MODEL, CARD = "findings.json", "model", "README.md"
KIND = "medical findings"
FORMAT = 1


class ModelFacts(BaseModel):
    """What the field knows of a model besides its weights.

    Attributes:
        title, data, licence, is_synthetic, limits: as on its card.
        findings: what it is asked, in order.
        codes: finding to `SCHEME:CODE:meaning`.
        thresholds: of each finding.
        alpha: share that may be wrong on each side of a threshold.
        studies, patients: it was trained on.
        tested: studies of other patients that it was tested on.
        columns: name to kind of what it reads.
        figures: of the test.
        modalities, body_parts: of the studies that it was trained on; empty where they did not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = KIND
    format: int = FORMAT
    title: str = Field(max_length=100)
    data: str
    licence: str = "not stated"
    is_synthetic: bool = False
    limits: tuple[str, ...] = ()
    findings: tuple[str, ...]
    codes: dict[str, str] = Field(default_factory=dict)
    thresholds: dict[str, Thresholds]
    alpha: float
    studies: int
    patients: int
    tested: int = 0
    columns: dict[str, str]
    figures: dict[str, float]
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()


class FindingsModel:
    """A trained model, ready to be asked.

    Attributes:
        facts: what is known of it.
        checkpoint: as a report names it.
    """

    def __init__(self, facts: ModelFacts, checkpoint: Checkpoint, fitted: Fitted) -> None:
        self.facts = facts
        self.checkpoint = checkpoint
        self._fitted = fitted

    @classmethod
    def load(cls, folder: Path) -> FindingsModel:
        """From a folder.

        Raises:
            ModelError: it is missing, damaged, or no findings model.
        """
        named = check_hashes(folder)
        if FACTS not in named:
            raise ModelError(f"{folder.name} is no findings model; train one with: trivium medical train")
        try:
            facts = ModelFacts.model_validate(read_json(folder, FACTS))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ModelError(
                f"{folder.name}: {FACTS} is not what this version writes ({where}: {first['msg'][:80]}); train again"
            ) from error
        if (facts.kind, facts.format) != (KIND, FORMAT) or set(facts.thresholds) != set(facts.findings):
            raise ModelError(f"{folder.name}: {FACTS} is of another kind or version; train again")
        fitted = Fitted.load(facts.findings, folder / MODEL)
        checkpoint = Checkpoint(
            name=facts.title, sha256=sha256(folder / HASHES), trained_on=facts.data, is_synthetic=facts.is_synthetic, limits=facts.limits
        )
        return cls(facts, checkpoint, fitted)

    def knows(self, row: Row) -> bool:
        """Whether it was trained on pictures of this kind; a model that does not say on what is asked about everything."""
        known = self.facts
        of_kind = not known.modalities or row.modality in known.modalities
        return of_kind and (not known.body_parts or not row.body_part or row.body_part in known.body_parts)

    def encode(self, row: Row) -> Rows:
        """A row as the model reads it."""
        return self._fitted.encode([row])

    def ask(self, rows: Sequence[Row]) -> FloatArray:
        """Calibrated probabilities of many rows, `[rows, findings]`; nothing of them stays in the user's cache."""
        with tempfile.TemporaryDirectory(prefix="trivium-features-") as kept, features_kept_in(Path(kept)):
            return self._fitted.ask(rows)

    def probabilities(self, rows: Rows) -> FloatArray:
        """Calibrated, `[rows, findings]`."""
        return self._fitted.probabilities(rows)

    def judge(self, row: Row) -> tuple[Finding, ...]:
        """Every finding with its probability, thresholds, status and what each kind of input added, in the model's order."""
        return self.judge_encoded(self.encode(row))

    def judge_encoded(self, rows: Rows) -> tuple[Finding, ...]:
        """As `judge`, for a row that was encoded already."""
        whole = self.probabilities(rows)[0]
        shares = self._shares(rows, whole)
        found = []
        for index, name in enumerate(self.facts.findings):
            cut, probability = self.facts.thresholds[name], float(whole[index])
            found.append(
                Finding(
                    name=name,
                    code=coded(self.facts.codes.get(name)),
                    probability=probability,
                    threshold=min(cut.present_from, 1.0),
                    absent_below=min(cut.absent_below, 1.0),
                    status=cut.status(probability),
                    contributions=shares[index],
                )
            )
        return tuple(found)

    def _shares(self, rows: Rows, whole: FloatArray) -> list[dict[str, float]]:
        """How far each probability moves when one modality is left out, as shares of all that is moved."""
        here = [m for m, there in rows.here.items() if there[0]]
        if len(here) < 2:
            return [{m.value: 1.0 for m in here} for _ in whole]
        moved = {m: abs(whole - self.probabilities(rows.only([o for o in here if o is not m]))[0]) for m in here}
        total = sum(moved.values())
        return [{m.value: float(moved[m][i] / total[i]) if total[i] > 1e-9 else 1 / len(here) for m in here} for i in range(len(whole))]


def shown(row: Row, part: str) -> Row:
    """The row with only what came with the pictures (`image`), only the record (`record`), or all of it (`both`).

    Raises:
        ValueError: another part.
    """
    if part == "both":
        return row
    if part == "image":
        return replace(row, record=(), history="", symptoms="", values={})
    if part == "record":
        return replace(row, images=(), study=())
    raise ValueError(f"{part!r} is none of image, record, both")


def coded(text: str | None) -> Coded | None:
    """`SCHEME:CODE:meaning` as a value; None for none or nonsense."""
    parts = (text or "").split(":", 2)
    return Coded(scheme=parts[0], code=parts[1], meaning=parts[2]) if len(parts) == 3 and all(parts) else None


def write_facts(folder: Path, facts: ModelFacts, model: Path) -> None:
    """Every file of a model's folder (`core.model_folder.save_whole` makes it whole)."""
    write_json(folder / FACTS, json.loads(facts.model_dump_json()))
    (folder / CARD).write_text(card(facts), "utf-8")
    shutil.copytree(model, folder / MODEL)


def card(facts: ModelFacts) -> str:
    """The card as Markdown."""
    synthetic = "\n> **Trained on synthetic data.** Said wherever its output is shown.\n" if facts.is_synthetic else ""
    rows = "\n".join(_card_row(facts, name) for name in facts.findings)
    limits = "\n".join(f"- {limit}" for limit in facts.limits) or "- not stated"
    others = "\n".join(
        f"- {name}: {facts.figures[name]:.3f}" for name in ("calibration error", "area under risk-coverage") if name in facts.figures
    )
    read = [column for column, kind in facts.columns.items() if ColumnKind(kind).modality is not None]
    words = ", ".join(c for c in read if c in (HISTORY, SYMPTOMS))
    return f"""# {facts.title}
{synthetic}
A drafting aid for research and review. Not a medical device, not a diagnosis; a qualified person must review what it says.

Trained on: {facts.data}
Licence: {facts.licence}
{_kinds(facts)}{facts.studies} studies of {facts.patients} patients; tested on {facts.tested} studies of other patients, once.

| finding | AUROC (95 %) | F1 | present from | absent below | answered | wrongly present | wrongly absent |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

Thresholds let at most a share of {facts.alpha:g} be wrong on each side (conformal, on patients that the model had not seen); between
them the model says 'not sure'.

{others}

Reads: {", ".join(read)}{f" (free text: {words})" if words else ""}.

## Limits

{limits}
"""


def _kinds(facts: ModelFacts) -> str:
    """Of what it was trained, as a line of the card."""
    told = [", ".join(words) for words in (facts.modalities, facts.body_parts) if words]
    return f"Pictures: {'; '.join(told)}. It is not asked about others.\n" if told else ""


def _card_row(facts: ModelFacts, name: str) -> str:
    figures, cut = facts.figures, facts.thresholds[name]

    def told(what: str) -> str:
        return f"{figures[f'{name}: {what}']:.3f}" if f"{name}: {what}" in figures else "not measured"

    interval = f" ({told('auroc low')} to {told('auroc high')})" if f"{name}: auroc low" in figures else ""
    cuts = [f"{cut.present_from:.3f}" if cut.present_from <= 1 else "never", f"{cut.absent_below:.3f}" if cut.absent_below > 0 else "never"]
    columns = [name, told("auroc") + interval, told("f1"), *cuts, told("answered"), told("wrongly present"), told("wrongly absent")]
    return f"| {' | '.join(columns)} |"
