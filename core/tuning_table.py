"""A table made ready for tuning: encoded once, split once, by group."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from core.learners.contract import learner
from core.table import Table
from core.table.defaults import default_encoders
from core.table.encoding import encode_table
from core.tasks import task
from core.tuning import Validation, splits_of


def validation_of(
    table: Table, task_name: str, fixed: Mapping[str, Any], *, parts: int | None = None, say: Callable[[str], None] = print
) -> tuple[Validation, str]:
    """What judges settings on a table.

    Args:
        table: labelled rows.
        task_name: a task whose answer is a label or a number.
        fixed: settings that are not searched.
        parts: folds, or None for one split.
        say: told how far encoding has come.

    Returns:
        The judge, and a digest of what it judges.

    Raises:
        InputError: the table cannot be learned from.
        ConfigError: a fixed setting is not one of the task's.
    """
    from dataclasses import replace

    from core.label_learning.labels import label_space, labelled, separator_of
    from core.label_learning.options import LabelOptions
    from core.label_learning.scripts import text_encoder_of
    from core.learners._options import options_of

    options = options_of(learner(task_name), fixed)
    if not isinstance(options, LabelOptions):
        raise TypeError(f"{task_name} has no label options")
    learned = task(task_name)
    separator = (options.separator or separator_of(table)) if learned.kind == "several" else None
    given = labelled(table, learned, separator)
    for problem in given.problems[:3]:
        say(f"{table.name}: {problem}")
    labels = label_space(learned, given, options.order)
    encoders = default_encoders(
        given.table, threads=options.threads, text=text_encoder_of(given.table, options, say), image=options.image_encoder
    )
    encoded = encode_table(given.table, encoders=encoders, separator=separator, say=say)
    features = replace(encoded, labels=given.labels, weights=given.weights)
    splits = splits_of(features, fraction=options.validation_fraction or 0.2, parts=parts, seed=options.seed)
    told = repr((task_name, labels, features.ids, features.labels, splits, sorted(fixed.items(), key=str)))
    return Validation(features, task_name, labels, splits, options), hashlib.sha256(told.encode()).hexdigest()[:16]
