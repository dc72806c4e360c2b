"""The encoders that the surveillance task reads its samples with."""

from __future__ import annotations

from core.encoders.contract import Encoder
from core.samples import Modality


def fusion_encoders(sound_tagger: str, threads: int) -> dict[Modality, Encoder]:
    """Video, audio and text encoders with their default weights.

    Raises:
        ModelError: weights are missing; says how to get them.
    """
    from core.encoders.audio import AudioEncoder
    from core.encoders.text import TextEncoder
    from core.encoders.video import VideoEncoder

    return {
        Modality.VIDEO: VideoEncoder(threads=threads),
        Modality.AUDIO: AudioEncoder(tagger=sound_tagger),
        Modality.TEXT: TextEncoder(),
    }
