"""What is seen and heard, in plain sentences that a language model can read.

Every word and number comes from the values; the same values give the same sentences. Numbers that no value carries (a
distance in metres, a name, an intention) are never said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domains.surveillance.scene import Actor, Hearing, Posture, Scene, Utterance

STILL_S = 3.0  # what has not left its place for so long stands still
FAST = 1.3  # own heights a second from which walking is running
WALKING = 0.2
FALL_DESCENT = 0.5
SPEECH = 0.5
LOUD_DBFS = -20.0
MOST_GROUPS = 6

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLURALS = {"person": "people", "bus": "buses", "knife": "knives", "bench": "benches", "sheep": "sheep", "mouse": "mice"}
_SOUNDS = {"crying_baby": "a crying baby", "glass": "breaking glass", "scream": "a scream", "speech": "speech", "laughter": "laughter"}
_UNCOUNTED = frozenset({"rain", "wind", "thunder", "music", "laughing", "footsteps", "clapping", "snoring", "sneezing", "coughing"})
_DIRECTIONS = ("right", "up and right", "up", "up and left", "left", "down and left", "down", "down and right")


def describe_scene(scene: Scene, recent: Sequence[Scene] = ()) -> tuple[str, ...]:
    """What one moment shows.

    Args:
        scene: the moment.
        recent: scenes before it, oldest first; with them, who came down fast or left is said too.

    Returns:
        At least one sentence, what stands out first.
    """
    told: list[str] = []
    for actor in scene.actors:
        down = [a.descent for s in recent for a in s.actors if a.track.id == actor.track.id]
        most = max([actor.descent, *down])
        if actor.track.label == "person" and most >= FALL_DESCENT:
            told.append(f"a person came down at {most:.1f} of their own heights a second")
    told += [_crossing(scene, c.track_id, c.line, c.direction) for c in scene.crossings]
    groups: dict[str, list[Actor]] = {}
    for actor in sorted(scene.actors, key=_prominence):
        groups.setdefault(_doing(actor), []).append(actor)
    told += [_group(doing, members) for doing, members in list(groups.items())[:MOST_GROUPS]]
    close = {frozenset((a.track.id, other)) for a in scene.actors if a.track.label == "person" for other in a.near}
    people = {a.track.id for a in scene.actors if a.track.label == "person"}
    pairs = [pair for pair in close if pair <= people]
    if pairs:
        told.append(f"{_count(len(frozenset().union(*pairs)), 'person')} are close together")
    if scene.crowding >= 3:
        told.append(f"{scene.crowding} people are in view")
    gone = _gone(scene, recent)
    if gone:
        told.append(gone)
    if not scene.actors:
        told.append(f"nobody is in view; {_motion(scene)}")
    return tuple(told)


def describe_hearing(hearing: Hearing) -> tuple[str, ...]:
    """What one span of sound holds; at least one sentence."""
    told = [f"{_sound(name)} heard ({probability:.2f})" for name, probability in hearing.tags.items()]
    if hearing.speech >= SPEECH and not any(name.lower() == "speech" for name in hearing.tags):
        told.append(f"somebody speaks ({hearing.speech:.2f})")
    if hearing.level_dbfs >= LOUD_DBFS:
        told.append(f"it is loud ({hearing.level_dbfs:.0f} dBFS)")
    return tuple(told) if told else ("nothing stands out in the sound",)


def describe_utterance(utterance: Utterance) -> str:
    """What somebody said, in their words."""
    return f'a voice says "{utterance.text}"'


def describe_moment(scenes: Sequence[Scene], hearings: Sequence[Hearing], utterances: Sequence[Utterance] = ()) -> tuple[str, ...]:
    """What a span of some seconds holds: the last scene in the light of those before, the surest of each sound, and what is said.

    Args:
        scenes: oldest first; may be empty.
        hearings: oldest first; may be empty.
        utterances: oldest first; may be empty.

    Returns:
        Sentences; empty when all are.
    """
    told: list[str] = []
    if scenes:
        inspected = [s for s in scenes if s.is_inspected]
        last = scenes[-1] if scenes[-1].actors or not inspected else max(inspected[-3:], key=lambda s: (len(s.actors), s.time_s))
        told += describe_scene(last, [s for s in scenes if s is not last and s.time_s < last.time_s])
    if hearings:
        told += describe_hearing(_together(hearings))
    told += [describe_utterance(u) for u in utterances]
    return tuple(told)


def _together(hearings: Sequence[Hearing]) -> Hearing:
    """Several hearings as one: the surest of each sound, the loudest level."""
    tags: dict[str, float] = {}
    for hearing in hearings:
        for name, probability in hearing.tags.items():
            tags[name] = max(tags.get(name, 0.0), probability)
    first, last = hearings[0], hearings[-1]
    return Hearing(
        first.camera,
        first.start_s,
        last.end_s,
        first.wall_s,
        max(h.level_dbfs for h in hearings),
        dict(sorted(tags.items(), key=lambda tag: (-tag[1], tag[0]))),
        max(h.speech for h in hearings),
    )


def _doing(actor: Actor) -> str:
    """The verb phrase of one actor, `lies for 6 s`, without its subject."""
    if actor.is_abandoned:
        return f"stands left behind{_where(actor)} for {actor.still_s:.0f} s"
    if actor.posture is Posture.LYING:
        return f"lies{_where(actor)} for {actor.lying_s:.0f} s"
    verb = "stands" if actor.posture is not Posture.BENT else "is bent or sits"
    if actor.track.label == "person" and actor.speed >= WALKING and actor.direction_deg is not None:
        verb = "runs" if actor.speed >= FAST else "walks"
        return f"{verb} {_direction(actor.direction_deg)}{_where(actor)}, {actor.speed:.1f} heights a second"
    if actor.speed >= WALKING and actor.direction_deg is not None:
        return f"moves {_direction(actor.direction_deg)}{_where(actor)}, {actor.speed:.1f} heights a second"
    if actor.still_s >= STILL_S:
        return f"{verb}{_where(actor)}, still for {actor.still_s:.0f} s"
    return f"{verb}{_where(actor)}" if actor.track.label == "person" else f"is in view{_where(actor)}"


def _where(actor: Actor) -> str:
    if not actor.zones:
        return ""
    name = max(sorted(actor.zones), key=lambda zone: actor.zones[zone])
    return f" in zone {name}"


def _group(doing: str, members: Sequence[Actor]) -> str:
    labels = sorted({a.track.label for a in members})
    if len(labels) > 1:
        subject = " and ".join(_count(sum(a.track.label == name for a in members), name) for name in labels)
    else:
        subject = _count(len(members), labels[0])
    return f"{subject} {doing if len(members) == 1 else _plural_verb(doing)}"


def _plural_verb(doing: str) -> str:
    verb, _, rest = doing.partition(" ")
    plain, comma = verb.rstrip(","), "," if verb.endswith(",") else ""
    return f"{'are' if plain == 'is' else plain.removesuffix('s')}{comma} {rest}".rstrip()


def _count(count: int, label: str) -> str:
    if count == 1:
        return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"
    word = _COUNTS[count] if count < len(_COUNTS) else str(count)
    return f"{word} {_PLURALS.get(label, f'{label}s')}"


def _direction(degrees: float) -> str:
    return _DIRECTIONS[round(degrees / 45.0) % 8]


def _crossing(scene: Scene, track_id: int, line: str, direction: str) -> str:
    label = next((a.track.label for a in scene.actors if a.track.id == track_id), "object")
    return f"{_count(1, label)} crosses line {line} ({direction})"


def _gone(scene: Scene, recent: Iterable[Scene]) -> str:
    """Who was seen in the scenes before and is no longer there."""
    now = {a.track.id for a in scene.actors}
    labels = {a.track.id: a.track.label for s in recent for a in s.actors if a.track.id not in now}
    people = sum(label == "person" for label in labels.values())
    return f"{_count(people, 'person')} {'is' if people == 1 else 'are'} no longer in view" if people else ""


def _motion(scene: Scene) -> str:
    if scene.motion.is_lighting:
        return "the light changes"
    if scene.motion.is_moving and scene.motion.area > 0.0:
        return f"{max(1, round(100 * scene.motion.area))} % of the picture moves"
    return "nothing moves"


def _sound(name: str) -> str:
    key = name.strip().lower()
    if key in _SOUNDS:
        return f"{_SOUNDS[key]} is"
    words = key.replace("_", " ")
    if words in _UNCOUNTED or words.endswith("ing") or (words.endswith("s") and not words.endswith("ss")):
        return f"{words} is" if words in _UNCOUNTED or words.endswith("ing") else f"{words} are"
    return f"{'an' if words[:1] in 'aeiou' else 'a'} {words} is"


def _prominence(actor: Actor) -> tuple[bool, bool, bool, float, int]:
    return (
        actor.posture is not Posture.LYING,
        not actor.is_abandoned,
        actor.track.label != "person",
        -actor.speed,
        actor.track.id,
    )
