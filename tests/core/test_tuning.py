"""A search is seeded, survives a kill, records what fails, prunes what lags, and hands its best to `train`."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import FloatDistribution

from core.errors import ConfigError, InputError
from core.training import Progress
from core.tuning import Budget, outcome, search, space_of, write_settings

REPOSITORY = Path(__file__).resolve().parents[2]
SPACE = {"x": FloatDistribution(-1.0, 1.0)}


def silent(_: str) -> None:
    pass


def peak(settings: Mapping[str, Any], progress: Progress) -> float:
    return -float((settings["x"] - 0.3) ** 2)


def test_same_seed_draws_the_same_trials_and_more_trials_find_better(tmp_path: Path) -> None:
    one, two = (search(peak, SPACE, Budget(25), storage=tmp_path / f"{n}.db", seed=3, say=silent) for n in "ab")
    assert [t.params for t in one.trials] == [t.params for t in two.trials]
    assert abs(outcome(one, "m").settings["x"] - 0.3) < 0.15


def test_study_goes_on_where_it_was(tmp_path: Path) -> None:
    search(peak, SPACE, Budget(4), storage=tmp_path / "s.db", say=silent)
    again = search(peak, SPACE, Budget(7), storage=tmp_path / "s.db", say=silent)
    assert len(again.trials) == 7
    assert len({t.params["x"] for t in again.trials}) == 7
    said: list[str] = []
    assert len(search(peak, SPACE, Budget(7), storage=tmp_path / "s.db", say=said.append).trials) == 7
    assert "has 7 trials already" in said[0]


def test_study_of_other_rows_is_refused(tmp_path: Path) -> None:
    search(peak, SPACE, Budget(1), storage=tmp_path / "s.db", rows="a", say=silent)
    with pytest.raises(ConfigError, match="other rows"):
        search(peak, SPACE, Budget(2), storage=tmp_path / "s.db", rows="b", say=silent)


def test_file_that_is_no_study_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_text("not a database at all, but long enough to be read as one " * 40)
    with pytest.raises(ConfigError, match="cannot be used as a study") as caught:
        search(peak, SPACE, Budget(1), storage=tmp_path / "s.db", say=silent)
    assert "\n" not in str(caught.value)


def test_exception_ends_its_trial_alone_and_is_shown(tmp_path: Path) -> None:
    said: list[str] = []

    def sometimes(settings: Mapping[str, Any], progress: Progress) -> float:
        if settings["x"] < 0:
            raise InputError("below nothing")
        return float(settings["x"])

    study = search(sometimes, SPACE, Budget(8), storage=tmp_path / "s.db", say=said.append)
    tuned = outcome(study, "m")
    assert tuned.failed
    assert tuned.done + tuned.failed == 8
    assert all("InputError: below nothing" in error for error in tuned.errors)
    assert any("failed (InputError: below nothing)" in line for line in said)
    assert all("min left" in line for line in said)


def test_search_without_any_end_says_why(tmp_path: Path) -> None:
    def never(settings: Mapping[str, Any], progress: Progress) -> float:
        raise InputError("no such column")

    with pytest.raises(InputError, match=r"no trial came to an end.*no such column"):
        outcome(search(never, SPACE, Budget(2), storage=tmp_path / "s.db", say=silent), "m")


def test_trial_that_lags_is_stopped_early(tmp_path: Path) -> None:
    epochs: list[int] = []

    def trained(settings: Mapping[str, Any], progress: Progress) -> float:
        is_bad = len(epochs) >= 6
        epochs.append(0)
        for epoch in range(1, 6):
            epochs[-1] = epoch
            progress(epoch, {"eval_loss": 9.0 if is_bad else 1.0 / epoch})
        return 0.5

    study = search(trained, SPACE, Budget(8), storage=tmp_path / "s.db", say=silent)
    assert outcome(study, "m").pruned == 2
    assert epochs[-1] < 5


def test_killed_study_goes_on_and_makes_its_cut_trial_again(tmp_path: Path) -> None:
    script = """
import sys, time
from pathlib import Path
from optuna.distributions import FloatDistribution
from core.tuning import Budget, search
count = 0
def slow(settings, progress):
    global count
    count += 1
    if count == 3:
        print("in the third", flush=True)
        time.sleep(600)
    return settings["x"]
search(slow, {"x": FloatDistribution(-1.0, 1.0)}, Budget(6), storage=Path(sys.argv[1]), seed=1, say=lambda _: None)
"""
    storage = tmp_path / "s.db"
    running = subprocess.Popen(
        [sys.executable, "-c", script, str(storage)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    assert running.stdout is not None
    assert running.stdout.readline().strip() == "in the third"
    with pytest.raises(ConfigError, match="in use by another search"):
        search(peak, SPACE, Budget(6), storage=storage, say=silent)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()

    said: list[str] = []
    study = search(lambda s, p: float(s["x"]), SPACE, Budget(6), storage=storage, seed=1, say=said.append)
    cut = study.trials[2]
    assert cut.state is optuna.trial.TrialState.FAIL
    assert study.trials[3].params == cut.params
    tuned = outcome(study, "m")
    assert (tuned.done, tuned.failed) == (6, 0)
    assert said[0] == "trial 3 was cut off; it is made again"


def test_best_settings_are_what_train_reads(tmp_path: Path) -> None:
    from core.label_learning.options import LabelOptions

    def fits(settings: Mapping[str, Any], progress: Progress) -> float:
        LabelOptions.model_validate(dict(settings))
        return float(settings["dropout"])

    study = search(fits, space_of("classification"), Budget(6), storage=tmp_path / "s.db", say=silent)
    path = write_settings(outcome(study, "balanced_accuracy"), tmp_path / "best.yaml", "a note")
    options = LabelOptions.model_validate(yaml.safe_load(path.read_text()))
    assert options.dropout == study.best_trial.params["dropout"]
    assert outcome(study, "m").failed == 0
    with pytest.raises(ConfigError, match="cannot be tuned"):
        space_of("retrieval")
