"""What an encoder must provide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from core.features import Features
from core.samples import Modality, Observation


@runtime_checkable
class Encoder(Protocol):
    """Turns observations of one modality into features.

    Attributes:
        modality: what it reads.
        name: name and version, changed whenever the same input would give other tokens; the feature cache's key.
        width: numbers a token.
    """

    modality: Modality
    name: str
    width: int

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode a batch: tokens `[batch, time, width]`, mask `[batch, time]`, sentences a row.

        Raises:
            InputError: an observation is of another modality, empty or not finite.
        """
        ...

    def describe(self, observation: Observation) -> str:
        """One plain sentence that says what the observation holds."""
        ...
