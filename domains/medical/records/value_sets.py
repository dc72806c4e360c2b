"""The codes that FHIR R4 requires (http://hl7.org/fhir/R4B/terminologies-valuesets.html), which its models do not check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from domains.medical.records.measuring import Unusable


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


GENDER = _set("male female other unknown")
BUNDLE_TYPE = _set("document message transaction transaction-response batch batch-response history searchset collection")

# resource type -> element -> codes
_CODES: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Observation": {"status": _set("registered preliminary final amended corrected cancelled entered-in-error unknown")},
        "DiagnosticReport": {
            "status": _set("registered partial preliminary final amended corrected appended cancelled entered-in-error unknown")
        },
        "MedicationStatement": {
            "status": _set("active completed entered-in-error intended stopped on-hold unknown not-taken"),
        },
        "MedicationRequest": {
            "status": _set("active on-hold cancelled completed entered-in-error stopped draft unknown"),
            "intent": _set("proposal plan order original-order reflex-order filler-order instance-order option"),
            "priority": _set("routine urgent asap stat"),
        },
        "Procedure": {"status": _set("preparation in-progress not-done on-hold stopped completed entered-in-error unknown")},
        "AllergyIntolerance": {
            "type": _set("allergy intolerance"),
            "category": _set("food medication environment biologic"),
            "criticality": _set("low high unable-to-assess"),
        },
    }
)

# resource type -> element -> code system, codes; of elements that hold a CodeableConcept
_CONCEPTS: Mapping[str, Mapping[str, tuple[str, frozenset[str]]]] = MappingProxyType(
    {
        "Condition": {
            "clinicalStatus": (
                "http://terminology.hl7.org/CodeSystem/condition-clinical",
                _set("active recurrence relapse inactive remission resolved"),
            ),
            "verificationStatus": (
                "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                _set("unconfirmed provisional differential confirmed refuted entered-in-error"),
            ),
        },
        "AllergyIntolerance": {
            "clinicalStatus": ("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", _set("active inactive resolved")),
            "verificationStatus": (
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
                _set("unconfirmed presumed confirmed refuted entered-in-error"),
            ),
        },
    }
)
COMPARATORS = _set("< <= >= >")
INTERPRETATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
INTERPRETATIONS = _set(
    "_GeneticObservationInterpretation CAR Carrier _ObservationInterpretationChange B D U W _ObservationInterpretationExceptions < > AC IE "
    "QCF TOX _ObservationInterpretationNormality A AA HH LL H H> HU L L< LU N _ObservationInterpretationSusceptibility I MS NCL NS R "
    "SYN-R S SDD SYN-S VS EX HX LX ObservationInterpretationDetection IND E NEG ND POS DET ObservationInterpretationExpectation EXP UNE "
    "OBX _ReactivityObservationInterpretation NR RR WR HM"
)


def check(resource: Mapping[str, Any]) -> None:
    """Hold a resource, as read from JSON, against the sets that bind it.

    Raises:
        Unusable: a code is none of its set; the message names the element, never the code.
    """
    kind = resource["resourceType"]
    for element, allowed in _CODES.get(kind, {}).items():
        found = resource.get(element)
        if any(code not in allowed for code in (found if isinstance(found, list) else [found]) if found is not None):
            raise Unusable(f"{element} is none of its codes")
    for element, (system, allowed) in _CONCEPTS.get(kind, {}).items():
        codings = _codings(resource.get(element))
        if codings and not any(c.get("code") in allowed and c.get("system") in (system, None) for c in codings):
            raise Unusable(f"{element} is none of its codes")
    if kind == "Observation":
        for part in (resource, *_dicts(resource.get("component"))):
            _check_observed(part)


def _check_observed(part: Mapping[str, Any]) -> None:
    for concept in _dicts(part.get("interpretation")):
        if any(c.get("system") == INTERPRETATION_SYSTEM and c.get("code") not in INTERPRETATIONS for c in _codings(concept)):
            raise Unusable("interpretation is none of its codes")
    quantity = part.get("valueQuantity")
    if isinstance(quantity, Mapping) and quantity.get("comparator") not in (None, *COMPARATORS):
        raise Unusable("comparator is none of its codes")


def _codings(concept: Any) -> list[Mapping[str, Any]]:
    return list(_dicts(concept.get("coding"))) if isinstance(concept, Mapping) else []


def _dicts(values: Any) -> Iterator[Mapping[str, Any]]:
    return (v for v in values if isinstance(v, Mapping)) if isinstance(values, list) else iter(())
