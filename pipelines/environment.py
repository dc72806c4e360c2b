"""Environment variables that override the configuration: `TRIVIUM_STORE__URL` sets `store.url`.

Two underscores stand for each dot. Names are matched without regard to case, `-` is written `_`, so a camera `front-door` is
`TRIVIUM_SURVEILLANCE__CAMERAS__FRONT_DOOR__URL`. A value that begins with `[` or `{` is read as YAML, any other as it stands.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from core.errors import ConfigError
from core.registry import nearest
from pipelines.yaml_positions import Place, parse_document

PREFIX = "TRIVIUM_"
SEPARATOR = "__"
MAX_PARTS = 12


def override(
    values: Mapping[str, object], environ: Mapping[str, str], sections: Collection[str]
) -> tuple[dict[str, object], dict[Place, str]]:
    """Lay the environment over what a file says.

    Args:
        values: what the file says.
        environ: the environment.
        sections: names of the root's fields. A variable without `__` that is none of them is somebody else's
            (`TRIVIUM_DATA`); one with `__` must begin with one of them.

    Returns:
        The merged values, and the variable's name by the place that it set.

    Raises:
        ConfigError: a variable names no section, or goes through a value that has no parts.
    """
    merged: dict[str, Any] = copy.deepcopy(dict(values))
    origins: dict[Place, str] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        parts = variable.removeprefix(PREFIX).split(SEPARATOR)
        section = _match(parts[0], sections)
        if section is None:
            if len(parts) == 1:
                continue
            near = nearest(parts[0], sections)
            advice = f"did you mean {PREFIX}{SEPARATOR.join([near.upper(), *parts[1:]])}?" if near else f"sections: {', '.join(sections)}"
            raise ConfigError(f"environment variable {variable}: no section is named {parts[0].lower()!r}; {advice}")
        if "" in parts or len(parts) > MAX_PARTS:
            raise ConfigError(f"environment variable {variable}: write one name between each '__'")
        place = _put(merged, [section, *parts[1:]], _value(variable, text), variable)
        origins[place] = variable
    return merged, origins


def _put(root: dict[str, Any], parts: list[str], value: object, variable: str) -> Place:
    node = root
    place: list[str] = []
    for part in parts[:-1]:
        key = _match(part, node) or part.lower()
        place.append(key)
        if node.get(key) is None:
            node[key] = {}
        if not isinstance(node[key], dict):
            raise ConfigError(f"environment variable {variable}: {'.'.join(place)} is one value and has no parts")
        node = node[key]
    key = _match(parts[-1], node) or parts[-1].lower()
    node[key] = value
    return (*place, key)


def _match(part: str, known: Collection[str]) -> str | None:
    folded = part.lower()
    return next((name for name in known if name.lower().replace("-", "_") == folded), None)


def _value(variable: str, text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        return parse_document(f"value: {text}", variable).values["value"]
    except ConfigError as error:
        raise ConfigError(f"environment variable {variable} begins like a list or a mapping, but is none; see the YAML rules") from error
