"""The closed English word lists of the grounding check; a word in none of them must come from a fact."""

from __future__ import annotations

from types import MappingProxyType

from core.language.facts import ReasonKind


def listed(text: str) -> frozenset[str]:
    """The words of a list written as one line."""
    return frozenset(text.split())


NEGATIONS = listed(
    "no not without absent absence none never neither nor cannot lack lacks lacking negative nothing nobody non isn wasn aren weren hasn "
    "doesn didn denies denied excluded"
)
NEGATION_PHRASES = (("free", "of"), ("ruled", "out"), ("rules", "out"), ("clear", "of"))

SIDE_WORDS = MappingProxyType({"left": "left", "right": "right", "bilateral": "bilateral", "bilaterally": "bilateral"})
ZONE_WORDS = MappingProxyType(
    {z: z for z in ("upper", "middle", "lower", "apical", "basal", "anterior", "posterior", "medial", "lateral", "front", "rear")}
)

POSSIBLE = listed("may might could possible possibly perhaps maybe suspected")
LIKELY = listed("likely probable probably")
UNLIKELY = listed("unlikely improbable")
CERTAIN = listed("certainly definitely clearly surely undoubtedly certain confirmed")
POSSIBLE_FROM, LIKELY_FROM, LIKELY_VERY_FROM = 0.05, 0.5, 0.9  # probabilities that bear each word

COMPARATIVES = listed(
    "more less greater fewer higher larger smaller increased increase increasing decreased decrease decreasing rising falling elevated "
    "reduced worse worsened better improved above below over under exceeds exceeding least most than faster slower longer shorter bigger "
    "raised low high normal abnormal severe mild moderate significant large small only"
)
ABOVE_WORDS = (("more", "than"), ("greater", "than"), ("higher", "than"), ("above",), ("over",), (">",))
BELOW_WORDS = (("less", "than"), ("fewer", "than"), ("lower", "than"), ("below",), ("under",), ("<",))
QUANTIFIERS = listed("all every each some several many few multiple any half most both numerous various twice double dozen")

# words that add no claim of their own
FUNCTION = listed(
    "a an the is are was were be been being has have had there it its this that which with of in on at by as and but while also "
    "who whose he she they their his her shows show showing shown seen see observed detected detect present found visible noted "
    "measured measure measures recorded reported report indicates indicated evidence sign signs value reading equals side sided sides "
    "part zone presence exists exist occurs occurred reveals demonstrates s do does did identified described listed given named"
)
ABOUT = listed("about approximately roughly around nearly almost")
PROBABILITY_WORDS = listed("probability chance confidence likelihood")

VERBS = listed("is are was were has have had there shows show indicates measures equals reveals seen detected found")

START_CUES = listed("from between starting start starts begins beginning started began since")
END_CUES = listed("to until till ending end ends ended")
DURATION_CUES = listed("for lasting lasts lasted during duration")

# other words for an attribute, each a sequence of words
ALIASES: MappingProxyType[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "age": (("old",), ("aged",), ("age",)),
        "oxygen saturation": (("saturation",),),
        "activity": (("doing",),),
        "name": (("called",),),
    }
)


def kind_of(word: str) -> ReasonKind:
    """What a word that no fact carries would have claimed."""
    if word in NEGATIONS:
        return ReasonKind.NEGATION
    if word in SIDE_WORDS or word in ZONE_WORDS or word == "both":
        return ReasonKind.LATERALITY
    if word in QUANTIFIERS:
        return ReasonKind.QUANTIFIER
    if word in COMPARATIVES or word in ABOUT:
        return ReasonKind.COMPARATIVE
    if word in POSSIBLE | LIKELY | UNLIKELY | CERTAIN | PROBABILITY_WORDS:
        return ReasonKind.HEDGE
    if word in START_CUES | END_CUES | DURATION_CUES | {"before", "after", "when", "then", "later", "earlier"}:
        return ReasonKind.TIME
    return ReasonKind.NAME
