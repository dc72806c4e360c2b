"""Rules that an operator wrote, judged against what is seen and heard: the first of the three ways to an alert.

A rule's kind is `rule:` and its name. It gives a judgement each time it looks: on every scene if it is about objects, on
every hearing if it is about sound or words, on each utterance too if it is about words; what it is about must come within
`TOGETHER_S` of each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.samples import Modality
from domains.surveillance.config import CameraSettings, Rule, SurveillanceSettings
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.rule_findings import Finding, count_of, crossed, heard, named, said, seen
from domains.surveillance.scene import Actor, Hearing, Scene, Utterance
from domains.surveillance.schedule import is_in_force, zone_named

TOGETHER_S = 3.0
"""A rule about two or more of objects, sounds and words wants all of them within this time."""
GRACE_S = 1.0
"""A condition that fails for no longer than this did not stop holding (a missed detection)."""
MISSED_LOOKS = 2.5
"""Nor did one that fails for one look of a detector that seldom looks."""
HOLD_S = 1.0
"""An instant (a line crossed, a sound) counts for this long."""
CLOCK_BACK_S = 5.0

Key = int | tuple[int, int] | None
"""What a duration is counted for: a track, a pair of tracks, or (None) the group or the sound."""


def kind_of(rule: str) -> str:
    """The kind of a rule's judgements and alerts."""
    return f"rule:{rule}"


@dataclass(slots=True)
class _Memory:
    """What one rule remembers.

    Attributes:
        grace_s: a condition that fails for no longer did not stop holding.
        held: for each key, since when and until when its conditions have held.
        crossings: tracks that crossed the line lately, each with the time.
        runs: for each sound named in the newest span, in how many spans in a row and since when.
        listened_s: the end of the newest span.
        seen, heard, said: the newest finding of each side.
        met, met_s: what was found when all sides last held together, and when.
        force_since_s: since when the schedule has been in force, or None.
    """

    grace_s: float = GRACE_S
    held: dict[Key, tuple[float, float]] = field(default_factory=dict)
    crossings: dict[int, tuple[float, Finding]] = field(default_factory=dict)
    runs: dict[str, tuple[int, float]] = field(default_factory=dict)
    listened_s: float = -math.inf
    seen: Finding | None = None
    heard: Finding | None = None
    said: Finding | None = None
    met: tuple[Finding, ...] = ()
    met_s: float = -math.inf
    force_since_s: float | None = None


