"""Settings of a learner from plain values, with one clear line where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from core.errors import ConfigError
from core.learners.contract import Learner
from core.registry import nearest


def options_of(learner: Learner, values: Mapping[str, Any]) -> BaseModel:
    """The learner's own settings.

    Raises:
        ConfigError: a key that it does not have (with the nearest that it has), or a value that does not fit; a line each.
    """
    try:
        return learner.options.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError("\n".join(_line(learner, found) for found in error.errors())) from error


def _line(learner: Learner, found: Mapping[str, Any]) -> str:
    key = ".".join(map(str, found["loc"]))
    if found["type"] == "extra_forbidden":
        known = sorted(learner.options.model_fields)
        near = nearest(key, known)
        advice = f"did you mean {near!r}?" if near else f"it has: {', '.join(known)}"
        return f"the task {learner.name} has no setting {key!r}; {advice}"
    return f"the task {learner.name}: {key or 'settings'}: {found['msg']} (given: {str(found.get('input'))[:60]!r})"
