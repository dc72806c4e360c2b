"""Train and write the sound encoder that ships with Trivium: `python -m core.encoders.sound.building ESC10_FOLDER OUT_FOLDER`.

It learns from all five folds, without the two CC-Sampling+ clips; its settings were chosen by cross-validation. The figures in
metrics.json come from the cross-validation of `trivium bench surveillance.sounds`, never from this training.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.encoders.sound.esc10 import LABELS, Clip, read_esc10, recordings_of
from core.encoders.sound.tagger import ASSETS, BACKGROUND
from core.encoders.sound.training import TrainingSettings, fit, has_fast_half

VERSION = "2"
LEFT_OUT = "CC-Sampling+"

CARD = """# trivium-sound {version}

A small residual CNN ({parameters:,} parameters) over log-mel patches of 0.975 s, trained from nothing on the open clips of ESC-10.
It tells ten sounds apart ({labels}) and knows one more class, `background`.

## Trained on

- {clips} clips of ESC-10 (K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015), CC BY 3.0, all five
  folds. Every clip's author, title, address and licence is in `trained_on.csv`: this is the attribution that CC BY asks for. The two
  CC-Sampling+ clips of the set are left out. Changes made to the clips: resampled to 16 kHz, cut into patches, and in training changed in
  gain and speed and mixed with each other and with noise.
- `background` is made: coloured noise, hum, tones, sweeps, chords, clicks, silence with dither, and pulses through formants with the
  gait of speech; and the quiet parts of the clips. **No recorded room, street or speech is in it.**
- No other model's output. No AudioSet.

## Figures

See `metrics.json`: from leaving one fold out, five times, with this very recipe. In a run the held-out fold takes no part in
training or calibration, and the number of epochs is fixed beforehand. But the recipe has seen it: augmentation and length of training
were changed after looking at folds 1 and 3, which are among the five, so these figures may be a little too good. The shipped weights
were trained on all folds, so no figure of their own exists.

## Use and limits

- Probabilities are calibrated by one temperature ({temperature:.2f}) on {validation} of the training clips, split off by recording; a label
  stands from {threshold:.2f} on, below it the tagger abstains. Calibrated on clips of this set: on another microphone they are only
  about right.
- It knows ten sounds. A sound that it does not know (glass, a shot, a siren, a scream) is abstained on, or taken for
  the one that is most like it.
- The digital silence that pads ESC-10's short events was never shown with a label, so it cannot give the class away.
- Licence of the weights: Apache-2.0, as Trivium; attribution of the clips as above.
"""


def build(
    data: Path,
    out: Path,
    settings: TrainingSettings,
    metrics: Mapping[str, Any],
    say: Callable[[str], None] = print,
    threads: int = 1,
) -> None:
    """Train on the clips in `data` and write the folder `out`.

    Raises:
        InputError: the folder is not ESC-10.
    """
    import torch

    from core.encoders.sound.saving import save_tagger

    torch.set_num_threads(threads)
    clips = [c for c in read_esc10(data) if c.licence != LEFT_OUT]
    trained = fit(recordings_of(clips), len(LABELS) + 1, settings, say)
    card = CARD.format(
        version=VERSION,
        parameters=sum(p.numel() for p in trained.network.parameters()),
        labels=", ".join(LABELS),
        clips=len(clips),
        temperature=trained.temperature,
        threshold=trained.threshold,
        validation=trained.validation_recordings,
    )
    notes = {"README.md": card, "trained_on.csv": attribution(clips)}
    save_tagger(trained, [*LABELS, BACKGROUND], out, VERSION, metrics, notes)


def attribution(clips: Sequence[Clip]) -> str:
    """The clips' authors, titles, addresses and licences as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["filename", "label", "author", "title", "url", "licence"])
    table.writerows([c.filename, LABELS[c.recording.label], c.author, c.title, c.url, c.licence] for c in clips)
    return text.getvalue()


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description="Train the sound encoder that ships with Trivium.")
    parser.add_argument("data", type=Path, help="folder of ESC-10, with meta.csv and audio/")
    parser.add_argument("out", type=Path, nargs="?", default=ASSETS, help="folder to write")
    parser.add_argument("--metrics", type=Path, help="JSON file with the figures of the cross-validation")
    chosen = parser.parse_args()
    metrics = json.loads(chosen.metrics.read_text(encoding="utf-8")) if chosen.metrics else {}
    build(chosen.data, chosen.out, TrainingSettings(is_half=has_fast_half()), metrics)


if __name__ == "__main__":
    main()
