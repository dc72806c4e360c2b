"""Token classification that rereads: the reader of crops beside the tagger, kept with it, and the model that asks both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.learners.contract import Say
from core.metrics import Estimate
from core.table import Table

READER = "reader.safetensors"
MOST_CHARACTERS = 50_000  # of an alphabet
ROWS_AT_ONCE = 256  # a crop's tokens take about a megabyte
HEADLINE, ALONE, GAIN = "strict_f1", "strict_f1_text_alone", "gain_by_picture"


class RereadingLearned:
    """A trained tagger of printed lines that looks at them."""

    task = "token_classification"

    def __init__(self, name: str, tagger: Any, rereader: Any, trained_ids: frozenset[str]) -> None:
        self.name = name
        self._tagger = tagger
        self._rereader = rereader
        self._trained_ids = trained_ids

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """Of each row the mended text, its words and tags, and entities.

        `start` and `end` count words of the mended text, `end` is the word after the last; `probability` is the tagger's own and not
        calibrated. A row without a picture is tagged as the optical reader gave it, a row without text as the picture is read.

        Raises:
            InputError: there is neither a column of pictures nor one of text.
        """
        from core.tokens.printed import tag_texts
        from core.tokens.rows import lines

        for start in range(0, len(table), ROWS_AT_ONCE):
            part = table.select(range(start, min(start + ROWS_AT_ONCE, len(table))))
            answers = tag_texts(self._tagger, self._rereader.texts(lines(part, has_tags=False)))
            for name, answer in zip(part.ids, answers, strict=True):
                found = [
                    {"text": one.text, "type": one.kind, "start": one.start, "end": one.end, "probability": one.probability}
                    for one in answer.found
                ]
                yield {"id": name, "text": answer.text, "tokens": list(answer.words), "tags": list(answer.tags), "entities": found}

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """F1 of entities by type and string (blanks left out) against the typed words, with intervals over groups.

        With the picture, for each type, without the picture, and how much it gains on the same rows.

        Raises:
            InputError: words or tags are missing or were never trained, or a row was used in training.
        """
        from core.table.splitting import refuse_rows_of_training
        from core.tokens.rows import lines

        refuse_rows_of_training(table, self._trained_ids)
        rows = lines(table, has_tags=True)
        for row in rows:
            self._tagger.tags.codes(row.tags)
        return _figures(self._tagger, self._rereader, rows, table.groups)


def learn_reader(train: Sequence[Any], *, epochs: int, seed: int, say: Say) -> Any:
    """A reader of the crops of training lines.

    Raises:
        InputError: no row has a picture that can be read.
    """
    from core.tokens.printed import learn_to_read
    from core.tokens.reader import ReaderTraining

    return learn_to_read(train, ReaderTraining(epochs=epochs, seed=seed), say)


def settle(reader: Any, tagger: Any, train: Sequence[Any], validation: Sequence[Any], say: Say) -> tuple[Any, float]:
    """A reader and a tagger together, the margin chosen by the validation lines.

    Returns:
        The rereader, and the F1 of strings of the validation lines (of the training lines where there are none).
    """
    from core.tokens.printed import with_best_margin

    rereader = with_best_margin(reader, tagger, validation)
    checked = validation or train
    figures = _figures(tagger, rereader, checked, [str(i) for i in range(len(checked))])
    say(f"strict F1 of strings {figures[HEADLINE].value:.3f} with the picture, {figures[ALONE].value:.3f} by the text alone")
    return rereader, figures[HEADLINE].value


def kept(rereader: Any) -> dict[str, Any]:
    """What `config.json` says of a rereader."""
    from core.tokens.printed_lines import lines_identity

    return {"alphabet": list(rereader.reader.alphabet), "margin": rereader.margin, "lines": lines_identity()}


def load_rereader(folder: Path, told: Any) -> Any:
    """From a model folder whose hashes were compared.

    Args:
        folder: the model folder.
        told: as `kept`.

    Raises:
        ModelError: it is damaged, or for other image tokens than are here.
    """
    from core.model_folder import read_fitting
    from core.tokens.printed import Rereader
    from core.tokens.printed_lines import NAMED, WIDTH, lines_identity
    from core.tokens.reader import LineReader

    try:
        alphabet, margin, identity = [str(one) for one in told["alphabet"]], float(told["margin"]), str(told["lines"])
    except (KeyError, TypeError, ValueError):
        alphabet, margin, identity = [], 0.0, ""
    is_alphabet = 0 < len(set(alphabet)) == len(alphabet) <= MOST_CHARACTERS and all(len(one) == 1 for one in alphabet)
    if not is_alphabet or not margin > 0:
        raise ModelError(f"{folder.name}: what config.json says of its reader is not what this version writes; train again")
    if identity != lines_identity():
        raise ModelError(f"{folder.name} was trained to read by {identity!r}, here is {lines_identity()!r}; get the same, or train again")
    reader = LineReader(alphabet, WIDTH, named=NAMED)
    reader.load_state_dict(read_fitting(folder, READER, reader.state_dict()))
    return Rereader(reader.eval(), margin)


def _figures(tagger: Any, rereader: Any, rows: Sequence[Any], groups: Sequence[str]) -> dict[str, Estimate]:
    from core.tokens.printed import strings, tag_texts, typed_strings
    from core.tokens.tags import counts, f1_difference, f1_estimate

    truth = typed_strings(rows)
    seeing, blind = (strings(tag_texts(tagger, texts)) for texts in (rereader.texts(rows), [row.read for row in rows]))
    with_it, alone = counts(truth, seeing), counts(truth, blind)
    figures = {HEADLINE: f1_estimate(with_it, groups), ALONE: f1_estimate(alone, groups), GAIN: f1_difference(with_it, alone, groups)}
    for kind in tagger.tags.types:
        of_kind = [[[one for one in row if one[0] == kind] for row in side] for side in (truth, seeing)]
        figures[f"{HEADLINE} {kind}"] = f1_estimate(counts(*of_kind), groups)
    return figures
