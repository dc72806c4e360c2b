"""Write the configuration out from its model: a commented example file, and the reference page.

Both are made from the same walk over the fields, so they cannot fall behind the settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

PLACEHOLDER = "NAME"
EXAMPLE_SECRET = "${NAME_OF_A_VARIABLE}"  # noqa: S105  a placeholder


@dataclass(frozen=True, slots=True)
class Line:
    """One key of the configuration.

    Attributes:
        place: the way from the root; `NAME` stands for a name of the user's choice.
        kind: its type in words.
        default: as YAML, None where it must be given.
        example: as YAML, what stands in the example file where there is no default.
        description: what it does, or empty.
        is_section: it holds further keys.
    """

    place: tuple[str, ...]
    kind: str
    default: str | None
    example: str
    description: str
    is_section: bool


def lines(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[Line]:
    """Every key that may be set, from the outside in, in the model's order."""
    for name, field in model.model_fields.items():
        here = (*place, name)
        inner, is_named = _inner_model(field.annotation)
        if inner is None:
            yield Line(
                here, _kind(field.annotation, field), _default(field), _example(field), _one_line(field.description), is_section=False
            )
            continue
        summary = field.description or (inner.__doc__ or "").strip().partition("\n")[0]
        yield Line(here, "names, each with the keys below" if is_named else "section", "", "", _one_line(summary), is_section=True)
        if is_named:
            here = (*here, PLACEHOLDER)
            yield Line(here, "section", "", "", "", is_section=True)
        yield from lines(inner, here)


def example(model: type[BaseModel]) -> str:
    """A file with every key and its default, commented out: what is left as it is changes nothing."""
    text = [
        "# Trivium's configuration. Every key is shown with its default and commented out; uncomment what you change,",
        "# with the sections that it stands in. NAME is a name of your choice. Check it with: trivium config check",
        "# Any value can also come from the environment: TRIVIUM_STORE__URL sets store.url.",
    ]
    for line in lines(model):
        indent = "  " * (len(line.place) - 1)
        if len(line.place) == 1:
            text.append("")
        if line.description and line.place[-1] != PLACEHOLDER:
            text.append(f"#{indent} # {line.description}")
        value = "" if line.is_section else f" {line.default if line.default is not None else line.example}"
        text.append(f"#{indent} {line.place[-1]}:{value}")
    return "\n".join(text) + "\n"


def reference(model: type[BaseModel]) -> str:
    """The reference as Markdown: one table a section."""
    text: list[str] = []
    for line in lines(model):
        if line.is_section:
            if line.place[-1] != PLACEHOLDER:
                heading = ".".join(line.place)
                text += ["", f"## `{heading}`", "", line.description.rstrip(".") + "." if line.description else "", ""]
            continue
        if not text or not text[-1].startswith("|"):
            text += ["| key | kind | default | |", "| --- | --- | --- | --- |"]
        default = "**required**" if line.default is None else f"`{line.default}`" if line.default else ""
        cells = (f"`{'.'.join(line.place)}`", line.kind, default, line.description)
        text.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(text) + "\n"


def _inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model a field holds, and whether it holds several by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if get_origin(annotation) is dict:
        value = get_args(annotation)[1]
        if isinstance(value, type) and issubclass(value, BaseModel):
            return value, True
    return None, False


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return " \\| ".join(f"`{choice}`" for choice in get_args(annotation)).replace("\\|", "or")
    if origin in (Union, UnionType):
        return " or ".join("none" if branch is type(None) else _kind(branch) for branch in get_args(annotation))
    if origin in (list, set, frozenset):
        return f"list of {_kind(get_args(annotation)[0])}"
    if origin is tuple:
        return "[" + ", ".join(_kind(part) for part in get_args(annotation) if part is not ...) + "]"
    if origin is dict:
        return "mapping"
    if annotation is SecretStr:
        return "secret text"
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    word = words.get(annotation) or getattr(annotation, "__name__", str(annotation)).lower()
    return word + _bounds(field) if field is not None else word


def _bounds(field: FieldInfo) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = [f"{sign} {getattr(mark, name):g}" for name, sign in signs.items() for mark in field.metadata if hasattr(mark, name)]
    return f", {', '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    if field.default_factory is not None:
        return ""  # worked out on the machine, such as a folder of the user's
    if field.default is None:
        return "null"
    plain = to_jsonable_python(field.default)
    return json.dumps(plain, ensure_ascii=False) if not isinstance(plain, str) or not plain.isalnum() else plain


def _example(field: FieldInfo) -> str:
    return json.dumps(field.examples[0]) if field.examples else EXAMPLE_SECRET


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
