"""Labelled spans are read from a table, and a bad row is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from domains.surveillance.labels import Span, label_at, read_labels


def write(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder


def test_films_with_and_without_events_are_read_with_their_groups(tmp_path: Path) -> None:
    write(tmp_path, "path,label,start_s,end_s,group\na.mp4,fight,1.0,2.5,hall\na.mp4,glass,4,5,hall\nb.mp4,daily,0,9,yard\n")

    first, second = read_labels(tmp_path)

    assert first.path == tmp_path / "a.mp4"
    assert first.group == "hall"
    assert first.spans == (Span("fight", 1.0, 2.5), Span("glass", 4.0, 5.0))
    assert (second.group, second.spans) == ("yard", ())


def test_a_film_without_a_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "path,label,start_s,end_s\na.mp4,fight,1,2\nb.mp4,fight,1,2\n")

    assert [film.group for film in read_labels(tmp_path)] == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.mp4,fight,one,2,g", r"labels\.csv, line 2: start_s and end_s must be seconds, not 'one' and '2'"),
        ("a.mp4,fight,3,2,g", r"labels\.csv, line 2: a span must end after it begins"),
        ("a.mp4,fight,nan,2,g", r"line 2: a span must end after it begins"),
        ("a.mp4,fight", r"line 2: too few fields"),
        ("../../etc/passwd,fight,1,2,g", r"leaves the folder"),
        ("/etc/passwd,fight,1,2,g", r"leaves the folder"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    write(tmp_path, f"path,label,start_s,end_s,group\n{row}\n")

    with pytest.raises(InputError, match=message):
        read_labels(tmp_path)


def test_a_folder_without_labels_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no labels\.csv; write one with the columns path,label,start_s,end_s,group"):
        read_labels(tmp_path)


@pytest.mark.parametrize(
    ("window", "label"),
    [((0.0, 4.0), "daily"), ((1.0, 5.5), None), ((2.0, 6.0), "fall"), ((8.0, 12.0), "fall"), ((9.5, 13.5), None), ((10.0, 14.0), "daily")],
)
def test_a_window_takes_the_label_it_holds_enough_of(window: tuple[float, float], label: str | None) -> None:
    assert label_at([Span("fall", 5.0, 10.0)], *window, least_s=0.8) == label


def test_the_fall_set_has_its_fourteen_falls_in_three_rooms(shared_data: Path) -> None:
    films = read_labels(shared_data / "surveillance" / "gmdcsa24_fall")

    assert len(films) == 23
    assert sum(bool(film.spans) for film in films) == 14
    assert {film.group for film in films} == {"room A", "room B", "room C"}
