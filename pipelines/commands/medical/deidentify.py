"""`trivium medical deidentify`: copies of studies and pictures without what tells whose they are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from pipelines.console import console, json_option, print_json


@click.command(
    epilog="""
\b
Examples:
  openssl rand -hex 32 > secret.txt
  trivium medical deidentify studies/ --out shared/ --secret-file secret.txt
  trivium medical deidentify study.zip --out shared/ --secret-file secret.txt --shift-dates
  TRIVIUM_DEIDENTIFY_SECRET=... trivium medical deidentify film.dcm --out shared/ --json
"""
)
@click.argument("place", type=click.Path(path_type=Path))
@click.option("--out", "out_folder", required=True, type=click.Path(path_type=Path), help="Folder for the new files, apart from PLACE.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="File with the secret by which UIDs and patients are mapped; else TRIVIUM_DEIDENTIFY_SECRET is used. Keep it, and keep it to "
    "yourself: with it the same study maps the same way again.",
)
@click.option("--shift-dates", is_flag=True, help="Move dates by as many days for all studies of a patient, instead of removing them.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1, 64), help="Processor threads for the models.")
@json_option
def deidentify(place: Path, out_folder: Path, secret_file: Path | None, shift_dates: bool, threads: int, as_json: bool) -> None:
    """De-identify DICOM files, folders, ZIPs, PNG and JPEG at PLACE.

    Headers follow DICOM PS3.15 Annex E (Basic Profile), nested items and private elements included; words burned into pixels are
    found and covered. Reports, documents and other objects that are no images are refused, and counted. What is written still needs
    a person's look before it leaves your house: no method finds every word. Exit code 1 where anything was refused.
    """
    from domains.medical.deidentifying import deidentify as run
    from domains.medical.deidentifying import read_secret

    secret = read_secret(secret_file)
    with console().status("reading") as status:
        report = run(
            place,
            out_folder,
            secret=secret,
            shifts_dates=shift_dates,
            threads=threads,
            say=lambda done, total: status.update(f"{done} of {total}"),
        )
    if as_json:
        print_json(asdict(report))
    else:
        console().print(f"{report.written} of {report.found} files written, of {report.studies} studies")
        for what, count in sorted(report.counts.items()):
            console().print(f"  {count} {what}", highlight=False)
        for why, count in report.refused.items():
            console().print(f"  [yellow]refused[/yellow] {count}: {why}", highlight=False)
        if report.others:
            console().print(f"  {report.others} files of other kinds were left", highlight=False)
        for notice in report.notices:
            console().print(f"  {notice}", highlight=False)
    if report.refused:
        raise click.exceptions.Exit(1)
