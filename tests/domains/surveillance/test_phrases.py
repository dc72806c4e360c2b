"""Words as rules compare them."""

from __future__ import annotations

import pytest

from domains.surveillance.phrases import plain_words, said_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("HELP!", ("help",)),
        ("Please send help, now.", ("help",)),
        ("That was helpful; she helps.", ()),
        ("Somebody call... the police!", ("Call the Police",)),
        ("Call them, not the police.", ()),
        ("Don’t shoot", ("don't",)),
        ("", ()),
    ],
)
def test_whole_words_are_found_whatever_their_case(text: str, found: tuple[str, ...]) -> None:
    assert said_of(["help", "Call the Police", "don't"], text) == found


def test_no_phrase_is_held_by_everything() -> None:
    assert plain_words("?!_") == ()
    assert said_of(["", "!!"], "help") == ()
