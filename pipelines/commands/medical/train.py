"""`trivium medical train` and `evaluate`: findings, from a person's own table of studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from pipelines.cli import Session, pass_session
from pipelines.commands.learning_options import FOLDER, TABLE, in_words, say
from pipelines.commands.learning_options import as_json as plain
from pipelines.commands.medical import DOMAIN
from pipelines.console import json_option, print_json

if TYPE_CHECKING:
    from core.table.values import RowProblem
    from domains.medical.config import MedicalSettings

MOST_PROBLEMS = 10


@click.command(
    epilog="\b\nExamples:\n  trivium medical train studies.csv --title chest-findings --data 'our films of 2025' --out chest-findings\n"
    "  trivium medical train studies.csv --title chest --data 'our films' --out chest \\\n"
    "    --code 'effusion=SCT:60046008:Pleural effusion'"
)
@click.argument("table", type=TABLE)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the model; must not exist.")
@click.option("--title", required=True, help="What the model is called in reports.")
@click.option("--data", required=True, help="On what it is trained, in a sentence: stands on its card and in every report.")
@click.option("--licence", default="not stated", show_default=True, help="Of the data.")
@click.option("--synthetic", is_flag=True, help="The data are made, at least in part; is said wherever its output is shown.")
@click.option("--limit", "limits", multiple=True, metavar="WORDS", help="What it must not be used for; may be given several times.")
@click.option("--code", "codes", multiple=True, metavar="FINDING=SCHEME:CODE:MEANING", help="Of a terminology, for SR and FHIR.")
@click.option("--preset", type=click.Choice(["quick", "best"]), default="best", show_default=True, help="As in `trivium train`.")
@click.option("--image-encoder", default=None, metavar="NAME", help="A folder or hub id of a vision model  [default: the packaged one]")
@click.option("--alpha", type=click.FloatRange(0.01, 0.4), default=0.1, show_default=True, help="Share that may be wrong on each side.")
@click.option("--test", "test_fraction", type=click.FloatRange(0, 0.5), default=0.2, show_default=True, help="Of the patients, set aside.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--leave-words", is_flag=True, help="Do not look for words burned into the pictures; they are blackened otherwise.")
@json_option
@pass_session
def train(
    session: Session,
    table: Path,
    out: Path,
    title: str,
    data: str,
    licence: str,
    synthetic: bool,
    limits: tuple[str, ...],
    codes: tuple[str, ...],
    preset: str,
    image_encoder: str | None,
    alpha: float,
    test_fraction: float,
    seed: int,
    leave_words: bool,
    as_json: bool,
) -> None:
    """Learn findings from TABLE: a study a row.

    Columns: study, record, history, symptoms, findings (separated by |, `none` where there are none), and patient, taken, modality,
    body_part, view where the files do not say. Patients are never split between training and test.
    """
    from core.label_learning.options import LabelOptions
    from core.model_folder import check_place
    from domains.medical.deidentifying import WordFinder
    from domains.medical.findings.learning import Lesson, train_findings
    from domains.medical.findings.preparing import prepare
    from domains.medical.findings.studies_table import read_studies_table

    settings = cast("MedicalSettings", session.settings.section(DOMAIN))
    check_place(out, kind="findings model")
    told = dict(_code(text) for text in codes)
    studies, problems = read_studies_table(table)
    finder = None if leave_words else WordFinder()
    rows, unread = prepare(studies, timezone=settings.timezone, most_images=settings.key_images, finder=finder, say=say)
    _tell((*problems, *unread))
    chosen = {} if image_encoder is None else {"image_encoder": image_encoder}
    options = LabelOptions.model_validate({"preset": preset, "seed": seed, **chosen})
    lesson = Lesson(title, data, licence, synthetic, limits, options, alpha, test_fraction, told)
    model = train_findings(rows, out, lesson, say=say)
    if as_json:
        print_json({"model": str(out), **plain(model.facts.model_dump(mode="json"))})
        return
    click.echo((out / "README.md").read_text("utf-8"), nl=False)


@click.command(
    epilog="\b\nExamples:\n  trivium medical evaluate chest-findings others.csv\n"
    "  trivium medical evaluate chest-findings others.csv --json"
)
@click.argument("model", type=FOLDER)
@click.argument("table", type=TABLE)
@json_option
@pass_session
def evaluate(session: Session, model: Path, table: Path, as_json: bool) -> None:
    """Measure MODEL on the studies of TABLE, of patients that it was not trained on: by part of the input, with intervals."""
    from domains.medical.findings.evaluation import Asked, auroc_of, figures_of
    from domains.medical.findings.folder import FindingsModel, shown
    from domains.medical.findings.learning import truth_of
    from domains.medical.findings.preparing import prepare
    from domains.medical.findings.studies_table import read_studies_table

    settings = cast("MedicalSettings", session.settings.section(DOMAIN))
    asked_of = FindingsModel.load(model)
    studies, problems = read_studies_table(table)
    rows, unread = prepare(studies, timezone=settings.timezone, most_images=settings.key_images, say=say)
    _tell((*problems, *unread))
    known = [row for row in rows if row.findings is not None]
    names, patients = asked_of.facts.findings, tuple(row.patient or row.id for row in known)
    truth = truth_of(known, names)
    figures: dict[str, float] = {}
    for part in ("both", "image", "record"):
        asked = Asked(names, asked_of.ask([shown(row, part) for row in known]), truth, patients)
        if part == "both":
            figures |= figures_of(asked, [asked_of.facts.thresholds[name] for name in names])
        else:
            figures |= {f"{name}: auroc, {part} alone": auroc_of(asked, index).value for index, name in enumerate(names)}
    if as_json:
        print_json({"model": asked_of.facts.title, "studies": len(known), "patients": len(set(patients)), "figures": plain(figures)})
        return
    click.echo(f"{asked_of.facts.title}: {len(known)} studies of {len(set(patients))} patients")
    for name, value in figures.items():
        click.echo(f"  {name}: {in_words(value)}")


def _code(text: str) -> tuple[str, str]:
    finding, mark, code = text.partition("=")
    if not mark or code.count(":") < 2:
        raise click.UsageError(f"--code {text!r}: say FINDING=SCHEME:CODE:MEANING, such as effusion=SCT:60046008:Pleural effusion")
    return finding.strip().casefold(), code


def _tell(problems: tuple[RowProblem, ...]) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        say(str(problem))
    if len(problems) > MOST_PROBLEMS:
        say(f"and {len(problems) - MOST_PROBLEMS} more rows")
