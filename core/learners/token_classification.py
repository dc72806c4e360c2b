"""Token classification: entities in words, with a picture where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.errors import InputError, ModelError
from core.learners.contract import CONFIG, Outcome, Say
from core.metrics import Estimate
from core.table import ColumnKind, Table

WEIGHTS = "model.safetensors"
CARD = "README.md"
MOST_WORDS = 20_000


class TokenClassificationOptions(BaseModel):
    """How a tagger is built and trained.

    Attributes:
        backbone: a packaged name, a folder or a hub id.
        tuning: the backbone stays frozen, gets LoRA adapters, or is tuned fully.
        image: read the picture not at all, as printed lines from left to right, or as a scene.
        use_crf: learn which tags follow which; IOB2's rules hold in any case.
        use_letters: look at the letters of words beside their pieces.
        epochs, batch, patience, seed: of training.
        rate, head_rate: of the backbone and of everything new.
        dropout: before the tag scores.
        blind_share: of pictures hidden in training.
        validation_fraction: of groups, where no validation rows are given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "minilm"
    tuning: Literal["frozen", "lora", "full"] = "full"
    image: Literal["none", "line", "scene"] = "none"
    use_crf: bool = True
    use_letters: bool = True
    epochs: int = Field(default=8, ge=1, le=1000)
    batch: int = Field(default=16, ge=1, le=1024)
    patience: int = Field(default=3, ge=1)
    seed: int = Field(default=0, ge=0)
    rate: float = Field(default=1e-4, gt=0, le=1)
    head_rate: float = Field(default=1e-3, gt=0, le=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    blind_share: float = Field(default=0.2, ge=0, le=1)
    validation_fraction: float = Field(default=0.15, gt=0, lt=1)


class TaggerLearned:
    """A trained tagger."""

    task = "token_classification"

    def __init__(self, name: str, tagger: Any, options: TokenClassificationOptions, trained_ids: frozenset[str]) -> None:
        self.name = name
        self._tagger = tagger
        self._options = options
        self._trained_ids = trained_ids

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """Tags and entities of each row; `start` and `end` count words, `end` is the word after the last.

        Raises:
            InputError: there is no column of words.
        """
        from core.tokens.tags import entities
        from core.tokens.training import tag

        sentences = _sentences(table, self._options, has_tags=False)
        for name, sentence, tags in zip(table.ids, sentences, tag(self._tagger, sentences), strict=True):
            found = [
                {"text": " ".join(sentence.words[start:end]), "type": kind, "start": start, "end": end}
                for kind, start, end in entities(tags)
            ]
            yield {"id": name, "tokens": list(sentence.words), "tags": list(tags), "entities": found}

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Strict entity F1 as seqeval counts it (IOB2), over all types and for each, with intervals over groups.

        Raises:
            InputError: tags are missing or were never trained, or a row was used in training.
        """
        from core.table.splitting import refuse_rows_of_training
        from core.tokens.tags import counts, entities, f1_estimate
        from core.tokens.training import tag

        refuse_rows_of_training(table, self._trained_ids)
        sentences = _sentences(table, self._options, has_tags=True)
        for sentence in sentences:
            self._tagger.tags.codes(sentence.tags)
        truth = [entities(s.tags) for s in sentences]
        found = [entities(tags) for tags in tag(self._tagger, sentences)]
        figures = {"strict_f1": f1_estimate(counts(truth, found), table.groups)}
        for kind in self._tagger.tags.types:
            of_kind = [[[e for e in row if e[0] == kind] for row in rows] for rows in (truth, found)]
            figures[f"strict_f1 {kind}"] = f1_estimate(counts(*of_kind), table.groups)
        return figures


class TokenClassification:
    """The task."""

    name = "token_classification"
    summary = "entities in words (IOB2 tags), with a picture where there is one"
    options = TokenClassificationOptions

    def fit(
        self, train: Table, out: Path, options: TokenClassificationOptions, *, validation: Table | None = None, say: Say = print
    ) -> Outcome:
        """Train and write the model folder.

        Raises:
            InputError: words or tags are missing, or not one tag a word; says in which line.
        """
        from safetensors.torch import save_file

        from core.backbones import load_backbone
        from core.model_folder import save_whole, write_json
        from core.tokens.tags import tag_set_of
        from core.tokens.training import Schedule, train_tagger

        if not len(train):
            raise InputError(f"{train.name}: there are no rows to learn from")
        if validation is None:
            train, validation = _held_out(train, options)
        elif shared := sorted(set(train.ids) & set(validation.ids)):
            raise InputError(f"the row {shared[0]!r} is in training and in validation; give other rows")
        sentences = _sentences(train, options, has_tags=True)
        checked = _sentences(validation, options, has_tags=True)
        tags = tag_set_of([s.tags for s in sentences])
        for sentence in checked:
            tags.codes(sentence.tags)
        schedule = Schedule(options.epochs, options.batch, options.rate, options.head_rate, options.patience, options.seed)
        tagger, score = train_tagger(
            load_backbone(options.backbone), sentences, checked, tags, _shape(options), schedule, tuning=options.tuning, say=say
        )
        config = {
            "learner": self.name,
            "options": options.model_dump(),
            "types": list(tags.types),
            "backbone_sha256": tagger.backbone.identity.sha256,
            "trained_ids": [*train.ids, *validation.ids],
        }

        def write(folder: Path) -> None:
            write_json(folder / CONFIG, config)
            save_file(_trained(tagger), folder / WEIGHTS)
            (folder / CARD).write_text(_card(train, validation, options, tags.types, score), "utf-8")

        save_whole(out, write)
        notes = () if len(validation) else ("no group could be held out: the figure is of the training rows and flatters",)
        return Outcome(out, {"strict_f1": score}, notes)

    def load(self, folder: Path) -> TaggerLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, of another task, or of another backbone than is here.
        """
        from core.backbones import load_backbone
        from core.model_folder import check_hashes, read_fitting, read_json
        from core.tokens.tagger import TokenTagger
        from core.tokens.tags import TagSet
        from core.tokens.training import tune

        check_hashes(folder, (CONFIG, WEIGHTS, CARD))
        config = read_json(folder, CONFIG)
        if config.get("learner") != self.name:
            raise ModelError(f"{folder.name} holds a model of another task than {self.name}")
        try:
            options = TokenClassificationOptions.model_validate(config["options"])
            tags = TagSet(tuple(str(kind) for kind in config["types"]))
            ids = frozenset(str(name) for name in config["trained_ids"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder.name}: {CONFIG} is not what this version writes; train again") from error
        backbone = load_backbone(options.backbone)
        if backbone.identity.sha256 != config.get("backbone_sha256"):
            raise ModelError(
                f"{folder.name} was trained on another {options.backbone!r} than is here; get the same weights, or train again"
            )
        tune(backbone, options.tuning)
        tagger = TokenTagger(backbone, tags, _shape(options))
        tagger.load_state_dict(read_fitting(folder, WEIGHTS, _trained(tagger)), strict=False)
        return TaggerLearned(folder.name, tagger.eval(), options, ids)


def _trained(tagger: Any) -> dict[str, Any]:
    """What training changed: everything but a frozen backbone."""
    kept = {name: p for name, p in tagger.named_parameters() if p.requires_grad or not name.startswith("backbone.")}
    return {name: p.detach().contiguous() for name, p in kept.items()}


def _shape(options: TokenClassificationOptions) -> Any:
    from core.tokens.tagger import Shape

    width = {"none": 0, "line": 600, "scene": 1280}[options.image]
    return Shape(width, options.use_letters, options.use_crf, options.dropout, options.blind_share)


def _held_out(table: Table, options: TokenClassificationOptions) -> tuple[Table, Table]:
    """Training and validation rows, no group in both; a single group is all for training."""
    names = sorted(set(table.groups))
    chosen = np.random.default_rng(options.seed).permutation(len(names))[: round(options.validation_fraction * len(names))]
    held = {names[i] for i in chosen}
    sides = [[i for i, group in enumerate(table.groups) if (group in held) == is_held] for is_held in (False, True)]
    return table.select(sides[0]), table.select(sides[1])


def _sentences(table: Table, options: TokenClassificationOptions, *, has_tags: bool) -> list[Any]:
    """Words, tags and pictures of the rows."""
    from core.tokens.training import Sentence

    words_in = table.one(ColumnKind.TOKENS)
    tags_in = table.one(ColumnKind.TAGS) if has_tags else None
    pictures = _pictures(table, options)
    sentences = []
    for row, line, picture in zip(table.rows, table.lines, pictures, strict=True):
        words = _list(row.get(words_in))
        tags = _list(row.get(tags_in)) if tags_in else ()
        if tags_in and len(words) != len(tags):
            raise InputError(f"{table.name}, line {line}: {len(words)} words and {len(tags)} tags; each word needs one")
        if len(words) > MOST_WORDS:
            raise InputError(f"{table.name}, line {line}: {len(words)} words are more than the {MOST_WORDS} that are read")
        sentences.append(Sentence(words, tags, picture))
    return sentences


def _list(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else tuple(str(one) for one in value)


def _pictures(table: Table, options: TokenClassificationOptions) -> list[Any]:
    """Image tokens of each row; None where there is no picture."""
    if options.image == "none":
        return [None] * len(table)
    import torch

    from core.table.media_paths import find_media
    from core.tokens.printed_lines import LineEncoder, read_grey

    column = table.one(ColumnKind.IMAGE)
    paths = [None if row.get(column) is None else find_media(table.root, str(row[column])) for row in table.rows]
    if options.image == "line":
        lines = LineEncoder()
        return [None if path is None else torch.from_numpy(lines.encode(read_grey(path))) for path in paths]
    from core.encoders.image import ImageEncoder
    from core.samples import Observation
    from core.table.media import MediaBounds, open_image

    scenes = ImageEncoder()

    def tokens(path: Path) -> Any:
        return torch.from_numpy(scenes.encode([Observation(open_image(path, MediaBounds()), path.name)]).tokens[0])

    return [None if path is None else tokens(path) for path in paths]


def _card(train: Table, validation: Table, options: TokenClassificationOptions, types: tuple[str, ...], score: float) -> str:
    where = "validation, which also chose the epoch" if len(validation) else "the training rows: it flatters"
    return f"""# Tagger of {", ".join(types)}

Trained on {len(train)} rows of {train.name}, {len(validation)} held out; picture: {options.image};
backbone `{options.backbone}` ({options.tuning}).
Strict entity F1 {score:.3f} on {where}. Tags carry no probability: none is calibrated.
"""


LEARNER = TokenClassification()
