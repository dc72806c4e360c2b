"""What a picture is called in a report: `chest film, PA`, `axial slice 142 of 300, lung window`, `loop, frame 35 of 120`."""

from __future__ import annotations

from domains.medical.study import Instance

KINDS = {
    "CR": "film",
    "DX": "film",
    "RG": "film",
    "MG": "mammogram",
    "US": "ultrasound picture",
    "SC": "screen capture",
    "OT": "picture",
    "ES": "endoscopy picture",
    "XC": "photograph",
    "CT": "CT slice",
    "MR": "MR slice",
    "XA": "angiogram",
    "RF": "fluoroscopy picture",
    "NM": "scintigram",
    "PT": "PET slice",
}
FILMS = frozenset({"CR", "DX", "RG", "MG"})
LOOPS = frozenset({"US", "IVUS", "XA", "RF", "ES", "XC"})
SIDES = {"L": "left", "R": "right", "B": "both sides"}


def picture_name(instance: Instance) -> str:
    """Of a single picture."""
    kind = KINDS.get(instance.modality, f"{instance.modality} picture")
    words = f"{instance.body_part} {kind}" if instance.body_part else kind
    return ", ".join(part for part in (words, instance.view, SIDES.get(instance.laterality, "")) if part)


def frame_name(instance: Instance, index: int) -> str:
    """Of a frame of a loop, or of another object of many frames, counted from 1."""
    part = f"{instance.body_part} " if instance.body_part else ""
    kind = "loop" if instance.modality in LOOPS else KINDS.get(instance.modality, f"{instance.modality} picture")
    return f"{part}{kind}, frame {index + 1} of {instance.frames}"


def slice_name(plane: str, number: int, count: int, window: str) -> str:
    """Of a slice, counted from 1."""
    return f"{plane} slice {number} of {count}" + (f", {window} window" if window else "")
