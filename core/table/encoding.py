"""A table's rows as features, batch by batch: never all pixels at once, and never decoded a second time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from core.encoders.contract import Encoder
from core.errors import InputError
from core.feature_cache import CachedEncoder, FeatureCache
from core.features import Features
from core.featuresets import FeatureSet
from core.samples import Modality, Observation, Payload
from core.table.cell_reading import Cell, cells_of
from core.table.defaults import default_encoders
from core.table.media import MediaBounds
from core.table.packs import Encoded, PackWriter, as_features, open_pack
from core.table.progress import Progress
from core.table.samples import Report, labels_of
from core.table.values import RowProblem, Table

log = logging.getLogger(__name__)

BATCH_SIZES = {Modality.TEXT: 128, Modality.TABULAR: 512, Modality.SERIES: 32, Modality.IMAGE: 16, Modality.AUDIO: 8, Modality.VIDEO: 2}
READERS = 2  # threads that open files while nothing is encoded
PACKS = "packs"


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A cell with what it holds, as far as that is known."""

    cell: Cell
    key: str
    trouble: str = ""


def encode_table(
    table: Table,
    *,
    label: str | None = None,
    separator: str | None = None,
    encoders: Mapping[Modality, Encoder] | None = None,
    cache: FeatureCache | None = None,
    say: Callable[[str], None] = print,
    report: Report | None = None,
    bounds: MediaBounds | None = None,
) -> FeatureSet:
    """Encode every row, or take it from the cache.

    What was encoded before, in whatever run, is neither opened nor encoded again: files are known by a hash of their bytes.

    Args:
        table: as read.
        label: the column to be learned; the table's label column where it is not given.
        separator: between several labels of a cell; None takes the cell as one label.
        encoders: by modality; those of `default_encoders(table)` where they are not given, which fits the numbers and
            categories on this table: give a trained model's own encoders for any other rows.
        cache: where features are kept; the user's cache folder where it is not given.
        say: told how far it has come, and how many values could not be read.
        report: told of each value that could not be read; it counts as missing.
        bounds: how much of a file is read.

    Returns:
        A row a row of the table, in order. Several columns of a modality are one run of tokens, their sentences begun with the
        column's name. Tokens are mapped from disk where they are cached, and must not outlive the cache folder.

    Raises:
        InputError: the table has no column that the encoders read, or no such label column.
    """
    chosen = dict(default_encoders(table) if encoders is None else encoders)
    keeper = FeatureCache() if cache is None else cache
    limits = bounds or MediaBounds()
    labels = labels_of(table, label, separator)
    read = [m for m in table.modalities if m in chosen]
    if not read:
        wanted = ", ".join(chosen) or "text, image, video, audio, tabular or series"
        raise InputError(f"{table.name} has no column of {wanted}; its columns are: {table.columns_in_words[:500]}")
    problems: list[RowProblem] = []
    rows: dict[Modality, tuple[Features | None, ...]] = {m: (None,) * len(table) for m in chosen}
    for modality in read:
        rows[modality] = _encode_modality(table, modality, chosen[modality], keeper, limits, say, problems)
    for problem in problems:
        if report:
            report(problem)
    if problems:
        say(f"{len(problems)} {'value' if len(problems) == 1 else 'values'} could not be read; the first: {problems[0]}")
    return FeatureSet(table.ids, rows, labels, table.groups)


def _encode_modality(
    table: Table,
    modality: Modality,
    encoder: Encoder,
    cache: FeatureCache,
    bounds: MediaBounds,
    say: Callable[[str], None],
    problems: list[RowProblem],
) -> tuple[Features | None, ...]:
    begun_s = time.monotonic()
    plain = encoder.encoder if isinstance(encoder, CachedEncoder) else encoder  # cached here by the file, not by its pixels
    cells = list(_keyed(table, cells_of(table, modality), bounds))
    keys = [f"{k.key or k.trouble}\0{k.cell.row if k.trouble else ''}" for k in cells]
    folder = cache.folder / PACKS
    found = open_pack(folder, plain.name, plain.width, keys)
    if found is not None:
        say(f"{modality}: {len(cells)} from the cache in {time.monotonic() - begun_s:.1f} s")
    else:
        found = _fill(table, cells, keys, plain, cache, bounds, say)
    rows: list[Features | None] = [None] * len(table)
    for row, pairs in groupby(zip(cells, found, strict=True), key=lambda pair: pair[0].cell.row):
        usable = []
        for keyed, encoded in pairs:
            if encoded.trouble:
                problems.append(RowProblem(keyed.cell.line, keyed.cell.column, encoded.trouble, is_row_left_out=False))
            else:
                usable.append(_said(encoded, keyed.cell))
        rows[row] = as_features(usable, plain.name) if usable else None
    return tuple(rows)


