"""The bench of printed lines: its table keeps the books apart, and its counting is by exact strings."""

import json
from pathlib import Path
from typing import Any

from core.benches.directory_lines import RULE, _found, _table, _without_crops, typed_words
from core.tokens.tags import counts, entities, micro_f1
from core.tokens.words import text_of


def rows_of(shared_data: Path, split: str) -> list[dict[str, Any]]:
    folder = shared_data / "text" / "paris_directories"
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]


def test_no_book_is_on_two_sides_and_every_text_is_a_row(shared_data: Path) -> None:
    folder = shared_data / "text" / "paris_directories"
    train, dev, test = (_table(rows_of(shared_data, name), folder, tuple(RULE)) for name in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (1080, 160, 320)
    assert not set(train.groups) & set(test.groups)
    assert not set(train.groups) & set(dev.groups)
    assert not set(dev.groups) & set(test.groups)
    assert all((folder / str(row["crop"])).is_file() for row in test.rows)
    assert all(row["crop"] is None for row in _without_crops(test).rows)


def test_typed_words_hold_the_typed_entities(shared_data: Path) -> None:
    for row in rows_of(shared_data, "test"):
        words, tags = typed_words(row["gold"])
        found = [text_of(words[a:b]).replace(" ", "") for _, a, b in entities(tags)]
        wanted = [row["gold"]["text"][e["start"] : e["end"]].replace(" ", "") for e in row["gold"]["entities"]]
        assert sum(one in wanted for one in found) >= len(wanted) - 1


def test_only_the_very_string_of_the_very_type_is_right() -> None:
    gold = [[("PER", "Dufay"), ("LOC", "rue Foin")]]
    answers = [{"entities": [{"type": "PER", "text": "Dnfay"}, {"type": "LOC", "text": "rue Foin"}]}]
    table = counts(gold, _found(answers))
    assert micro_f1(table, table) == 0.5
