"""Words of running text, text of words, and tags carried to a garbled copy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tokens.tags import entities
from core.tokens.words import bare, carried, text_of, words_in

WORDS = ("Dufay", "-", "Coqueret", ",", "quincaillier", ",", "r", ".", "Phélipeaux", ",", "28", ".")
TAGS = ("B-PER", "I-PER", "I-PER", "O", "B-ACT", "O", "B-LOC", "I-LOC", "I-LOC", "O", "B-CARDINAL", "O")


def split(text: str) -> list[str]:
    return [text[a:b] for a, b in words_in(text)]


def test_signs_stand_alone_and_so_do_chinese_characters() -> None:
    assert split("l'Arcade, 13bis. 北京路8号") == ["l", "'", "Arcade", ",", "13bis", ".", "北", "京", "路", "8", "号"]


def test_text_has_the_usual_blanks() -> None:
    assert text_of(WORDS) == "Dufay-Coqueret, quincaillier, r. Phélipeaux, 28."
    assert text_of(("Bon", "(", "A", ".", ")", "", "北", "京")) == "Bon (A.) 北京"


def test_blanks_beside_signs_are_those_of_a_copy() -> None:
    words = ("Goulet", ",", "quai", "Napo", "-", "léon", ",", "23")
    assert text_of(words, "Gou1et , quai Napo- léon,23") == "Goulet , quai Napo- léon,23"


def test_tags_are_carried_over_reading_errors() -> None:
    words, tags = carried(WORDS, TAGS, "Dnfay-Coqueret, quincaïllier,r. Phelipeaux, 2B.")
    found = [(kind, " ".join(words[a:b])) for kind, a, b in entities(tags)]
    assert found == [("PER", "Dnfay - Coqueret"), ("ACT", "quincaïllier"), ("LOC", "r . Phelipeaux"), ("CARDINAL", "2B")]


def test_what_was_read_beyond_the_line_belongs_to_nothing() -> None:
    words, tags = carried(WORDS, TAGS, "Dufay-Coqueret, quincaillier, r. Phélipeaux, 28. ner gr Fe")
    assert [tag for word, tag in zip(words, tags, strict=True) if word in ("ner", "gr", "Fe")] == ["O"] * 3


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_read_gives_no_words(text: str) -> None:
    assert carried(WORDS, TAGS, text) == ((), ())


@given(st.lists(st.text(alphabet="ab-,( 京", min_size=0, max_size=4), max_size=8), st.text(alphabet="ab-,( 京", max_size=20))
def test_every_word_gets_one_legal_tag_and_text_keeps_every_letter(words: list[str], text: str) -> None:
    tags = ["B-X" if i % 2 else "O" for i in range(len(words))]
    given_words, given_tags = carried(words, tags, text)
    assert len(given_words) == len(given_tags)
    assert sum(tag.startswith("I-") for tag in given_tags) + sum(tag == "B-X" for tag in given_tags) == len(given_tags) - given_tags.count(
        "O"
    )
    assert bare(text_of(words, text)) == bare("".join(words))