def _keyed(table: Table, cells: Iterator[Cell], bounds: MediaBounds) -> Iterator[_Keyed]:
    for cell in cells:
        try:
            yield _Keyed(cell, cell.key(table.root, bounds))
        except InputError as error:
            yield _Keyed(cell, "", str(error))


def _fill(
    table: Table,
    cells: Sequence[_Keyed],
    keys: Sequence[str],
    encoder: Encoder,
    cache: FeatureCache,
    bounds: MediaBounds,
    say: Callable[[str], None],
) -> list[Encoded]:
    """Encode what is not in the cache and keep it there; in memory alone if the disk does not take it."""
    try:
        with PackWriter(cache.folder / PACKS, encoder.name, encoder.width, keys) as writer:
            for batch in _batches(table, cells, encoder, cache, bounds, say):
                for one in batch:
                    writer.add(one)
            return writer.finish()
    except OSError as error:  # what was encoded so far is in the cache row by row, if that could be written
        log.warning("features cannot be cached in %s, they stay in memory: %s", cache.folder, error)
    return [one for batch in _batches(table, cells, encoder, cache, bounds, say) for one in batch]


def _batches(
    table: Table, cells: Sequence[_Keyed], encoder: Encoder, cache: FeatureCache, bounds: MediaBounds, say: Callable[[str], None]
) -> Iterator[list[Encoded]]:
    progress = Progress(str(encoder.modality), len(cells), say)
    size = BATCH_SIZES.get(encoder.modality, 16)
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(cells), size):
            yield _batch(table, cells[start : start + size], encoder, cache, bounds, readers)
            progress.advance(len(cells[start : start + size]))
    progress.finish()


def _batch(
    table: Table, cells: Sequence[_Keyed], encoder: Encoder, cache: FeatureCache, bounds: MediaBounds, readers: ThreadPoolExecutor
) -> list[Encoded]:
    is_kept = encoder.modality is not Modality.TABULAR  # quicker made again than found
    done: dict[str, Encoded] = {}
    to_open: dict[str, Cell] = {}
    for one in cells:
        if one.trouble or one.key in done or one.key in to_open:
            continue
        row = cache.get(encoder.name, one.key) if is_kept else None
        if row is not None:
            done[one.key] = Encoded(row.tokens[0], row.sentences[0])
        else:
            to_open[one.key] = one.cell
    opened: dict[str, Payload] = {}
    for (key, _), result in zip(to_open.items(), readers.map(lambda c: _open(c, table, bounds), to_open.values()), strict=True):
        if isinstance(result, str):
            done[key] = _nothing(encoder, result)
        else:
            opened[key] = result
    for key, features in _encode(opened, to_open, encoder, table.name):
        if isinstance(features, str):
            done[key] = _nothing(encoder, features)
        else:
            if is_kept:
                cache.put(key, features)
            done[key] = Encoded(features.tokens[0], features.sentences[0])
    return [_nothing(encoder, one.trouble) if one.trouble else done[one.key] for one in cells]


def _open(cell: Cell, table: Table, bounds: MediaBounds) -> Payload | str:
    try:
        return cell.open(table.root, bounds)
    except InputError as error:
        return str(error)


def _encode(opened: Mapping[str, Payload], cells: Mapping[str, Cell], encoder: Encoder, name: str) -> Iterator[tuple[str, Features | str]]:
    """All at once; one by one where the encoder refuses, to learn which it is."""
    observations = {key: Observation(payload, cells[key].column or name) for key, payload in opened.items()}
    if not observations:
        return
    try:
        features = encoder.encode(list(observations.values()))
    except InputError:
        for key, observation in observations.items():
            try:
                yield key, encoder.encode([observation]).row(0)
            except InputError as error:
                yield key, str(error)
        return
    for index, key in enumerate(observations):
        yield key, features.row(index)


def _nothing(encoder: Encoder, trouble: str) -> Encoded:
    return Encoded(np.zeros((0, encoder.width), np.float32), (), trouble)


def _said(encoded: Encoded, cell: Cell) -> Encoded:
    """The column's name before the sentences; words have it in them already."""
    if not cell.prefix or cell.modality is Modality.TEXT:
        return encoded
    return Encoded(encoded.tokens, tuple(f"{cell.prefix}: {sentence}" for sentence in encoded.sentences))
