"""Reveal a configured secret at the moment of use: `${NAME}` inside it is taken from the environment.

A secret stays wrapped in configuration, logs and dumps; the plain text lives only in the call that needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from pydantic import SecretStr

from core.errors import ConfigError

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def reveal(secret: SecretStr, what: str, environ: Mapping[str, str] | None = None) -> str:
    """The plain text of a secret.

    Args:
        secret: as configured; every `${NAME}` stands for an environment variable.
        what: where it is configured, for the error: `surveillance.cameras.door.url`.
        environ: the environment; the process's own where none is given.

    Returns:
        The text with every place filled. What a variable holds is not looked at again.

    Raises:
        ConfigError: a variable is not set.
    """
    values = os.environ if environ is None else environ

    def fill(place: re.Match[str]) -> str:
        name = place[1]
        if name not in values:
            raise ConfigError(f"{what} takes ${{{name}}} from the environment, where it is not set; set it: export {name}=...")
        return values[name]

    return _PLACE.sub(fill, secret.get_secret_value())
