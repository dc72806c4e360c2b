"""De-identify all that lies at a place: each object becomes a file of its own, named by its new UIDs."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ConfigError, InputError, StoreError
from domains.medical.deidentifying.keys import Keys
from domains.medical.deidentifying.objects import deidentify_object
from domains.medical.deidentifying.pictures import deidentify_picture
from domains.medical.deidentifying.words import WordFinder
from domains.medical.reading import DEFAULT_BOUNDS, Bounds, Decoder
from domains.medical.reading.places import Kind, files_at

log = logging.getLogger(__name__)
Say = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DeidentificationReport:
    """What was done; counts only, and reasons that quote nothing.

    Attributes:
        found: DICOM objects and pictures at the place.
        written: files that were written; notes beside pictures do not count.
        studies: different ones among them.
        refused: why, and how many.
        others: files of other kinds, which were left.
        counts: of what was done in all of them: `private elements`, `UIDs mapped`, `boxes of words covered`...
        notices: of the place, without names.
    """

    found: int
    written: int
    studies: int
    refused: dict[str, int]
    others: int
    counts: dict[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def deidentify(
    location: Path,
    out_folder: Path,
    *,
    secret: bytes,
    shifts_dates: bool = False,
    finder: WordFinder | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
    threads: int = 2,
    say: Say | None = None,
) -> DeidentificationReport:
    """De-identify DICOM files, folders, ZIPs and pictures.

    Args:
        location: where they lie; nothing there is changed.
        out_folder: where the new files go, as `STUDY/INSTANCE.dcm` and `pictures/NAME.png`; neither inside the place nor around it.
        secret: the same secret maps the same study to the same UIDs; at least 16 bytes, from `read_secret`.
        shifts_dates: dates are moved by the same days for all studies of a patient, times of day kept; else both are removed.
        finder: of burned-in words; made here where none is given.
        bounds: what is refused beyond.
        threads: of the models.
        say: told how many of how many are done.

    Raises:
        InputError: nothing is there, or the folders lie in each other.
        ConfigError: the secret is too short.
        StoreError: a file cannot be written.
        ModelError: the weights that find words are missing.
    """
    keys = Keys(secret)
    _apart(location, out_folder)
    words = finder or WordFinder(threads=threads)
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    written: set[Path] = set()
    with tempfile.TemporaryDirectory(prefix="trivium-") as scratch, Decoder(bounds=bounds) as decoder:
        found = files_at(location, Path(scratch), bounds)
        for done, (path, kind) in enumerate(found.files, 1):
            try:
                if kind is Kind.PICTURE:
                    picture = deidentify_picture(path, keys, words, decoder, bounds)
                    counts.update(picture.counts)
                    target = _write(out_folder / "pictures", picture.name, ".png", picture.png, written)
                    if picture.details is not None:
                        _replace(target.with_suffix(".json"), picture.details.model_dump_json(indent=1, exclude_defaults=True).encode())
                else:
                    made = deidentify_object(path, keys, words, decoder, shifts_dates=shifts_dates, bounds=bounds)
                    counts.update(made.counts)
                    _write(out_folder / made.study_uid, made.instance_uid, ".dcm", made.content, written)
            except InputError as error:
                refused[str(error)] += 1
            except MemoryError:
                refused["its pixels take more memory than there is"] += 1
            if say:
                say(done, len(found.files))
    log.info("de-identified %d of %d files", len(written), len(found.files))
    studies = len({target.parent for target in written})
    return DeidentificationReport(len(found.files), len(written), studies, dict(refused), found.others, dict(counts), found.notices)


def _apart(location: Path, out_folder: Path) -> None:
    place, out = location.resolve(), out_folder.resolve()
    if place == out or place in out.parents or (place.is_dir() and out in place.parents):
        raise InputError("the folder for the new files lies in the place of the originals or around it; give one apart from it")
    if out.exists() and not out.is_dir():
        raise ConfigError("what is given for the new files is no folder")


def _write(folder: Path, name: str, ending: str, content: bytes, written: set[Path]) -> Path:
    """Under its name; different objects that bear one UID are kept beside each other."""
    target, number = folder / f"{name}{ending}", 1
    while target in written:
        number += 1
        target = folder / f"{name}-{number}{ending}"
    _replace(target, content)
    written.add(target)
    return target


def _replace(target: Path, content: bytes) -> None:
    """There whole or not at all."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"a de-identified file cannot be written: {error.strerror}") from error
