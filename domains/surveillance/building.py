"""Build the checkpoint that comes with Trivium: `python -m domains.surveillance.building DATA OUT`.

Trained on all three rooms of the fall set; how well such a model does in a room that it never saw is measured apart, by leaving
each room out (`trivium bench surveillance.falls`).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import core  # noqa: F401  before torch: sets how its threads wait
from core.benchmark import BenchContext
from core.cards import Card
from core.checkpoints import save_checkpoint
from core.training import fit
from domains.surveillance.benches.falls import by_clip, encoded_windows, fusion, training

CARD = Card(
    title="falls",
    data="GMDCSA-24 (Alam et al., Data in Brief; MIT), the 23 smallest clips: 14 acted falls and 9 activities of daily living by "
    "four adults in three rooms; and as daily life the three films of Intel's sample videos (CC BY 4.0); windows of 4 s",
    licence="Apache-2.0; the films are MIT and CC BY 4.0",
    limits=(
        "acted falls of adults, indoors, one person in view: never shown a real fall, a child, a crowd, the outdoors or night",
        "figures below are on clips of rooms that it knows; in a new room it does worse, see docs/benchmarks.md",
        "an aid that alerts a person; nobody's safety may rest on it alone",
    ),
)


def build(data: Path, out: Path) -> None:
    """Train and save.

    Args:
        data: the folder of public data sets.
        out: the checkpoint's folder; must not exist.
    """
    with tempfile.TemporaryDirectory() as scratch:
        context = BenchContext(data, Path(scratch), is_quick=False, say=lambda text: print(text, flush=True))
        samples = by_clip(encoded_windows(context))
    checkpoint = fit(samples, fusion(samples), training(seed=0), card=CARD)
    save_checkpoint(checkpoint, out)
    print(checkpoint.metrics)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
