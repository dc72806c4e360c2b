"""`trivium models` for people and for programs."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from click.testing import CliRunner

from core.weights import entries
from pipelines.commands.models import models


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(models, arguments)


@pytest.fixture
def small(tmp_path, packaged, monkeypatch):
    """A cache that holds only one small set."""
    source = packaged("silero-vad")
    target = shutil.copytree(source, tmp_path / "weights" / source.name)
    monkeypatch.setenv("TRIVIUM_CACHE", str(tmp_path))
    return target


def test_list_shows_every_entry_with_licence_and_state(run, small):
    listed = json.loads(run("list", "--json").stdout)["weights"]

    assert [row["name"] for row in listed] == [e.name for e in entries()]
    assert {row["name"]: row["state"] for row in listed if row["state"] != "not here"} == {"silero-vad": "here"}
    assert next(row["licence"] for row in listed if row["name"] == "yamnet") is None


def test_list_as_a_table_says_where_no_licence_is_stated(run, small):
    assert "none stated" in " ".join(run("list").stdout.split())


def test_damage_is_shown_by_list_and_is_exit_code_2_in_verify(run, small):
    os.truncate(next(small.glob("*.onnx")), 10)

    (state,) = [row["state"] for row in json.loads(run("list", "--json").stdout)["weights"] if row["name"] == "silero-vad"]
    verified = run("verify", "--json")

    assert state == "damaged"
    assert verified.exit_code == 2
    assert not json.loads(verified.stdout)["ok"]
    assert "trivium models pull silero-vad" in run("verify").stderr


def test_verify_of_whole_weights_is_good(run, small):
    verified = run("verify")

    assert verified.exit_code == 0
    assert verified.stdout.strip() == "silero-vad/silero_vad_16k_op15.onnx: good"


def test_pull_of_what_is_here_prints_folder_and_licence(run, small):
    pulled = json.loads(run("pull", "silero-vad", "--json").stdout)

    assert pulled == [{"name": "silero-vad", "folder": str(small), "licence": "MIT"}]


def test_pull_of_nothing_says_what_to_name(run):
    pulled = run("pull")

    assert pulled.exit_code == 2
    assert "--for" in pulled.stderr


def test_all_leaves_out_what_states_no_licence(run, monkeypatch):
    asked = []
    monkeypatch.setattr("core.weights.pull", lambda names, **_: asked.extend(names) or [None] * len(names))

    run("pull", "--all")

    assert "yamnet" not in asked
    assert "minilm" in asked


@pytest.mark.parametrize("command", [(), ("list",), ("pull",), ("verify",)])
def test_help_has_examples(run, command):
    assert "Examples:" in run(*command, "--help").stdout
