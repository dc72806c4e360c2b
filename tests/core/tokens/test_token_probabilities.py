"""How probable the entities are that a tagger finds: one number each, of the whole entity, over windows too."""

import pytest
import torch

from core.backbones import load_backbone
from core.tokens import tagging
from core.tokens.tagger import Shape, TokenTagger
from core.tokens.tagging import Sentence, tag, tag_surely
from core.tokens.tags import TagSet, entities


@pytest.fixture
def tagger(tiny_bert: str) -> TokenTagger:
    torch.manual_seed(3)
    made = TokenTagger(load_backbone(tiny_bert), TagSet(("A", "B")), Shape())
    torch.nn.init.normal_(made.head.weight)
    return made.eval()


def test_each_entity_has_one_probability_and_the_tags_are_the_same(tagger: TokenTagger) -> None:
    sentences = [Sentence(("person", "lies", "on", "the", "floor", "dog", "barks", "red")), Sentence(()), Sentence(("zzz",))]
    said = tag_surely(tagger, sentences)
    assert [one.tags for one in said] == tag(tagger, sentences)
    for one in said:
        assert len(one.probabilities) == len(entities(one.tags))
        assert all(0 <= p <= 1 for p in one.probabilities)


def test_entities_of_long_sentences_have_theirs(tagger: TokenTagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagging, "WINDOW_PIECES", 80)  # the tiny backbone has 96 positions
    words = tuple(["person", "dog", "lies", "red", "blue", "floor", "x1"][i % 7] for i in range(400))
    (said,) = tag_surely(tagger, [Sentence(words)])
    assert len(said.tags) == 400
    assert len(said.probabilities) == len(entities(said.tags)) > 0
    assert max(said.probabilities) < 1


def test_surer_scores_give_higher_probabilities(tagger: TokenTagger) -> None:
    sentence = Sentence(("person", "lies", "on", "the", "floor"))
    before = tag_surely(tagger, [sentence])[0]
    with torch.no_grad():
        for parameter in tagger.head.parameters():
            parameter *= 20
    after = tag_surely(tagger, [sentence])[0]
    assert entities(before.tags)
    assert min(after.probabilities) > min(before.probabilities)
