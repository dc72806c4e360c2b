"""Attributions add up, change with the model, land on the right words and patches, and are shown without harm."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.calibration import Calibration
from core.cards import Card
from core.checkpoints import Checkpoint
from core.errors import InputError
from core.explaining import Explanation, explain, saliency
from core.explaining.entry import Entry, entries_of, logits_at
from core.explaining.saliency import merge_words, spread
from core.explaining.showing import html, overlay, png
from core.explaining.values import Heat
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig, FusionModel, ModalityInput, build_model, trained_state
from core.predicting import joint_logits
from core.samples import Audio, Image, Modality, Observation, Sample
from core.splits import Split
from core.training import TrainingConfig, fit, inputs_of

IMAGE, AUDIO, TEXT = Modality.IMAGE, Modality.AUDIO, Modality.TEXT


def model_of(backbone: str, projector: str = "mlp") -> FusionModel:
    inputs = {
        IMAGE: ModalityInput(encoder="image", width=40, max_tokens=16, max_words=8, projector=projector),
        AUDIO: ModalityInput(encoder="audio", width=6, max_tokens=3, max_words=8),
        TEXT: ModalityInput(encoder="text", width=0, max_words=12),
    }
    torch.manual_seed(1)
    model = build_model(FusionConfig(inputs=inputs, labels=("a", "b", "c"), backbone=backbone)).eval()
    for projector_ in model.projectors.values():
        projector_.fit(torch.randn(200, projector_.mean.shape[0]) + 1)
    return model


def row_of(sentence: str = "a person lies on the floor") -> FeatureSet:
    rng = np.random.default_rng(2)

    def made(count: int, width: int, name: str, words: str) -> Features:
        return Features(rng.normal(size=(1, count, width)).astype(np.float32), np.ones((1, count), np.bool_), ((words,),), name)

    rows = {IMAGE: (made(49, 40, "image", "a red dog"),), AUDIO: (made(5, 6, "audio", "a scream is heard"),)}
    return FeatureSet(("x",), {**rows, TEXT: (made(0, 0, "text", sentence),)}, ((),), ("x",))


@pytest.mark.parametrize("projector", ["mlp", "linear", "resampler"])
@pytest.mark.parametrize("kind", ["tiny_bert", "tiny_llama"])
def test_attributions_sum_to_the_difference_from_the_baseline(kind: str, projector: str, request: pytest.FixtureRequest) -> None:
    model, row = model_of(request.getfixturevalue(kind), projector), row_of()
    found = saliency(model, row, 1)
    assert found.score == pytest.approx(float(joint_logits(model, row)[0, 1]), abs=1e-4)  # the opened model says what the closed one says
    assert abs(found.score - found.baseline) > 1e-3
    assert found.total == pytest.approx(found.score - found.baseline, abs=0.03 * abs(found.score - found.baseline) + 1e-4)
    assert {m: len(v) for m, v in found.tokens.items()} == {IMAGE: 49, AUDIO: 5}
    assert [p.name for p in found.words[TEXT]] == ["a", "person", "lies", "on", "the", "floor"]


def test_randomised_head_gives_another_map(tiny_bert: str) -> None:
    model, row = model_of(tiny_bert), row_of()
    before, same = (saliency(model, row, 0).tokens[IMAGE] for _ in range(2))
    np.testing.assert_allclose(before, same)
    torch.manual_seed(9)
    torch.nn.init.normal_(model.head[2].weight)
    after = saliency(model, row, 0).tokens[IMAGE]
    assert abs(float(np.corrcoef(before, after)[0, 1])) < 0.9
    assert all(p.requires_grad for p in model.head.parameters())  # as it was


def test_word_without_effect_on_the_score_gets_nothing(tiny_bert: str) -> None:
    """A word that is the baseline's own embedding cannot move anything."""
    model, row = model_of(tiny_bert), row_of("a dog zzz")
    with torch.no_grad():
        table = model.backbone.embedding_table()
        table[model.backbone.tokenizer.unk_token_id] = table[model.backbone.tokenizer.pad_token_id]
    found = saliency(model, row, 0)
    parts = {p.name: p.value for p in found.words[TEXT]}
    assert parts["zzz"] == pytest.approx(0, abs=1e-7)
    assert abs(parts["dog"]) > 1e-6


