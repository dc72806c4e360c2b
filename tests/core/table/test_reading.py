"""Reading tables: exact lines, bad rows reported, hostile files refused in one clear line."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.table import ColumnKind, Table, describe, read_table, recast

FUZZ = settings(max_examples=60, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@FUZZ
@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6), end=st.sampled_from(["\n", "\r\n"]))
def test_csv_cells_and_lines_survive_quotes_and_line_breaks(tmp_path: Path, rows: list[list[str]], end: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL)
    lines = []
    for row in [["a", "b", "c"], *rows]:
        so_far = text.getvalue().replace("\r\n", "\n").replace("\r", "\n")
        lines.append(so_far.count("\n") + 1)
        writer.writerow(row)
    table = read_table(written(tmp_path, "t.csv", text.getvalue()), kinds=dict.fromkeys("abc", "text"))
    assert table.lines == tuple(lines[1:])
    assert [[row[c] or "" for c in "abc"] for row in table.rows] == [[cell.strip() for cell in row] for row in rows]
    assert len(set(table.ids)) == len(rows)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json", "parquet", "conll"])
@FUZZ
@given(content=st.binary(min_size=1, max_size=400))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    try:
        table = read_table(written(tmp_path, f"t.{suffix}", content))
    except InputError as refused:
        said = str(refused)
    else:
        said = "" if len(table) else "a table without rows\n"
    assert "\n" not in said
    assert len(said) < 1200


def test_bad_rows_are_reported_with_their_lines_and_the_rest_is_kept(tmp_path: Path) -> None:
    content = b'id,words\n1,"two\nlines"\n2\n3,caf\xe9\n4,nul\0\n\n5,fine\n5,again\n,nameless\n6,"open'
    table = read_table(written(tmp_path, "t.csv", content), kinds={"id": "id", "words": "text"})
    assert table.ids == ("1", "5")
    assert table.lines == (2, 8)
    told = {p.line: p.message for p in table.problems}
    assert told[4] == "1 cell, but the header has 2"
    assert told[5] == "holds bytes that are not UTF-8"
    assert told[6] == "holds a NUL byte"
    assert "already that of line 8" in told[9]
    assert told[10] == "the id is missing"
    assert "never closed" in told[11]
    assert all(p.is_row_left_out for p in table.problems)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "", "is empty"),
        ("t.csv", "\n\n", "only blank lines"),
        ("t.csv", "a,b\n", "only a header"),
        ("t.csv", "a,a\n1,2\n", "twice in the header"),
        ("t.csv", "a\0,b\n1,2\n", "NUL byte"),
        ("t.csv", b"\xff\xffa,b\n1,2\n", "not UTF-8"),
        ("t.csv", "a,b\n1\n2\n", "no row can be used"),
        ("t.csv", "id,x\n1,a\n1,b\n", "is in every row"),
        ("t.json", '{"a": 1}', "not a list"),
        ("t.json", '[{"a": 1}, {"a": ', "not JSON"),
        ("t.json", "[" * 100_000, "not JSON"),
        ("t.json", "[]", "no row"),
        ("t.jsonl", "1\n2\n", "not an object"),
        ("t.jsonl", '{"a": ' + "[" * 100_000 + "\n", "no row"),
        ("t.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", "Parquet"),
        ("t.conll", "\n\n", "no sentence"),
        ("t.xlsx", "a", "is not a table's"),
    ],
)
def test_useless_files_get_one_clear_line(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_table(written(tmp_path, name, content), kinds={"id": "id"} if "id" in str(content)[:4] else None)
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError):
            read_table(path)


def test_more_than_the_bounds_is_refused_not_cut(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "a\n" + "x\n" * 50)
    with pytest.raises(InputError, match="more than 49 rows"):
        read_table(path, max_rows=49)
    with pytest.raises(InputError, match="MiB"):
        read_table(path, max_bytes=50)


def test_a_parquet_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"a": ["x" * 1000] * 20_000}), path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to"):
        read_table(path, max_bytes=1 << 20)


def test_many_open_quotes_take_no_more_than_linear_time(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "a,b\n" + '"x,y\n' * 200_000)
    begun = time.monotonic()
    with pytest.raises(InputError):
        read_table(path)
    assert time.monotonic() - begun < 10


def test_jsonl_lines_keys_and_lists(tmp_path: Path) -> None:
    rows = ['{"tokens": ["a", "b"], "tags": ["O", "B-PER"], "n": 1}', "nonsense", '{"tokens": ["a"], "tags": ["O", "O"]}']
    rows += ['{"n": 2, "n": 3}', '{"tokens": ["c"], "tags": ["O"], "n": NaN}']
    table = read_table(written(tmp_path, "t.jsonl", "\n".join(rows)))
    assert (table.of(ColumnKind.TOKENS), table.of(ColumnKind.TAGS)) == (("tokens",), ("tags",))
    assert table.lines == (1, 5)
    assert table.rows[0] == {"tokens": ("a", "b"), "tags": ("O", "B-PER"), "n": 1.0}
    assert table.rows[1]["n"] is None
    assert {p.line for p in table.problems} == {2, 3, 4}


def test_json_list_knows_the_line_of_each_object(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t.json", json.dumps([{"a": "x y z"}, {"a": "y"}], indent=1)), kinds={"a": "text"})
    assert table.lines == (2, 5)


def test_conll_reads_sentences_with_their_lines_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "p1.jpg").write_bytes(b"x")
    content = "IMGID:p1\nA\tB-PER\nb\tO\n\nc\tO\nd\n\ne\tX-Y\n\nf\tO\n"
    table = read_table(written(tmp_path, "t.conll", content))
    assert table.values("tokens") == (("A", "b"), ("f",))
    assert table.values("image") == ("crops/p1.jpg", None)
    assert table.lines == (2, 10)
    assert [p.line for p in table.problems] == [5, 8]


def test_parquet_and_csv_give_the_same_table(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"words": ["one two", "three four", None], "n": [1.5, None, 3.0], "label": ["a", "b", "a"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    kinds = {"words": "text", "n": "number"}
    assert read_table(tmp_path / "t.csv", kinds=kinds).rows == read_table(tmp_path / "t.parquet", kinds=kinds).rows


def test_kinds_are_told_from_values_and_names(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"x")
    rows = [
        f'{i},k{i % 3},"{i * 1000:,}",{"ab"[i % 2]}.png,http://x/{i},A sentence {i},2024-01-{i % 28 + 1:02d},{"NA" if i % 4 else i},z{i}\n'
        for i in range(1, 41)
    ]
    table = read_table(written(tmp_path, "t.csv", "id,kind,amount,photo,url,words,day,gaps,code\n" + "".join(rows)))
    kinds = {c.name: c.kind.value for c in table.columns}
    expected = {"id": "id", "kind": "category", "amount": "number", "photo": "image", "url": "ignored", "words": "text"}
    assert kinds == expected | {"day": "ignored", "gaps": "number", "code": "ignored"}
    assert table.rows[39]["amount"] == 40000.0
    facts = {f.column: f for f in describe(table)}
    assert facts["gaps"].missing == 30
    assert "thousands" in facts["amount"].reason
    assert facts["kind"].examples == ("k1", "k2", "k0")


def test_given_kinds_win_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", "n,y\n1,2\n2,3\nx,4\n")
    table = read_table(path, kinds={"n": "number"}, label="y")
    assert table.values("n") == (1.0, 2.0, None)
    assert table.values("y") == ("2", "3", "4")
    assert str(table.problems[0]) == "line 4, column 'n': 'x' is not a number"
    with pytest.raises(InputError, match="no column 'q'; it has: n, y"):
        read_table(path, label="q")
    with pytest.raises(InputError, match="there is no kind 'shape'; choose one of: text"):
        read_table(path, kinds={"n": "shape"})


def test_recast_reads_the_columns_as_the_model_was_trained(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "t.csv", "n,w\n1,a b\n2,a c\n"), kinds={"n": "category", "w": "text"})
    again = recast(table, {"n": ColumnKind.NUMBER, "label": ColumnKind.LABEL}, optional=["label"])
    assert again.values("n") == (1.0, 2.0)
    with pytest.raises(InputError, match="no column 'label'"):
        recast(table, {"label": "label"})


def test_real_tables_are_read_whole(shared_data: Path) -> None:
    sizes = {
        "multimodal/openclipart/items.csv": 1302,
        "multimodal/recipes/items.csv": 664,
        "text/nlvr_image_sentence/examples.jsonl": 4964,
        "text/wnut17/wnut17train.conll": 3394,
        "text/paris_directories/train.ocr_pero.conll": 540,
    }
    for name, size in sizes.items():
        table: Table = read_table(shared_data / name)
        assert (len(table), table.problems) == (size, ()), name
