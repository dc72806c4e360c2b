"""Text learned from pictures: how well words are read, and whether topics are told from read words as well as from typed ones.

Two kinds of picture: real crops of printed directory lines of 1798 to 1861, and sentences of SIB-200 drawn here (fonts, sizes,
colours, slant, noise and JPEG from a fixed seed), whose typed text is known. Drawn pictures are easier than photographs.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.benchmark import BenchContext, Metric
from core.metrics import Estimate, bootstrap, macro_f1, paired_difference
from core.samples import ByteArray, FloatArray
from core.table import Table, read_table
from core.table.words_in_pictures import with_words

SEED = 0
FONT_VARIABLE = "TRIVIUM_CHINESE_FONT"
FONT_FOLDERS = (Path("/usr/share/fonts"), Path.home() / ".local/share/fonts")
CHINESE_FONTS = ("*NotoSansCJK*", "*NotoSansSC*", "*wqy*", "*SourceHanSans*", "*DroidSansFallback*")
WIDTH_PX = 640
QUICK = {"train": 140, "test": 60}
CROPS, CROPS_QUICK = 160, 40


def run(context: BenchContext) -> list[Metric]:
    """Crops, then topics in English and, where a font is here, in Chinese."""
    metrics = crops(context)
    for language, font in (("eng_Latn", None), ("zho_Hans", chinese_font())):
        if language == "zho_Hans" and font is None:
            context.say(f"no Chinese font is here: install one, or name its file in {FONT_VARIABLE}")
            metrics.append(Metric("zho_Hans: topics from pictures, macro F1", None, "F1", note="no Chinese font here"))
        else:
            metrics += topics(context, language, font)
    return metrics


def crops(context: BenchContext) -> list[Metric]:
    """Characters wrong in the test crops of the directories, against the typed text."""
    from core.encoders.reading import PictureReader, as_words
    from core.table.media import MediaBounds, open_image

    folder = context.data / "text" / "paris_directories"
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"][: CROPS_QUICK if context.is_quick else CROPS]
    reader, wrong, lengths, seconds = PictureReader(), [], [], []
    for row in rows:
        picture = open_image(folder / row["image"], MediaBounds(max_side_px=2048))
        begun_s = time.perf_counter()
        read = as_words(reader.read(picture))
        seconds.append(time.perf_counter() - begun_s)
        wrong.append(edits(_bare(row["text"]), _bare(read)))
        lengths.append(len(_bare(row["text"])))
    context.say(f"{len(rows)} crops read")
    groups = [f"{row['book']}:{row['page']}" for row in rows]
    return _reading("directory crops", wrong, lengths, groups, seconds, f"{len(rows)} test crops, real print of 1798 to 1861")


def topics(context: BenchContext, language: str, font: Path | None) -> list[Metric]:
    """Topics from read and from typed words, by the same frozen sentence encoder and logistic regression."""
    from sklearn.linear_model import LogisticRegression

    from core.encoders.sentences import SentenceEncoder

    sides = {name: _rows(context.data / "text" / "sib200_zh" / language / f"{name}.tsv") for name in ("train", "test")}
    if context.is_quick:
        sides = {name: rows[: QUICK[name]] for name, rows in sides.items()}
    folder = context.scratch / language
    tables = {name: draw_table(rows, folder, name, font) for name, rows in sides.items()}
    read: dict[str, list[str]] = {}
    seconds: list[float] = []
    for name, table in tables.items():
        begun_s = time.perf_counter()
        told = with_words(table, cache=context.scratch / "words", say=context.say)
        seconds.append((time.perf_counter() - begun_s) / len(table))
        read[name] = [str(words or "") for words in told.values("words in picture")]
    typed = {name: [text for _, _, text in rows] for name, rows in sides.items()}
    encoder = SentenceEncoder()
    labels = sorted({label for _, label, _ in sides["train"]})
    truth = [label for _, label, _ in sides["train"]]
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(label) for _, label, _ in sides["test"]]]
    groups = [name for name, _, _ in sides["test"]]
    answers: dict[str, FloatArray] = {}
    for kind, texts in (("read", read), ("typed", typed)):
        head = LogisticRegression(C=10, max_iter=2000).fit(encoder.encode(texts["train"]), truth)
        answers[kind] = head.predict_proba(encoder.encode(texts["test"])).astype(np.float32)
    found = {kind: bootstrap(macro_f1, values, targets, groups) for kind, values in answers.items()}
    gap = paired_difference(macro_f1, answers["read"], answers["typed"], targets, groups)
    note = f"{len(truth)} training and {len(groups)} test sentences drawn as pictures, seed {SEED}; frozen multilingual sentences"
    wrong = [edits(_bare(a), _bare(b)) for a, b in zip(typed["test"], read["test"], strict=True)]
    return [
        Metric(
            f"{language}: topics from pictures, macro F1",
            found["read"].value,
            "F1",
            peer="typed text",
            peer_value=found["typed"].value,
            interval=_span(found["read"]),
            note=note,
        ),
        Metric(f"{language}: topics, read less typed", gap.value, "F1", interval=_span(gap), note=note),
        *_reading(f"{language} drawn", wrong, [len(_bare(text)) for text in typed["test"]], groups, seconds, note),
    ]


def draw_table(rows: Sequence[tuple[str, str, str]], folder: Path, name: str, font: Path | None) -> Table:
    """Sentences drawn as pictures, and the table that names them with their topics."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    lines = [("id", "picture", "label")]
    for place, (row_id, label, text) in enumerate(rows):
        rgb = draw(text, font, np.random.default_rng([SEED, place, len(rows)]))
        cv2.imwrite(str(folder / f"{name}-{place}.jpg"), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
        lines.append((row_id, f"{name}-{place}.jpg", label))
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return read_table(folder / f"{name}.csv", kinds={"picture": "image"}, label="label")


def draw(text: str, font: Path | None, rng: np.random.Generator) -> ByteArray:
    """A sentence in a picture 640 wide, `[height, 640, 3]`: wrapped, dark on light, slanted by up to 2 degrees, with noise."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    size = int(rng.integers(20, 34))
    face: Any = ImageFont.load_default(size=size) if font is None else ImageFont.truetype(str(font), size)
    rows = [""]
    for piece in list(text) if font is not None else [f"{word} " for word in text.split()]:
        if face.getlength(rows[-1] + piece) > WIDTH_PX - 80:
            rows.append("")
        rows[-1] += piece
    paper = tuple(int(v) for v in rng.integers(190, 256, 3))
    picture = Pictures.new("RGB", (WIDTH_PX, int(len(rows) * size * 1.5) + 80), paper)
    ink = tuple(int(v) for v in rng.integers(0, 90, 3))
    for place, row in enumerate(rows):
        ImageDraw.Draw(picture).text((40, 40 + int(place * size * 1.5)), row, fill=ink, font=face)
    slanted = picture.rotate(float(rng.uniform(-2, 2)), Pictures.Resampling.BICUBIC, fillcolor=paper)
    noisy = np.asarray(slanted, np.float32) + rng.normal(0, 8, (picture.height, picture.width, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def chinese_font() -> Path | None:
    """The font named by the environment, or one of the usual ones."""
    if named := os.environ.get(FONT_VARIABLE):
        return Path(named)
    return next((p for folder in FONT_FOLDERS for name in CHINESE_FONTS for p in sorted(folder.rglob(f"{name}.[ot]t[fc]"))), None)


def edits(truth: str, read: str) -> int:
    """Characters to insert, delete or replace (Levenshtein)."""
    before = list(range(len(read) + 1))
    for row, wanted in enumerate(truth, 1):
        now = [row]
        for column, got in enumerate(read, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (wanted != got)))
        before = now
    return before[-1]


def _reading(
    name: str, wrong: Sequence[int], lengths: Sequence[int], groups: Sequence[str], seconds: Sequence[float], note: str
) -> list[Metric]:
    counts = np.array(list(zip(wrong, lengths, strict=True)), np.float32)
    share = bootstrap(_share, counts, counts, groups)
    return [
        Metric(f"{name}: character error rate", share.value, "", interval=_span(share), note=f"{note}; blanks are not compared"),
        Metric(f"{name}: seconds a picture", float(np.median(seconds)), "s", note="2 threads, opening included where drawn"),
    ]


def _share(counts: FloatArray, _: FloatArray) -> float:
    return float(counts[:, 0].sum() / max(1.0, counts[:, 1].sum()))


def _span(estimate: Estimate) -> tuple[float, float]:
    return estimate.low, estimate.high


def _bare(text: str) -> str:
    return "".join(text.split())


def _rows(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["index_id"], row["category"], row["text"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
