"""Words in a table's pictures become a column of text; each picture is read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from core.encoders.reading import WrittenLine
from core.errors import InputError
from core.samples import Image
from core.table import ColumnKind, Table, read_table, recast
from core.table.words_in_pictures import with_words


class Brightness:
    """Reads no letters: says how bright a picture is, and counts how often it was asked."""

    name = "brightness:1"

    def __init__(self) -> None:
        self.asked = 0

    def read(self, picture: Image) -> tuple[WrittenLine, ...]:
        self.asked += 1
        mean = int(picture.rgb.mean())
        return (WrittenLine(f"grey {mean}", 1.0, (), 0),) if mean < 250 else ()


def silent(_: str) -> None:
    pass


@pytest.fixture
def table(tmp_path: Path) -> Table:
    for name, value in (("dark", 10), ("grey", 120), ("white", 255)):
        Pictures.fromarray(np.full((20, 30, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    (tmp_path / "t.csv").write_text("photo,label\ndark.png,a\ngrey.png,b\nwhite.png,a\nbroken.png,b\n,a\n")
    return read_table(tmp_path / "t.csv", label="label", kinds={"photo": "image"})


def test_words_are_a_column_of_text_and_ids_stay(table: Table, tmp_path: Path) -> None:
    told = with_words(table, reader=Brightness(), cache=tmp_path / "cache", say=silent)

    assert told.values("words in photo") == ("grey 10", "grey 120", None, None, None)
    assert told.of(ColumnKind.TEXT) == ("words in photo",)
    assert told.ids == table.ids
    assert recast(told, {"words in photo": "text", "photo": "image"}).ids == table.ids
    (problem,) = told.problems
    assert str(problem).startswith("line 5, column 'words in photo': not a picture that can be read")


def test_a_picture_is_read_once_and_again_when_the_entry_is_damaged(table: Table, tmp_path: Path) -> None:
    first, second, third = Brightness(), Brightness(), Brightness()
    cache = tmp_path / "cache"
    with_words(table, reader=first, cache=cache, say=silent)
    with_words(table, reader=second, cache=cache, say=silent)
    kept = sorted(cache.rglob("*.json"))
    kept[0].write_text("[" * 5000)
    kept[1].write_text('{"reader": "another", "words": "not these"}')
    again = with_words(table, reader=third, cache=cache, say=silent)

    assert (first.asked, second.asked, third.asked) == (3, 0, 2)
    assert again.values("words in photo")[:2] == ("grey 10", "grey 120")


def test_another_reader_reads_again(table: Table, tmp_path: Path) -> None:
    other = Brightness()
    other.name = "brightness:2"
    with_words(table, reader=Brightness(), cache=tmp_path / "cache", say=silent)
    with_words(table, reader=other, cache=tmp_path / "cache", say=silent)

    assert other.asked == 3


def test_what_cannot_be_asked_for_is_said(table: Table, tmp_path: Path) -> None:
    told = with_words(table, reader=Brightness(), cache=tmp_path / "cache", say=silent)

    with pytest.raises(InputError, match="no column of pictures 'label'"):
        with_words(table, "label", reader=Brightness(), say=silent)
    with pytest.raises(InputError, match="already"):
        with_words(told, reader=Brightness(), say=silent)
    with pytest.raises(InputError, match="--read-words"):
        recast(table, {"words in photo": "text"})
    with pytest.raises(InputError, match="no column of pictures"):
        with_words(recast(table, {"photo": "ignored"}), reader=Brightness(), say=silent)


def test_a_path_that_leaves_the_folder_is_not_opened(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    Pictures.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "secret.png")
    (inner / "t.csv").write_text("photo\n../secret.png\n")
    reader = Brightness()
    told = with_words(read_table(inner / "t.csv", kinds={"photo": "image"}), reader=reader, cache=tmp_path / "cache", say=silent)

    assert reader.asked == 0
    assert told.values("words in photo") == (None,)
    assert "'..'" in str(told.problems[0])
