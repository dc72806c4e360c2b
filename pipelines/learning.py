"""From a table on disk to a trained model and back, for whatever task: what the commands do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from core.learners import Learned, Outcome
    from core.table import Table

MOST_OPTION_BYTES = 1 << 20
MOST_LABELS_TO_CLASSIFY = 30  # a numeric label with more values than this is taken for a number to be learned
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableRequest:
    """Which table, and what is said of its columns.

    Attributes:
        path: the file.
        label: the column to be learned, or None.
        group: the column that must not be split, or None.
        kinds: `column=kind`, as given.
        root: folder of its media, or None for the file's own.
        read_words: words that stand in its pictures are read as text.
    """

    path: Path
    label: str | None = None
    group: str | None = None
    kinds: tuple[str, ...] = ()
    root: Path | None = None
    read_words: bool = False

    def read(self, say: Say | None = None) -> Table:
        """The table, told of the words in its pictures where that is wanted.

        Raises:
            InputError: it cannot be read, a kind is not one, or words are to be read and there are no pictures.
            ModelError: what reads words is not here.
        """
        return self.completed(self.as_it_is(), say)

    def as_it_is(self) -> Table:
        """The table, its pictures not yet opened.

        Raises:
            InputError: it cannot be read, or a kind is not one.
        """
        from core.table import read_table

        return read_table(self.path, kinds=self._kinds(), label=self.label, group=self.group, root=self.root)

    def completed(self, table: Table, say: Say | None = None) -> Table:
        """The table with the words in its pictures, where that is wanted.

        Raises:
            InputError: there are no pictures.
            ModelError: what reads words is not here.
        """
        if not self.read_words:
            return table
        from core.table.progress import silent
        from core.table.words_in_pictures import with_words

        return with_words(table, say=say or silent)

    def _kinds(self) -> dict[str, str]:
        pairs = [given.rpartition("=") for given in self.kinds]
        if wrong := [given for given, (name, _, kind) in zip(self.kinds, pairs, strict=True) if not name or not kind]:
            raise InputError(f"--kind {wrong[0]!r}: say column=kind, such as photo=image")
        return {name: kind for name, _, kind in pairs}


def task_of(table: Table) -> str:
    """The task that a table's columns call for, where none is named.

    Raises:
        InputError: nothing in it says what is to be learned.
    """
    from core.table import ColumnKind

    if table.of(ColumnKind.TOKENS) and table.of(ColumnKind.TAGS):
        return "token_classification"
    if not table.of(ColumnKind.LABEL):
        raise InputError(f"{table.name}: say what is to be learned with --label; the columns are: {table.columns_in_words}")
    values = [v for v in table.values(table.one(ColumnKind.LABEL)) if v is not None]
    if any(isinstance(v, tuple) for v in values):
        return "multilabel"
    distinct = {str(v) for v in values}
    return "regression" if len(distinct) > MOST_LABELS_TO_CLASSIFY and all(map(_is_number, distinct)) else "classification"


def read_options(file: Path | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Settings from a YAML file, then from `key=value` pairs, the later winning.

    Raises:
        ConfigError: neither a mapping nor pairs.
    """
    from pipelines.yaml_positions import parse_document

    values: dict[str, Any] = {}
    if file is not None:
        values |= parse_document(_text_of(file), str(file)).values
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {pair!r}: say key=value, such as epochs=5")
        try:
            values[key.strip()] = parse_document(f"value: {text}", "--set").values["value"]
        except ConfigError as error:
            raise ConfigError(f"--set {pair!r}: the value cannot be read; put it into quotes") from error
    return values


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_OPTION_BYTES + 1)
        if len(content) > MOST_OPTION_BYTES:
            raise ConfigError(f"{file}: larger than any file of settings; it is not read")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def train(
    request: TableRequest, out: Path, task: str | None, values: Mapping[str, Any], validation: TableRequest | None, say: Say
) -> tuple[str, Outcome]:
    """Train and write a model folder.

    Returns:
        The task's name and what training gave.

    Raises:
        InputError: the table cannot be learned from.
        ConfigError: the settings do not fit the task.
    """
    from core.learners import learner
    from core.learners._options import options_of

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists already; name a new folder")
    options = None if task is None else options_of(learner(task), values)  # what is wrong is said before a long table is read
    table = request.as_it_is()
    name = task or task_of(table)
    chosen = learner(name)
    options = options or options_of(chosen, values)
    say(f"task: {name}" + ("" if task else " (by the columns; --task says otherwise)"))
    table = request.completed(table, say)
    tell_problems(table, say)
    held = None if validation is None else validation.read(say)
    if held is not None:
        tell_problems(held, say)
    return name, chosen.fit(table, out, options, validation=held, say=say)


def model_at(folder: Path) -> Learned:
    """A trained model.

    Raises:
        ModelError: it is missing or damaged.
    """
    from core.learners import load

    return load(folder)


def predictions(model: Learned, request: TableRequest, say: Say) -> Iterator[dict[str, Any]]:
    """One answer a row.

    Raises:
        InputError: the table lacks what the model reads.
    """
    table = request.read(say)
    tell_problems(table, say)
    yield from model.predict(table)


def tell_problems(table: Table, say: Say, most: int = 10) -> None:
    """Say which rows and values are not used, with their lines."""
    for problem in table.problems[:most]:
        say(f"{table.name}: {problem}")
    if len(table.problems) > most:
        say(f"{table.name}: {len(table.problems) - most} more such lines")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
