"""The pictures of a study that a person would be shown, each with its name: films, chosen slices, chosen frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset

from core.errors import InputError
from core.samples import ByteArray
from domains.medical.reading.decoder import Decoder
from domains.medical.reading.display import show, shrink
from domains.medical.reading.geometry import frame_data, normal_of, plane_of
from domains.medical.reading.header import read_header
from domains.medical.reading.loops import choose_frames
from domains.medical.reading.naming import FILMS, frame_name, picture_name, slice_name
from domains.medical.reading.places import Kind, kind_of
from domains.medical.reading.slices import choose_slices
from domains.medical.reading.volume import is_volume, read_volume
from domains.medical.reading.windows import PRESETS, windows_for
from domains.medical.study import Instance, KeyImage, Series, Study, Volume

AT_MOST = 8
LONGEST_SIDE = 1024
LOOP_FRAMES = 3  # of one loop
WINDOWS_A_SLICE = 2
NO_PICTURES = frozenset({"SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO"})  # objects about pictures


@dataclass(frozen=True, slots=True)
class KeyImages:
    """What was chosen.

    Attributes:
        images: in the order of the series; `image-1` first.
        volumes: by series UID, as they were read on the way; large.
        notices: files that could not be shown, headers that were mended.
    """

    images: tuple[KeyImage, ...]
    volumes: Mapping[str, Volume]
    notices: tuple[str, ...]


def key_images(
    study: Study,
    decoder: Decoder,
    *,
    at_most: int = AT_MOST,
    longest_side: int = LONGEST_SIDE,
    volumes: Mapping[str, Volume] | None = None,
    keep_volumes: bool = False,
) -> KeyImages:
    """Choose and draw a study's key images.

    A film gives itself; a series of CT or MR slices gives slices spread over the body, CT in the windows of its body part; a loop gives
    its most usual frame and those that differ most. Where there are more than wanted, every series gives some.

    Args:
        at_most: pictures.
        longest_side: of each, in pixels.
        volumes: by series UID, where they have been read already.
        keep_volumes: hand back the volumes that are read here; otherwise each is let go before the next.

    Raises:
        InputError: no picture of the study can be shown, though it has some.
    """
    notices: list[str] = []
    known = dict(volumes or {})
    shown: list[list[KeyImage]] = []
    wanted = [s for s in study.series if any(_is_picture(i) for i in s.instances)]
    shares = _shares([_capacity(s) for s in wanted], at_most)
    for series, share in zip(wanted, shares, strict=True):
        if share:
            images, volume = _of_series(series, share, decoder, longest_side, known.get(series.uid), notices)
            shown.append(images)
            if volume is not None and keep_volumes:
                known[series.uid] = volume
    images = [replace(image, id=f"image-{n}") for n, image in enumerate((i for some in shown for i in some), start=1)]
    if wanted and not images:
        raise InputError(f"no picture of the study can be shown: {'; '.join(dict.fromkeys(notices))}")
    return KeyImages(tuple(images), known, tuple(dict.fromkeys(notices)))


def _is_picture(instance: Instance) -> bool:
    return instance.has_pixels and instance.modality not in NO_PICTURES


def _capacity(series: Series) -> int:
    """How many pictures a series could give."""
    if is_volume(series):
        return 2**31
    return sum(min(i.frames, LOOP_FRAMES) for i in series.instances if _is_picture(i))


def _shares(capacities: Sequence[int], at_most: int) -> list[int]:
    """One picture a series in turn until there are enough."""
    shares = [0] * len(capacities)
    left = min(at_most, sum(capacities))
    while left:
        for n, capacity in enumerate(capacities):
            if left and shares[n] < capacity:
                shares[n] += 1
                left -= 1
    return shares


def _of_series(
    series: Series, share: int, decoder: Decoder, longest_side: int, volume: Volume | None, notices: list[str]
) -> tuple[list[KeyImage], Volume | None]:
    if volume is None and is_volume(series):
        try:
            volume = read_volume(series, decoder)
        except InputError as error:
            notices.append(str(error))
    if volume is not None:
        notices += volume.notices
        return list(_slices(series, volume, share, decoder, longest_side, notices)), volume
    images: list[KeyImage] = []
    pictures = [i for i in series.instances if _is_picture(i)]
    takes = dict(zip((i.sha256 for i in pictures), _shares([min(i.frames, LOOP_FRAMES) for i in pictures], share), strict=True))
    for instance in _spread_over(pictures, share):
        try:
            images += _frames(instance, max(1, takes[instance.sha256]), decoder, longest_side, notices)
        except InputError as error:
            notices.append(str(error))
    return images[:share], None


def _spread_over(pictures: Sequence[Instance], count: int) -> list[Instance]:
    """All where they are few; else films first to last, evenly."""
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[int(n)] for n in np.unique(np.linspace(0, len(pictures) - 1, count).astype(int))]


def _frames(instance: Instance, count: int, decoder: Decoder, longest_side: int, notices: list[str]) -> Iterator[KeyImage]:
    """A film or a picture, or frames of a loop.

    Raises:
        InputError: they cannot be decoded.
    """
    data = Dataset() if kind_of(instance.path) is Kind.PICTURE else read_header(instance.path, decoder.bounds).data
    chosen = choose_frames(instance, count, decoder) if instance.frames > 1 else (0,)
    for index in chosen:
        pixels = decoder.frame(instance, index)
        one = frame_data(data, index)
        preset = windows_for(instance.body_part)[0] if instance.modality == "CT" and pixels.values.ndim == 3 else ""
        picture = show(pixels.values[0], one, pixels.photometric, PRESETS.get(preset))
        notices += picture.notices
        name = frame_name(instance, index) if instance.frames > 1 else picture_name(instance)
        kind = "film" if instance.modality in FILMS else "loop" if instance.frames > 1 else "picture"
        details = {"kind": kind, "modality": instance.modality}
        if instance.geometry:
            details["plane"] = plane_of(normal_of(instance.geometry))
        name = f"{name}, {preset} window" if preset else name
        yield _key_image(picture.rgb, name, instance, index, picture.window, longest_side, details)


def _slices(series: Series, volume: Volume, share: int, decoder: Decoder, longest_side: int, notices: list[str]) -> Iterator[KeyImage]:
    """Slices of a volume, each in its windows."""
    by_uid = {i.uid: i for i in series.instances}
    is_ct = series.modality == "CT"
    names = windows_for(next((i.body_part for i in series.instances if i.body_part), ""))[:WINDOWS_A_SLICE] if is_ct else ("",)
    per_slice = len(names) if share >= 2 * len(names) else 1
    plane = plane_of(volume.normal)
    count = len(volume.values)
    given = 0
    for number in choose_slices(volume, -(-share // per_slice), is_ct=is_ct):
        instance = by_uid[volume.instance_uids[number]]
        for window_name in names[:per_slice]:
            if given == share:
                return
            window = PRESETS.get(window_name)
            own = Dataset() if window else _window_only(instance, volume.frames[number], decoder)
            picture = show(volume.values[number], own, "MONOCHROME2", window)
            notices += picture.notices
            details = {"kind": "slice", "modality": series.modality, "plane": plane, "slice": f"{number + 1} of {count}"}
            if window_name:
                details["window"] = window_name
            name = slice_name(plane, number + 1, count, window_name)
            yield _key_image(picture.rgb, name, instance, volume.frames[number], picture.window, longest_side, details)
            given += 1


def _window_only(instance: Instance, frame: int, decoder: Decoder) -> Dataset:
    """A header for values that are in units already: the frame's own window and no more."""
    data = frame_data(read_header(instance.path, decoder.bounds).data, frame)
    made = Dataset()
    for keyword in ("WindowCenter", "WindowWidth", "VOILUTFunction"):
        if keyword in data:
            made[keyword] = data[keyword]
    return made


def _key_image(
    rgb: ByteArray,
    name: str,
    instance: Instance,
    index: int,
    window: tuple[float, float] | None,
    longest_side: int,
    details: dict[str, str],
) -> KeyImage:
    small = shrink(rgb, longest_side)
    down, across = rgb.shape[0] / small.shape[0], rgb.shape[1] / small.shape[1]
    spacing = (instance.spacing_mm[0] * down, instance.spacing_mm[1] * across) if instance.spacing_mm else None
    return KeyImage(
        id="image-0", name=name, rgb=small, instance_uid=instance.uid, frame=index, window=window, spacing_mm=spacing, details=details
    )
