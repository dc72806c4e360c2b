"""Token classification: entities in words, with a picture where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import InputError, ModelError
from core.learners._held_out import held_out
from core.learners._rereading import READER, RereadingLearned, kept, learn_reader, load_rereader, settle
from core.learners.contract import CONFIG, Outcome, Say
from core.metrics import Estimate
from core.table import ColumnKind, Table

WEIGHTS = "model.safetensors"
CARD = "README.md"


class TokenClassificationOptions(BaseModel):
    """How a tagger is built and trained.

    Attributes:
        backbone: a packaged name, a folder or a hub id.
        tuning: the backbone stays frozen, gets LoRA adapters, or is tuned fully.
        image: look at the picture not at all, as printed lines from left to right, or as a scene.
        reread: learn to read the crops of printed lines, and mend by them what an optical reader gave (a column of text) before tagging.
        reader_epochs: of learning to read.
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
    reread: bool = False
    reader_epochs: int = Field(default=12, ge=1, le=1000)
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

    @model_validator(mode="after")
    def _picture_is_used_once(self) -> TokenClassificationOptions:
        if self.reread and self.image != "none":
            raise ValueError(f"reread reads the picture already; leave image at none, not {self.image}")
        return self


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

        `probability` is the model's own that just this entity is there; it is not calibrated.

        Raises:
            InputError: there is no column of words.
        """
        from core.tokens import rows
        from core.tokens.tagging import tag_surely
        from core.tokens.tags import entities

        self._check(table)
        sentences = rows.sentences(table, self._options.image, has_tags=False)
        for name, sentence, said in zip(table.ids, sentences, tag_surely(self._tagger, sentences), strict=True):
            found = [
                {"text": " ".join(sentence.words[start:end]), "type": kind, "start": start, "end": end, "probability": probability}
                for (kind, start, end), probability in zip(entities(said.tags), said.probabilities, strict=True)
            ]
            yield {"id": name, "tokens": list(sentence.words), "tags": list(said.tags), "entities": found}

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Strict entity F1 as seqeval counts it (IOB2), over all types and for each, with intervals over groups.

        Raises:
            InputError: tags are missing or were never trained, or a row was used in training.
        """
        from core.table.splitting import refuse_rows_of_training
        from core.tokens import rows
        from core.tokens.tagging import tag
        from core.tokens.tags import counts, entities, f1_estimate

        self._check(table)
        refuse_rows_of_training(table, self._trained_ids)
        sentences = rows.sentences(table, self._options.image, has_tags=True)
        for sentence in sentences:
            self._tagger.tags.codes(sentence.tags)
        truth = [entities(s.tags) for s in sentences]
        found = [entities(tags) for tags in tag(self._tagger, sentences)]
        figures = {"strict_f1": f1_estimate(counts(truth, found), table.groups)}
        for kind in self._tagger.tags.types:
            of_kind = [[[e for e in row if e[0] == kind] for row in side] for side in (truth, found)]
            figures[f"strict_f1 {kind}"] = f1_estimate(counts(*of_kind), table.groups)
        return figures

    def _check(self, table: Table) -> None:
        if not table.of(ColumnKind.TOKENS) and table.of(ColumnKind.TEXT, ColumnKind.IMAGE):
            raise InputError(
                f"{table.name} has no column of words, and {self.name} holds no reader of pictures and running text; "
                "give words, or train with reread=true"
            )


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
        from core.tokens import rows
        from core.tokens.printed import training_sentences
        from core.tokens.tags import tag_set_of
        from core.tokens.training import Schedule, train_tagger

        train, validation = held_out(train, validation, options)
        lines: list[Any] = []
        if options.reread:
            lines = [rows.lines(side, has_tags=True) for side in (train, validation)]
            sentences, checked = (training_sentences(side) for side in lines)
        else:
            sentences, checked = (rows.sentences(side, options.image, has_tags=True) for side in (train, validation))
        tags = tag_set_of([s.tags for s in sentences])
        for sentence in checked:
            tags.codes(sentence.tags)
        reader = learn_reader(lines[0], epochs=options.reader_epochs, seed=options.seed, say=say) if options.reread else None
        schedule = Schedule(options.epochs, options.batch, options.rate, options.head_rate, options.patience, options.seed)
        tagger, score = train_tagger(
            load_backbone(options.backbone), sentences, checked, tags, _shape(options), schedule, tuning=options.tuning, say=say
        )
        rereader = None
        if reader is not None:
            rereader, score = settle(reader, tagger, lines[0], lines[1], say)
        config = {
            "learner": self.name,
            "options": options.model_dump(),
            "types": list(tags.types),
            "backbone_sha256": tagger.backbone.identity.sha256,
            "reader": None if rereader is None else kept(rereader),
            "trained_ids": [*train.ids, *validation.ids],
        }

        def write(folder: Path) -> None:
            write_json(folder / CONFIG, config)
            save_file(_trained(tagger), folder / WEIGHTS)
            if rereader is not None:
                save_file({name: value.contiguous() for name, value in rereader.reader.state_dict().items()}, folder / READER)
            (folder / CARD).write_text(_card(train, validation, options, tags.types, score), "utf-8")

        save_whole(out, write)
        notes = () if len(validation) else ("no group could be held out: the figure is of the training rows and flatters",)
        return Outcome(out, {"strict_f1": score}, notes)

    def load(self, folder: Path) -> TaggerLearned | RereadingLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, of another task, or of another backbone than is here.
        """
        from core.backbones import load_backbone
        from core.model_folder import check_hashes, read_fitting, read_json
        from core.tokens.tagger import TokenTagger
        from core.tokens.tags import TagSet
        from core.tokens.training import tune

        files = set(check_hashes(folder))
        config = read_json(folder, CONFIG)
        if config.get("learner") != self.name:
            raise ModelError(f"{folder.name} holds a model of another task than {self.name}")
        try:
            options = TokenClassificationOptions.model_validate(config["options"])
            tags = TagSet(tuple(str(kind) for kind in config["types"]))
            ids = frozenset(str(name) for name in config["trained_ids"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder.name}: {CONFIG} is not what this version writes; train again") from error
        if options.reread and READER not in files:
            raise ModelError(f"{folder.name} is a model that rereads, and holds no reader ({READER}); copy the whole folder or train again")
        needed = (CONFIG, WEIGHTS, CARD, *((READER,) if options.reread else ()))
        if files != set(needed):
            check_hashes(folder, needed)  # says so
        rereader = load_rereader(folder, config.get("reader")) if options.reread else None
        backbone = load_backbone(options.backbone)
        if backbone.identity.sha256 != config.get("backbone_sha256"):
            raise ModelError(
                f"{folder.name} was trained on another {options.backbone!r} than is here; get the same weights, or train again"
            )
        tune(backbone, options.tuning)
        tagger = TokenTagger(backbone, tags, _shape(options))
        tagger.load_state_dict(read_fitting(folder, WEIGHTS, _trained(tagger)), strict=False)
        if rereader is not None:
            return RereadingLearned(folder.name, tagger.eval(), rereader, ids)
        return TaggerLearned(folder.name, tagger.eval(), options, ids)


def _trained(tagger: Any) -> dict[str, Any]:
    """What training changed: everything but a frozen backbone."""
    kept = {name: p for name, p in tagger.named_parameters() if p.requires_grad or not name.startswith("backbone.")}
    return {name: p.detach().contiguous() for name, p in kept.items()}


def _shape(options: TokenClassificationOptions) -> Any:
    from core.tokens.printed_lines import WIDTH
    from core.tokens.tagger import Shape

    width = {"none": 0, "line": WIDTH, "scene": 1280}[options.image]
    return Shape(width, options.use_letters, options.use_crf, options.dropout, options.blind_share)


def _card(train: Table, validation: Table, options: TokenClassificationOptions, types: tuple[str, ...], score: float) -> str:
    where = "validation, which also chose the epoch" if len(validation) else "the training rows: it flatters"
    picture = "read again to mend the text" if options.reread else options.image
    figure = "Strict F1 of entities by type and string" if options.reread else "Strict entity F1"
    return f"""# Tagger of {", ".join(types)}

Trained on {len(train)} rows of {train.name}, {len(validation)} held out; picture: {picture};
backbone `{options.backbone}` ({options.tuning}).
{figure} {score:.3f} on {where}. The probabilities of entities are the model's own; none is calibrated.
"""


LEARNER = TokenClassification()
