"""Training our own sound network: it learns, it repeats itself, it survives the disk, and padding never teaches it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.encoders.sound.augmentation import NONE, PatchMaker, Recording, Strength, places, trimmed
from core.encoders.sound.noises import KINDS, made_noise
from core.encoders.sound.saving import load_network, save_tagger
from core.encoders.sound.tagger import SoundTagger
from core.encoders.sound.training import TrainedSound, TrainingSettings, fit, split_groups
from core.errors import InputError, ModelError
from core.samples import FloatArray

LABELS = ["low", "high", "background"]
TINY = TrainingSettings(epochs=14, per_recording=4, batch=16, validation_share=0.0, strength=NONE, smoothing=0.0, averaging=0.5, noises=12)


def clip(hertz: float, seed: int) -> FloatArray:
    time_s = np.arange(24_000) / 16_000
    draw = np.random.default_rng(seed)
    return (0.3 * np.sign(np.sin(2 * np.pi * hertz * time_s)) + 0.02 * draw.standard_normal(24_000)).astype(np.float32)


CLIPS = [Recording(clip(220 + 10 * i if i % 2 == 0 else 2_000 + 50 * i, i), i % 2, str(i)) for i in range(8)]


@pytest.fixture(scope="module")
def tiny() -> TrainedSound:
    torch.set_num_threads(1)
    return fit(CLIPS, 3, TINY)


@pytest.fixture(scope="module")
def tiny_folder(tiny: TrainedSound, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save_tagger(tiny, LABELS, folder, "0", {}, {"README.md": "a test's"})
    return folder


def test_eight_clips_are_learned_by_heart(tiny: TrainedSound, tiny_folder: Path) -> None:
    tagger = SoundTagger(tiny_folder)
    assert [int(tagger.tag(c.waveform).probabilities.mean(0).argmax()) for c in CLIPS] == [c.label for c in CLIPS]
    assert tiny.losses[-1] < 0.2 < tiny.losses[0]


def test_the_same_seed_learns_the_same_weights() -> None:
    short = TrainingSettings(seed=3, epochs=1, per_recording=2, batch=8, noises=12)
    first, again = fit(CLIPS, 3, short), fit(CLIPS, 3, short)
    other = fit(CLIPS, 3, TrainingSettings(seed=4, epochs=1, per_recording=2, batch=8, noises=12))
    weights = [t.network.state_dict()["classify.weight"] for t in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert first.temperature == again.temperature


def test_another_process_loads_the_same_numbers(tiny_folder: Path) -> None:
    wave = clip(440, 9)
    here = SoundTagger(tiny_folder).tag(wave)
    program = (
        "import sys, json, numpy as np; from pathlib import Path; from core.encoders.sound.tagger import SoundTagger\n"
        "wave = np.frombuffer(sys.stdin.buffer.read(), np.float32)\n"
        f"tags = SoundTagger(Path({str(tiny_folder)!r})).tag(wave)\n"
        "print(json.dumps([tags.probabilities.tolist(), tags.embeddings.tolist(), 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], input=wave.tobytes(), capture_output=True, check=True)
    probabilities, embeddings, has_torch = json.loads(done.stdout)
    assert np.array_equal(np.array(probabilities, np.float32), here.probabilities)
    assert np.array_equal(np.array(embeddings, np.float32), here.embeddings)
    assert not has_torch, "live use must not pay for torch"


def test_safetensors_and_onnx_are_the_same_network(tiny_folder: Path) -> None:
    from core.encoders.sound import frontend

    wave = clip(300, 5)
    with torch.no_grad():
        embedding, _ = load_network(tiny_folder)(torch.from_numpy(frontend.patches(frontend.log_mel(wave))))
    assert np.abs(SoundTagger(tiny_folder).tag(wave).embeddings - embedding.numpy()).max() < 1e-4


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors", "labels.json", "calibration.json", "README.md"])
def test_a_damaged_file_is_named(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    for file in tiny_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 0x40
    (tmp_path / name).write_bytes(bytes(content))
    with pytest.raises(ModelError, match=name):
        SoundTagger(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"frontend": {}},
        {"files": {}},
        {"files": {"../../model.onnx": "0"}},
        {"network": None},
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(tiny_folder: Path, tmp_path: Path, change: dict[str, object]) -> None:
    for file in tiny_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError):
        SoundTagger(tmp_path)


def test_missing_or_garbled_files_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        SoundTagger(tmp_path)
    (tmp_path / "config.json").write_text("[" * 10)
    with pytest.raises(ModelError, match="not JSON"):
        SoundTagger(tmp_path)


def test_no_group_is_in_training_and_in_validation() -> None:
    recordings = [Recording(clip(200, 0)[:10], i % 3, f"group {i // 2}") for i in range(60)]
    training, validation = split_groups(recordings, 0.2, seed=1)
    assert validation
    assert not {r.group for r in training} & {r.group for r in validation}
    assert len(training) + len(validation) == 60


def test_padding_silence_never_carries_a_label() -> None:
    wave = np.concatenate([clip(400, 1)[:8_000], np.zeros(64_000, np.float32)])
    found = places(wave)
    assert max(found.loud) <= 8_000
    assert min(found.quiet) >= 8_000
    maker = PatchMaker([Recording(wave, 0, "a")], 1, Strength(mixup=0.0), seed=0, pool=4)
    waves, labels = maker.epoch(per_recording=20, background_share=0.0)
    assert (np.sqrt((waves**2).mean(1)) > 1e-3).all()
    assert set(labels) == {0}


def test_trimming_takes_off_the_silence_at_both_ends_only() -> None:
    wave = np.concatenate([np.zeros(100), np.ones(5), np.zeros(7), np.ones(5), np.zeros(50)]).astype(np.float32)
    assert len(trimmed(wave)) == 17
    assert len(trimmed(np.zeros(9, np.float32))) == 1


def test_every_made_noise_is_finite_and_repeats_with_its_seed() -> None:
    for kind in set(KINDS):
        first, again = kind(np.random.default_rng(5), 20_000), kind(np.random.default_rng(5), 20_000)
        assert np.array_equal(first, again)
        assert first.shape == (20_000,)
        assert np.abs(first).max() <= 0.51
    assert np.isfinite(made_noise(np.random.default_rng(0), 1.0)).all()


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match="labels from 0 to 1"):
        fit([Recording(clip(200, 0), 2, "a")], 3, TINY)
