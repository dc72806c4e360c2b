"""Train the demonstration's findings model again from the public set of lung ultrasound, without the sample study's patient.

TRIVIUM_DATA=/path/to/data python sample_data/train_lung.py [FOLDER]
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from core.label_learning.options import LabelOptions
from domains.medical.benches.findings import lung_ultrasound
from domains.medical.findings.learning import Lesson, train_findings

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("TRIVIUM_DATA", HERE.parent.parent / "shared" / "data"))
OUT = HERE / "medical" / "lung-ultrasound-demo"
LEFT_OUT = "src45_pt219"  # the patient of the sample study
DATA_SAID = (
    "50 loops and stills of lung ultrasound in 16 groups of patients, 32 of them normal; from the COVID-19 lung ultrasound set "
    "(Born et al., 2021), CC BY 4.0 and CC BY 2.0 per item"
)
LIMITS = (
    "demonstration only: not for any decision about a patient",
    "31 of the 32 normal clips come from one source and machine: what it tells apart may be the machine",
    "five groups of patients to test on: the figures say little",
    "it has seen no other disease, no children, no other organ",
)


def main(out: Path) -> int:
    """Train it."""
    if not DATA.is_dir():
        print(f"the public data sets are not at {DATA}; set TRIVIUM_DATA", file=sys.stderr)
        return 2
    # age and sex are left out: only the normal volunteers have them, so a model would learn that whoever has an age is well
    rows = [replace(row, modality="US", body_part="lung", values={}) for row in lung_ultrasound(DATA).rows if row.patient != LEFT_OUT]
    lesson = Lesson(
        title="lung-ultrasound-demo",
        data=DATA_SAID,
        licence="CC BY 4.0 and CC BY 2.0 per item",
        limits=LIMITS,
        options=LabelOptions(preset="quick", seed=0),
        alpha=0.2,
        codes={"abnormal lung": "99TRIVIUM:abnormal-lung:Abnormal lung ultrasound"},
    )
    train_findings(rows, out, lesson)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))
