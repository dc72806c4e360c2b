"""Entities of printed lines: what an optical reader made of a line is mended by its picture, then tagged, and compared as strings.

A tagger cannot find a string that was read wrongly. So a line is known by its typed words with their tags; at hand are only the
optical reader's text and the crop, either of which may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.samples import FloatArray
from core.tokens.printed_lines import NAMED
from core.tokens.reader import LineReader, ReaderTraining, greedy, train_reader
from core.tokens.rereading import MARGINS, Proposal, mend, proposals
from core.tokens.tagger import TokenTagger
from core.tokens.tagging import Sentence, tag_surely
from core.tokens.tags import counts, entities, micro_f1
from core.tokens.words import bare, carried, text_of, words_in

DEFAULT_MARGIN = 2.0  # where no rows are left to choose it by


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line.

    Attributes:
        read: as an optical reader gave it; empty where it was not read.
        shown: image tokens of its crop, `[steps, width]`; None where it is missing.
        words, tags: as they are printed, where that is known.
    """

    read: str = ""
    shown: FloatArray | None = None
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An entity in a text.

    Attributes:
        kind: its type.
        text: as it stands there.
        start, end: words, the latter after the last.
        probability: the tagger's own, not calibrated.
    """

    kind: str
    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text with what was found in it.

    Attributes:
        text: running.
        words, tags: one tag a word.
        found: in order.
    """

    text: str
    words: tuple[str, ...]
    tags: tuple[str, ...]
    found: tuple[Found, ...]


class Rereader:
    """Mends what an optical reader gave, by looking at the crop.

    Attributes:
        reader: names characters.
        margin: nats by which a change must be likelier than what was given.
    """

    def __init__(self, reader: LineReader, margin: float = DEFAULT_MARGIN) -> None:
        self.reader = reader
        self.margin = margin

    def texts(self, lines: Sequence[Line]) -> list[str]:
        """The text of each line: mended by its crop, as given where there is none, read from the crop alone where no text was given."""
        return [mend(*offered, self.margin) for offered in self.offers(lines)]

    def offers(self, lines: Sequence[Line]) -> list[tuple[str, list[Proposal]]]:
        """The text of each line, and what its crop would change in it."""
        return [self._offers(line) for line in lines]

    def _offers(self, line: Line) -> tuple[str, list[Proposal]]:
        if line.shown is None:
            return line.read, []
        logs = self.reader.read(line.shown)
        return (
            (line.read, proposals(line.read, logs, self.reader)) if line.read.strip() else (greedy(logs, self.reader.alphabet).strip(), [])
        )


def training_sentences(lines: Sequence[Line]) -> list[Sentence]:
    """The typed words, and the words of each optical reading with the tags carried over; a line that comes twice is typed once."""
    typed = dict.fromkeys((line.words, line.tags) for line in lines)
    garbled = dict.fromkeys(carried(line.words, line.tags, line.read) for line in lines if line.read.strip())
    return [Sentence(words, tags) for words, tags in dict.fromkeys((*typed, *garbled)) if words]


def learn_to_read(lines: Sequence[Line], training: ReaderTraining, say: Callable[[str], None]) -> LineReader:
    """A reader of crops, from their typed words; a crop that several rows name is learned once.

    Raises:
        InputError: there are no crops, or all are too small for their text.
    """
    once: dict[int, tuple[FloatArray, str]] = {}
    for line in lines:
        if line.shown is not None:
            once.setdefault(id(line.shown), (line.shown, text_of(line.words, line.read)))
    if not once:
        raise InputError("rereading learns from crops with their typed words, and no row has a picture that can be read")
    return train_reader(list(once.values()), training, named=NAMED, say=say)


def with_best_margin(reader: LineReader, tagger: TokenTagger, lines: Sequence[Line]) -> Rereader:
    """The margin by which most strings of these lines are found; they should be of no training. The greatest mends nothing."""
    if not lines:
        return Rereader(reader)
    offers, truth = Rereader(reader).offers(lines), typed_strings(lines)
    scores = {}
    for margin in MARGINS:
        table = counts(truth, strings(tag_texts(tagger, [mend(text, found, margin) for text, found in offers])))
        scores[margin] = micro_f1(table, table)
    return Rereader(reader, max(MARGINS, key=lambda margin: scores[margin]))


def tag_texts(tagger: TokenTagger, texts: Sequence[str]) -> list[TaggedText]:
    """Split into words, and tag."""
    spans = [words_in(text) for text in texts]
    words = [tuple(text[a:b] for a, b in row) for text, row in zip(texts, spans, strict=True)]
    tagged = tag_surely(tagger, [Sentence(row) for row in words])
    answers = []
    for text, places, row, said in zip(texts, spans, words, tagged, strict=True):
        found = tuple(
            Found(kind, text[places[a][0] : places[b - 1][1]], a, b, probability)
            for (kind, a, b), probability in zip(entities(said.tags), said.probabilities, strict=True)
        )
        answers.append(TaggedText(text, row, said.tags, found))
    return answers


def strings(answers: Sequence[TaggedText]) -> list[list[tuple[str, str]]]:
    """Type and string, without blanks, of each entity found."""
    return [[(one.kind, bare(one.text)) for one in answer.found] for answer in answers]


def typed_strings(lines: Sequence[Line]) -> list[list[tuple[str, str]]]:
    """Type and string, without blanks, of each entity that is printed there."""
    return [[(kind, bare("".join(line.words[a:b]))) for kind, a, b in entities(line.tags)] for line in lines]
