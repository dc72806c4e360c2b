"""A series of parallel slices becomes one block, sorted and spaced by geometry, never by numbers or thickness (PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from core.errors import InputError
from domains.medical.reading.decoder import Decoder
from domains.medical.reading.display import to_units
from domains.medical.reading.geometry import frame_data, geometry_of, normal_of
from domains.medical.reading.header import MONOCHROME, read_header
from domains.medical.study import Geometry, Instance, Series, Volume

SAME_PLACE_MM = 0.01
UNEVEN = 0.05  # of the usual distance
MISSING = 1.5  # times the usual distance
TOGETHER = 8  # frames of one file decoded in one request


@dataclass(frozen=True, slots=True)
class _Slice:
    instance: Instance
    frame: int
    geometry: Geometry
    along_mm: float


def is_volume(series: Series) -> bool:
    """Whether a series is of slices: at least two pictures that have a place."""
    return series.modality in ("CT", "MR", "PT") and sum(max(1, i.frames) for i in series.instances if i.geometry) >= 2


def read_volume(series: Series, decoder: Decoder) -> Volume:
    """Decode a series slice by slice.

    Memory: the block as float32 and one slice. A block beyond `bounds.volume_bytes` is made of one slice in two, three...

    Args:
        series: plain slices, or enhanced multi-frame objects.
        decoder: for the pixels.

    Raises:
        InputError: fewer than two slices can be read.
    """
    notices: list[str] = []
    headers = {i.sha256: read_header(i.path, decoder.bounds).data for i in series.instances if i.geometry}
    slices = _without_doubles(_largest_stack(_slices(series, headers), notices), notices)
    rows, columns = (slices[0].instance.rows, slices[0].instance.columns) if slices else (0, 0)
    step = -(-len(slices) * rows * columns * 4 // decoder.bounds.volume_bytes)
    if step > 1:
        notices.append(f"one in {step} of {len(slices)} slices is taken: all of them do not fit into {decoder.bounds.volume_bytes} bytes")
        slices = slices[::step]
    if len(slices) < 2:
        raise InputError("a series has fewer than two parallel slices, which make no volume")
    values = np.empty((len(slices), rows, columns), np.float32)
    read = _fill(values, slices, headers, decoder, notices)
    if len(read) < 2:
        raise InputError(f"fewer than two slices of a series can be decoded: {'; '.join(dict.fromkeys(notices))}")
    kept = [s for n, s in enumerate(slices) if n in read]
    if len(kept) < len(slices):
        notices.append(f"{len(slices) - len(kept)} of {len(slices)} slices cannot be decoded and are left out")
        values = values[sorted(read)]
    positions = np.array([s.along_mm for s in kept])
    normal = normal_of(kept[0].geometry)
    return Volume(
        values=values,
        spacing_mm=(_spacing(positions, notices), *kept[0].geometry.spacing_mm),
        positions_mm=positions,
        normal=normal,
        instance_uids=tuple(s.instance.uid for s in kept),
        frames=tuple(s.frame for s in kept),
        notices=tuple(dict.fromkeys(notices)),
    )


def _slices(series: Series, headers: dict[str, Dataset]) -> list[_Slice]:
    found = []
    for instance in series.instances:
        if instance.geometry is None or not instance.has_pixels:
            continue
        for frame in range(instance.frames):
            geometry = geometry_of(headers[instance.sha256], frame) if instance.frames > 1 else instance.geometry
            if geometry is not None:
                along = float(np.dot(normal_of(geometry), geometry.position_mm))
                found.append(_Slice(instance, frame, geometry, along))
    return found


def _largest_stack(slices: Sequence[_Slice], notices: list[str]) -> list[_Slice]:
    """Those of one orientation, size and spacing that are most; localizers and the like stay out."""
    stacks: dict[object, list[_Slice]] = defaultdict(list)
    for one in slices:
        normal = tuple(round(c, 2) + 0.0 for c in normal_of(one.geometry))
        spacing = tuple(round(s, 3) for s in one.geometry.spacing_mm)
        stacks[(normal, spacing, one.instance.rows, one.instance.columns)].append(one)
    largest = max(stacks.values(), key=len, default=[])
    if len(largest) < len(slices):
        notices.append(f"{len(slices) - len(largest)} of {len(slices)} slices lie otherwise or are of another size and are left out")
    return largest


def _without_doubles(slices: Sequence[_Slice], notices: list[str]) -> list[_Slice]:
    """By place; where several lie at one place, the one with the lowest number."""
    ordered = sorted(slices, key=lambda s: (round(s.along_mm, 3), s.instance.number or 0, s.instance.uid, s.frame))
    kept = [
        one
        for before, one in zip([None, *ordered[:-1]], ordered, strict=True)
        if before is None or one.along_mm - before.along_mm > SAME_PLACE_MM
    ]
    if len(kept) < len(ordered):
        notices.append(f"{len(ordered) - len(kept)} slices lie where another lies and are left out")
    return kept


def _fill(
    values: npt.NDArray[np.float32], slices: Sequence[_Slice], headers: dict[str, Dataset], decoder: Decoder, notices: list[str]
) -> set[int]:
    """Decode into the block, as many at once as the decoder has workers; the numbers of the slices that could be."""

    def read(numbers: list[int]) -> tuple[list[int], list[str]]:
        instance = slices[numbers[0]].instance
        try:
            pixels = decoder.frames(instance, [slices[n].frame for n in numbers])
        except InputError as error:
            return [], [str(error)]
        if pixels.photometric not in MONOCHROME:
            return [], ["a slice is in colour"]
        said: list[str] = []
        for number, stored in zip(numbers, pixels.values, strict=True):
            values[number], mended = to_units(stored, frame_data(headers[instance.sha256], slices[number].frame))
            said += mended
        return numbers, said

    done: set[int] = set()
    with ThreadPoolExecutor(decoder.workers) as threads:
        for numbers, said in threads.map(read, _requests(slices)):
            done.update(numbers)
            notices += said
    return done


def _requests(slices: Sequence[_Slice]) -> list[list[int]]:
    """Numbers of slices that one request decodes: of one file, a few at a time."""
    found: list[list[int]] = []
    for number, one in enumerate(slices):
        if found and len(found[-1]) < TOGETHER and slices[found[-1][0]].instance is one.instance:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _spacing(positions: npt.NDArray[np.float64], notices: list[str]) -> float:
    """The usual distance between slices."""
    steps = np.diff(positions)
    usual = float(np.median(steps))
    gaps = int(np.sum(np.rint(steps[steps > MISSING * usual] / usual) - 1))
    if gaps:
        notices.append(
            f"{gaps} slices seem to be missing: gaps of up to {steps.max():.2f} mm between slices that are usually {usual:.2f} mm apart"
        )
    elif np.abs(steps - usual).max() > UNEVEN * usual:
        notices.append(f"slices are not evenly spaced: {steps.min():.2f} to {steps.max():.2f} mm")
    return usual
