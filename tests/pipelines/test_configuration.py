"""The configuration says what is wrong, where, and what was probably meant."""

import json
import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from pipelines.config_text import example, lines, reference
from pipelines.configuration import find_file, load_configuration, root_model


def problems(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_configuration(file, environ or {})
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


SITE = """\
store:
  url: postgresql://a:topsecret@h/d
  max_gb: -3
logg: 3
surveillance:
  cameras:
    door:
      url: rtsp://u:topsecret@host/
      zoness: {}
      transport: tpc
      zones:
        hall:
          polygon: [[0.1, 0.2], [0.5, 0.5], [1.4, 0.9]]
        bad:
          polygon: [[0.1, 0.2]]
    back:
      url: 12345
    side:
      enabled: maybe
  policy:
    on: 0.3
    off: 0.9
  detektor:
    name: x
"""


def test_every_problem_is_one_line_with_place_and_advice(tmp_path: Path) -> None:
    assert problems(tmp_path, SITE) == [
        "site.yaml:3:11: store.max_gb: must be above 0, not -3",
        "site.yaml:4:1: unknown key 'logg'; did you mean 'log'?",
        "site.yaml:9:7: unknown key 'zoness' in surveillance.cameras.door; did you mean 'zones'?",
        "site.yaml:10:18: surveillance.cameras.door.transport: must be one of 'tcp' or 'udp', not 'tpc'",
        "site.yaml:13:46: surveillance.cameras.door.zones.hall.polygon[2][0]: 1.4 is outside the frame; "
        "points are fractions of its width and height, 0 to 1",
        "site.yaml:15:20: surveillance.cameras.door.zones.bad.polygon: needs at least 3 entries, has 1",
        "site.yaml:17:12: surveillance.cameras.back.url: must be text; put it in quotes",
        "site.yaml:18:5: surveillance.cameras.side.url: is missing; it has no default",
        "site.yaml:19:16: surveillance.cameras.side.enabled: must be true or false, not 'maybe'",
        "site.yaml:20:3: surveillance.policy: off (0.9) must not be above on (0.3)",
        "site.yaml:23:3: unknown key 'detektor' in surveillance; did you mean 'detector'?",
    ]


def test_rule_that_names_no_zone_is_told_what_there_is(tmp_path: Path) -> None:
    text = "surveillance: {cameras: {door: {url: x, rules: {in: {zone: hal}}}}}\n"

    assert problems(tmp_path, text) == ["site.yaml:1:26: surveillance.cameras.door: rule 'in' names zone 'hal'; this camera has none"]


def test_problem_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert problems(tmp_path, "", {"TRIVIUM_STORE__MAX_GB": "many"}) == [
        "environment variable TRIVIUM_STORE__MAX_GB: store.max_gb: must be a number, not 'many'"
    ]


def test_key_without_a_near_one_lists_what_may_stand_there(tmp_path: Path) -> None:
    assert problems(tmp_path, "log:\n  xyzzy: 1\n") == ["site.yaml:2:3: unknown key 'xyzzy' in log; known keys: level, format"]


def test_hundred_mistakes_are_cut_short(tmp_path: Path) -> None:
    found = problems(tmp_path, "".join(f"zzz{n}: 1\n" for n in range(100)))

    assert len(found) == 21
    assert found[-1] == "site.yaml: and 80 more"


def test_secrets_are_in_no_problem_no_value_and_no_repr(tmp_path: Path) -> None:
    assert "topsecret" not in "\n".join(problems(tmp_path, SITE))
    file = tmp_path / "good.yaml"
    file.write_text("store: {url: 'postgresql://a:topsecret@h/d'}\nsurveillance: {cameras: {door: {url: 'rtsp://u:topsecret@h'}}}\n")

    found = load_configuration(file, {})

    assert "topsecret" not in repr(found.settings)
    assert "topsecret" not in repr(list(found.values()))
    assert found.settings.store_url() == "postgresql://a:topsecret@h/d"


def test_each_value_knows_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("store:\n  max_gb: 5\nsurveillance:\n  detector:\n    labels: [person]\n")

    found = {value.name: value for value in load_configuration(file, {"TRIVIUM_LOG__LEVEL": "debug"}).values()}

    assert (found["store.max_gb"].shown, found["store.max_gb"].source) == (5.0, f"{file}:2")
    assert (found["surveillance.detector.labels"].shown, found["surveillance.detector.labels"].source) == (["person"], f"{file}:5")
    assert (found["log.level"].shown, found["log.level"].source) == ("debug", "TRIVIUM_LOG__LEVEL")
    assert found["log.format"].source == "default"
    assert found["surveillance.detector.max_fps"].source == "default"


def test_policy_keys_and_times_mean_what_they_say(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "surveillance:\n  policy: {on: 0.7, off: 0.2}\n  cameras:\n    door:\n      url: x\n"
        "      rules:\n        night: {schedule: {since: 22:00, until: 06:00}}\n"
    )

    section = load_configuration(file, {}).settings.section("surveillance").model_dump(mode="json")

    assert (section["policy"]["on"], section["policy"]["off"]) == (0.7, 0.2)
    assert section["cameras"]["door"]["rules"]["night"]["schedule"]["since"] == "22:00:00"


def test_environment_alone_configures_a_camera() -> None:
    found = load_configuration(None, {"TRIVIUM_SURVEILLANCE__CAMERAS__DOOR__URL": "rtsp://h", "TRIVIUM_CONFIG": ""})

    assert found.settings.section("surveillance").model_dump()["cameras"]["door"]["url"].get_secret_value() == "rtsp://h"


def test_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    (tmp_path / "own" / "trivium").mkdir(parents=True)
    (tmp_path / "own" / "trivium" / "trivium.yaml").touch()

    assert find_file(None, {}) == tmp_path / "own" / "trivium" / "trivium.yaml"
    (tmp_path / "trivium.yaml").touch()
    assert find_file(None, {}) == Path("trivium.yaml")
    assert find_file(None, {"TRIVIUM_CONFIG": "/b.yaml"}) == Path("/b.yaml")
    assert find_file(Path("/a.yaml"), {"TRIVIUM_CONFIG": "/b.yaml"}) == Path("/a.yaml")


def test_store_lies_in_the_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    found = load_configuration(None, {"TRIVIUM_DATA_FOLDER": str(tmp_path)}).settings

    assert found.store_url() == f"sqlite:///{tmp_path}/trivium.db"
    assert found.evidence_folder() == tmp_path / "evidence"


def test_example_changes_nothing_and_is_good_when_all_of_it_is_uncommented(tmp_path: Path) -> None:
    model, _ = root_model()
    text = example(model)
    file = tmp_path / "site.yaml"
    file.write_text(text)
    assert load_configuration(file, {}).settings == load_configuration(None, {"TRIVIUM_CONFIG": str(file)}).settings

    uncommented = re.sub(r"^#(?: |$)", "", text.partition("\n\n")[2], flags=re.MULTILINE)
    file.write_text(uncommented)
    cameras = load_configuration(file, {}).settings.section("surveillance").model_dump()["cameras"]
    assert list(cameras) == ["NAME"]


def test_reference_names_every_key() -> None:
    model, _ = root_model()
    page = reference(model)

    for line in lines(model):
        if not line.is_section:
            assert f"| `{'.'.join(line.place)}` |" in page


def test_schema_is_json_and_forbids_unknown_keys() -> None:
    model, _ = root_model()
    schema = json.loads(json.dumps(model.model_json_schema()))

    assert schema["additionalProperties"] is False
    assert {"store", "log", "data_folder", "surveillance"} <= set(schema["properties"])