class RuleBook:
    """The rules of one camera.

    Attributes:
        camera: the camera's name.
    """

    def __init__(self, camera: str, settings: CameraSettings, surveillance: SurveillanceSettings | None = None) -> None:
        """Get ready.

        Args:
            camera: the camera's name.
            settings: its rules are used.
            surveillance: its time zone is for the schedules; how often the detector looks, and how long the policies want a score to
                last, say how long a rule bridges a missed look and holds an instant.

        Raises:
            ConfigError: the time zone does not exist.
        """
        self.camera = camera
        self._rules = dict(settings.rules)
        surveillance = surveillance or SurveillanceSettings()
        self._time_zone = zone_named(surveillance.time_zone)
        self._grace_s = max(GRACE_S, MISSED_LOOKS / surveillance.detector.max_fps)
        self._rise_s = max(p.min_duration_s for p in (surveillance.policy, *surveillance.profiles.values()))
        self._memories = {name: _Memory(self._grace_s) for name in self._rules}
        self._now_s = -math.inf

    def see(self, scene: Scene) -> tuple[Judgement, ...]:
        """One judgement for each rule about objects."""
        self._tell_time(scene.time_s)
        judgements = []
        for name, rule in self._rules.items():
            if not rule.labels:
                continue
            memory = self._memories[name]
            if self._is_in_force(rule, memory, scene.time_s, scene.wall_s):
                memory.seen = self._look(rule, memory, scene) or memory.seen
            judgements.append(self._verdict(name, rule, memory, scene.time_s, scene.wall_s))
        return tuple(judgements)

    def hear(self, hearing: Hearing) -> tuple[Judgement, ...]:
        """One judgement for each rule about sound or words."""
        self._tell_time(hearing.end_s)
        wall_s = None if hearing.wall_s is None else hearing.wall_s + (hearing.end_s - hearing.start_s)
        judgements = []
        for name, rule in self._rules.items():
            if not _is_about_sound(rule) and not rule.words:
                continue
            memory = self._memories[name]
            if self._is_in_force(rule, memory, hearing.end_s, wall_s) and _is_about_sound(rule):
                memory.heard = self._listen(rule, memory, hearing) or memory.heard
            judgements.append(self._verdict(name, rule, memory, hearing.end_s, wall_s))
        return tuple(judgements)

    def say(self, utterance: Utterance, time_s: float, wall_s: float | None) -> tuple[Judgement, ...]:
        """One judgement for each rule about words.

        Args:
            utterance: what was said; some seconds ago, since it had to be written down.
            time_s, wall_s: now.
        """
        self._tell_time(time_s)
        judgements = []
        for name, rule in self._rules.items():
            if not rule.words:
                continue
            memory = self._memories[name]
            if self._is_in_force(rule, memory, time_s, wall_s):
                memory.said = said(rule, utterance, time_s) or memory.said
            judgements.append(self._verdict(name, rule, memory, time_s, wall_s))
        return tuple(judgements)

    def _tell_time(self, time_s: float) -> None:
        if time_s < self._now_s - CLOCK_BACK_S:  # another recording, or a clock that was set
            self._memories = {name: _Memory(self._grace_s) for name in self._rules}
            self._now_s = time_s
        self._now_s = max(self._now_s, time_s)

    def _is_in_force(self, rule: Rule, memory: _Memory, time_s: float, wall_s: float | None) -> bool:
        if not is_in_force(rule.schedule, wall_s, self._time_zone):
            memory.held.clear()
            memory.crossings.clear()
            memory.runs.clear()
            memory.met = ()
            memory.seen = memory.heard = memory.said = memory.force_since_s = None
            return False
        if memory.force_since_s is None:
            # a rule without a schedule has always been in force
            memory.force_since_s = -math.inf if "schedule" not in rule.model_fields_set else time_s
        return True

    def _look(self, rule: Rule, memory: _Memory, scene: Scene) -> Finding | None:
        wanted = [a for a in scene.actors if _matches(a, rule)]
        if rule.line is not None:
            return self._look_at_line(rule, memory, scene, wanted)
        if rule.near_s is not None:
            return self._look_at_pairs(rule, memory, scene, wanted)
        if rule.min_count > 1:
            return self._look_at_group(rule, memory, scene, wanted)
        longest: list[tuple[float, Actor]] = []
        for actor in wanted:
            held_s = _held_s(memory, actor.track.id, scene.time_s)
            held_s = max(held_s, min(_own_s(actor, rule), scene.time_s - (memory.force_since_s or 0.0)))
            if held_s >= rule.min_duration_s:
                longest.append((held_s, actor))
        _forget(memory, scene.time_s)
        if not longest:
            return None
        return seen(rule, [a for _, a in longest], max(s for s, _ in longest), scene.time_s)

    def _look_at_group(self, rule: Rule, memory: _Memory, scene: Scene, wanted: list[Actor]) -> Finding | None:
        if len(wanted) < rule.min_count:
            _forget(memory, scene.time_s)
            return None
        held_s = _held_s(memory, None, scene.time_s)
        return seen(rule, wanted, held_s, scene.time_s) if held_s >= rule.min_duration_s else None

    def _look_at_pairs(self, rule: Rule, memory: _Memory, scene: Scene, wanted: list[Actor]) -> Finding | None:
        ids = {a.track.id for a in wanted}
        pairs = {
            (min(a.track.id, other), max(a.track.id, other)) for a in wanted for other in a.near if other in ids and other != a.track.id
        }
        needed_s = max(rule.near_s or 0.0, rule.min_duration_s)
        close = {pair: held_s for pair in sorted(pairs) if (held_s := _held_s(memory, pair, scene.time_s)) >= needed_s}
        _forget(memory, scene.time_s)
        members = {track for pair in close for track in pair}
        if not close or len(members) < rule.min_count:
            return None
        return seen(rule, [a for a in wanted if a.track.id in members], max(close.values()), scene.time_s)

    def _look_at_line(self, rule: Rule, memory: _Memory, scene: Scene, wanted: list[Actor]) -> Finding | None:
        by_id = {a.track.id: a for a in wanted}
        memory.crossings = {t: c for t, c in memory.crossings.items() if scene.time_s - c[0] <= HOLD_S}
        is_new = False
        for crossing in scene.crossings:
            if crossing.line == rule.line and rule.direction in ("both", crossing.direction) and crossing.track_id in by_id:
                finding = crossed(rule, by_id[crossing.track_id], crossing, scene.time_s)
                memory.crossings[crossing.track_id] = (scene.time_s, finding)
                is_new = True
        if not is_new or len(memory.crossings) < rule.min_count:
            return None
        newest = [finding for _, finding in memory.crossings.values()]
        if rule.min_count > 1:
            sentence = f"{count_of(newest)} crossed line {rule.line} together (at least {rule.min_count})"
            return replace(_joined(newest), sentence=sentence)
        return newest[-1] if len(newest) == 1 else _joined(newest)

    def _listen(self, rule: Rule, memory: _Memory, hearing: Hearing) -> Finding | None:
        counted, since_s = _in_a_row(rule, memory, hearing)
        finding = heard(rule, hearing, counted, hearing.end_s - since_s)
        if finding is None:
            if not rule.labels:
                _forget(memory, hearing.end_s)
            return None
        if rule.labels:  # the duration is that of what is seen
            return finding
        held_s = _held_s(memory, None, hearing.end_s, begin_s=since_s)
        return heard(rule, hearing, counted, held_s) if held_s >= rule.min_duration_s else None

    def _verdict(self, name: str, rule: Rule, memory: _Memory, time_s: float, wall_s: float | None) -> Judgement:
        is_about_sound = _is_about_sound(rule)
        wanted = bool(rule.labels), is_about_sound, bool(rule.words)
        needed = sum(wanted)
        keep_s = TOGETHER_S if needed > 1 else HOLD_S + self._rise_s
        if rule.labels and needed == 1 and rule.line is None:
            # a state, not an instant: it holds only while it is seen, but a missed look must not end what the policy waits for
            keep_s = min(self._rise_s, self._grace_s)
        if rule.words and memory.said is not None:
            keep_s += memory.said.late_s * (needed > 1)  # together with what was there when it was said
        sides = zip(wanted, (memory.seen, memory.heard, memory.said), strict=True)
        found = [f for is_wanted, f in sides if is_wanted and f is not None and time_s - f.time_s <= keep_s]
        kind = kind_of(name)
        if len(found) == needed:
            memory.met, memory.met_s = tuple(found), time_s
        elif needed > 1 and memory.met and time_s - memory.met_s < self._rise_s:
            found = list(memory.met)
        else:
            return Judgement(self.camera, Way.RULE, kind, time_s, wall_s, 0.0)
        joined = _joined(found)
        return Judgement(
            camera=self.camera,
            way=Way.RULE,
            kind=kind,
            time_s=time_s,
            wall_s=wall_s,
            score=1.0,
            reason=joined.sentence,
            contributions={m.value: sum(f.modality is m for f in found) / len(found) for m in dict.fromkeys(f.modality for f in found)},
            boxes=joined.boxes,
            subjects=joined.subjects,
            details={"rule": name, **joined.details},
        )


