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
  trivium export shelf-model --format torch --out shelf-program
"""
)
@click.argument("model", type=FOLDER)
@click.option(
    "--format", "form", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True, help="onnxruntime, or torch.export."
)
@click.option("--int8", is_flag=True, help="Weights as 8-bit integers: a quarter of the size, a little less exact (ONNX only).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write; must not exist, or hold an older export.")
@json_option
def export_model(model: Path, form: Literal["onnx", "torch"], int8: bool, out: Path, as_json: bool) -> None:
    """Write the fusion model of MODEL, adapters merged, with card and hashes; `core.exporting.runtime` asks it without torch."""
    from core.exporting.writing import export
    from core.trained import load_fusion

    if int8 and form != "onnx":
        raise click.UsageError("--int8 is for --format onnx")
    trained = load_fusion(model)
    say(f"exporting {trained.checkpoint.name}")
    folder = export(trained, out, form=form, int8=int8)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    if as_json:
        print_json({"export": str(folder), "model": trained.checkpoint.name, "format": form, "int8": int8, "bytes": sizes})
        return
    click.echo(f"{folder}: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items() if size > 1e5))
