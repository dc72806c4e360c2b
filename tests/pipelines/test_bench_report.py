"""Benchmarks give one JSON object, and the page is written from such objects alone."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.benchmark import BenchContext, Metric
from core.errors import ConfigError, InputError
from pipelines import bench as benching
from pipelines.bench_report import figure, page, ratio, read_reports
from pipelines.cli import cli

FIGURES = [
    Metric("frames a second", 812.4, "1/s", ">= 2 x dvr-scan", True, "dvr-scan 1.8", 200.0, (800.0, 820.5), "vtest | seed 1"),
    Metric("lag p95", 1.3, "s", "<= 1 s", False),
    Metric("peer's own", float("nan"), "s", peer="motion: not installed", interval=(float("nan"), 1.0)),
]


def sample_bench(context: BenchContext) -> list[Metric]:
    (context.scratch / "x").write_text("y")
    context.say(f"quick: {context.is_quick}")
    return FIGURES


@pytest.fixture
def one_bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known: Mapping[str, str] = {"hive.motion": "test_bench_report:sample_bench", "hive.broken": "nowhere.at.all:run"}
    monkeypatch.setattr(benching, "benches", lambda: dict(known))
    monkeypatch.setattr(benching, "_load", lambda name, _: sample_bench if name == "hive.motion" else None)
    monkeypatch.setenv("TRIVIUM_DATA", str(tmp_path))


@pytest.mark.usefixtures("one_bench")
def test_json_is_one_object_of_the_documented_shape() -> None:
    done = CliRunner().invoke(cli, ["bench", "hive.motion", "--quick", "--json"])

    report = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert list(report) == ["bench", "commit", "machine", "metrics", "date", "command"]
    assert set(report["machine"]) == {"processor", "cores", "memory_gb", "python", "system"}
    assert report["command"] == "trivium bench hive.motion --quick"
    assert report["metrics"][0] == {
        "name": "frames a second",
        "value": 812.4,
        "unit": "1/s",
        "target": ">= 2 x dvr-scan",
        "holds": True,
        "peer": "dvr-scan 1.8",
        "peer_value": 200.0,
        "interval": [800.0, 820.5],
        "note": "vtest | seed 1",
    }
    assert (report["metrics"][2]["value"], report["metrics"][2]["interval"]) == (None, None)
    assert done.stderr == "quick: True\n"


@pytest.mark.usefixtures("one_bench")
def test_only_keeps_the_figures_that_are_asked_for() -> None:
    done = CliRunner().invoke(cli, ["bench", "hive.motion", "--only", "lag", "--json"])

    assert [metric["name"] for metric in json.loads(done.stdout)["metrics"]] == ["lag p95"]


@pytest.mark.usefixtures("one_bench")
def test_page_is_made_of_what_the_command_printed(tmp_path: Path) -> None:
    printed = CliRunner().invoke(cli, ["bench", "hive.motion", "--json"]).stdout
    (tmp_path / "a.json").write_text(printed)

    done = CliRunner().invoke(cli, ["bench", "report", str(tmp_path / "a.json"), "-o", str(tmp_path / "benchmarks.md")])

    text = (tmp_path / "benchmarks.md").read_text()
    assert done.exit_code == 0, done.output
    assert "    trivium bench hive.motion\n" in text
    assert "| frames a second | 812 1/s | >= 2 x dvr-scan | yes | dvr-scan 1.8 | 200 | 4.06 x | 800 to 820 | vtest \\| seed 1 |" in text
    assert "| lag p95 | 1.30 s | &lt;= 1 s | **no** |  |  |  |  |  |" in text
    assert "| peer's own | not measured s |  |  | motion: not installed |  |  |  |  |" in text


@pytest.mark.usefixtures("one_bench")
def test_people_get_a_table() -> None:
    done = CliRunner().invoke(cli, ["bench", "hive.motion"])

    assert done.exit_code == 0, done.output
    assert "frames a second" in done.stdout


@pytest.mark.usefixtures("one_bench")
def test_unknown_bench_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^no bench is named 'hive\.moton'; did you mean 'hive\.motion'\?$"):
        benching.run("hive.moton", True, (), print)


def test_bench_that_cannot_be_imported_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(benching, "benches", lambda: {"hive.broken": "nowhere.at.all:run"})
    monkeypatch.setenv("TRIVIUM_DATA", str(tmp_path))

    with pytest.raises(ConfigError, match=r"^bench 'hive\.broken' \(nowhere\.at\.all:run\) cannot be imported: No module named 'nowhere'"):
        benching.run("hive.broken", True, (), print)


@pytest.mark.usefixtures("one_bench")
def test_missing_data_sets_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIVIUM_DATA", str(tmp_path / "none"))

    with pytest.raises(InputError, match=r"set TRIVIUM_DATA$"):
        benching.run("hive.motion", True, (), print)


@pytest.mark.parametrize("content", ["", "[]", '{"bench": "x"}', '{"bench":"x","commit":"c","machine":{},"metrics":[{"name":1}]}', "\x00"])
def test_other_files_are_refused_with_their_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(InputError, match=r"x\.json: no output of trivium bench --json: ") as caught:
        read_reports([file])
    assert "\n" not in str(caught.value)


def test_markup_of_a_report_cannot_leave_its_cell(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    metric = {"name": "a|b\n| c | <script>", "value": 1, "unit": ""}
    file.write_text(json.dumps({"bench": "x", "commit": "c", "machine": {}, "metrics": [metric]}))

    rows = [line for line in page(read_reports([file])).splitlines() if line.startswith("| a")]

    assert rows == ["| a\\|b \\| c \\| &lt;script> | 1 |  |  |  |  |  |  |  |"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "not measured"),
        (0.0, "0"),
        (1234567.0, "1,234,567"),
        (0.91666, "0.917"),
        (12.345, "12.3"),
        (1812.4, "1,812"),
        (0.000123, "0.000123"),
    ],
)
def test_figures_show_the_digits_that_count(value: float | None, shown: str) -> None:
    assert figure(value) == shown


def test_ratio_needs_both_figures() -> None:
    assert (ratio(3.0, 2.0), ratio(None, 2.0), ratio(3.0, None), ratio(3.0, 0.0)) == ("1.50 x", "", "", "")
