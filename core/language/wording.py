"""Slot templates: a fact as one plain sentence, the same every time."""

from __future__ import annotations

from core.language.facts import PRESENCE, Bound, Fact

_UNITS = {
    "degC": "°C",
    "degF": "°F",
    "percent": "%",
    "degree": "degrees",
    "1/min": "per minute",
    "1/nL": "per nL",
    "1/pL": "per pL",
    "year": "years",
}


def word(fact: Fact) -> str:
    """A fact in one sentence that leaves nothing out.

    `No pneumothorax on the right side.` `The temperature of the patient is 38.4 °C.`
    """
    parts = [_statement(fact), _place(fact), _time(fact)]
    told = " ".join(part for part in parts if part)
    if fact.probability is not None:
        told += f", with probability {_number(fact.probability)}"
    return told + "."


def _statement(fact: Fact) -> str:
    subject = fact.subject
    if fact.attribute == PRESENCE:
        return f"There is no {subject}" if fact.negated else f"There is {_article(subject)}"
    verb = "is not" if fact.negated else "is"
    if fact.attribute == "count" and fact.is_count:
        be = "is" if fact.number == 1 else "are"
        return f"The count of {subject} {verb} {_value(fact)}" if fact.negated else f"There {be} {_value(fact)} {_plural(subject, fact)}"
    return f"The {fact.attribute} of {_named(subject)} {verb} {_value(fact)}"


def _value(fact: Fact) -> str:
    if isinstance(fact.value, str):
        return fact.value
    bound = {Bound.EXACT: "", Bound.ABOVE: "above ", Bound.BELOW: "below "}[fact.bound]
    unit = _UNITS.get(fact.unit, fact.unit)
    return f"{bound}{_number(fact.number or 0.0)}{' ' if unit else ''}{unit}"


def _place(fact: Fact) -> str:
    zones = sorted(fact.laterality - {"left", "right", "bilateral"})
    sides = sorted(fact.laterality & {"left", "right"})
    if "bilateral" in fact.laterality:
        return " ".join(["on both sides", *(["in the " + " ".join(zones) + " zone"] if zones else [])])
    return f"on the {' '.join([*sides, *zones])} side" if sides or zones else ""


def _time(fact: Fact) -> str:
    return "" if fact.time is None else f"from {_number(fact.time.start_s)} to {_number(fact.time.end_s)} s"


def _number(value: float) -> str:
    return f"{value:.6g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.10g}"


def _article(subject: str) -> str:
    if (
        not subject.isascii()
        or subject[0].isdigit()
        or " of " in subject
        or (subject.endswith("s") and not subject.endswith(("ss", "is", "us", "ax", "x")))
    ):
        return subject
    return ("an " if subject[0].lower() in "aeiou" else "a ") + subject


def _named(subject: str) -> str:
    return subject if any(c.isdigit() or not c.isascii() for c in subject) or subject[0].isupper() else f"the {subject}"


def _plural(subject: str, fact: Fact) -> str:
    return subject if fact.number == 1 or subject.endswith("s") or not subject.isascii() else f"{subject}s"
