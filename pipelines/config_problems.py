"""Say what is wrong with a configuration: one line a problem, with the file's line and column, and the nearest valid key.

What a person typed is quoted only where it cannot be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from core.registry import nearest
from pipelines.yaml_positions import Document, Place, Position

MAX_PROBLEMS = 20
SHOWN_LENGTH = 40

# pydantic's kinds of error in our words; the fields are what pydantic gives with them
WORDS: Mapping[str, str] = {
    "missing": "is missing; it has no default",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of 'name: value' lines",
    "model_type": "must be a mapping of 'name: value' lines",
    "model_attributes_type": "must be a mapping of 'name: value' lines",
    "literal_error": "must be one of {expected}",
    "too_short": "needs at least {min_length} entries, has {actual_length}",
    "too_long": "may have at most {max_length} entries, has {actual_length}",
    "path_type": "must be a path",
}
KINDS_THAT_SAY_ALL = frozenset({"missing", "too_short", "too_long", "value_error", "dict_type", "model_type", "list_type", "tuple_type"})


def describe(error: ValidationError, model: type[BaseModel], document: Document, origins: Mapping[Place, str]) -> list[str]:
    """One line for each problem, in the file's order.

    Args:
        error: what pydantic found.
        model: the root model.
        document: what the file says, with its positions.
        origins: what the environment set, the variable's name by place.

    Returns:
        `FILE:LINE:COLUMN: name: what is wrong; what to do`.
    """
    problems = [_problem(details, model, document, origins) for details in error.errors(include_url=False)]
    problems.sort(key=lambda problem: problem[0])
    lines = list(dict.fromkeys(line for _, line in problems))
    left_out = len(lines) - MAX_PROBLEMS
    return lines[:MAX_PROBLEMS] + ([f"{document.path}: and {left_out} more"] if left_out > 0 else [])


def _problem(
    details: ErrorDetails, model: type[BaseModel], document: Document, origins: Mapping[Place, str]
) -> tuple[tuple[int, int], str]:
    place, annotation = _resolve(details["loc"], model)
    name = dotted(place) or "configuration"
    is_unknown_key = details["type"] == "extra_forbidden"
    message = _unknown_key(place, annotation) if is_unknown_key else f"{name}: {_words(details, annotation)}"
    variable = next((origins[place[:end]] for end in range(len(place), 0, -1) if place[:end] in origins), None)
    if variable is not None:
        return (0, 0), f"environment variable {variable}: {message}"
    is_about_key = is_unknown_key or isinstance(details["input"], dict)
    position = _find(place, document.keys if is_about_key else document.positions, document)
    return (position.line, position.column), f"{document.path}:{position.line}:{position.column}: {message}"


def dotted(place: Place) -> str:
    """A place as people write it: `surveillance.cameras.door.zones.hall.polygon[2]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _words(details: ErrorDetails, annotation: object) -> str:
    kind, context, given = details["type"], details.get("ctx", {}), details["input"]
    if kind == "value_error":
        return " ".join(str(context.get("error", details["msg"])).split())
    template = WORDS.get(kind)
    context = {name: int(bound) if isinstance(bound, float) and bound.is_integer() else bound for name, bound in context.items()}
    message = template.format(**context) if template is not None else details["msg"][:1].lower() + details["msg"][1:]
    if kind in KINDS_THAT_SAY_ALL or holds_secret(annotation) or isinstance(given, dict | list | tuple | BaseModel):
        return message
    shown = "nothing" if given is None else repr(given) if isinstance(given, str) else str(given)
    return f"{message}, not {shown if len(shown) <= SHOWN_LENGTH else shown[:SHOWN_LENGTH] + '...'}"


def _unknown_key(place: Place, parent: object) -> str:
    where = f" in {dotted(place[:-1])}" if len(place) > 1 else ""
    known = list(parent.model_fields) if isinstance(parent, type) and issubclass(parent, BaseModel) else []
    near = nearest(str(place[-1]), known)
    advice = f"did you mean {near!r}?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key {str(place[-1])!r}{where}; {advice}"


def _resolve(location: tuple[int | str, ...], model: type[BaseModel]) -> tuple[Place, object]:
    """Follow an error's location through the models.

    Returns:
        The place in the file, without the marks that pydantic adds for unions and keys, and the annotation there; for an
        unknown key the annotation of what holds it.
    """
    place: Place = ()
    current: object = model
    for part in location:
        branches = list(_branches(current))
        step = next((found for branch in branches if (found := _step(branch, part)) is not None), None)
        if step is not None:
            place, current = (*place, part), step
        elif isinstance(part, int) or any(isinstance(branch, type) and issubclass(branch, BaseModel) for branch in branches):
            parent = next((branch for branch in branches if isinstance(branch, type) and issubclass(branch, BaseModel)), current)
            return (*place, part), parent
        # else a mark of pydantic's own, such as the name of a union's branch: no part of the file
    return place, current


def _branches(annotation: object) -> Iterator[object]:
    """The annotation itself without `Annotated`, or each branch of a union."""
    if hasattr(annotation, "__metadata__"):
        yield from _branches(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for argument in get_args(annotation):
            yield from _branches(argument)
    else:
        yield annotation


def _step(annotation: object, part: int | str) -> object | None:
    """The annotation of a part of a value, or None where it has no such part."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field is not None else None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return arguments[1] if len(arguments) == 2 else None
    if origin in (list, set, frozenset) and isinstance(part, int):
        return arguments[0] if arguments else None
    if origin is tuple and isinstance(part, int) and arguments:
        return arguments[0] if arguments[-1] is ... else arguments[part] if part < len(arguments) else None
    return None


def holds_secret(annotation: object) -> bool:
    """Whether a value of this kind must not be quoted."""
    branches: list[Any] = list(_branches(annotation))
    return any(isinstance(branch, type) and issubclass(branch, SecretStr) for branch in branches)


def _find(place: Place, known: Mapping[Place, Position], document: Document) -> Position:
    """The position of a place, or of the nearest thing around it that the file does say."""
    if place in known:
        return known[place]
    for end in range(len(place), 0, -1):
        found = document.positions.get(place[:end]) or document.keys.get(place[:end])
        if found is not None:
            return document.keys.get(place[:end], found)
    return Position(1, 1)
