"""Drawing: a small picture of what a row asks for, and how often an independent classifier sees in it what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.drawing.options import DrawingOptions
from core.errors import InputError
from core.learners.contract import Outcome, Say
from core.table import Table

if TYPE_CHECKING:
    from torch import Tensor

    from core.drawing.conditions import Conditions
    from core.drawing.learned import DrawingLearned
    from core.drawing.model import Drawer

LEAST_ROWS = 8
MOST_DRAWN_IN_TRAINING = 96


class Drawing:
    """The task."""

    name = "drawing"
    summary = "draw a small picture of what a row's numbers, categories or words ask for (flow matching, trained here)"
    options = DrawingOptions

    def fit(self, train: Table, out: Path, options: DrawingOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train drawer and classifier on the image column and write the model folder.

        Raises:
            InputError: there is no image column, nothing to be asked for, or too few rows with a picture.
        """
        from core.drawing.classifier import recognised, summary, train_classifier
        from core.drawing.conditions import conditions_of
        from core.drawing.diffusers_backend import DiffusersDrawer
        from core.drawing.folder import save_drawing
        from core.drawing.learned import DrawingLearned
        from core.drawing.model import Drawer, parameters
        from core.model_folder import check_place

        check_place(out)
        train, validation = _sides(train, validation, options)
        conditions = conditions_of(train)
        drawer: Drawer | DiffusersDrawer | None = DiffusersDrawer(options.model) if options.backend == "diffusers" else None
        say(f"{len(train)} + {len(validation)} rows; what can be asked for: {', '.join(conditions.names)}")
        learn, check = (_side(conditions, side, options, say) for side in (train, validation))
        if len(learn.rows) < LEAST_ROWS or not len(check.rows):
            few = f"{len(learn.rows)} rows with a picture to train on and {len(check.rows)} to check with"
            raise InputError(f"{train.name}: {few}; at least {LEAST_ROWS} and 1 are needed")
        classifier = train_classifier(
            conditions,
            learn.pictures,
            learn.classes,
            learn.asked,
            steps=options.classifier_steps,
            seed=options.seed + 1,
            flip=options.flip,
            say=say,
        )
        figures = {"classifier_on_true_pictures": summary(recognised(classifier, check.pictures, check.classes, check.asked))}
        if drawer is None:
            made, loss, taken = _train(conditions, learn, options, say)
            figures |= {"loss": loss, "training_steps": float(taken), "parameters": float(parameters(made))}
            drawer = made
        trained = frozenset((*train.ids, *validation.ids))
        figures |= _of_drawings(DrawingLearned(out.name, drawer, classifier, options, trained), learn, check)
        config = {
            "learner": self.name,
            "options": options.model_dump(mode="json"),
            "conditions": conditions.to_json(),
            "trained_ids": sorted(trained),
        }
        kept = drawer if isinstance(drawer, Drawer) else None
        card = _card(train.name, len(learn.rows), len(check.rows), options, figures)
        save_drawing(out, config, kept, classifier, card)
        size = f"{figures['parameters']:,.0f} parameters: it draws {options.side_px} x {options.side_px} pictures like its training set's"
        return Outcome(out, figures, (f"{size}, and nothing else" if kept else f"{options.model} draws; only the classifier was trained",))

    def load(self, folder: Path) -> DrawingLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, of another task, or the diffusers model that it names is not here.
        """
        from core.drawing.diffusers_backend import DiffusersDrawer
        from core.drawing.folder import load_drawing
        from core.drawing.learned import DrawingLearned

        drawer, classifier, options, config = load_drawing(folder, self.name)
        trained = frozenset(map(str, config.get("trained_ids", ())))
        return DrawingLearned(folder.name, drawer or DiffusersDrawer(options.model), classifier, options, trained)


@dataclass(frozen=True, slots=True)
class _Side:
    """Rows with their pictures: `pictures [rows, 3, side, side]`, `classes [rows, columns]`, `asked [rows, condition_width]`."""

    rows: Table
    pictures: Tensor
    classes: Any
    asked: Tensor


def _sides(train: Table, validation: Table | None, options: DrawingOptions) -> tuple[Table, Table]:
    """Training and validation rows, no group in both.

    Raises:
        InputError: too few rows or groups, or rows on both sides.
    """
    from core.table.splitting import check_disjoint, split_table

    if len(train) < LEAST_ROWS:
        raise InputError(f"{train.name}: {len(train)} rows are too few to learn drawing from; at least {LEAST_ROWS} are needed")
    if validation is None:
        return split_table(train, fraction=options.validation_fraction, seed=options.seed)
    check_disjoint(train, validation, content=False)  # equal scenes are common where they are simple
    return train, validation


def _side(conditions: Conditions, table: Table, options: DrawingOptions, say: Say) -> _Side:
    import torch

    from core.drawing.pictures import as_tensor, read_pictures

    found = read_pictures(table, options.side_px)
    for problem in found.problems[:10]:
        say(f"{problem} (row left out)")
    if len(found.problems) > 10:
        say(f"{table.name}: {len(found.problems) - 10} more rows without a picture that can be read")
    rows = conditions.cast(table.select(found.places))
    return _Side(rows, as_tensor(found.squares), conditions.classes(rows), torch.from_numpy(conditions.encode(rows)))


def _train(conditions: Conditions, learn: _Side, options: DrawingOptions, say: Say) -> tuple[Drawer, float, int]:
    """The drawer, its last loss, and the steps taken."""
    import torch

    from core.drawing.folder import shape_of
    from core.drawing.model import Drawer
    from core.drawing.training import Schedule, train_drawer

    torch.manual_seed(options.seed)
    schedule = Schedule(
        steps=options.training_steps,
        batch=options.batch,
        rate=options.rate,
        weight_decay=options.weight_decay,
        seed=options.seed,
        minutes=options.minutes,
        hide_all=options.hide_all,
        flip=options.flip,
    )
    drawer, taken, loss = train_drawer(Drawer(shape_of(options, conditions)), learn.pictures, learn.asked, conditions.spans, schedule, say)
    return drawer, loss, taken


def _of_drawings(learned: DrawingLearned, learn: _Side, check: _Side) -> dict[str, float]:
    """Control on some validation rows, and how near drawings and unseen true pictures lie to the training set."""
    from core.drawing.classifier import summary
    from core.drawing.learned import another_row
    from core.drawing.pictures import as_tensor, nearest

    places = np.linspace(0, len(check.rows) - 1, min(len(check.rows), MOST_DRAWN_IN_TRAINING)).astype(int).tolist()
    some = check.rows.select(places)
    drawn = learned.draw(some)
    return {
        "control": summary(learned.recognised(some, drawn)),
        "shuffled": summary(learned.recognised(some.select(another_row(some.groups, 0)), drawn)),
        "distance_to_training_of_drawn": float(np.median(nearest(as_tensor(drawn), learn.pictures))),
        "distance_to_training_of_unseen": float(np.median(nearest(check.pictures[places], learn.pictures))),
    }


def _card(name: str, learned: int, checked: int, options: DrawingOptions, figures: Mapping[str, float]) -> str:
    shown = "\n".join(f"| {key} | {value:.4g} |" for key, value in figures.items())
    who = (
        f"A transformer of {figures['parameters']:,.0f} parameters (width {options.width}, {options.depth} blocks), trained from nothing"
        f" by flow matching on {learned} pictures of {name}, {options.side_px} x {options.side_px} pixels. It is tiny: it draws scenes like"
        " those and knows nothing else."
        if "parameters" in figures
        else f"The diffusers model `{options.model}`, used as it is. The classifier was trained on {learned} pictures of {name}."
    )
    return f"""# drawing

> **Its pictures are synthetic.** Each is drawn by a model; nothing in it happened or exists.

{who}
{checked} rows of other groups gave these figures; they chose nothing in training:

| figure on validation | value |
| --- | --- |
{shown}

`control` is the share of what was asked that an independent classifier, a convolutional net trained on true pictures alone, sees in the
drawings; `classifier_on_true_pictures` says how far it can be believed; `shuffled` is the same when each drawing is held to what
another row asks: chance. The distances are medians, root mean square over pixels in -1 to 1, to the nearest picture of training:
drawings much nearer than unseen true pictures would be copies.
"""


LEARNER = Drawing()
