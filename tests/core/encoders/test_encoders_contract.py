"""What every encoder of text, pictures and films must do, tested once over all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from core.encoders.contract import Encoder
from core.encoders.image import ImageEncoder
from core.encoders.text import TextEncoder
from core.encoders.video import VideoEncoder
from core.errors import InputError
from core.feature_cache import CachedEncoder, FeatureCache
from core.samples import Audio, Image, Modality, Observation, Text, Video

TOLERANCE = 2e-4


def seen(payload) -> Observation:
    return Observation(payload, "test")


def picture(name: str = "china.jpg") -> np.ndarray:
    return load_sample_image(name).copy()


def film(begin: int, count: int) -> Video:
    """A picture that slides under the camera, with motion and regions."""
    wide = picture()
    frames = tuple(wide[100:340, 10 * i : 10 * i + 320].copy() for i in range(begin, begin + count))
    times_s = np.arange(begin, begin + count, dtype=np.float32) / 4
    regions = np.tile(np.array([0.1, 0.2, 0.4, 0.9], np.float32), (count, 1))
    return Video(frames, times_s, np.linspace(0.0, 0.2, count, dtype=np.float32), regions)


SAMPLES: dict[Modality, Callable[[], list[Observation]]] = {
    Modality.TEXT: lambda: [
        seen(Text(("A man fell on the stairs.",))),
        seen(Text(("It is quiet.", "Nobody is there, and the lights are off."))),
    ],
    Modality.IMAGE: lambda: [seen(Image(picture())), seen(Image(picture("flower.jpg"))), seen(Image(np.zeros((1, 1, 3), np.uint8)))],
    Modality.VIDEO: lambda: [seen(film(0, 5)), seen(film(3, 2)), seen(Video((picture(),), np.zeros(1, np.float32)))],
}


@dataclass(frozen=True)
class Kind:
    needs: str | None
    make: Callable[[Path], Encoder]


def tiny_vision(folder: Path, shape: str) -> Encoder:
    """A small random model in a folder: stands for any hub model, which cannot be fetched here."""
    import torch
    from transformers import ConvNextConfig, ConvNextModel, ViTConfig, ViTImageProcessorPil, ViTModel

    from core.encoders.hub_image import HubImageEncoder

    torch.manual_seed(0)
    if shape == "patches":
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        ViTModel(ViTConfig(image_size=64, patch_size=16, **sizes)).save_pretrained(folder)
    else:
        ConvNextModel(ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1])).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return HubImageEncoder(str(folder))


KINDS = {
    "text": Kind("minilm", lambda _: TextEncoder()),
    "image": Kind("efficientnet-lite0", lambda _: ImageEncoder(threads=1)),
    "video": Kind("efficientnet-lite0", lambda _: VideoEncoder(threads=1)),
    "hub image of patches": Kind(None, lambda folder: tiny_vision(folder / "vision", "patches")),
    "hub image of a feature map": Kind(None, lambda folder: tiny_vision(folder / "vision", "feature map")),
    "cached text": Kind("minilm", lambda folder: CachedEncoder(TextEncoder(), FeatureCache(folder / "features"))),
    "cached video": Kind("efficientnet-lite0", lambda folder: CachedEncoder(VideoEncoder(threads=1), FeatureCache(folder / "features"))),
}


@pytest.fixture(scope="module", params=KINDS)
def encoder(request, packaged, tmp_path_factory) -> Encoder:
    kind = KINDS[request.param]
    if kind.needs:
        packaged(kind.needs)
    return kind.make(tmp_path_factory.mktemp("encoder"))


@cache
def samples(modality: Modality) -> list[Observation]:
    return SAMPLES[modality]()


def test_it_is_an_encoder(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.name
    assert encoder.width > 0


def test_shapes_mask_and_sentences_belong_together(encoder):
    observations = samples(encoder.modality)

    features = encoder.encode(observations)

    assert features.tokens.shape[0] == len(observations)
    assert features.tokens.shape[2] == encoder.width
    assert features.tokens.dtype == np.float32
    assert np.isfinite(features.tokens).all()
    assert features.encoder == encoder.name
    assert features.mask.any(axis=1).all()
    assert not features.tokens[~features.mask].any()
    assert all(sentences and all(s and "\n" not in s for s in sentences) for sentences in features.sentences)


def test_the_same_input_gives_the_same_output(encoder):
    first, second = (encoder.encode(samples(encoder.modality)) for _ in range(2))

    np.testing.assert_array_equal(first.tokens, second.tokens)
    assert first.sentences == second.sentences


def test_a_batch_gives_what_each_gives_alone(encoder):
    batch = encoder.encode(samples(encoder.modality))

    for index, observation in enumerate(samples(encoder.modality)):
        alone = encoder.encode([observation])
        np.testing.assert_allclose(batch.row(index).tokens, alone.row(0).tokens, atol=TOLERANCE)
        assert batch.sentences[index] == alone.sentences[0]


def test_different_input_gives_different_tokens(encoder):
    features = encoder.encode(samples(encoder.modality)[:2])

    first, second = (features.row(i).tokens[0].mean(0) for i in range(2))
    assert np.abs(first - second).max() > 1e-3


def test_describe_is_one_line(encoder):
    for observation in samples(encoder.modality):
        said = encoder.describe(observation)
        assert said.strip()
        assert "\n" not in said


def test_another_modality_is_refused(encoder):
    with pytest.raises(InputError, match="audio"):
        encoder.encode([*samples(encoder.modality), seen(Audio(np.zeros(16000, np.float32), 16000))])


def test_nothing_at_all_is_refused(encoder):
    with pytest.raises(InputError, match="nothing to encode"):
        encoder.encode([])


BROKEN = {
    Modality.TEXT: [Text(()), Text(("",)), Text((" \n\t\0",))],
    Modality.IMAGE: [Image(np.full((4, 4, 3), np.nan, np.float32))],  # type: ignore[arg-type]
    Modality.VIDEO: [
        Video((np.zeros((4, 4, 3), np.uint8),) * 2, np.array([0.0, np.nan], np.float32)),
        Video((np.zeros((4, 4, 3), np.uint8),) * 2, np.array([1.0, 0.0], np.float32)),
        Video((np.zeros((4, 4, 3), np.uint8),), np.zeros(1, np.float32), motion=np.array([np.inf], np.float32)),
        Video((np.zeros((4, 4, 3), np.uint8),), np.zeros(1, np.float32), regions=np.array([[0, 0, np.nan, 1]], np.float32)),
        Video((np.zeros((4, 4, 3), np.float32),), np.zeros(1, np.float32)),  # type: ignore[arg-type]
        Video((np.zeros((0, 4, 3), np.uint8),), np.zeros(1, np.float32)),
    ],
}


def test_what_holds_nothing_or_no_numbers_is_refused(encoder):
    for payload in BROKEN[encoder.modality]:
        with pytest.raises(InputError):
            encoder.encode([*samples(encoder.modality)[:1], seen(payload)])
