"""Clean a DICOM header: the Basic Application Level Confidentiality Profile (PS3.15 Annex E) to the last nested item, and beyond it.

The table of attributes is that of the library `dicom-anonymizer`, edition 2026c. The library applies it to the outermost level
alone and lets through whatever the table does not name; here every level is cleaned, and of what the table does not name only
numbers, codes and a few named texts of the device are kept: private and unknown elements, free text, dates and bulk data go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_has_tag, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from core.errors import InputError
from domains.medical.deidentifying.identifiers import Identifiers
from domains.medical.deidentifying.keys import Keys

EDITION = "dicomfields_2026c"
MAX_DEPTH = 16
_DATES = frozenset({"DA", "DT", "TM"})
_TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AE", "AS"})
_NUMBERS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV", "AT"})
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
# codes as these schemes form them (PS3.16 8); a code of any other scheme, or of no such form, may be somebody's number
_SCHEMES = {
    "DCM": re.compile(r"1[0-3]\d{4}"),
    "SCT": re.compile(r"\d{6,16}"),
    "SRT": re.compile(r"[A-Z]{1,2}\d?-[A-Z0-9]{4,6}"),
    "SNM3": re.compile(r"[A-Z]{1,2}\d?-[A-Z0-9]{4,6}"),
    "99SDM": re.compile(r"[A-Z]{1,2}\d?-[A-Z0-9]{4,6}"),
    "LN": re.compile(r"\d{1,7}-\d"),
    "UCUM": re.compile(r"[A-Za-z0-9%./\[\]*^]{1,8}"),
    "FMA": re.compile(r"\d{3,6}"),
    "RADLEX": re.compile(r"RID\d{1,6}"),
}
_DUMMY = {"DA": "19000101", "TM": "000000", "DT": "19000101000000"}

# of what the table lets be, the texts that a device or the standard writes, not a person
_KEPT_TEXTS = """
    ConvolutionKernel Manufacturer ManufacturerModelName SequenceName RescaleType
    ModalityLUTType SoftwareVersions