def test_pieces_become_words_and_chinese_stays_by_character() -> None:
    text = "text: unbelievable, 火锅好"
    spans = ((0, 4), (4, 5), (6, 8), (8, 15), (15, 18), (18, 19), (20, 21), (21, 22), (22, 23))
    blank = torch.zeros(1, 9, 2)
    entry = Entry(TEXT, text, blank, blank, None, None, None, (), spans)
    parts = merge_words(entry, [9.0, 9.0, 1.0, 2.0, 3.0, 0.5, 0.1, 0.2, 0.3])
    assert [p.name for p in parts] == ["unbelievable", ",", "火", "锅", "好"]
    assert parts[0].value == pytest.approx(6.0)


def test_mean_of_cells_gives_each_its_share() -> None:
    np.testing.assert_allclose(spread(((0, 1), (2,)), np.array([1.0, -3.0], np.float32)), [0.5, 0.5, -3.0])


def explanation(backbone: str, sentence: str = "a person lies on the floor") -> Explanation:
    model = model_of(backbone)
    card, calibration = Card(title="t"), Calibration((1.0,), (0.9,))
    checkpoint = Checkpoint(model.settings, trained_state(model), model.backbone.identity, calibration, Split(("q",)), card)
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    sound = Audio(np.zeros(16_000, np.float32), 16_000)
    sample = Sample("x", (Observation(Image(picture), "here"), Observation(sound, "here", 0, 1)))
    return explain(checkpoint, row_of(sentence), sample)


def test_explanation_holds_shares_heat_and_seconds(tiny_bert: str) -> None:
    found = explanation(tiny_bert)
    assert sum(found.shapley.values()) == pytest.approx(1)
    assert sum(found.leave_one_out.values()) == pytest.approx(1)
    assert found.answer == next(iter(found.probabilities))
    assert found.pictures[0].values.shape == (7, 7)
    assert found.courses[0].names == ("0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s")
    assert set(found.to_json()["words"]) == {"image", "audio", "text"}


def test_page_is_whole_and_words_cannot_run(tiny_bert: str, tmp_path: Path) -> None:
    found = explanation(tiny_bert, "<script>alert(1)</script> dog")
    page = html(found)
    assert "<script" not in page
    assert "&lt;" in page
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("http-equiv", "")
    png(found, tmp_path / "why.png")
    drawn = cv2.imread(str(tmp_path / "why.png"))
    assert drawn is not None
    assert drawn.shape[1] > drawn.shape[0]


def test_heat_reddens_what_spoke_for_the_answer() -> None:
    values = np.zeros((7, 7), np.float32)
    values[0, 0], values[6, 6] = 1, -1
    shown = overlay(Heat(np.full((224, 224, 3), 128, np.uint8), values), 224).astype(int)
    assert shown[5, 5, 0] > 150 > shown[5, 5, 2]
    assert shown[-5, -5, 2] > 150 > shown[-5, -5, 0]
    assert abs(shown[112, 112] - 128).max() < 20


def test_unknown_label_and_an_empty_row_are_refused(tiny_bert: str) -> None:
    model = model_of(tiny_bert)
    checkpoint = Checkpoint(model.settings, trained_state(model), model.backbone.identity, Calibration(), Split(("q",)), Card())
    with pytest.raises(InputError, match="no label 'z'"):
        explain(checkpoint, row_of(), label="z")
    with pytest.raises(InputError, match="nothing that this model reads"):
        saliency(model, FeatureSet(("x",), {}, ((),), ("x",)))


def test_opened_model_accepts_many_rows_at_once(tiny_bert: str) -> None:
    model, row = model_of(tiny_bert), row_of()
    entries = entries_of(model, row)
    words = [e.words.expand(3, -1, -1) for e in entries]
    tokens = [e.tokens.expand(3, -1, -1) for e in entries if e.tokens is not None]
    with torch.no_grad():
        logits = logits_at(model, entries, words, tokens)
    np.testing.assert_allclose(logits.numpy(), np.repeat(joint_logits(model, row), 3, axis=0), atol=1e-5)


