"""What a rule found, as a sentence with its numbers, with boxes and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.alerts import Box
from core.samples import Modality
from domains.surveillance.config import Rule
from domains.surveillance.judgement import box_of
from domains.surveillance.phrases import said_of
from domains.surveillance.scene import Actor, Crossing, Hearing, Utterance
from domains.surveillance.sentences import describe_utterance

PLURALS = {"person": "people", "bus": "buses", "knife": "knives", "bench": "benches", "sheep": "sheep", "mouse": "mice"}
VOWELS = tuple("aeiou")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's conditions hold, on one of its sides.

    Attributes:
        time_s: the moment.
        modality: which kind of input carried it.
        sentence: what was found, in plain words.
        boxes: what to draw.
        subjects: the tracks it is about.
        details: numbers behind the sentence.
        late_s: how long before `time_s` it happened: words take a while to be written down.
    """

    time_s: float
    modality: Modality
    sentence: str
    boxes: tuple[Box, ...] = ()
    subjects: tuple[int, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    late_s: float = 0.0


def seen(rule: Rule, actors: Sequence[Actor], held_s: float, time_s: float) -> Finding:
    """What actors that fulfil a rule do, and for how long.

    Args:
        rule: the rule.
        actors: at least one.
        held_s: how long its conditions have held.
        time_s: now.
    """
    is_one = len(actors) == 1
    words = []
    if rule.is_abandoned:
        words.append("left behind")
    if rule.posture is not None:
        words.append(rule.posture)
    if rule.near_s is not None:
        words.append("close together")
    if rule.zone is not None:
        words.append(f"in zone {rule.zone}")
    if not words:
        words.append("in view")
    if held_s >= 1.0:
        verb, duration = ("has been" if is_one else "have been"), f" for {held_s:.0f} s"
    else:
        verb, duration = ("is" if is_one else "are"), ""
    sentence = f"{_subject([a.track.label for a in actors], rule)} {verb} {' '.join(words)}{duration}"
    details: dict[str, object] = {"held_s": round(held_s, 2), "still_s": round(min(a.still_s for a in actors), 2)}
    if rule.min_speed is not None:
        speed = max(a.speed for a in actors)
        sentence += f", moving at {speed:.1f} heights a second (at least {rule.min_speed:g})"
        details |= {"speed": round(speed, 2), "still_s": 0.0}
    return _of_actors(actors, time_s, sentence, details)


def crossed(rule: Rule, actor: Actor, crossing: Crossing, time_s: float) -> Finding:
    """An actor crossed a rule's line."""
    sentence = f"{_subject([actor.track.label], rule)} crossed line {crossing.line} ({crossing.direction})"
    if rule.zone is not None:
        sentence += f" in zone {rule.zone}"
    if rule.min_speed is not None:
        sentence += f" at {actor.speed:.1f} heights a second (at least {rule.min_speed:g})"
    # who crosses a line has moved
    return _of_actors([actor], time_s, sentence, {"line": crossing.line, "direction": crossing.direction, "still_s": 0.0})


def named(rule: Rule, hearing: Hearing) -> dict[str, float]:
    """The sounds of a rule that one span has, each with its probability."""
    wanted = {_plain(name) for name in rule.sounds}
    return {n: p for n, p in hearing.tags.items() if _plain(n) in wanted and p >= rule.min_sound_probability}


def heard(rule: Rule, hearing: Hearing, hits: Mapping[str, float], held_s: float) -> Finding | None:
    """What a hearing has of what a rule is about, or None.

    Args:
        rule: the rule.
        hearing: the newest span.
        hits: of the sounds named in it, those that count.
        held_s: how long it has been heard.
    """
    details: dict[str, object] = {"level_dbfs": round(max(hearing.level_dbfs, -200.0), 1)}
    duration = f" for {held_s:.0f} s" if held_s >= 2.0 else ""
    words = []
    if rule.sounds:
        if not hits:
            return None
        name = max(hits, key=lambda tag: hits[tag])
        words.append(f"{_plain(name)} is heard{duration} with probability {hits[name]:.2f}")
        details["sounds"] = {n: round(p, 3) for n, p in hits.items()}
    if rule.min_level_dbfs is not None:
        if not hearing.level_dbfs >= rule.min_level_dbfs:
            return None
        level = f"{hearing.level_dbfs:.0f} dBFS (at least {rule.min_level_dbfs:g})"
        words.append(f"at {level}" if words else f"the sound has been at {level}{duration}" if duration else f"the sound is at {level}")
    return Finding(hearing.end_s, Modality.AUDIO, " ".join(words), details=details)


def said(rule: Rule, utterance: Utterance, time_s: float) -> Finding | None:
    """What an utterance has of the words that a rule is about, or None.

    Args:
        rule: the rule.
        utterance: what was said.
        time_s: now.
    """
    words = said_of(rule.words, utterance.text)
    if not words:
        return None
    details: dict[str, object] = {
        "words": list(words),
        "said": utterance.text,
        "said_from_s": round(utterance.start_s, 2),
        "said_until_s": round(utterance.end_s, 2),
    }
    late_s = max(0.0, time_s - utterance.end_s)
    return Finding(time_s, Modality.AUDIO, describe_utterance(utterance), details=details, late_s=late_s)


def count_of(findings: Sequence[Finding]) -> str:
    """`3 people` for findings of one actor each."""
    return _counted([f.boxes[0].label for f in findings])


def _of_actors(actors: Sequence[Actor], time_s: float, sentence: str, details: Mapping[str, object]) -> Finding:
    return Finding(
        time_s=time_s,
        modality=Modality.VIDEO,
        sentence=sentence,
        boxes=tuple(box_of(a) for a in actors),
        subjects=tuple(a.track.id for a in actors),
        details=details,
    )


def _subject(labels: Sequence[str], rule: Rule) -> str:
    at_least = f" (at least {rule.min_count})" if rule.min_count > 1 else ""
    return _counted(labels) + at_least


def _counted(labels: Sequence[str]) -> str:
    label = labels[0] if len(set(labels)) == 1 else "object"
    if len(labels) == 1:
        return f"{'an' if label.startswith(VOWELS) else 'a'} {label}"
    return f"{len(labels)} {PLURALS.get(label, label + 's')}"


def _plain(sound: str) -> str:
    return sound.replace("_", " ").casefold()
