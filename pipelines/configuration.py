"""The configuration: one YAML file, overrides from the environment, a section for each domain that is installed.

Nothing here loads a model: a domain's settings are plain pydantic models. See `docs/reference/configuration.md`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model

from core.errors import ConfigError
from core.registry import BrokenPlugin, domains
from core.secrets import reveal
from pipelines.config_problems import describe
from pipelines.environment import override
from pipelines.yaml_positions import Document, Place, read_document

FILE_NAME = "trivium.yaml"
FILE_VARIABLE = "TRIVIUM_CONFIG"
NOTIFY_MODULE = "pipelines.notify_config"  # its NotifySettings becomes the section `notify`


class Section(BaseModel):
    """Base of the root's own sections: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Section):
    """Where alerts and their evidence are kept, and for how long."""

    url: SecretStr | None = Field(
        default=None,
        description="sqlite:///FILE or postgresql://...; none means trivium.db in the data folder; ${NAME} is taken from the environment",
    )
    evidence_folder: Path | None = Field(default=None, description="clips and pictures; none means evidence in the data folder")
    max_age_days: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="older alerts and their evidence go; none keeps all"
    )
    max_gb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="the oldest evidence goes beyond this size; none keeps all"
    )


class LogSettings(Section):
    """What is written to standard error while working."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = Field(default="text", description="json writes one object a line")


def _default_data_folder() -> Path:
    return platformdirs.user_data_path("trivium")


class Settings(Section):
    """The root; `root_model()` adds a section for each domain."""

    data_folder: Path = Field(default_factory=_default_data_folder, description="database, evidence and what was learned about each source")
    store: StoreSettings = StoreSettings()
    log: LogSettings = LogSettings()

    def store_url(self) -> str:
        """The database's URL in plain text, for the call that connects.

        Raises:
            ConfigError: it names an environment variable that is not set.
        """
        if self.store.url is None:
            return f"sqlite:///{self.data_folder.expanduser().absolute() / 'trivium.db'}"
        return reveal(self.store.url, "store.url")

    def evidence_folder(self) -> Path:
        """Where evidence files lie."""
        return (self.store.evidence_folder or self.data_folder / "evidence").expanduser()

    def section(self, domain: str) -> BaseModel:
        """A domain's part.

        Raises:
            ConfigError: no such domain is installed, or it is broken.
        """
        found = getattr(self, domain, None)
        if not isinstance(found, BaseModel):
            from core.registry import domain as find_domain

            find_domain(domain)
            raise ConfigError(f"domain {domain!r} has no settings")
        return found


@dataclass(frozen=True, slots=True)
class Value:
    """One setting and where it comes from.

    Attributes:
        name: its way from the root, with dots.
        shown: as it may be shown; secrets are masked.
        source: `default`, `FILE:LINE` or the environment variable's name.
    """

    name: str
    shown: object
    source: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, and where each of them comes from.

    Attributes:
        settings: the root model with a section for each domain.
        path: the file that was read, or None.
        broken: domains that are registered but do not load; their sections are ignored.
    """

    settings: Settings
    path: Path | None
    broken: tuple[BrokenPlugin, ...]
    _document: Document
    _origins: Mapping[Place, str]

    def values(self) -> Iterator[Value]:
        """Every setting, in the model's order."""
        return self._walk(self.settings.model_dump(mode="json"), ())

    def _walk(self, node: object, place: Place) -> Iterator[Value]:
        if isinstance(node, dict) and node:
            for key, child in node.items():
                yield from self._walk(child, (*place, key))
        else:
            yield Value(".".join(map(str, place)), node, self._source(place))

    def _source(self, place: Place) -> str:
        for end in range(len(place), 0, -1):
            if place[:end] in self._origins:
                return self._origins[place[:end]]
            if place[:end] in self._document.keys and (end == len(place) or not isinstance(_at(self._document.values, place[:end]), dict)):
                return f"{self._document.path}:{self._document.keys[place[:end]].line}"
        return "default"


@cache
def root_model() -> tuple[type[Settings], tuple[BrokenPlugin, ...]]:
    """The root model with a section for each domain, and the domains that do not load."""
    working, broken = domains()
    sections: dict[str, Any] = {}
    if find_spec(NOTIFY_MODULE) is not None:
        from importlib import import_module

        sections["notify"] = _section(import_module(NOTIFY_MODULE).NotifySettings)
    sections |= {name: _section(cast("Any", domain).settings) for name, domain in working.items() if name not in Settings.model_fields}
    return create_model("Settings", __base__=Settings, __doc__="Everything that can be set.", **sections), broken


def find_file(named: Path | None, environ: Mapping[str, str] | None = None) -> Path | None:
    """The file to read: the one named, `$TRIVIUM_CONFIG`, `./trivium.yaml`, or the user's own; None where there is none."""
    values = os.environ if environ is None else environ
    if named is not None:
        return named
    if values.get(FILE_VARIABLE):
        return Path(values[FILE_VARIABLE])
    candidates = (Path(FILE_NAME), platformdirs.user_config_path("trivium") / FILE_NAME)
    return next((path for path in candidates if path.is_file()), None)


def load_configuration(named: Path | None = None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Read the configuration.

    Args:
        named: the file; None looks in the usual places.
        environ: the environment; the process's own where none is given.

    Raises:
        ConfigError: one line for each thing that is wrong, with the file's line and column.
    """
    variables = os.environ if environ is None else environ
    path = find_file(named, variables)
    document = read_document(path) if path is not None else Document("defaults")
    model, broken = root_model()
    written = {key: value for key, value in document.values.items() if value is not None}
    merged, origins = override(written, variables, tuple(model.model_fields))
    for plugin in broken:
        merged.pop(plugin.name, None)
    try:
        settings = model.model_validate(merged)
    except ValidationError as error:
        raise ConfigError("\n".join(describe(error, model, document, origins))) from None
    return Configuration(settings, path, broken, document, origins)


def _section(model: type[BaseModel]) -> tuple[type[BaseModel], Any]:
    return model, Field(default_factory=model, description=(model.__doc__ or "").strip().partition("\n")[0])


def _at(values: object, place: Place) -> object:
    for part in place:
        if isinstance(values, dict):
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
    return values
