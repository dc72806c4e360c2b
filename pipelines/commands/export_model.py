"""`trivium export`: a trained model as a folder for onnxruntime or torch.export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pipelines.commands.learning_options import FOLDER, say
from pipelines.console import json_option, print_json


@click.command(
    epilog="""
\b
Examples:
  trivium export shelf-model --format onnx --out shelf-onnx
  trivium export shelf-model --format onnx --int8 --out shelf-int8
  trivium export shelf-model --format torch --member fusion --out shelf-program
"""
)
@click.argument("model", type=FOLDER)
@click.option(
    "--format", "form", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True, help="onnxruntime, or torch.export."
)
@click.option("--int8", is_flag=True, help="Weights as 8-bit integers: a quarter of the size, a little less exact (ONNX only).")
@click.option("--member", type=click.Choice(["fusion"]), help="The fusion model alone, where several models answer together.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; must not exist, or hold an older export.")
@json_option
def export_model(
    model: Path, form: Literal["onnx", "torch"], int8: bool, member: Literal["fusion"] | None, out: Path, as_json: bool
) -> None:
    """Write MODEL with card and hashes, adapters merged; `core.exporting.runtime` asks it without torch."""
    from core.exporting.whole import export_folder

    if int8 and form != "onnx":
        raise click.UsageError("--int8 is for --format onnx")
    folder = export_folder(model, out, form=form, int8=int8, member=member, say=say)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    if as_json:
        print_json({"export": str(folder), "model": model.name, "format": form, "int8": int8, "bytes": sizes})
        return
    click.echo(f"{folder}: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items() if size > 1e5))