"""
KEPT_TEXTS = frozenset(_KEPT_TEXTS.split())
KEPT_BULK = frozenset(
    f"{segmented}{colour}PaletteColorLookupTableData" for segmented in ("", "Segmented") for colour in ("Red", "Green", "Blue")
) | {"LUTData"}
SHIFTED = frozenset(
    f"{what}{kind}" for what in ("Study", "Series", "Acquisition", "Content", "InstanceCreation") for kind in ("Date", "Time", "DateTime")
)


@dataclass(slots=True)
class Cleaning:
    """How one header is cleaned, and what was done.

    Attributes:
        keys: for UIDs.
        identifiers: what the header says of persons; text that holds any of it goes, wherever it stands.
        shift: by how much dates move; None removes them.
        counts: of what was done, by its kind.
    """

    keys: Keys
    identifiers: Identifiers
    shift: timedelta | None = None
    counts: Counter[str] = field(default_factory=Counter)


def clean_header(data: Dataset, cleaning: Cleaning, depth: int = 0) -> None:
    """Clean a data set in place, with all that is nested in it.

    Raises:
        InputError: it is nested deeper than any real one.
    """
    if depth > MAX_DEPTH:
        raise InputError("its sequences nest too deeply")
    for tag in list(data.keys()):
        try:
            element = data[tag]
            keeps = _is_allowed(element) and _clean(data, element, cleaning, depth)
        except InputError:
            raise
        except Exception:  # what cannot be read or written is what nobody can vouch for
            keeps = False
        if not keeps:
            cleaning.counts["private elements" if tag.is_private else "elements removed"] += 1
            del data[tag]


def _is_allowed(element: DataElement) -> bool:
    group = element.tag.group
    is_repeating = 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF  # curves, overlays
    return not element.tag.is_private and not is_repeating and group >= 0x0008 and dictionary_has_tag(element.tag)


def _clean(data: Dataset, element: DataElement, cleaning: Cleaning, depth: int) -> bool:
    """Clean one element; False where it must go."""
    action = table().get((element.tag.group, element.tag.element), "")
    keyword, kind = keyword_for_tag(element.tag), element.VR
    if kind == "SQ":
        return _clean_sequence(element, action, cleaning, depth)
    if keyword in SHIFTED and cleaning.shift is not None:
        element.value = _shifted(kind, str(element.value or ""), cleaning.shift)
        return True
    if kind in _DATES:
        if action in ("", "delete"):
            return False
        element.value = _DUMMY[kind] if "replace" in action else ""
        cleaning.counts["elements replaced"] += 1
        return True
    if kind == "UI":
        return _clean_uid(element, action, cleaning)
    if action == "delete":
        return False
    if action:
        _library(action)(data, (element.tag.group, element.tag.element))
        cleaning.counts["elements replaced"] += 1
        return True
    return _clean_unnamed(data, element, keyword, cleaning)


def _clean_unnamed(data: Dataset, element: DataElement, keyword: str, cleaning: Cleaning) -> bool:
    """What the table does not name."""
    kind = element.VR
    if kind in _NUMBERS:
        return True
    if kind in _BULK or kind not in {*_TEXTS, "CS", "IS", "DS"}:
        return keyword in KEPT_BULK
    texts = [str(v) for v in (element.value if element.VM > 1 else [element.value]) if v is not None]
    holds = cleaning.identifiers.are_in_number if kind in ("IS", "DS") else cleaning.identifiers.are_in
    if any(holds(text) for text in texts):
        cleaning.counts["texts with an identifier"] += 1
        return _emptied(element)
    if kind in ("IS", "DS"):
        return all(not text or _is_number(text) for text in texts)
    if kind == "CS":
        return all(_CODE.fullmatch(text) for text in texts) or _emptied(element)
    if keyword == "CodeMeaning":  # words of whoever made the code; the code itself says the same
        element.value = str(data.get("CodeValue", "") or "")
        return bool(element.value)
    if keyword == "CodeValue":
        form = _SCHEMES.get(str(data.get("CodingSchemeDesignator", "") or ""))
        return form is not None and all(form.fullmatch(text) and not cleaning.identifiers.are_in_number(text) for text in texts)
    if keyword == "CodingSchemeDesignator":
        return all(text in _SCHEMES for text in texts)
    if keyword in KEPT_TEXTS:
        return all(len(text) <= 64 and text.isprintable() for text in texts) or _emptied(element)
    cleaning.counts["elements emptied"] += 1
    return _emptied(element)


def _clean_sequence(element: DataElement, action: str, cleaning: Cleaning, depth: int) -> bool:
    if action and action != "delete_or_empty_or_replace_UID":
        return False
    items = list(element.value)
    for item in items:
        clean_header(item, cleaning, depth + 1)
    element.value = Sequence([item for item in items if len(item)])
    return bool(element.value)


def _clean_uid(element: DataElement, action: str, cleaning: Cleaning) -> bool:
    """A UID of the standard stays; any other is mapped, whether the table names it or not."""
    if action == "delete":
        return False
    olds = [str(v) for v in (element.value if element.VM > 1 else [element.value]) if v]
    if not olds:
        return True
    news = [old if UID(old).name != old else cleaning.keys.uid(old) for old in olds]
    cleaning.counts["UIDs mapped"] += sum(new != old for new, old in zip(news, olds, strict=True))
    element.value = news[0] if len(news) == 1 else news
    return True


def _emptied(element: DataElement) -> bool:
    element.value = None if element.VR in ("IS", "DS") else ""
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shifted(kind: str, written: str, shift: timedelta) -> str:
    """A date so many days away; times of day stay. Empty for what is no date."""
    if kind == "TM":
        return written if re.fullmatch(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?", written) else ""
    match = re.fullmatch(r"(\d{8})(\d{0,6}(?:\.\d{1,6})?)(?:[+-]\d{4})?", written)
    if match is None or (kind == "DA" and match[2]):
        return ""
    try:
        return f"{datetime.strptime(match[1], '%Y%m%d') + shift:%Y%m%d}{match[2]}"
    except (ValueError, OverflowError):
        return ""


@cache
def table() -> Mapping[tuple[int, int], str]:
    """Group and element to the name of the library's action."""
    from dicomanonymizer.simpledicomanonymizer import initialize_actions

    return {tag: action.__name__ for tag, action in initialize_actions(EDITION).items() if len(tag) == 2}


@cache
def _library(action: str) -> Callable[[Dataset, tuple[int, int]], Any]:
    from dicomanonymizer import simpledicomanonymizer

    found: Callable[[Dataset, tuple[int, int]], Any] = getattr(simpledicomanonymizer, action)
    return found
