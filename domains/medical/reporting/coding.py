"""Terms of terminologies for what a report says: SNOMED CT, LOINC and DICOM where they are known, `99TRIVIUM` where not."""

from __future__ import annotations

import hashlib
import re

from domains.medical.report import Coded, Finding, Section, Status
from domains.medical.reporting.telling import plain

PRIVATE = "99TRIVIUM"
PRIVATE_NAME = "Trivium private codes"
FHIR_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    PRIVATE: "urn:trivium:codes",
}
MOST_CODE, MOST_SCHEME, MOST_MEANING = 16, 16, 64  # characters (SH, SH, LO)

PRESENT = Coded(scheme="SCT", code="52101004", meaning="Present")
ABSENT = Coded(scheme="SCT", code="2667000", meaning="Absent")
NOT_SURE = Coded(scheme="SCT", code="82334004", meaning="Indeterminate")
STATUS = {Status.PRESENT: PRESENT, Status.ABSENT: ABSENT, Status.ABSTAINED: NOT_SURE}

PRESENCE = Coded(scheme="DCM", code="121052", meaning="Presence of property")
THRESHOLD = Coded(scheme=PRIVATE, code="THRESHOLD", meaning="Probability from which on it is called present")
ABSENT_BELOW = Coded(scheme=PRIVATE, code="ABSENT-BELOW", meaning="Probability below which it is called absent")
PROBABILITY = Coded(scheme="DCM", code="122157", meaning="Probability")
NO_FINDINGS = Coded(scheme=PRIVATE, code="NO-FINDINGS", meaning="No findings were judged")
NOTICE = Coded(scheme=PRIVATE, code="NOTICE", meaning="Notice")

IMAGING = Coded(scheme="SCT", code="363679005", meaning="Imaging procedure")
PROCEDURES = {
    "CT": Coded(scheme="SCT", code="77477000", meaning="Computed tomography"),
    "MR": Coded(scheme="SCT", code="113091000", meaning="Magnetic resonance imaging"),
    "US": Coded(scheme="SCT", code="16310003", meaning="Ultrasonography"),
    "CR": Coded(scheme="SCT", code="168537006", meaning="Plain radiography"),
    "DX": Coded(scheme="SCT", code="168537006", meaning="Plain radiography"),
}
SECTIONS = {  # PS3.16 CID 7001
    Section.INDICATION: Coded(scheme="LN", code="18785-6", meaning="Indications for Procedure"),
    Section.TECHNIQUE: Coded(scheme="LN", code="55111-9", meaning="Current Procedure Descriptions"),
    Section.COMPARISON: Coded(scheme="LN", code="55114-3", meaning="Prior Procedure Descriptions"),
    Section.FINDINGS: Coded(scheme="LN", code="59776-5", meaning="Findings"),
    Section.IMPRESSION: Coded(scheme="LN", code="19005-8", meaning="Impressions"),
}
SENTENCES = {  # of each section
    Section.INDICATION: Coded(scheme="DCM", code="121109", meaning="Indications for Procedure"),
    Section.TECHNIQUE: Coded(scheme="DCM", code="121065", meaning="Procedure Description"),
    Section.COMPARISON: Coded(scheme="DCM", code="121065", meaning="Procedure Description"),
    Section.FINDINGS: Coded(scheme="DCM", code="121071", meaning="Finding"),
    Section.IMPRESSION: Coded(scheme="DCM", code="121073", meaning="Impression"),
}
_FINDINGS = {
    "pneumothorax": ("36118008", "Pneumothorax"),
    "pleural effusion": ("60046008", "Pleural effusion"),
    "effusion": ("60046008", "Pleural effusion"),
    "atelectasis": ("46621007", "Atelectasis"),
    "cardiomegaly": ("8186001", "Cardiomegaly"),
    "pneumonia": ("233604007", "Pneumonia"),
    "pulmonary edema": ("19242006", "Pulmonary edema"),
    "edema": ("19242006", "Pulmonary edema"),
    "emphysema": ("87433001", "Pulmonary emphysema"),
}
_WORDS = re.compile(r"[\W_]+")


def code_of(finding: Finding) -> Coded:
    """The term that a finding has, one that is known for its name, or a private one."""
    given = finding.code
    if given is not None and given.code and len(given.code) <= MOST_CODE and 0 < len(given.scheme) <= MOST_SCHEME and given.meaning:
        return given
    name = _WORDS.sub(" ", finding.name.lower()).strip()
    if name in _FINDINGS:
        code, meaning = _FINDINGS[name]
        return Coded(scheme="SCT", code=code, meaning=meaning)
    return private(finding.name)


def private(name: str) -> Coded:
    """A code of ours for a name; the same name has the same code everywhere."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return Coded(scheme=PRIVATE, code=digest[:MOST_CODE].upper(), meaning=plain(name)[:MOST_MEANING].strip() or "finding without a name")
