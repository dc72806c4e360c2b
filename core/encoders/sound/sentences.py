"""What is heard, as one plain sentence."""

from __future__ import annotations

import numpy as np

from core.encoders.sound.frontend import PATCH_S
from core.encoders.sound.tagger import SoundTags
from core.samples import FloatArray

MOST_SOUNDS = 3
SPEECH_STANDS = 0.5
PHRASES = {
    "dog": "a dog barks",
    "rain": "rain falls",
    "sea_waves": "waves break",
    "crying_baby": "a baby cries",
    "clock_tick": "a clock ticks",
    "sneezing": "somebody sneezes",
    "helicopter": "a helicopter flies",
    "chainsaw": "a chainsaw runs",
    "rooster": "a rooster crows",
    "crackling_fire": "a fire crackles",
    "scream": "somebody screams",
    "shout": "somebody shouts",
    "glass": "glass breaks",
    "gunshot": "a shot is fired",
    "siren": "a siren wails",
    "explosion": "something explodes",
    "smoke_alarm": "a smoke alarm sounds",
    "fire_alarm": "a fire alarm sounds",
    "knock": "somebody knocks",
    "footsteps": "footsteps are heard",
    "speech": "somebody speaks",
}


def describe_sound(tags: SoundTags, level_dbfs: float, speech: FloatArray | None = None, said: str = "") -> str:
    """One sentence: the sounds that stand, most probable first, when, and how loud.

    Args:
        tags: of the sound.
        level_dbfs: root mean square level; -inf is digital silence.
        speech: `[patches]`, probability of speech, or None.
        said: the words, or empty.
    """
    if not np.isfinite(level_dbfs):
        return "digital silence"
    parts = [
        f"{PHRASES.get(label, f'{label} is heard')} ({probability:.0%}), from {start:.1f} s to {end:.1f} s".replace("%", " %")
        for label, probability, start, end in heard_spans(tags)[:MOST_SOUNDS]
    ]
    spoken = speech is not None and bool((speech >= SPEECH_STANDS).any())
    if spoken or said:
        parts = [part for part in parts if not part.startswith(PHRASES["speech"])]
        parts.append(f"somebody speaks: {said!r}" if said else "somebody speaks")
    if not parts:
        parts = ["nothing that stands out is heard"]
    return f"{'; '.join(parts)}; level {level_dbfs:.0f} dBFS"


def heard_spans(tags: SoundTags) -> list[tuple[str, float, float, float]]:
    """Label, highest probability, begin and end in seconds of each sound that stands, most probable first.

    A sound that comes again is one entry, from its first begin to its last end.
    """
    found: dict[str, tuple[float, float, float]] = {}
    for patch, time_s in enumerate(tags.times_s):
        for label, probability in tags.standing(patch).items():
            best, start, _ = found.get(label, (0.0, float(time_s), 0.0))
            found[label] = (max(best, probability), start, float(time_s) + PATCH_S)
    return sorted(((label, *values) for label, values in found.items()), key=lambda row: -row[1])
