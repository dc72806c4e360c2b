"""Sound taggers: names and probabilities for each patch of sound, with an embedding beside them.

`SoundTagger` is our own, trained on open clips, and ships with Trivium (see assets/README.md). It runs on onnxruntime, on one thread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.encoders.sound import frontend
from core.errors import ModelError
from core.samples import FloatArray

ASSETS = Path(__file__).parent / "assets"
FORMAT = 1
BACKGROUND = "background"
MAX_FILE_BYTES = 64 * 2**20
PATCHES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class SoundTags:
    """What was heard in each patch.

    Attributes:
        labels: the names.
        times_s: `[patches]`, when each patch begins; it lasts `frontend.PATCH_S`.
        probabilities: `[patches, labels]`, calibrated, 0 to 1.
        embeddings: `[patches, width]`.
        threshold: the least probability at which a label stands; below it the tagger abstains.
        unspoken: labels that say that nothing in particular is heard.
    """

    labels: tuple[str, ...]
    times_s: FloatArray
    probabilities: FloatArray
    embeddings: FloatArray
    threshold: float
    unspoken: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.times_s)

    def standing(self, patch: int) -> dict[str, float]:
        """The labels of one patch that stand, most probable first; empty means that the tagger abstains."""
        row = self.probabilities[patch]
        found: dict[str, float] = {}
        for i in np.argsort(-row, kind="stable"):
            if row[i] < self.threshold:
                break
            if self.labels[i] not in self.unspoken:
                found.setdefault(self.labels[i], float(row[i]))  # several labels may share a word: the most probable counts
        return found


class Tagger(Protocol):
    """Names sounds; one object serves many streams and threads.

    Attributes:
        name: name and version; changed whenever the same sound would give other numbers.
        labels: the names it knows.
        width: numbers in an embedding.
        threshold: the least probability at which a label stands.
    """

    name: str
    labels: tuple[str, ...]
    width: int
    threshold: float

    def tag(self, waveform: FloatArray) -> SoundTags:
        """Tag mono sound at 16 kHz, a patch every 0.5 s; shorter sound is padded to one patch.

        Raises:
            InputError: the waveform is empty, not one channel or not finite.
        """
        ...


class SoundTagger:
    """Our own tagger, loaded from a folder."""

    def __init__(self, folder: Path = ASSETS, threads: int = 1) -> None:
        """Load and check.

        Raises:
            ModelError: a file is missing, damaged or does not fit the others.
        """
        config = read_config(folder)
        self.name = f"{config['name']}-{config['version']}"
        self.labels = _labels(folder)
        calibration = _read_json(folder / "calibration.json")
        self._temperature = _number(calibration, "temperature", folder, 0.05, 20.0)
        self.threshold = _number(calibration, "threshold", folder, 0.0, 1.0)
        self.width = int(_number(config["network"], "embedding", folder, 1, 4096))
        self._session = open_session(folder / "model.onnx", threads)
        embedding, logits = self._run(np.zeros((1, frontend.PATCH_FRAMES, frontend.BANDS), np.float32), folder)
        if embedding.shape != (1, self.width) or logits.shape != (1, len(self.labels)):
            raise ModelError(
                f"{folder}: the network gives {logits.shape[1]} classes, labels.json names {len(self.labels)}; install it again"
            )

    def tag(self, waveform: FloatArray) -> SoundTags:
        """Tag mono sound at 16 kHz; a patch of digital silence is background without a look."""
        samples = frontend.checked(waveform)
        sounding = np.isfinite(frontend.patch_levels_dbfs(samples))
        probabilities = np.zeros((len(sounding), len(self.labels)), np.float32)
        probabilities[:, self.labels.index(BACKGROUND)] = 1.0
        embeddings = np.zeros((len(sounding), self.width), np.float32)
        if sounding.any():
            cut = frontend.patches(frontend.log_mel(samples))[sounding]
            outputs = [self._run(cut[i : i + PATCHES_AT_ONCE]) for i in range(0, len(cut), PATCHES_AT_ONCE)]
            embeddings[sounding] = np.concatenate([o[0] for o in outputs])
            probabilities[sounding] = softmax(np.concatenate([o[1] for o in outputs]), self._temperature)
        times = frontend.patch_times_s(len(sounding))
        return SoundTags(self.labels, times, probabilities, embeddings, self.threshold, frozenset({BACKGROUND}))

    def _run(self, patches: FloatArray, folder: Path = ASSETS) -> tuple[FloatArray, FloatArray]:
        try:
            embedding, logits = self._session.run(["embedding", "logits"], {"patches": patches})
        except Exception as error:  # onnxruntime has no common base for what it raises
            raise ModelError(f"{folder / 'model.onnx'}: the network cannot be run ({type(error).__name__}); install it again") from error
        return embedding, logits


def load_tagger(name: str, threads: int = 1) -> Tagger:
    """A tagger by name: `trivium`, `yamnet`, or the folder of one that was trained.

    Raises:
        ModelError: no such tagger, or its weights are missing or damaged.
    """
    if name == "trivium":
        return SoundTagger(ASSETS, threads)
    if name == "yamnet":
        from core.encoders.sound.yamnet import YamnetTagger

        return YamnetTagger(threads=threads)
    if Path(name).is_dir():
        return SoundTagger(Path(name), threads)
    raise ModelError(f"no sound tagger named {name!r}: use trivium, yamnet, or a folder that training wrote")


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a tagger's folder, after every file that it names was checked against its sha256.

    Raises:
        ModelError: missing, damaged, of another format or for another front end.
    """
    config = _read_json(folder / "config.json")
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder}/config.json: format {config.get('format')!r} cannot be read, {FORMAT} can; train or install it again")
    if config.get("frontend") != describe_frontend():
        raise ModelError(f"{folder}/config.json: trained for another front end than this version's; train or install it again")
    files = config.get("files")
    if not isinstance(files, dict) or "model.onnx" not in files or not isinstance(config.get("network"), dict):
        raise ModelError(f"{folder}/config.json: names no files or no network; install it again")
    for name, wanted in files.items():
        if Path(name).name != name:
            raise ModelError(f"{folder}/config.json: names a file outside its folder; install it again")
        if hashlib.sha256(_read(folder / name)).hexdigest() != wanted:
            raise ModelError(f"{folder / name}: damaged (its sha256 is not the one in config.json); install it again")
    return config


