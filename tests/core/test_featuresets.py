from collections.abc import Sequence

import numpy as np
import pytest

from core.errors import InputError
from core.features import Features, stack
from core.featuresets import FeatureSet, encode_samples, from_batches
from core.samples import Modality, Observation, Sample, Text


class Lengths:
    """A real, small encoder: a token a sentence, its number of letters."""

    modality = Modality.TEXT
    name = "lengths-1"
    width = 1

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, observations: Sequence[Observation]) -> Features:
        self.batches.append(len(observations))
        return stack([self._row(o.payload) for o in observations if isinstance(o.payload, Text)])

    def _row(self, text: Text) -> Features:
        tokens = np.array([[[len(s)] for s in text.sentences]], np.float32)
        return Features(tokens, np.ones(tokens.shape[:2], np.bool_), (text.sentences,), self.name)

    def describe(self, observation: Observation) -> str:
        return "text"


def sample(name: str, *texts: tuple[str, ...], group: str | None = None) -> Sample:
    return Sample(name, tuple(Observation(Text(t), "test") for t in texts), ("x",), group)


def test_every_observation_is_encoded_once_in_batches() -> None:
    encoder = Lengths()
    made = encode_samples([sample(str(i), ("a" * i,)) for i in range(1, 6)], {Modality.TEXT: encoder}, batch_size=2)
    assert encoder.batches == [2, 2, 1]
    assert [row.tokens.tolist() for row in made.rows[Modality.TEXT] if row] == [[[[float(i)]]] for i in range(1, 6)]


def test_several_observations_become_one_run_and_none_stays_none() -> None:
    made = encode_samples([sample("a"), sample("b", ("one", "three"), ("seven77",), group="g")], {Modality.TEXT: Lengths()})
    first, second = made.rows[Modality.TEXT]
    assert first is None
    assert second is not None
    assert second.tokens[..., 0].tolist() == [[3, 5, 7]]
    assert second.sentences == (("one", "three", "seven77"),)
    assert made.groups == ("a", "g")


def test_batch_says_what_is_present() -> None:
    made = encode_samples([sample("a"), sample("b", ("one",))], {Modality.TEXT: Lengths()})
    features, present = made.batch([1, 0], [Modality.AUDIO, Modality.TEXT])
    assert present.tolist() == [[False, True], [False, False]]
    assert list(features) == [Modality.TEXT]
    assert features[Modality.TEXT].mask.tolist() == [[True], [False]]
    assert made.batch([0], [Modality.TEXT])[0] == {}


def test_stacked_features_come_apart_and_empty_rows_are_absent() -> None:
    stacked = Features(np.ones((3, 2, 1), np.float32), np.array([[1, 1], [1, 0], [0, 0]], bool), (("a",), ("b",), ("",)), "e")
    first, second, third = from_batches({Modality.AUDIO: stacked}).rows[Modality.AUDIO]
    assert first is not None
    assert second is not None
    assert (first.tokens.shape[1], second.tokens.shape[1], third) == (2, 1, None)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="one a sample"):
        FeatureSet(("a",), {Modality.TEXT: ()}, (("x",),), ("g",))


def test_only_and_select_keep_rows_together() -> None:
    made = encode_samples([sample("a", ("one",)), sample("b", ("three",))], {Modality.TEXT: Lengths()})
    assert made.select([1]).ids == ("b",)
    assert made.only([]).modalities == ()