@pytest.fixture(scope="module")
def drawings(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, FeatureSet]:
    """A small real model: drawings of two shelves, by their 49 patches alone."""
    from core.feature_cache import FeatureCache
    from core.table import read_table
    from core.table.encoding import encode_table

    folder = shared_data / "multimodal" / "openclipart"
    if not folder.is_dir():
        pytest.skip(f"the drawings are not at {folder}")
    kinds = {"image": "image", "label": "label", "group": "group", "id": "id"}
    table = read_table(folder / "items.csv", label="label", group="group", root=folder)
    from dataclasses import replace

    table = replace(table, columns=tuple(c for c in table.columns if c.name in kinds))
    counts: dict[str, int] = {}
    for value in table.values("label"):
        counts[value] = counts.get(value, 0) + 1
    shelves = sorted(counts, key=lambda name: -counts[name])[:2]
    chosen = [i for shelf in shelves for i in [i for i, v in enumerate(table.values("label")) if v == shelf][:90]]
    features = encode_table(table.select(chosen), cache=FeatureCache(tmp_path_factory.mktemp("cache")), say=lambda _: None)
    inputs = {m: i.model_copy(update={"max_tokens": 49, "max_words": 4}) for m, i in inputs_of(features).items()}
    config = FusionConfig(inputs=inputs, labels=tuple(sorted(shelves)), modality_dropout=0.0)
    return fit(features, config, TrainingConfig(epochs=6, patience=0, learning_rate=1e-3)), features


@pytest.mark.slow
def test_patches_that_are_named_matter_more_than_others(drawings: tuple[Checkpoint, FeatureSet]) -> None:
    """Deletion: without its eight highest patches a drawing loses more of its score than without eight random ones."""
    checkpoint, features = drawings
    model, rng = checkpoint.build(), np.random.default_rng(0)
    place = {name: i for i, name in enumerate(features.ids)}
    lost_named, lost_random, gaps = [], [], []
    for name in checkpoint.split.validation[:24]:
        row = features.select([place[name]])
        found = saliency(model, row)
        gaps.append(found.gap)
        named = np.argsort(-found.tokens[IMAGE])[:8]
        lost_named.append(found.score - _without(model, row, named, found.output))
        lost_random.append(found.score - np.mean([_without(model, row, rng.choice(49, 8, replace=False), found.output) for _ in range(4)]))
    assert np.median(gaps) < 0.05
    assert np.mean(lost_named) > 2 * max(np.mean(lost_random), 0)
    assert np.mean(np.array(lost_named) > lost_random) > 0.75


@pytest.mark.slow
def test_head_of_noise_gives_another_map_of_a_real_drawing(drawings: tuple[Checkpoint, FeatureSet]) -> None:
    """Sanity check of Adebayo et al. (2018): a map that ignores the model would stay."""
    from scipy.stats import spearmanr

    checkpoint, features = drawings
    model, noisy = checkpoint.build(), checkpoint.build()
    torch.manual_seed(0)
    for layer in (noisy.head[2], noisy.projectors["image"].layers[-1]):
        torch.nn.init.normal_(layer.weight, std=float(layer.weight.std()))
    likeness = []
    for index in range(0, 100, 10):
        row = features.select([index])
        one, two = (np.abs(saliency(m, row, 0).tokens[IMAGE]) for m in (model, noisy))
        likeness.append(abs(spearmanr(one, two).statistic))
    assert np.mean(likeness) < 0.5


def _without(model: FusionModel, row: FeatureSet, patches: np.ndarray, output: int) -> float:
    given = row.rows[IMAGE][0]
    assert given is not None
    kept = np.setdiff1d(np.arange(49), patches)
    less = Features(given.tokens[:, kept].copy(), given.mask[:, kept].copy(), given.sentences, given.encoder)
    return float(joint_logits(model, FeatureSet(row.ids, {IMAGE: (less,)}, row.labels, row.groups))[0, output])
