"""The environment overrides the file, by names that a shell can carry."""

import pytest

from core.errors import ConfigError
from pipelines.environment import override

SECTIONS = ("data_folder", "store", "surveillance")


def test_two_underscores_are_a_dot_and_the_file_is_left_alone() -> None:
    written = {"store": {"url": "a", "max_gb": 3}}

    merged, origins = override(written, {"TRIVIUM_STORE__URL": "b"}, SECTIONS)

    assert merged == {"store": {"url": "b", "max_gb": 3}}
    assert origins == {("store", "url"): "TRIVIUM_STORE__URL"}
    assert written["store"]["url"] == "a"


def test_names_match_what_the_file_calls_them() -> None:
    written = {"surveillance": {"cameras": {"Front-Door": {"url": "x"}}}}

    merged, _ = override(written, {"TRIVIUM_SURVEILLANCE__CAMERAS__FRONT_DOOR__URL": "rtsp://y"}, SECTIONS)

    assert merged == {"surveillance": {"cameras": {"Front-Door": {"url": "rtsp://y"}}}}


def test_lists_are_read_as_yaml_and_other_texts_as_they_stand() -> None:
    environ = {"TRIVIUM_SURVEILLANCE__DETECTOR__LABELS": "[person, dog]", "TRIVIUM_STORE__URL": "a: b # c"}

    merged, _ = override({}, environ, SECTIONS)

    assert merged == {"surveillance": {"detector": {"labels": ["person", "dog"]}}, "store": {"url": "a: b # c"}}


def test_variables_of_others_are_left_alone() -> None:
    merged, origins = override({}, {"TRIVIUM_DATA": "/d", "TRIVIUM_NO_SKIPS": "1", "HOME": "/h"}, SECTIONS)

    assert (merged, origins) == ({}, {})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("TRIVIUM_STOER__URL", "environment variable TRIVIUM_STOER__URL: no section is named 'stoer'; did you mean TRIVIUM_STORE__URL?"),
        ("TRIVIUM_STORE____URL", "environment variable TRIVIUM_STORE____URL: write one name between each '__'"),
        ("TRIVIUM_STORE__URL__X", "environment variable TRIVIUM_STORE__URL__X: store.url is one value and has no parts"),
    ],
)
def test_mistakes_name_the_variable(variable: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override({"store": {"url": "a"}}, {variable: "secret-value"}, SECTIONS)
    assert str(caught.value) == message


def test_broken_list_is_an_error_that_does_not_quote_it() -> None:
    with pytest.raises(ConfigError, match="TRIVIUM_STORE__URL begins like a list") as caught:
        override({}, {"TRIVIUM_STORE__URL": "[topsecret"}, SECTIONS)
    assert "topsecret" not in str(caught.value)
