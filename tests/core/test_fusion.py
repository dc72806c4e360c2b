"""The fusion model on tiny backbones, and once on MiniLM."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.errors import ConfigError, InputError, ModelError
from core.features import Features, stack
from core.fusion import FusionConfig, FusionModel, FusionOutput, ModalityInput, build_model, fusion_loss, trained_state
from core.samples import Modality

VIDEO, AUDIO, TEXT = Modality.VIDEO, Modality.AUDIO, Modality.TEXT
SENTENCES = {VIDEO: "a person lies on the floor", AUDIO: "a scream is heard", TEXT: "a dog barks"}
WIDTHS = {VIDEO: 6, AUDIO: 40, TEXT: 0}


def config(backbone: str, **changes: object) -> FusionConfig:
    inputs = {m: ModalityInput(encoder=f"{m}-encoder", width=w, max_tokens=4, max_words=10) for m, w in WIDTHS.items()}
    return FusionConfig.model_validate({"inputs": inputs, "labels": ("fall", "dog", "other"), "backbone": backbone, **changes})


def features(lengths: dict[Modality, list[int]], seed: int = 0) -> dict[Modality, Features]:
    """Random features; a row of length 0 has neither tokens nor sentences."""
    made = {}
    for m, rows in lengths.items():
        rng = np.random.default_rng([seed, list(WIDTHS).index(m)])
        each = []
        for length in rows:
            tokens = rng.normal(size=(1, length if WIDTHS[m] else 0, WIDTHS[m])).astype(np.float32)
            each.append(Features(tokens, np.ones(tokens.shape[:2], np.bool_), ((SENTENCES[m],) if length else (),), f"{m}-encoder"))
        made[m] = stack(each)
    return made


@pytest.fixture(params=["tiny_bert", "tiny_llama"])
def backbone(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def model_of(backbone: str, **changes: object) -> FusionModel:
    torch.manual_seed(1)
    return build_model(config(backbone, **changes))


@torch.inference_mode()
def ask(model: FusionModel, given: dict[Modality, Features], present: Tensor | None = None) -> FusionOutput:
    return model(given, present)


def test_shapes_and_gates(backbone: str) -> None:
    out = ask(model_of(backbone), features({VIDEO: [3, 9], AUDIO: [2, 0], TEXT: [1, 1]}))
    assert out.logits.shape == (2, 3)
    assert out.modality_logits.shape == (2, 3, 3)
    assert out.embedding.shape == (2, 32)
    assert out.present.tolist() == [[True, True, True], [True, False, True]]
    torch.testing.assert_close(out.gates.sum(1), torch.ones(2))
    assert out.gates[1, 1] == 0
    assert (out.modality_logits[1, 1] == 0).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_any_subset_gives_numbers_at_training_and_inference(backbone: str, size: int) -> None:
    model = model_of(backbone)
    for subset in combinations(WIDTHS, size):
        given = features({m: [2, 5] for m in subset})
        assert torch.isfinite(ask(model.eval(), given).logits).all()
        loss = fusion_loss(model, model.train()(given), torch.eye(3)[:2])
        loss.backward()
        assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_nothing_present_is_a_number_and_has_finite_gradients(backbone: str) -> None:
    model = model_of(backbone).train()
    given = features({VIDEO: [0, 3], AUDIO: [0, 0], TEXT: [0, 0]})
    out = model(given, torch.zeros(2, 3, dtype=torch.bool))
    assert torch.isfinite(out.logits).all()
    assert (out.gates == 0).all()
    fusion_loss(model, out, torch.eye(3)[:2]).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_masked_absent_and_left_out_are_the_same(backbone: str) -> None:
    model = model_of(backbone)
    whole = features({VIDEO: [3, 5], AUDIO: [4, 2], TEXT: [1, 1]})
    masked = ask(model, whole, torch.tensor([[True, False, True]] * 2))
    empty = ask(model, {**whole, AUDIO: features({AUDIO: [0, 0]})[AUDIO]})
    left_out = ask(model, {VIDEO: whole[VIDEO], TEXT: whole[TEXT]})
    for other in (empty, left_out):
        torch.testing.assert_close(masked.logits, other.logits)
        torch.testing.assert_close(masked.embedding, other.embedding)
    assert not torch.allclose(masked.logits, ask(model, whole).logits)


def test_row_is_the_same_alone_and_beside_longer_rows(backbone: str) -> None:
    model = model_of(backbone)
    batch = features({VIDEO: [1, 4, 9], AUDIO: [0, 3, 1], TEXT: [1, 0, 1]})
    together = ask(model, batch)
    for row in range(3):
        alone = ask(model, {m: f.row(row) for m, f in batch.items()})
        torch.testing.assert_close(alone.logits[0], together.logits[row], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.embedding[0], together.embedding[row], rtol=1e-4, atol=1e-5)


def test_head_of_a_modality_sees_that_modality_alone(backbone: str) -> None:
    model = model_of(backbone)
    first = ask(model, features({VIDEO: [3], AUDIO: [4], TEXT: [1]}))
    other = ask(model, {**features({VIDEO: [5], AUDIO: [2]}, seed=9), TEXT: features({TEXT: [1]})[TEXT]})
    torch.testing.assert_close(first.modality_logits[:, 2], other.modality_logits[:, 2])
    assert not torch.allclose(first.modality_logits[:, 0], other.modality_logits[:, 0])
    assert not torch.allclose(first.logits, other.logits)


def test_order_in_time_is_seen_once_learned(backbone: str) -> None:
    model = model_of(backbone)
    torch.nn.init.normal_(model.times.linear.weight)
    given = features({VIDEO: [4]})[VIDEO]
    turned = Features(given.tokens[:, ::-1].copy(), given.mask.copy(), given.sentences, given.encoder)
    assert not torch.allclose(ask(model, {VIDEO: given}).logits, ask(model, {VIDEO: turned}).logits)


def output(joint: list[list[float]], by_modality: list[list[list[float]]], present: list[list[bool]]) -> FusionOutput:
    nothing = torch.zeros(len(joint), 1)
    return FusionOutput(torch.tensor(joint), torch.tensor(by_modality), nothing, nothing, torch.tensor(present))


def test_loss_is_joint_plus_weighted_heads_over_present_rows(tiny_bert: str) -> None:
    changed = config(tiny_bert, label_smoothing=0.0).model_dump()
    for modality, weight in ((VIDEO, 0.5), (AUDIO, 2.0), (TEXT, 7.0)):
        changed["inputs"][modality]["weight"] = weight
    model = build_model(FusionConfig.model_validate(changed))
    given = output(
        joint=[[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0]],
        by_modality=[[[0.0, 0.0, 0.0]] * 3, [[math.log(4), 0.0, 0.0], [9.0, 9.0, -9.0], [1.0, 2.0, 3.0]]],
        present=[[True, True, False], [True, False, False]],
    )
    targets = torch.tensor([[1.0, 0, 0], [1.0, 0, 0]])
    joint = (math.log(3) + math.log(4 / 2)) / 2
    video = (math.log(3) + math.log(6 / 4)) / 2
    audio = math.log(3)
    assert float(fusion_loss(model, given, targets)) == pytest.approx(joint + 0.5 * video + 2.0 * audio)


def test_learned_weights_are_uncertainties(tiny_bert: str) -> None:
    model = build_model(config(tiny_bert, learn_weights=True, label_smoothing=0.0))
    model.log_variance.data[:] = torch.tensor([0.0, math.log(2), 0.0])
    given = output([[0.0] * 3], [[[0.0] * 3] * 3], [[True, True, True]])
    loss = fusion_loss(model, given, torch.eye(3)[:1])
    each = math.log(3)
    assert float(loss.detach()) == pytest.approx(each + each + (each / 2 + math.log(2) / 2) + each)
    loss.backward()
    assert model.log_variance.grad is not None
    assert model.log_variance.grad[1] == pytest.approx(-each / 2 + 0.5)


@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_gradient_reaches_what_trains_and_nothing_else(backbone: str, tuning: str) -> None:
    model = model_of(backbone, tuning=tuning, modality_dropout=0.0).train()
    given = features({VIDEO: [3, 0], AUDIO: [2, 2], TEXT: [1, 1]})
    fusion_loss(model, model(given), torch.eye(3)[:2]).backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    trains = {name for name, p in model.named_parameters() if p.requires_grad}
    assert reached <= trains
    own = {name for name in trains if not name.startswith("backbone.module.")}
    silent = own - reached
    assert silent <= {"gate.bias"}, silent  # the softmax over modalities does not feel a shift of all scores
    inside = {name for name in reached if name.startswith("backbone.module.")}
    if tuning == "frozen":
        assert not inside
    elif tuning == "lora":
        assert inside
        assert all("lora_" in name for name in inside)
    else:
        everything = {name for name, _ in model.named_parameters() if name.startswith("backbone.module.")}
        assert len(inside) > 0.8 * len(everything)


def test_frozen_backbone_has_no_dropout_while_the_rest_trains(tiny_bert: str) -> None:
    model = model_of(tiny_bert).train()
    assert model.projectors.training
    assert not any(m.training for m in model.backbone.modules())


@pytest.mark.parametrize("tuning", ["frozen", "full"])
def test_recomputing_layers_changes_no_gradient(tiny_bert: str, tuning: str) -> None:
    gradients = []
    for recompute in (False, True):
        model = model_of(tiny_bert, tuning=tuning, dropout=0.0, modality_dropout=0.0, gradient_checkpointing=recompute).train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if hasattr(module, "dropout_prob"):
                module.dropout_prob = 0.0
        calls: list[int] = []
        layer = model.backbone.module.encoder.layer[0].attention  # type: ignore[union-attr, index]
        layer.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        fusion_loss(model, model(features({VIDEO: [3], TEXT: [1]})), torch.eye(3)[:1]).backward()
        assert len(calls) == (2 if recompute else 1)
        gradients.append(model.missing.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_trained_state_of_a_frozen_model_holds_nothing_of_the_backbone(tiny_bert: str) -> None:
    assert not any(name.startswith("backbone.module.") for name in trained_state(model_of(tiny_bert)))
    assert any("lora_" in name for name in trained_state(model_of(tiny_bert, tuning="lora")))


def test_seed_decides_the_weights(tiny_bert: str) -> None:
    given = features({VIDEO: [3]})
    assert torch.equal(ask(model_of(tiny_bert), given).logits, ask(model_of(tiny_bert), given).logits)


def test_words_alone_are_read_as_the_backbone_reads_them(tiny_bert: str) -> None:
    """Without encoder tokens the sequence is exactly a tokenised text."""
    model = model_of(tiny_bert).eval()
    text_only = FusionModel(model.settings.model_copy(update={"inputs": {TEXT: model.settings.inputs[TEXT]}}), model.backbone).eval()
    out = ask(text_only, features({TEXT: [1]}))
    tokenizer, module = model.backbone.tokenizer, model.backbone.module
    ids = tokenizer("[CLS] text : a dog barks [SEP]", add_special_tokens=False, return_tensors="pt")["input_ids"]
    mean = module(input_ids=ids).last_hidden_state.mean(1)
    torch.testing.assert_close(out.embedding[:, :16], functional.layer_norm(mean, (16,)))


def test_wrong_features_are_named(tiny_bert: str) -> None:
    model = model_of(tiny_bert)
    video = features({VIDEO: [2]})[VIDEO]
    with pytest.raises(InputError, match="trained on 'audio-encoder'"):
        model({AUDIO: Features(video.tokens.copy(), video.mask.copy(), video.sentences, "other")})
    with pytest.raises(InputError, match="was not trained on points"):
        model({Modality.POINTS: video})
    with pytest.raises(InputError, match="number of rows"):
        model({VIDEO: video, TEXT: features({TEXT: [1, 1]})[TEXT]})
    with pytest.raises(InputError, match="at least one modality"):
        model({})


def test_what_cannot_be_built_is_refused(tiny_bert: str) -> None:
    long = {VIDEO: ModalityInput(encoder="v", width=6, max_tokens=256, max_words=48)}
    with pytest.raises(ConfigError, match="lower max_tokens"):
        build_model(FusionConfig(inputs=long, labels=("a", "b"), backbone=tiny_bert))
    with pytest.raises(ConfigError, match="no such modules"):
        model_of(tiny_bert, tuning="lora", lora_targets=("nowhere",))
    with pytest.raises(ModelError):
        model_of("/nowhere/at/all")
    with pytest.raises(ValueError, match="no task 'guessing'"):
        config(tiny_bert, task="guessing")


@pytest.mark.slow
def test_minilm_and_any_subset() -> None:
    try:
        model = model_of("minilm")
    except ModelError as error:
        pytest.skip(str(error))
    batch = features({VIDEO: [3, 4], AUDIO: [0, 3], TEXT: [1, 0]})
    together = ask(model, batch)
    alone = ask(model, {m: f.row(1) for m, f in batch.items()})
    torch.testing.assert_close(alone.logits[0], together.logits[1], rtol=1e-3, atol=1e-4)
    assert sum(v.numel() for v in trained_state(model).values()) * 4 < 20e6
