"""Tuning: search for the settings that learn a table best, by Optuna (Akiba et al., 2019); TPE, pruned by the median.

Settings are judged on validation rows alone, of a split by group that is made once (or on folds); the table is encoded once.
Every trial is written to SQLite as it goes: a study that was killed goes on where it was, and the trial it was in is made again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from core.errors import ConfigError, InputError
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.label_learning.fusion_member import configure, training_of
from core.label_learning.options import LabelOptions
from core.predicting import joint_logits
from core.splits import Split, folds, hold_out
from core.tasks import task
from core.training import Progress, TrainingConfig, fit
from core.whole_file import write_whole

Space = Mapping[str, BaseDistribution]
Say = Callable[[str], None]
Fit = Callable[[Mapping[str, Any], Progress], float]

FIRST_TRIALS = 5  # drawn at random, never pruned
SPLIT_DIGEST = "rows"
RETRIED = "retried"
SPACE: Space = {
    "learning_rate": FloatDistribution(1e-4, 5e-3, log=True),
    "dropout": FloatDistribution(0.0, 0.6, step=0.1),
    "modality_dropout": FloatDistribution(0.0, 0.5, step=0.1),
    "label_smoothing": FloatDistribution(0.0, 0.2, step=0.05),
    "weight_decay": FloatDistribution(1e-3, 1.0, log=True),
    "tuning": CategoricalDistribution(("frozen", "lora")),
    "projector": CategoricalDistribution(("mlp", "linear", "resampler")),
    "epochs": IntDistribution(4, 16, step=4),
}
SPACES: Mapping[str, Space] = dict.fromkeys(("classification", "multilabel", "regression", "ordinal"), SPACE)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search gave.

    Attributes:
        settings: the best, as `trivium train --options` reads them.
        value: its headline figure on validation rows, which flatters: the best of many was picked by it.
        measure: the headline.
        done, pruned, failed: trials by how they ended.
        errors: of the failed ones, a line each.
    """

    settings: Mapping[str, Any]
    value: float
    measure: str
    done: int
    pruned: int
    failed: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search ends, whichever comes first.

    Attributes:
        trials: of the whole study, those of earlier runs too.
        minutes: of this run; None means no bound.
    """

    trials: int = 20
    minutes: float | None = None


def search(
    objective: Fit, space: Space, budget: Budget, *, storage: Path, name: str = "study", seed: int = 0, rows: str = "", say: Say = print
) -> optuna.Study:
    """Search, or go on with a search.

    Args:
        objective: from settings to a figure of which more is better; tells the loss of each epoch, by which it may be pruned.
        space: of the settings.
        budget: when to end.
        storage: SQLite file; made where it is not there.
        name: of the study; one file holds several.
        seed: of the draws.
        rows: names what is judged; a study of other rows is refused.
        say: told of each trial, and of the time left.

    Raises:
        ConfigError: the study is being run by another process, is of other rows, or the file cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lock = FileLock(storage.with_name(storage.name + ".lock"), timeout=0)
    try:
        with lock:
            return _search(objective, space, budget, storage, name, seed, rows, say)
    except Timeout as error:
        raise ConfigError(f"{storage} is in use by another search; wait for it, or name another --study") from error


def _search(objective: Fit, space: Space, budget: Budget, storage: Path, name: str, seed: int, rows: str, say: Say) -> optuna.Study:
    study = _open(storage, name, rows)
    _retry_killed(study, say)
    finished = _finished(study)
    study.sampler = optuna.samplers.TPESampler(seed=seed + finished, n_startup_trials=FIRST_TRIALS)
    left = budget.trials - finished
    if left <= 0:
        say(f"the study {name!r} has {finished} trials already; give more --trials to go on")
        return study
    begun_s = time.monotonic()

    def run(trial: optuna.Trial) -> float:
        settings = {key: trial._suggest(key, distribution) for key, distribution in space.items()}
        steps = 0

        def progress(_: int, figures: Mapping[str, float]) -> None:
            nonlocal steps
            loss = figures.get("eval_loss")
            if loss is not None and math.isfinite(loss):
                steps += 1
                trial.report(-loss, steps)
                if trial.should_prune():
                    raise optuna.TrialPruned

        return objective(settings, progress)

    def tell(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        made = _finished(study) - finished
        remaining_s = (time.monotonic() - begun_s) / max(made, 1) * max(left - made, 0)
        if budget.minutes is not None:
            remaining_s = min(remaining_s, max(0.0, budget.minutes * 60 - (time.monotonic() - begun_s)))
        say(f"trial {finished + made} of {budget.trials}: {_ending(trial)}; best {_best(study)}; about {remaining_s / 60:.1f} min left")

    while left > 0:
        before = _finished(study)
        timeout_s = None if budget.minutes is None else budget.minutes * 60 - (time.monotonic() - begun_s)
        if timeout_s is not None and timeout_s <= 0:
            break
        study.optimize(_recorded(run), n_trials=1, catch=(Exception,), callbacks=[tell])
        left -= _finished(study) - before
    return study


def _recorded(run: Callable[[optuna.Trial], float]) -> Callable[[optuna.Trial], float]:
    """An exception ends its trial, not the study; what it said is kept with the trial."""

    def recorded(trial: optuna.Trial) -> float:
        try:
            return run(trial)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}")
            raise

    return recorded


