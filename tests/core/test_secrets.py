"""Secrets are revealed at the moment of use, and only then."""

import pytest
from pydantic import SecretStr

from core.errors import ConfigError
from core.secrets import reveal


def test_places_are_filled_from_the_environment() -> None:
    secret = SecretStr("rtsp://${USER_NAME}:${PASS}@door/1")

    assert reveal(secret, "url", {"USER_NAME": "viewer", "PASS": "p$1"}) == "rtsp://viewer:p$1@door/1"


def test_what_a_variable_holds_is_not_filled_again() -> None:
    assert reveal(SecretStr("${A}"), "url", {"A": "${B}", "B": "no"}) == "${B}"


def test_unset_variable_is_one_clear_error_without_the_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        reveal(SecretStr("rtsp://viewer:topsecret@door/${STREAM}"), "surveillance.cameras.door.url", {})

    assert str(caught.value) == (
        "surveillance.cameras.door.url takes ${STREAM} from the environment, where it is not set; set it: export STREAM=..."
    )
