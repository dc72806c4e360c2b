"""Symptoms in plain sentences, by a closed list of words and a closed list of rules for what is denied.

Rules in the manner of NegEx (Chapman et al., 2001): a cue before a symptom denies it up to the end of its clause, a cue after it
denies it within a few words. A symptom of a relative, or one that is only feared or waited for, is not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

MAX_SENTENCE_CHARACTERS = 1000

_SPELLINGS = {
    "fever": "fever|fevers|febrile|pyrexia",
    "cough": "cough|coughs|coughing|dry cough|productive cough",
    "shortness of breath": "shortness of breath|short of breath|dyspnea|dyspnoea|breathlessness|breathless|sob|difficulty breathing",
    "chest pain": "chest pain|thoracic pain|pain in the chest",
    "hemoptysis": "hemoptysis|haemoptysis|coughing up blood|coughing blood",
    "sputum": "sputum|phlegm|expectoration",
    "wheezing": "wheezing|wheeze|wheezes",
    "sore throat": "sore throat|pharyngitis|throat pain",
    "runny nose": "runny nose|rhinorrhea|rhinorrhoea|coryza",
    "loss of smell": "loss of smell|anosmia",
    "loss of taste": "loss of taste|ageusia",
    "headache": "headache|headaches",
    "fatigue": "fatigue|tiredness|asthenia",
    "weakness": "weakness",
    "myalgia": "myalgia|myalgias|muscle pain|muscle aches",
    "chills": "chills|rigors|shivering",
    "night sweats": "night sweats|night sweat",
    "weight loss": "weight loss|loss of weight",
    "nausea": "nausea|nauseous|nauseated",
    "vomiting": "vomiting|vomits|vomited|emesis",
    "diarrhea": "diarrhea|diarrhoea",
    "abdominal pain": "abdominal pain|stomach pain|belly pain",
    "back pain": "back pain",
    "flank pain": "flank pain",
    "dizziness": "dizziness|dizzy|vertigo",
    "syncope": "syncope|fainting|fainted",
    "palpitations": "palpitations|palpitation",
    "leg swelling": "leg swelling|swollen legs|leg edema|leg oedema|peripheral edema|peripheral oedema",
    "confusion": "confusion|confused|disoriented",
    "orthopnea": "orthopnea|orthopnoea",
    "trauma": "trauma|injury",
}
_NAMES = MappingProxyType({spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split("|")})
_SYMPTOM = re.compile(rf"\b(?:{'|'.join(sorted((re.escape(s) for s in _NAMES), key=len, reverse=True))})\b")
_BEFORE = re.compile(
    r"\b(?:no|not|denies|denied|denying|without|negative for|free of|never|neither|nor|absence of|no evidence of|no signs? of|"
    r"no complaints? of|has no|have no|does not have|did not have|doesn't have|didn't have|hasn't|isn't|wasn't|ruled out|lacks?)\b"
)
_AFTER = re.compile(
    r"^(?:\s*[:=(]\s*(?:no|none)\b|[\s:=(]*(?:(?:is|was|are|were|has|have|had|has been|have been)\s+)?"
    r"(?:absent|denied|negative|not present|ruled out|resolved|not reported)\b)"
)
_AFFIRMED = re.compile(r"^[\s:=(]*(?:(?:is|was|are|were)\s+)?(?:present|positive|yes)\b")
_NO_DENIAL = re.compile(
    r"\b(?:not only|no increase in|no change in|no improvement (?:of|in)|no relief (?:of|from)|not sure|no longer only)\b"
)
_CLAUSE = re.compile(
    r"[;:.!?]|,\s*(?:and\s+)?ha[sd]\b(?!\s+(?:no|not|never)\b)|\b(?:but|however|although|though|except|yet|"
    r"aside from|apart from|other than|despite|because|presents|presented|presenting|"
    r"reports?|reported|complains?|complained|complaining|developed|noted|now|started|began|admits?)\b"
)
_HYPOTHETICAL = re.compile(
    r"\b(?:if|in case of|should (?:he|she|they)|return for|watch for|risk of|rule out|to exclude|question of|possible)\b"
)
_RELATIVE = re.compile(
    r"\b(?:mother|father|brother|sister|son|daughter|aunt|uncle|grand\w+|wife|husband|family history|relatives?|contact)\b"
)
_SPAN = r"(?P<n>\d{1,3}|a|an|one|two|three|four|five|six|seven|eight|nine|ten)\s*[- ]?(?P<unit>hour|day|week|month|year)s?"
_FOR = re.compile(rf"^[^,;.]{{0,30}}?\b(?:for|x|since|over|lasting)\s*(?:the\s+)?(?:past|last|about|some)?\s*{_SPAN}\b")
_HISTORY_OF = re.compile(rf"\b{_SPAN}\s*(?:history|duration)?\s*of\s+(?:\w+\s+){{0,2}}?$")
_WORDS = MappingProxyType(
    {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
)


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom that a sentence tells of.

    Attributes:
        name: in plain words, one for all spellings.
        negated: the sentence denies it.
        duration: how long it has lasted, in `unit`; None where it is not told.
        unit: `hour`, `day`, `week`, `month` or `year`.
    """

    name: str
    negated: bool
    duration: float | None = None
    unit: str = ""


def symptoms_in(sentence: str) -> tuple[Symptom, ...]:
    """The symptoms of a sentence, each once, in order; one that is told and denied in the same breath is left out."""
    plain = sentence[:MAX_SENTENCE_CHARACTERS].casefold().replace("\u2019", "'")
    found: dict[str, Symptom] = {}
    doubtful: set[str] = set()
    for clause in _clauses(plain):
        if _RELATIVE.search(clause):
            continue
        for match in _SYMPTOM.finditer(clause):
            before, after = clause[: match.start()], clause[match.end() :]
            if _HYPOTHETICAL.search(before):
                continue
            one = Symptom(_NAMES[match[0]], _is_denied(before, after), *_lasting(before, after))
            earlier = found.get(one.name)
            if earlier is not None and earlier.negated != one.negated:
                doubtful.add(one.name)
            if earlier is None or (earlier.duration is None and one.duration is not None):
                found[one.name] = one
    return tuple(s for s in found.values() if s.name not in doubtful)


def _clauses(sentence: str) -> Iterator[str]:
    """Pieces that a denial does not reach beyond; a colon as in `cough: no` stays within its piece."""
    start = 0
    for match in _CLAUSE.finditer(sentence):
        if match[0] == ":" and re.match(r":\s*(?:no|none|absent|negative|denied)\b", sentence[match.start() :]):
            continue
        if match[0] == "." and sentence[match.end() : match.end() + 1].isdigit():
            continue
        yield sentence[start : match.start()]
        start = match.start() if match[0][0].isalpha() else match.end()
    yield sentence[start:]


def _is_denied(before: str, after: str) -> bool:
    if _AFFIRMED.match(after):
        return False
    reach = _NO_DENIAL.sub(" ", before)
    return bool(_BEFORE.search(reach)) or bool(_AFTER.match(after))


def _lasting(before: str, after: str) -> tuple[float | None, str]:
    match = _FOR.search(after)
    if match is None or _SYMPTOM.search(after[: match.start("n")]):
        match = _HISTORY_OF.search(before)
    if match is None:
        return None, ""
    written = match["n"]
    number = float(written) if written.isdigit() else float(_WORDS[written])
    return (number, match["unit"]) if number > 0 else (None, "")
