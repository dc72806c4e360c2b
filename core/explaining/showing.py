"""An explanation as one HTML page that needs nothing else, and as one PNG."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from core.errors import InputError
from core.explaining.values import Explanation, Heat
from core.samples import ByteArray

MOST_ANSWERS = 8
MOST_BARS = 20
STRENGTH = 0.65
PANEL_PX = 448


def html(explanation: Explanation) -> str:
    """The page; everything from data is escaped, pictures are inside it."""
    environment = Environment(loader=PackageLoader("core.explaining"), autoescape=True, undefined=StrictUndefined)
    largest = _largest(p.value for parts in explanation.saliency.words.values() for p in parts)
    texts = [
        (modality.value, [(p.name, _colour(p.value / largest), p.value) for p in parts])
        for modality, parts in explanation.saliency.words.items()
        if parts
    ]
    shown_courses = []
    for course in explanation.courses:
        most = _largest(course.values)
        rows = [(name, _colour(float(value) / most), float(value)) for name, value in zip(course.names, course.values, strict=True)]
        shown_courses.append((course.modality.value, rows))
    return environment.get_template("explanation.html").render(
        e=explanation,
        shown=list(explanation.probabilities.items())[:MOST_ANSWERS],
        pictures=[_data_uri(overlay(heat)) for heat in explanation.pictures],
        texts=texts,
        courses=shown_courses,
    )


def overlay(heat: Heat, side_px: int = PANEL_PX) -> ByteArray:
    """The picture with red where a cell spoke for the answer and blue where against it, `[side, side, 3]` RGB."""
    values = heat.values / _largest(heat.values.ravel())
    smooth = cv2.resize(values.astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_CUBIC).clip(-1, 1)
    picture = cv2.resize(heat.rgb, (side_px, side_px), interpolation=cv2.INTER_AREA).astype(np.float32)
    strength = STRENGTH * np.abs(smooth)[..., None]
    colour = np.where(smooth[..., None] > 0, np.array([230, 40, 30], np.float32), np.array([30, 80, 230], np.float32))
    return np.asarray(picture * (1 - strength) + colour * strength).round().astype(np.uint8)


def png(explanation: Explanation, path: Path) -> None:
    """One picture: modalities, heat, the strongest words and moments.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [("heat", h) for h in explanation.pictures] + [("words", m) for m, parts in explanation.saliency.words.items() if parts]
    panels += [("course", c) for c in explanation.courses]  # type: ignore[misc]
    figure = Figure(figsize=(4 * (1 + len(panels)), 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(panels), squeeze=False)[0]
    figure.suptitle(_plain(f"{explanation.answer} ({explanation.sample})"))
    axes[0].barh([m.value for m in explanation.shapley], list(explanation.shapley.values()), color="#33aa77")
    axes[0].set_title("share of each modality")
    for axis, (kind, what) in zip(axes[1:], panels, strict=True):
        if isinstance(what, Heat):
            axis.imshow(overlay(what))
            axis.set_axis_off()
            continue
        if kind == "words":
            parts = explanation.saliency.words[what]
            pairs = [(p.name, p.value) for p in parts]
            title = f"words of {what}"
        else:
            pairs = list(zip(what.names, map(float, what.values), strict=True))  # type: ignore[attr-defined]
            title = str(what.modality)  # type: ignore[attr-defined]
        strongest = sorted(sorted(range(len(pairs)), key=lambda i: -abs(pairs[i][1]))[:MOST_BARS], reverse=True)
        axis.barh(range(len(strongest)), [pairs[i][1] for i in strongest], color=["#d33" if pairs[i][1] > 0 else "#36d" for i in strongest])
        axis.set_yticks(range(len(strongest)), [_plain(pairs[i][0]) for i in strongest], fontsize=7)
        axis.set_title(title)
    try:
        figure.savefig(path, dpi=100, format="png")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _data_uri(rgb: ByteArray) -> str:
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _largest(values: Iterable[float]) -> float:
    return max((abs(float(v)) for v in values), default=0.0) or 1.0


def _colour(share: float) -> str:
    red, green, blue = (230, 40, 30) if share > 0 else (30, 80, 230)
    return f"rgba({red},{green},{blue},{min(abs(share), 1) * STRENGTH:.2f})"


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")[:60]
