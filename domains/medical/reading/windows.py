"""The windows through which CT is read, by body part: centre and width in Hounsfield units."""

from __future__ import annotations

Window = tuple[float, float]

LUNG: Window = (-600.0, 1500.0)
MEDIASTINUM: Window = (40.0, 400.0)
SOFT_TISSUE: Window = (40.0, 400.0)
BONE: Window = (400.0, 1800.0)
BRAIN: Window = (40.0, 80.0)

PRESETS: dict[str, Window] = {"lung": LUNG, "mediastinum": MEDIASTINUM, "soft tissue": SOFT_TISSUE, "bone": BONE, "brain": BRAIN}

_CHEST = ("lung", "mediastinum", "bone")
_HEAD = ("brain", "bone")
_BODY = ("soft tissue", "bone")
_LIMB = ("bone", "soft tissue")
_UNKNOWN = ("soft tissue", "lung", "bone")
_BY_WORD = {
    _CHEST: ("chest", "thorax", "lung", "heart", "rib", "mediastin", "cardi"),
    _HEAD: ("head", "brain", "skull", "cerebr", "cranial"),
    _BODY: ("abdomen", "pelvi", "liver", "kidney", "neck", "pancrea", "bladder", "prostate"),
    _LIMB: ("spine", "hip", "knee", "ankle", "foot", "leg", "arm", "hand", "wrist", "elbow", "shoulder", "extremity", "femur", "bone"),
}


def windows_for(body_part: str) -> tuple[str, ...]:
    """Names of the presets to look at, the first one first.

    Args:
        body_part: as written in the file, in lower case; may be empty.
    """
    return next((names for names, words in _BY_WORD.items() if any(w in body_part.lower() for w in words)), _UNKNOWN)
