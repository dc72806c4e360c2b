"""Language: how quickly each runtime decodes, how faithful the local model is with and without the check, what the check costs.

Made facts are judged by how they were made (spoilt sentences) or by a strict reader that shares nothing with the check (the
model's sentences); see docs/language.md.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.benchmark import BenchContext, Metric
from core.errors import ModelError
from core.language import Fact, LocalWriter, check, describe, load_decoder
from core.language.decoding import Decoder
from core.language.faithfulness.made import faithful, made_facts, spoilt
from core.language.faithfulness.oracle import is_faithful
from core.language.faithfulness.real import real_facts
from core.metrics import Estimate
from core.weights import locate

SETS = 500
REAL_SETS = 100
SEED = 7_000_026  # none of these sets was looked at while the check was written
SPEED_FACTS = 8
SPEED_TOKENS = 64
GGUF, GENAI = "TRIVIUM_BENCH_GGUF", "TRIVIUM_BENCH_GENAI"  # a GGUF file and a folder of onnxruntime-genai's builder


@dataclass(frozen=True, slots=True)
class Judged:
    """One sentence of the model: whether it is faithful, and whether the check let it pass."""

    is_faithful: bool
    passed: bool


def run(context: BenchContext) -> list[Metric]:
    """Speed, then the check alone, then the model with and without it."""
    sets = [made_facts(SEED + n) for n in range(SETS // 5 if context.is_quick else SETS)]
    real = real_facts(context.data, REAL_SETS)
    metrics = [*_speeds(context), *_spoilt(sets)]
    writer = LocalWriter(load_decoder())
    for name, chosen in (("made", sets), ("real", real)):
        context.say(f"the local model words {sum(map(len, chosen))} facts of {len(chosen)} {name} sets")
        metrics.extend(_faithfulness(name, chosen, writer))
    return metrics


def _speeds(context: BenchContext) -> Iterator[Metric]:
    facts = [fact for n in range(SPEED_FACTS) for fact in made_facts(SEED - 1 - n)][:SPEED_FACTS]
    reference: list[str] = []
    for name, load in _runtimes().items():
        metric = f"decoding, {name}"
        try:
            decoder = load()
        except ModelError as error:
            yield Metric(metric, None, "tokens/s", note=str(error))
            continue
        context.say(metric)
        texts = LocalWriter(decoder).reword(facts)
        reference = reference or texts
        equal = sum(a == b for a, b in zip(texts, reference, strict=True))
        prompts = [decoder.chat("You describe facts.", f"Describe: {fact.subject}") for fact in facts[:4]]
        rates = []
        for prompt in prompts:
            start = time.perf_counter()
            new = sum(len(c.token_ids) for c in decoder.complete([prompt], SPEED_TOKENS, ignore_end=True))
            rates.append(new / (time.perf_counter() - start))
        note = f"one stream, {SPEED_TOKENS} new tokens a prompt, prompt included, greedy; {equal} of {len(facts)} texts equal to float32's"
        yield Metric(metric, sorted(rates)[len(rates) // 2], "tokens/s", interval=(min(rates), max(rates)), note=note)


def _runtimes() -> dict[str, Callable[[], Decoder]]:
    folder = locate("smollm2", pull=True)

    def transformers() -> Decoder:
        from core.language.decoding.with_transformers import TransformersDecoder

        return TransformersDecoder(folder)

    def ctranslate2(quantisation: str) -> Callable[[], Decoder]:
        def load() -> Decoder:
            from core.language.decoding.with_ctranslate2 import CTranslate2Decoder

            return CTranslate2Decoder(folder, quantisation=quantisation)

        return load

    def llama_cpp() -> Decoder:
        from core.language.decoding.with_llama_cpp import LlamaCppDecoder

        return LlamaCppDecoder(_given(GGUF, "a GGUF file"))

    def onnxruntime() -> Decoder:
        from core.language.decoding.with_onnxruntime import OnnxRuntimeDecoder

        return OnnxRuntimeDecoder(_given(GENAI, "a folder that onnxruntime-genai's builder wrote"))

    return {
        "transformers float32": transformers,
        "ctranslate2 float32": ctranslate2("float32"),
        "ctranslate2 int8": ctranslate2("int8_float32"),
        "onnxruntime-genai int4": onnxruntime,
        "llama.cpp Q4_1": llama_cpp,
    }


def _given(variable: str, what: str) -> Path:
    if variable not in os.environ:
        raise ModelError(f"not measured: set {variable} to {what}")
    return Path(os.environ[variable])


def _spoilt(sets: Sequence[Sequence[Fact]]) -> Iterator[Metric]:
    """The check alone, on sentences whose truth is known from how they were made."""
    draw = random.Random(SEED)
    tried: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    good = kept = passed_spoilt = 0
    start = time.perf_counter()
    for facts in sets:
        for fact in facts:
            good += 1
            kept += check(faithful(fact, draw).text, facts).ok
            for sentence in spoilt(facts, fact, draw):
                tried[sentence.kind] += 1
                is_caught = not check(sentence.text, facts).ok
                caught[sentence.kind] += is_caught
                passed_spoilt += not is_caught
    took_s = time.perf_counter() - start
    note = f"{len(sets)} made sets, seed {SEED}; wordings are not the templates"
    everything = good + tried.total()
    share = _share(kept, good)
    yield Metric("check: good sentences kept", share.value, "", interval=(share.low, share.high), note=f"{good} sentences; {note}")
    share = _share(caught.total(), tried.total())
    yield Metric(
        "check: spoilt sentences dropped", share.value, "", interval=(share.low, share.high), note=f"{tried.total()} sentences; {note}"
    )
    share = _share(kept, kept + passed_spoilt)
    yield Metric(
        "check: faithful among those it passes",
        share.value,
        "",
        ">= 0.995",
        share.value >= 0.995,
        interval=(share.low, share.high),
        note=note,
    )
    yield Metric("check: time a sentence", 1e3 * took_s / everything, "ms", note=f"{everything} sentences")
    for kind, count in sorted(tried.items()):
        share = _share(caught[kind], count)
        yield Metric(f"check: dropped, {kind}", share.value, "", interval=(share.low, share.high), note=f"{count} sentences")


def _faithfulness(name: str, sets: Sequence[Sequence[Fact]], writer: LocalWriter) -> Iterator[Metric]:
    if not sets:
        yield Metric(f"{name}: faithful with the check", None, "", ">= 0.995", note="no data")
        return
    flat = [(fact, facts) for facts in sets for fact in facts]
    texts = writer.reword([fact for fact, _ in flat])
    judged = [Judged(is_faithful(text, fact), check(text, facts).ok) for text, (fact, facts) in zip(texts, flat, strict=True)]
    passed = [j for j in judged if j.passed]
    faithful_ones = [j for j in judged if j.is_faithful]
    note = f"{len(judged)} sentences of SmolLM2-135M over {len(sets)} {name} sets, judged apart from the check"
    share = _share(sum(j.is_faithful for j in judged), len(judged))
    yield Metric(f"{name}: faithful without the check", share.value, "", interval=(share.low, share.high), note=note)
    share = _share(sum(j.is_faithful for j in passed), len(passed))
    bound = ">= 0.995"
    yield Metric(
        f"{name}: faithful with the check",
        share.value,
        "",
        bound,
        share.value >= 0.995,
        interval=(share.low, share.high),
        note=f"{len(passed)} passed",
    )
    share = _share(sum(j.passed for j in faithful_ones), len(faithful_ones))
    yield Metric(
        f"{name}: good sentences of the model kept",
        share.value,
        "",
        interval=(share.low, share.high),
        note=f"{len(faithful_ones)} are good",
    )
    drafts = [describe(facts) for facts in sets]
    told = sum(len({i for s in draft.sentences for i in s.fact_ids}) for draft in drafts)
    share = _share(told, len(flat))
    yield Metric(
        f"{name}: facts told by templates",
        share.value,
        "",
        interval=(share.low, share.high),
        note=f"{len(flat)} facts; every template passes the check",
    )


def _share(count: int, total: int) -> Estimate:
    """A share with Wilson's 95 % interval."""
    if total == 0:
        return Estimate(float("nan"), 0.0, 1.0)
    z = 1.959964
    share, width = count / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / width
    half = z / width * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
