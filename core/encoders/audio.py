"""Audio encoder: what a tagger hears, how the sound is spread over the bands and how loud it is, as tokens and as a sentence.

A token stands for a patch of 0.975 s; patches start every 0.5 s. It joins the tagger's embedding, its probabilities, log-mel statistics of
eight groups of bands (mean, spread, highest, change), the level and the probability of speech. For another rate than 16 kHz the sound is
resampled by FFmpeg's resampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.sound import frontend
from core.encoders.sound.sentences import describe_sound
from core.encoders.sound.speech import BLOCK_S, SpeechModel, Transcriber, Words
from core.encoders.sound.tagger import SoundTags, Tagger, load_tagger
from core.errors import InputError
from core.features import Features, stack
from core.samples import Audio, FloatArray, Modality, Observation

VERSION = 1
GROUPS = 8
STATISTICS = 4
QUIETEST_DBFS = -100.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Everything that is known of one sound.

    Attributes:
        waveform: `[samples]` at 16 kHz.
        tags: the tagger's, a row a patch.
        speech: `[patches]`, probability of speech; zeros where nobody listens for it.
        words: what was said, where that is asked for.
    """

    waveform: FloatArray
    tags: SoundTags
    speech: FloatArray
    words: tuple[Words, ...]


class AudioEncoder:
    """Encodes sound.

    Attributes:
        modality: audio.
        name: names the tagger with its version, and whether speech is listened for.
        width: embedding + labels + 32 statistics + level + speech.
    """

    modality = Modality.AUDIO

    def __init__(self, tagger: str | Tagger = "trivium", speech: SpeechModel | None = None, transcriber: Transcriber | None = None) -> None:
        """Choose what listens.

        Args:
            tagger: `trivium` (our own), `yamnet` (opt-in), a folder, or one that is loaded already.
            speech: tells when somebody speaks; None does without.
            transcriber: writes down what is said; needs `speech`.

        Raises:
            InputError: a transcriber without speech.
            ModelError: no such tagger, or its weights are missing or damaged.
        """
        if transcriber is not None and speech is None:
            raise InputError("words can be looked for only where speech is: give the audio encoder a speech model too")
        self._tagger = load_tagger(tagger) if isinstance(tagger, str) else tagger
        self._speech, self._transcriber = speech, transcriber
        self.name = f"audio-{VERSION}:{self._tagger.name}" + (f"+{speech.name}" if speech else "")
        self.width = self._tagger.width + len(self._tagger.labels) + GROUPS * STATISTICS + 2

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode a batch: tokens `[batch, patches, width]`, mask `[batch, patches]`, one sentence a row.

        Raises:
            InputError: no observations, or one of another modality, empty or not finite.
        """
        if not observations:
            raise InputError(f"{self.name}: nothing to encode; give at least one observation")
        return stack([self._encode_one(o) for o in observations])

    def describe(self, observation: Observation) -> str:
        """One sentence that says what is heard.

        Raises:
            InputError: of another modality, empty or not finite.
        """
        return self._sentence(self._listen(observation))

    def _encode_one(self, observation: Observation) -> Features:
        heard = self._listen(observation)
        tokens = np.concatenate(
            [
                heard.tags.embeddings,
                heard.tags.probabilities,
                band_statistics(frontend.patches(frontend.log_mel(heard.waveform))),
                _scaled_levels(frontend.patch_levels_dbfs(heard.waveform))[:, None],
                heard.speech[:, None],
            ],
            axis=1,
        ).astype(np.float32)  # [patches, width]
        return Features(tokens[None], np.ones((1, len(tokens)), np.bool_), ((self._sentence(heard),),), self.name)

    def _listen(self, observation: Observation) -> Heard:
        if not isinstance(observation.payload, Audio):
            raise InputError(f"{observation.source}: the audio encoder reads audio, not {observation.modality}")
        samples = frontend.checked(observation.payload.waveform, observation.source)
        waveform = frontend.resample(samples, observation.payload.rate_hz)
        tags = self._tagger.tag(waveform)
        speech = np.zeros(len(tags), np.float32)
        words: tuple[Words, ...] = ()
        if self._speech is not None:
            blocks = self._speech.probabilities(waveform)
            speech = _by_patch(blocks, len(tags))
            if self._transcriber is not None:
                words = self._transcriber.transcribe(waveform, self._speech.spans(waveform))
        return Heard(waveform, tags, speech, words)

    def _sentence(self, heard: Heard) -> str:
        said = " ".join(w.text for w in heard.words)
        return describe_sound(heard.tags, frontend.level_dbfs(heard.waveform), heard.speech, said)


def band_statistics(patches: FloatArray) -> FloatArray:
    """Mean, spread, highest and change from frame to frame of eight groups of bands.

    Args:
        patches: log-mel, `[patches, 96, 64]`.

    Returns:
        `[patches, 32]`, of about unit size: the four statistics, each over the groups from low to high.
    """
    grouped = patches.reshape(len(patches), frontend.PATCH_FRAMES, GROUPS, -1).mean(axis=3)  # [patches, 96, 8]
    change = np.abs(np.diff(grouped, axis=1)).mean(axis=1)
    mean, spread, highest = grouped.mean(axis=1), grouped.std(axis=1), grouped.max(axis=1)
    return np.concatenate([(mean + 5) / 5, spread / 2, (highest + 5) / 5, change], axis=1)


def _scaled_levels(levels_dbfs: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(levels_dbfs, QUIETEST_DBFS) / 50 + 1, np.float32)  # -1 for silence, 1 for full scale


def _by_patch(blocks: FloatArray, count: int) -> FloatArray:
    """The highest speech probability under each patch."""
    found = np.zeros(count, np.float32)
    for i in range(count):
        begin = int(i * frontend.HOP_S / BLOCK_S)
        under = blocks[begin : max(begin + 1, int((i * frontend.HOP_S + frontend.PATCH_S) / BLOCK_S))]
        found[i] = under.max() if len(under) else 0.0
    return found
