"""The language model at work: facts in, sentences out, each held against the facts."""

from __future__ import annotations

from core.language.answering import NOT_STATED, Answer, answer
from core.language.describing import TemplateWriter, Writer, describe
from core.language.facts import Bound, Draft, Dropped, Fact, ReasonKind, Sentence, TimeSpan, Verdict
from core.language.grounding import check
from core.language.local import LocalWriter, load_decoder
from core.language.wording import word

__all__ = [
    "NOT_STATED",
    "Answer",
    "Bound",
    "Draft",
    "Dropped",
    "Fact",
    "LocalWriter",
    "ReasonKind",
    "Sentence",
    "TemplateWriter",
    "TimeSpan",
    "Verdict",
    "Writer",
    "answer",
    "check",
    "describe",
    "load_decoder",
    "word",
]
