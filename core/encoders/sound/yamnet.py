"""YAMNet, the opt-in tagger of 521 AudioSet sounds (Plakal and Ellis 2019), 8-bit, by onnxruntime.

The package that carries these weights states no licence (the original is Apache-2.0): it is never fetched or used unless a person asks
for it, and nothing that ships with Trivium is trained on its output. Its scores are coarse (logits in steps of 0.76), so ties are common;
they are not calibrated for cameras.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse

from core.encoders.sound import frontend
from core.encoders.sound.tagger import SoundTags, open_session
from core.errors import ModelError
from core.samples import FloatArray

LOWEST_HZ, HIGHEST_HZ = 125.0, 7_500.0
LOG_OFFSET = 1e-3
INPUT_SCALE, INPUT_ZERO = 0.0479379, 144  # of the model's 8-bit input and logits
LOGIT_SCALE, LOGIT_ZERO = 0.7565417, 190
WIDTH = 1024
THRESHOLD = 0.5
# AudioSet's names in the words that rules use; several may share a word, and the most probable of them counts.
WORDS = {
    "Dog": "dog", "Bark": "dog", "Yip": "dog", "Growling": "dog", "Howl": "dog",
    "Baby cry, infant cry": "crying_baby", "Screaming": "scream", "Shout": "shout", "Yell": "shout",
    "Glass": "glass", "Shatter": "glass", "Breaking": "glass",
    "Gunshot, gunfire": "gunshot", "Machine gun": "gunshot", "Fusillade": "gunshot",
    "Siren": "siren", "Police car (siren)": "siren", "Ambulance (siren)": "siren", "Fire engine, fire truck (siren)": "siren",
    "Explosion": "explosion", "Smoke detector, smoke alarm": "smoke_alarm", "Fire alarm": "fire_alarm", "Rain": "rain",
    "Waves, surf": "sea_waves", "Tick-tock": "clock_tick", "Tick": "clock_tick", "Sneeze": "sneezing", "Helicopter": "helicopter",
    "Chainsaw": "chainsaw", "Crowing, cock-a-doodle-doo": "rooster", "Chicken, rooster": "rooster", "Crackle": "crackling_fire",
    "Knock": "knock", "Footsteps": "footsteps", "Walk, footsteps": "footsteps", "Run": "footsteps", "Speech": "speech",
}  # fmt: skip
UNSPOKEN = frozenset({
    "Silence", "Noise", "White noise", "Pink noise", "Static", "Hum", "Environmental noise", "Inside, small room",
    "Inside, large room or hall", "Inside, public space", "Outside, urban or manmade", "Outside, rural or natural",
})  # fmt: skip


class YamnetTagger:
    """Tags AudioSet's sounds; the same interface as `SoundTagger`."""

    name = "yamnet-w8a8-1"
    width = WIDTH
    threshold = THRESHOLD

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        """Load.

        Args:
            folder: with `yamnet.onnx` and `yamnet_class_map.csv`; None finds the fetched weights.
            threads: processor threads.

        Raises:
            ModelError: not fetched, or damaged.
        """
        if folder is None:
            from core.weights import locate

            folder = locate("yamnet")
        self.labels = _class_names(folder / "yamnet_class_map.csv")
        self._session = open_session(folder / "yamnet.onnx", threads)
        self._input = self._session.get_inputs()[0].name

    def tag(self, waveform: FloatArray) -> SoundTags:
        """Tag mono sound at 16 kHz, a patch every 0.5 s; a patch of digital silence is not looked at."""
        samples = frontend.checked(waveform)
        sounding = np.isfinite(frontend.patch_levels_dbfs(samples))
        probabilities = np.zeros((len(sounding), len(self.labels)), np.float32)
        probabilities[:, self.labels.index("Silence")] = 1.0
        embeddings = np.zeros((len(sounding), WIDTH), np.float32)
        if sounding.any():
            cut = frontend.patches(log_mel(samples))[sounding]
            quantised = np.clip(np.round(cut / INPUT_SCALE) + INPUT_ZERO, 0, 255).astype(np.uint8)
            outputs = [self._session.run(None, {self._input: patch[None, None]}) for patch in quantised]
            logits = np.stack([np.asarray(o[0], np.float32).reshape(-1) for o in outputs])
            probabilities[sounding] = 0.5 + 0.5 * np.tanh((logits - LOGIT_ZERO) * LOGIT_SCALE / 2)
            embeddings[sounding] = np.stack([np.asarray(o[1], np.float32).reshape(-1) for o in outputs])
        times = frontend.patch_times_s(len(sounding))
        return SoundTags(self.labels, times, probabilities, embeddings, self.threshold, UNSPOKEN)


def log_mel(waveform: FloatArray) -> FloatArray:
    """YAMNet's own log-mel, `[frames, 64]`: magnitudes, triangles straight on the mel scale, log(x + 0.001)."""
    return frontend.log_spectra(waveform, _bank(), LOG_OFFSET, is_power=False)


@lru_cache(maxsize=1)
def _bank() -> sparse.csr_array:
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(
        frontend.FFT_POINTS // 2 + 1,
        frontend.BANDS,
        LOWEST_HZ,
        HIGHEST_HZ,
        frontend.RATE_HZ,
        norm=None,
        mel_scale="htk",
        triangularize_in_mel_space=True,
    )
    return sparse.csr_array(np.asarray(bank, np.float32).T)


def _class_names(path: Path) -> tuple[str, ...]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names = tuple(row["display_name"] for row in csv.DictReader(file))
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: the names of YAMNet's sounds cannot be read; run: trivium models pull yamnet") from error
    if "Silence" not in names:
        raise ModelError(f"{path}: not the names of YAMNet's sounds; run: trivium models pull yamnet")
    return tuple(WORDS.get(name, name) for name in names)
