"""What a header says of persons and places, gathered before it is cleaned, so that copies of it can be found anywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

LEAST_CHARACTERS = 3  # of what is looked for
LONG_CHARACTERS = 5  # from here on it is looked for inside words
LONG_NUMBER_CHARACTERS = 9  # from here on digits are in another number by no chance
MAX_DEPTH = 16
MAX_IDENTIFIERS = 2000
_TELLING = """
    PatientID OtherPatientIDs IssuerOfPatientID AccessionNumber StudyID PatientBirthDate PatientAddress PatientTelephoneNumbers
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber MedicalRecordLocator
    RequestingService AdmissionID ServiceEpisodeID
"""
_KEYWORDS = frozenset(_TELLING.split())
_NAME_PARTS = re.compile(r"[\^=,;\s]+")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Strings that must not be in what is written.

    Attributes:
        strings: in lower case, each at least `LEAST_CHARACTERS` long.
    """

    strings: frozenset[str] = field(repr=False)

    def are_in(self, text: str) -> bool:
        """Whether a text holds any of them: a short one as a word, a longer one anywhere, with other punctuation too."""
        plain = text.casefold()
        words = set(re.split(r"\W+|_", plain))
        squeezed = _squeezed(plain)
        return any(s in words or (len(s) >= LONG_CHARACTERS and (s in plain or _squeezed(s) in squeezed)) for s in self.strings)

    def are_in_number(self, text: str) -> bool:
        """Whether a number spells one that is too long to be there by chance."""
        return any(len(s) >= LONG_NUMBER_CHARACTERS and s in text for s in self.strings)

    def are_in_bytes(self, content: bytes) -> bool:
        """Whether bytes hold any that cannot be there by chance, in any of the usual encodings."""
        lower = content.lower()
        told = (s for s in self.strings if len(s) >= LONG_NUMBER_CHARACTERS or (len(s) >= LONG_CHARACTERS and not s.isdecimal()))
        return any(s.encode(code, "ignore") in lower for s in told for code in ("utf-8", "latin-1", "utf-16-le"))


def _squeezed(text: str) -> str:
    """Without punctuation and blanks; as it is, where nothing else is in it."""
    return re.sub(r"[\W_]+", "", text) or text


def gather(data: Dataset, *more: str) -> Identifiers:
    """The identifiers of a header, nested items included.

    Args:
        data: before it is cleaned.
        more: further strings.
    """
    found: set[str] = set()
    for text in (*more, *_texts(data, 0)):
        plain = text.strip().casefold()
        if len(plain) >= LEAST_CHARACTERS:
            found.add(plain)
        if len(found) >= MAX_IDENTIFIERS:
            break
    return Identifiers(frozenset(found))


def _texts(data: Dataset, depth: int) -> Iterator[str]:
    for tag in list(data.keys()):
        try:
            element = data[tag]
            if element.VR == "SQ":
                if depth < MAX_DEPTH:
                    for item in element.value:
                        yield from _texts(item, depth + 1)
                continue
            if element.VR != "PN" and keyword_for_tag(tag) not in _KEYWORDS:
                continue
            values = [str(v) for v in (element.value if element.VM > 1 else [element.value]) if v]
        except Exception:  # noqa: S112 - what cannot be read is removed when the header is cleaned
            continue
        for value in values:
            if element.VR == "PN":
                yield from (part for part in _NAME_PARTS.split(value) if len(part) >= LEAST_CHARACTERS)
            yield value
