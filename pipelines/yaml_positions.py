"""Read a YAML file into plain values, and remember the line and column of each.

Only the plain core of YAML 1.2 is read: `true` and `false` are the only truths (so a key named `on` is a word), `22:00` is
a text, no tags, no merge keys. Size, depth and the number of values after aliases are bounded, and a key given twice is
an error.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from core.errors import ConfigError

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 100_000

Place = tuple[Hashable, ...]

_LOADER: type[yaml.BaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)


@dataclass(frozen=True, slots=True)
class Position:
    """Where something stands, counted from one."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says.

    Attributes:
        path: the file as it was named.
        values: dictionaries, lists, texts, numbers, truths and None.
        keys: where each key stands, by its way from the root: `("store", "url")`.
        positions: where each value stands, by its way from the root.
    """

    path: str
    values: dict[str, object] = field(default_factory=dict)
    keys: dict[Place, Position] = field(default_factory=dict)
    positions: dict[Place, Position] = field(default_factory=dict)


def read_document(path: Path) -> Document:
    """Read a file.

    Raises:
        ConfigError: not there, too large, no YAML, or more than the plain core of it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name another file with --config") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes; a configuration is not that long")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse_document(text, str(path))


def parse_document(text: str, path: str) -> Document:
    """Read a text; `path` names it in errors.

    Raises:
        ConfigError: no YAML, or more than the plain core of it.
    """
    document = Document(path)
    try:
        _check_depth(text, path)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else path
        said = "; ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError(f"{where}: no valid YAML: {said}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from error
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.style and root.value in _WORDS):
        return document
    if not isinstance(root, yaml.MappingNode):
        raise _refusal(path, root, "a configuration is made of 'key: value' lines")
    values = _Reader(document).read(root, ())
    document.values.update(values if isinstance(values, dict) else {})
    return document


def _check_depth(text: str, path: str) -> None:
    """Bound nesting before anything recursive looks at the text."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark is not None else 1
                raise ConfigError(f"{path}:{line}: nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Turns nodes into values; counts them, so that aliases cannot multiply without end."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def read(self, node: yaml.Node, place: Place) -> object:
        path = self._document.path
        self._count += 1
        if self._count > MAX_VALUES or len(place) > MAX_DEPTH:
            raise _refusal(path, node, f"more than {MAX_VALUES:,} values once its aliases are followed")
        if node.tag not in _PLAIN_TAGS:
            raise _refusal(path, node, f"the tag {node.tag!r} is not allowed; write the plain value")
        self._document.positions[place] = _position(node)
        if isinstance(node, yaml.MappingNode):
            return self._read_mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*place, index)) for index, child in enumerate(node.value)]
        text: str = node.value
        return _plain(text) if isinstance(node, yaml.ScalarNode) and not node.style else text

    def _read_mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        values: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refusal(self._document.path, key_node, "a key must be a word")
            key = key_node.value
            if key == "<<" and not key_node.style:
                raise _refusal(self._document.path, key_node, "merge keys (<<) are not read; write the values out, or use an alias")
            if key in values:
                first = self._document.keys[(*place, key)].line
                raise _refusal(self._document.path, key_node, f"{key!r} is given twice, first on line {first}; remove one")
            self._document.keys[(*place, key)] = _position(key_node)
            values[key] = self.read(value_node, (*place, key))
        return values


def _plain(word: str) -> object:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    if _REAL.fullmatch(word):
        return float(word)
    return word


def _position(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _refusal(path: str, node: yaml.Node, message: str) -> ConfigError:
    position = _position(node)
    return ConfigError(f"{path}:{position.line}:{position.column}: {message}")
