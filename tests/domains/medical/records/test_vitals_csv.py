"""Values from CSV, tolerant of headers and strict with values."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from domains.medical.record import Entry, EntryKind, Level, Record
from domains.medical.records.vitals_csv import MAX_ROWS, read_csv

UTC = ZoneInfo("UTC")


def read(text: str | bytes) -> Record:
    return read_csv(text.encode() if isinstance(text, str) else text, UTC, "v.csv", "record file 1 (CSV)")


def only(text: str) -> Entry:
    record = read(text)
    assert record.problems == ()
    return record.entries[0]


def test_a_usual_table() -> None:
    record = read(
        "Test,Result,Units,Date,Ref low,Ref high,Patient ID\n"
        "temperature,38.4,Cel,2024-03-05T09:00+01:00,36.1,37.2,P7\n"
        "WBC,12.5,10*3/uL,2024-03-05 09:00,4,10,P7\n"
        ",,,,,,\n"
        "sex,f,,,,,P7\n"
        "age,65,years,,,,P7\n"
    )

    warm, cells, age = record.entries
    assert (warm.id, warm.name, warm.value, warm.unit, warm.level) == ("v.csv:2", "temperature", 38.4, "degC", Level.HIGH)
    assert (warm.kind, warm.at_wall_s) == (EntryKind.VITAL, 1709625600.0)
    assert (cells.value, cells.unit, cells.high, cells.at_wall_s) == (12.5, "1/nL", 10.0, 1709629200.0)
    assert (age.name, age.value, age.unit) == ("age", 65.0, "year")
    assert (record.patient.id, record.patient.sex) == ("P7", "F")
    assert record.problems == ()


def test_the_reference_range_is_converted_with_the_value() -> None:
    glucose = only("name,value,unit,low,high\nglucose,110,mg/dL,70,100\n")

    assert (glucose.low, glucose.high) == (3.886, 5.551)
    assert glucose.level is Level.HIGH


def test_an_upside_down_range_is_none() -> None:
    assert only("name,value,unit,low,high\nglucose,5,mmol/L,6,4\n").level is Level.UNKNOWN


@pytest.mark.parametrize(
    "text",
    ["name;value;unit\ntemperature;38,4;°C\n", "name\tvalue\tunit\ntemperature\t38.4\tCel\n", 'name,value,unit\ntemperature,"38,4",C\n'],
)
def test_delimiters_and_decimal_commas(text: str) -> None:
    assert only(text).value == 38.4


def test_encodings() -> None:
    text = "name,value,unit\ntemperature,38.4,°C\n"

    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        assert read(text.encode(encoding)).entries[0].value == 38.4


def test_a_day_alone_counts_from_its_end_on() -> None:
    known = read("name,value,unit,time\ntemperature,38.4,C,2024-03-05\n").known_at

    assert known(1709629200.0).entries == ()
    assert len(known(1709683200.0).entries) == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("temperature,384,Cel,", "no temperature can be so"),
        ("pulse,-5,/min,", "no heart rate can be so"),
        ("SpO2,180,%,", "no oxygen saturation can be so"),
        ("pO2 saturation,35,%,", "no oxygen saturation can be so"),
        ("crp,5,banana,", "the unit is not known"),
        ("crp,5,,", "has no unit"),
        ("crp,high,mg/L,", "no clear number"),
        ('platelets,"150,000",/uL,', "no clear number"),
        ("crp,1e400,mg/L,", "no clear number"),
        ("crp,nan,mg/L,", "no clear number"),
        ("crp,٣,mg/L,", "no clear number"),
        ("crp,=1+1,mg/L,", "no clear number"),
        ("crp,5,mg/L,05/06/2024", "ISO 8601"),
        ("crp,5,mg/L,2024-02-31", "ISO 8601"),
        ("crp,,mg/L,", "no value"),
        ("age,200,,", "no age"),
        ("sex,x,,", "sex is"),
    ],
)
def test_a_wrong_line_is_left_out_and_said(row: str, why: str) -> None:
    record = read(f"name,value,unit,time\ntemperature,37,C,\n{row}\n")

    assert len(record.entries) == 1
    (problem,) = record.problems
    assert why in problem
    assert "line 3" in problem
    assert not any(value in problem for value in ("384", "-5", "180", "banana", "1e400", "=1+1", "05/06"))


def test_formulas_are_words() -> None:
    entry = only("name,value\n=cmd|'/c calc'!A0,=HYPERLINK(\"x\")\n")

    assert entry.value == '=HYPERLINK("x")'


def test_lines_are_counted_over_cells_with_line_ends() -> None:
    record = read('name,value,unit\n"a\nb",x,\ncrp,5,banana\n')

    assert [e.id for e in record.entries] == ["v.csv:2"]
    assert "line 4" in record.problems[0]


def test_a_bound_is_kept_as_one() -> None:
    assert only("name,value,unit\ncrp,<0.5,mg/dL\n").value == "< 5 mg/L"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "name,test,value\n",
        "name,value,patient\ncrp,5,P-SECRET1\ncrp,5,P-SECRET2\n",
        "name,value\nsex,F\nsex,M\n",
        b"name,value\ncrp,5\0\n",
        "name,value\n" + "x" * 5000 + ",1\n",
        "name,value\n" + "," * 200 + "\n",
        "name,value\n" + "crp,5\n" * (MAX_ROWS + 5),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_such_table_is_refused_without_telling_cells(text: str | bytes) -> None:
    with pytest.raises(InputError) as raised:
        read(text)

    assert "SECRET" not in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        record = read(b"name,value,unit,time\n" + data)
    except InputError:
        return
    assert all(e.id.startswith("v.csv:") for e in record.entries)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["temperature", "crp", "x"]) | cells, cells | st.floats().map(str), cells), max_size=8))
def test_any_table_gives_clean_entries(rows: list[tuple[str, str, str]]) -> None:
    import csv
    import io

    out = io.StringIO()
    csv.writer(out).writerows([("name", "value", "unit"), *rows])
    try:
        record = read(out.getvalue())
    except InputError:
        return
    for entry in record.entries:
        assert entry.name.isprintable()
        assert not isinstance(entry.value, str) or entry.value.isprintable()
        if entry.name == "temperature" and isinstance(entry.value, float):
            assert 25 <= entry.value <= 45