def _open(storage: Path, name: str, rows: str) -> optuna.Study:
    try:
        storage.parent.mkdir(parents=True, exist_ok=True)
        kept = optuna.storages.RDBStorage(f"sqlite:///{storage}", engine_kwargs={"connect_args": {"timeout": 30}})
        pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=1)
        study = optuna.create_study(storage=kept, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True)
    except Exception as error:  # SQLAlchemy's and Optuna's own, without a common base
        raise ConfigError(
            f"{storage} cannot be used as a study: {(str(error).splitlines() or [''])[0][:160]}; name another file"
        ) from error
    before = study.user_attrs.get(SPLIT_DIGEST)
    if before not in (None, rows):
        raise ConfigError(f"the study {name!r} in {storage} is of other rows or another task; give another --name or --study")
    study.set_user_attr(SPLIT_DIGEST, rows)
    return study


def _retry_killed(study: optuna.Study, say: Say) -> None:
    """Nobody else runs this study (it is locked), so a trial that is still running was killed: it is made again."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study._storage.set_study_user_attr(study._study_id, f"{RETRIED}-{trial.number}", True)
        if trial.params:
            study.enqueue_trial(trial.params, skip_if_exists=False)
        say(f"trial {trial.number + 1} was cut off; it is made again")


def _finished(study: optuna.Study) -> int:
    """Trials that ended by themselves."""
    ended = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
    return sum(f"{RETRIED}-{t.number}" not in study.user_attrs for t in ended)


def _ending(trial: optuna.trial.FrozenTrial) -> str:
    if trial.state is TrialState.COMPLETE:
        return f"{trial.value:.4f}"
    return "stopped early" if trial.state is TrialState.PRUNED else f"failed ({trial.user_attrs.get('error', 'no reason kept')})"


def _best(study: optuna.Study) -> str:
    done = study.get_trials(states=(TrialState.COMPLETE,), deepcopy=False)
    return f"{max(t.value for t in done if t.value is not None):.4f}" if done else "none yet"


@dataclass(frozen=True, slots=True)
class Validation:
    """Judges settings on rows that are set aside once.

    Attributes:
        features: encoded once.
        task_name: of `core.tasks`.
        labels: the label space.
        splits: one to hold out, several for folds; the judged rows are `validation`.
        base: the settings that are not searched.
    """

    features: FeatureSet
    task_name: str
    labels: tuple[str, ...]
    splits: tuple[Split, ...]
    base: LabelOptions

    def __call__(self, settings: Mapping[str, Any], progress: Progress) -> float:
        """The headline figure, averaged over the splits."""
        options = LabelOptions.model_validate({**self.base.model_dump(), **settings})
        config, training = configure(self.features, self.task_name, self.labels, options), training_of(options)
        return sum(self._judge(config, training, split, progress) for split in self.splits) / len(self.splits)

    def _judge(self, config: FusionConfig, training: TrainingConfig, split: Split, progress: Progress) -> float:
        learned = task(self.task_name)
        checkpoint = fit(self.features, config, training, split=split, progress=progress)
        place = {name: index for index, name in enumerate(self.features.ids)}
        judged = self.features.select([place[name] for name in split.validation])
        logits = joint_logits(checkpoint.build(), judged)
        figure = float(learned.measures[learned.headline](learned.probabilities(logits), learned.targets(judged.labels, self.labels)))
        if not math.isfinite(figure):
            raise InputError(f"{learned.headline} is not a number on the {len(judged)} validation rows; give more rows")
        return figure


def splits_of(features: FeatureSet, *, fraction: float, parts: int | None, seed: int) -> tuple[Split, ...]:
    """One split by group, or folds by group.

    Raises:
        InputError: too few groups.
    """
    if parts is None:
        return (hold_out(features.ids, features.labels, features.groups, fraction=fraction, seed=seed),)
    made = folds(features.ids, features.labels, features.groups, parts=parts, seed=seed)
    return tuple(Split(split.train, split.test) for split in made)


def outcome(study: optuna.Study, measure: str) -> Tuned:
    """What a study has found.

    Raises:
        InputError: no trial came to an end; says what the last one failed of.
    """
    trials = study.get_trials(deepcopy=False)
    by_state = {state: [t for t in trials if t.state is state] for state in TrialState}
    failed = [t for t in by_state[TrialState.FAIL] if f"{RETRIED}-{t.number}" not in study.user_attrs]
    errors = tuple(f"trial {t.number + 1}: {t.user_attrs.get('error', 'no reason kept')}" for t in failed)
    if not by_state[TrialState.COMPLETE]:
        raise InputError(f"no trial came to an end{': ' + errors[-1] if errors else '; give more --trials or --minutes'}")
    best = study.best_trial
    counts = len(by_state[TrialState.COMPLETE]), len(by_state[TrialState.PRUNED]), len(failed)
    return Tuned(dict(best.params), float(best.value or 0.0), measure, *counts, errors)


def write_settings(tuned: Tuned, path: Path, note: str) -> Path:
    """The best settings as YAML that `trivium train --options` reads; whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    import yaml

    settings = {key: float(f"{v:.6g}") if isinstance(v, float) else v for key, v in tuned.settings.items()}
    head = (
        f"# {note}\n# {tuned.measure} {tuned.value:.4f} on validation rows, the best of {tuned.done + tuned.pruned} trials: it flatters.\n"
    )
    return write_whole(path, head + yaml.safe_dump(settings, sort_keys=True, allow_unicode=True))


@cache
def space_of(task_name: str) -> Space:
    """The search space of a task.

    Raises:
        ConfigError: it has none.
    """
    if task_name not in SPACES:
        raise ConfigError(f"the task {task_name!r} cannot be tuned; these can: {', '.join(SPACES)}")
    return SPACES[task_name]


def with_fixed(tuned: Tuned, fixed: Mapping[str, Any]) -> Tuned:
    """The same, with the settings that were not searched."""
    return replace(tuned, settings={**fixed, **tuned.settings})