def _in_a_row(rule: Rule, memory: _Memory, hearing: Hearing) -> tuple[dict[str, float], float]:
    """The sounds of a rule named in enough spans in a row, this one included, and since when the first of them has been."""
    is_next = memory.listened_s >= hearing.start_s  # spans overlap; after a jump in time nothing is in a row
    memory.listened_s = hearing.end_s
    found = named(rule, hearing)
    before = memory.runs if is_next else {}
    memory.runs = {}
    for name in found:
        spans, since_s = before.get(name, (0, hearing.start_s))
        memory.runs[name] = (spans + 1, since_s)
    counted = {name: found[name] for name, (spans, _) in memory.runs.items() if spans >= rule.min_sound_spans}
    return counted, min((memory.runs[name][1] for name in counted), default=hearing.start_s)


def _is_about_sound(rule: Rule) -> bool:
    return bool(rule.sounds) or rule.min_level_dbfs is not None


def _matches(actor: Actor, rule: Rule) -> bool:
    """Whether an actor fulfils what a rule asks of a single one."""
    return (
        actor.track.label in rule.labels
        and (rule.zone is None or rule.zone in actor.zones)
        and (rule.posture is None or actor.posture.value == rule.posture)
        and (not rule.is_abandoned or actor.is_abandoned)
        and (rule.min_speed is None or actor.speed >= rule.min_speed)
    )


def _own_s(actor: Actor, rule: Rule) -> float:
    """How long the actor itself says that it has fulfilled the rule; 0 where it cannot say."""
    if rule.min_speed is not None or rule.is_abandoned or rule.posture in ("bent", "upright"):
        return 0.0
    clocks = [actor.zones[rule.zone]] if rule.zone is not None else []
    if rule.posture == "lying":
        clocks.append(actor.lying_s)
    return min(clocks, default=actor.dwell_s)


def _held_s(memory: _Memory, key: Key, time_s: float, begin_s: float | None = None) -> float:
    """Note that a condition holds now; how long it has."""
    begin_s = time_s if begin_s is None else begin_s
    since_s, last_s = memory.held.get(key, (begin_s, begin_s))
    if begin_s - last_s > memory.grace_s:
        since_s = begin_s
    memory.held[key] = (since_s, max(last_s, time_s))
    return time_s - since_s


def _forget(memory: _Memory, time_s: float) -> None:
    memory.held = {key: span for key, span in memory.held.items() if time_s - span[1] <= memory.grace_s}


def _joined(findings: Iterable[Finding]) -> Finding:
    """Several findings as one."""
    every = list(findings)
    details: dict[str, object] = {}
    for finding in every:
        details.update(finding.details)
    first = next((f for f in every if f.modality is Modality.VIDEO), every[0])
    return Finding(
        time_s=max(f.time_s for f in every),
        modality=first.modality,
        sentence=" and ".join(f.sentence for f in every),
        boxes=tuple(b for f in every for b in f.boxes),
        subjects=tuple(dict.fromkeys(s for f in every for s in f.subjects)),
        details=details,
    )
