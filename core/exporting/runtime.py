"""Deployed: an exported model at work with onnxruntime, NumPy and tokenizers alone; torch is never imported.

model = load(Path("exported"))
answers = model.predict(features)          # features by modality, or a FeatureSet
answers = model.predict_table(table)       # encoded by the packaged encoders, text by the folder's own
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.encoders.contract import Encoder
from core.encoders.tabular import TabularState
from core.errors import ModelError
from core.exporting.answers import Answer, Link, logits_of, read_link
from core.exporting.mixture import Ask, Mixture, graph_file, read_mixture
from core.exporting.preparing import Arrays, InputSpec, check_encoders, prepare
from core.features import Features
from core.featuresets import FeatureSet, encode_samples, from_batches
from core.label_learning.rows import Rows
from core.model_folder import check_hashes, read_json
from core.samples import FloatArray, Modality, Sample

if TYPE_CHECKING:
    from core.table import Table

FORMAT = 1
SETTINGS = "exported.json"
TOKENIZER = "tokenizer.json"
GRAPH = "fusion.onnx"
PROGRAM = "fusion.pt2"
TEXT_GRAPH, TEXT_TOKENIZER = "text.onnx", "text-tokenizer.json"
CARD = "README.md"
KIND = "exported model"
BATCH = 32
MOST_TEXT_TOKENS = 8192
Run = Callable[[Arrays], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Deployed:
    """An exported model, ready to be asked.

    Attributes:
        name: of the checkpoint that it was exported from.
        labels: the label space.
        specs: the modalities that it reads.
        link: from logits to answers.
        tokenizer: the backbone's; None where no fusion model answers.
        run: from prepared arrays to joint logits `[rows, outputs]` and each modality's `[rows, modalities, outputs]`; None likewise.
        folder: where it lies.
        settings: the rest of its settings.
        mixture: members that answer together; None where the fusion model answers alone.
    """

    name: str
    labels: tuple[str, ...]
    specs: tuple[InputSpec, ...]
    link: Link
    tokenizer: Any
    run: Run | None
    folder: Path
    settings: Mapping[str, Any]
    mixture: Mixture | None = None

    def logits(self, features: FeatureSet) -> tuple[FloatArray, FloatArray]:
        """Joint logits and each modality's by the fusion model, row by row.

        Raises:
            InputError: features of other encoders than the model was trained on.
            ModelError: no fusion model was exported.
        """
        parts = [self._part(features, range(start, min(start + BATCH, len(features)))) for start in range(0, len(features), BATCH)]
        if not parts:
            return np.zeros((0, len(self.labels)), np.float32), np.zeros((0, len(self.specs), len(self.labels)), np.float32)
        return np.concatenate([joint for joint, _ in parts]), np.concatenate([each for _, each in parts])

    def _part(self, features: FeatureSet, rows: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        if self.run is None:
            raise ModelError(f"{self.name}: no fusion model was exported, so there are no logits; use predict")
        stacked, present = features.batch(rows, [spec.modality for spec in self.specs])
        return self.run(prepare(self.specs, stacked, len(rows), present, self.tokenizer))

    def predict(self, features: Mapping[Modality, Features] | FeatureSet, ids: Sequence[str] = ()) -> list[Answer]:
        """One answer a row.

        Args:
            features: stacked features by modality, or a set; a row without token and sentence counts as absent.
            ids: of the rows of stacked features; "0", "1" ... if not given.

        Raises:
            InputError: features of other encoders than the model was trained on.
        """
        samples = features if isinstance(features, FeatureSet) else from_batches(features, ids)
        if not len(samples):
            return []
        if self.mixture is None:
            return self.link.answers(samples.ids, self.labels, self.logits(samples)[0])
        check_encoders(self.specs, samples)
        return self.link.answers(samples.ids, self.labels, np.asarray(logits_of(self.link.kind, self.mixture.ask(samples)), np.float32))

    def predict_samples(self, samples: Sequence[Sample], encoders: Mapping[Modality, Encoder] | None = None) -> list[Answer]:
        """Encode samples and predict; see `predict`."""
        return self.predict(encode_samples(samples, self.encoders() if encoders is None else encoders))

    def predict_table(self, table: Table, encoders: Mapping[Modality, Encoder] | None = None) -> list[Answer]:
        """One answer a row of a table with the columns that the model was trained on.

        Raises:
            InputError: such a column is missing.
            ModelError: an encoder's weights are not here.
        """
        from core.table.casting import cast_columns
        from core.table.encoding import encode_table
        from core.table.progress import silent

        chosen = self.encoders() if encoders is None else encoders
        return self.predict(encode_table(cast_columns(table, self.settings.get("kinds", {})), encoders=chosen, say=silent))

    def encoders(self, *, threads: int = 1) -> dict[Modality, Encoder]:
        """What turns raw samples into its features: text by the folder's own graph, the rest by the packaged encoders.

        Raises:
            ModelError: weights are not here, or not those that the model was trained on.
        """
        from core.exporting.text_runtime import OnnxTextEncoder
        from core.table.defaults import encoders_of, text_encoder_named

        wanted = {spec.modality: spec for spec in self.specs}
        tabular = self.settings.get("tabular")
        kind = text_encoder_named(wanted[Modality.TEXT].encoder) if Modality.TEXT in wanted else "minilm"
        has_own = Modality.TEXT in wanted and kind == "minilm"
        packaged = [m for m in wanted if not (has_own and m is Modality.TEXT)]
        found = encoders_of(packaged, TabularState.from_json(tabular) if tabular else None, text=kind)
        if has_own:
            text = self.settings.get("text")
            if not text:
                raise ModelError(f"{self.folder.name} holds no text encoder; export again, or give features")
            found[Modality.TEXT] = OnnxTextEncoder(
                open_graph(self.folder / TEXT_GRAPH, threads),
                open_tokenizer(self.folder / TEXT_TOKENIZER),
                str(text["name"]),
                int(text["width"]),
                min(int(text["max_tokens"]), MOST_TEXT_TOKENS),
            )
        for modality, encoder in found.items():
            if encoder.name != wanted[modality].encoder:
                raise ModelError(f"{self.name} reads {modality} by {wanted[modality].encoder!r}, here is {encoder.name!r}; export again")
        return found


def load(folder: Path, *, threads: int = 1) -> Deployed:
    """Check every file's hash, then open the graph.

    Args:
        folder: that `trivium export --format onnx` wrote.
        threads: CPU threads of one call.

    Raises:
        ModelError: it is missing, damaged, was changed, or is of another format.
    """
    named = check_hashes(folder, kind=KIND)
    if GRAPH not in named and graph_file(0) not in named:
        raise ModelError(f"{folder.name} holds no {GRAPH}; export it with --format onnx")
    deployed = read_deployed(folder, _fusion_run(folder, threads) if GRAPH in named else None)
    told = deployed.settings.get("mixture")
    if told is None:
        return deployed
    fusion: Ask | None = None
    if GRAPH in named:
        plain = replace(deployed.link, temperatures=(1.0,))

        def fusion(rows: Rows) -> FloatArray:
            return np.asarray(plain.probabilities(deployed.logits(rows.features)[0]), np.float32)

    widths = {spec.modality: spec.width for spec in deployed.specs}
    open_member = partial(open_graph, threads=threads)
    return replace(deployed, mixture=read_mixture(told, folder, widths, len(deployed.labels), open_member, fusion))


def _fusion_run(folder: Path, threads: int) -> Run:
    session = open_graph(folder / GRAPH, threads)
    wanted = {one.name for one in session.get_inputs()}

    def run(arrays: Arrays) -> tuple[FloatArray, FloatArray]:
        joint, each = session.run(["logits", "modality_logits"], {name: value for name, value in arrays.items() if name in wanted})
        return joint, each

    return run


def read_deployed(folder: Path, run: Run | None) -> Deployed:
    """The settings of a folder whose hashes are checked, around something that runs its graph.

    Raises:
        ModelError: the settings are not what this version writes.
    """
    settings = read_json(folder, SETTINGS, kind=KIND)
    if settings.get("format") != FORMAT:
        raise ModelError(f"{folder.name}: format {settings.get('format')!r}, this version reads {FORMAT}; export again")
    try:
        specs = tuple(
            InputSpec(Modality(one["modality"]), str(one["encoder"]), int(one["width"]), int(one["most_tokens"]), int(one["most_words"]))
            for one in settings["inputs"]
        )
        labels, name = tuple(map(str, settings["labels"])), str(settings["name"])
        bounds_hold = specs and labels and all(1 <= s.most_tokens <= 4096 and 1 <= s.most_words <= 4096 and s.width >= 0 for s in specs)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder.name}: {SETTINGS} lacks or misstates {error}; export again") from error
    if not bounds_hold:
        raise ModelError(f"{folder.name}: {SETTINGS} states sizes that no export writes; export again")
    link = read_link(settings.get("calibration") or {}, len(labels))
    tokenizer = None if run is None else open_tokenizer(folder / TOKENIZER)
    return Deployed(name, labels, specs, link, tokenizer, run, folder, settings)


def open_tokenizer(path: Path) -> Any:
    """A tokenizer that neither pads nor cuts.

    Raises:
        ModelError: it cannot be read.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise ModelError(f"{path.name} of {path.parent.name} cannot be read: {str(error)[:120]}; export again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def open_graph(path: Path, threads: int) -> Any:
    """An onnxruntime session on the CPU.

    Raises:
        ModelError: the file is no graph.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises its own, without a common base
        raise ModelError(f"{path.name} of {path.parent.name} cannot be opened: {str(error)[:120]}; export again") from error
