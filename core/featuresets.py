"""FeatureSet: the encoded samples that a model is trained, evaluated or asked on; each encoded once, up front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from core.encoders.contract import Encoder
from core.errors import InputError
from core.features import Features, stack
from core.samples import BoolArray, Modality, Sample


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Encoded samples, row by row.

    Attributes:
        ids: of the samples.
        rows: by modality one batch-of-one `Features` a sample, None where the sample lacks it.
        labels: true labels a sample; empty tuples where they are not known.
        groups: what must not be split, a sample; its id where it has no group.
        weights: how much each sample counts in training; empty means alike.
    """

    ids: tuple[str, ...]
    rows: Mapping[Modality, tuple[Features | None, ...]]
    labels: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.labels), len(self.groups), *(len(rows) for rows in self.rows.values())}
        lengths |= {len(self.weights)} if self.weights else set()
        if len(lengths) != 1:
            raise InputError(f"ids, labels, groups and features must be one a sample, not {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that at least one sample has."""
        return tuple(m for m, rows in self.rows.items() if any(row is not None for row in rows))

    def select(self, indices: Sequence[int]) -> FeatureSet:
        """The samples at these places, in this order."""
        return FeatureSet(
            tuple(self.ids[i] for i in indices),
            {m: tuple(rows[i] for i in indices) for m, rows in self.rows.items()},
            tuple(self.labels[i] for i in indices),
            tuple(self.groups[i] for i in indices),
            tuple(self.weights[i] for i in indices) if self.weights else (),
        )

    def only(self, modalities: Sequence[Modality]) -> FeatureSet:
        """The same samples, with nothing of any other modality."""
        return FeatureSet(self.ids, {m: rows for m, rows in self.rows.items() if m in modalities}, self.labels, self.groups, self.weights)

    def batch(self, indices: Sequence[int], modalities: Sequence[Modality]) -> tuple[dict[Modality, Features], BoolArray]:
        """Stack some samples.

        Returns:
            Features by modality (those that no sample has are left out), and present `[rows, modalities]`.
        """
        stacked: dict[Modality, Features] = {}
        present = np.zeros((len(indices), len(modalities)), np.bool_)
        for column, modality in enumerate(modalities):
            rows = [self.rows[modality][i] for i in indices] if modality in self.rows else []
            here = next((row for row in rows if row is not None), None)
            if here is not None:
                present[:, column] = [row is not None for row in rows]
                stacked[modality] = stack([_nothing(here) if row is None else row for row in rows])
        return stacked, present


def encode_samples(samples: Sequence[Sample], encoders: Mapping[Modality, Encoder], *, batch_size: int = 16) -> FeatureSet:
    """Encode every sample once.

    Args:
        samples: in any order.
        encoders: by modality, cached ones (`core.feature_cache`) too; observations of other modalities are left aside.
        batch_size: observations encoded at a time.

    Returns:
        One row a sample; several observations of a modality become one run of tokens.
    """
    rows = {m: _encode_modality(samples, m, encoder, batch_size) for m, encoder in encoders.items()}
    return FeatureSet(
        tuple(s.id for s in samples),
        rows,
        tuple(s.labels or () for s in samples),
        tuple(s.id if s.group is None else s.group for s in samples),
    )


def from_batches(features: Mapping[Modality, Features], ids: Sequence[str] = ()) -> FeatureSet:
    """Rows of stacked features as a set; a row without a token or a sentence counts as absent."""
    size = len(next(iter(features.values()))) if features else 0
    rows = {m: tuple(_row_or_none(f, i) for i in range(len(f))) for m, f in features.items()}
    names = tuple(ids) or tuple(str(i) for i in range(size))
    return FeatureSet(names, rows, ((),) * size, names)


def _encode_modality(samples: Sequence[Sample], modality: Modality, encoder: Encoder, batch_size: int) -> tuple[Features | None, ...]:
    counts = [len(s.of(modality)) for s in samples]
    observations = [o for s in samples for o in s.of(modality)]
    encoded = iter(
        batch.row(index)
        for start in range(0, len(observations), batch_size)
        for batch in [encoder.encode(observations[start : start + batch_size])]
        for index in range(len(batch))
    )
    return tuple(_chain(list(islice(encoded, count))) if count else None for count in counts)


def _chain(rows: list[Features]) -> Features:
    """One row after another in time."""
    if len(rows) == 1:
        return rows[0]
    tokens = np.concatenate([r.tokens for r in rows], axis=1)
    mask = np.concatenate([r.mask for r in rows], axis=1)
    return Features(tokens, mask, (tuple(s for r in rows for s in r.sentences[0]),), rows[0].encoder)


def _row_or_none(features: Features, index: int) -> Features | None:
    row = features.row(index)
    return row if row.tokens.shape[1] or any(s.strip() for s in row.sentences[0]) else None


def _nothing(like: Features) -> Features:
    return Features(np.zeros((1, 0, like.width), np.float32), np.zeros((1, 0), np.bool_), ((),), like.encoder)