def describe_frontend() -> dict[str, float]:
    """The front end's numbers, as kept with a checkpoint."""
    return {
        "rate_hz": frontend.RATE_HZ,
        "window_samples": frontend.WINDOW_SAMPLES,
        "hop_samples": frontend.FRAME_HOP_SAMPLES,
        "fft_points": frontend.FFT_POINTS,
        "bands": frontend.BANDS,
        "lowest_hz": frontend.LOWEST_HZ,
        "highest_hz": frontend.HIGHEST_HZ,
        "floor": frontend.FLOOR,
        "patch_frames": frontend.PATCH_FRAMES,
        "patch_hop_frames": frontend.HOP_FRAMES,
    }


def open_session(path: Path, threads: int) -> Any:
    """An onnxruntime session that does not spin while it waits.

    Raises:
        ModelError: not a model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(_read(path), options, providers=["CPUExecutionProvider"])
    except ModelError:
        raise
    except Exception as error:  # onnxruntime has no common base for what it raises
        raise ModelError(f"{path}: not a model that can be run ({type(error).__name__}); install it again") from error


def softmax(logits: FloatArray, temperature: float) -> FloatArray:
    """Probabilities over the last axis."""
    powers = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def _labels(folder: Path) -> tuple[str, ...]:
    labels = json.loads(_read(folder / "labels.json"))
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels) or BACKGROUND not in labels:
        raise ModelError(f"{folder}/labels.json: must be a list of names with {BACKGROUND!r} among them; install it again")
    return tuple(labels)


def _number(values: Mapping[str, Any], key: str, folder: Path, low: float, high: float) -> float:
    value = values.get(key)
    if not isinstance(value, int | float) or not low <= value <= high:
        raise ModelError(f"{folder}: {key} is {value!r}, must be from {low} to {high}; install it again")
    return float(value)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(_read(path))
    except ValueError as error:
        raise ModelError(f"{path}: not JSON; install it again") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: must be a JSON object; install it again")
    return values


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ModelError(f"{path}: larger than any sound tagger; install it again")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); install it again") from error
