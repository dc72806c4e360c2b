"""storescu to the listener ends as a draft, without a further command; so does a pull; and a listener can be asked for."""

from __future__ import annotations

import json
import sqlite3

import pytest

from domains.medical.receiving.probing import probe_listener
from domains.medical.receiving.settings import ReceivingSettings


@pytest.mark.slow
def test_sent_study_ends_as_a_draft_and_names_nobody(listener_process, dcmtk, make_ct, tmp_path):
    process = listener_process(tmp_path / "site", "--for", "120")
    port = json.loads(process.stdout.readline())["port"]

    dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", port, *make_ct(tmp_path / "ct", 2))

    lines = []
    while not lines or lines[-1]["event"] != "study":
        lines.append(json.loads(process.stdout.readline()))
    assert [line["event"] for line in lines] == ["association", "association", "draft", "study"]
    assert (lines[-1]["objects"], lines[-1]["error"]) == (2, "")
    process.terminate()
    assert process.wait(30) == 0
    rest = process.stdout.read()
    assert json.loads(rest.splitlines()[-1])["studies"] == 1
    with sqlite3.connect(tmp_path / "site" / "data" / "trivium.db") as database:
        assert database.execute("SELECT id, state FROM reports").fetchall() == [(lines[-2]["report"], "draft")]
    said = rest + json.dumps(lines) + (tmp_path / "site" / "log").read_text()
    assert "Waldmeister" not in said
    assert "PATIENT-4711" not in said


def test_probe_says_whether_a_listener_answers(listening):
    one = listening()

    assert probe_listener(one.settings.model_copy(update={"port": one.port})).state == "online"
    refused = probe_listener(ReceivingSettings(port=one.port, ae_title="OTHER"))
    assert (refused.state, "refuses" in refused.note) == ("offline", True)
    one.listener.stop()
    gone = probe_listener(ReceivingSettings(port=one.port))
    assert (gone.state, "trivium medical listen" in gone.note) == ("offline", True)


@pytest.mark.parametrize(
    "wrong", [{"ae_title": "A" * 17}, {"ae_title": "  "}, {"callers": []}, {"callers": ["a\\b"]}, {"port": 70_000}, {"aet": "X"}]
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError):  # noqa: PT011  pydantic's own words
        ReceivingSettings(**wrong)
