"""Learn to read printed lines: image tokens in, characters out, by connectionist temporal classification (Graves et al., 2006)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import InputError
from core.samples import FloatArray

BLANK = 0
HIDDEN = 128
MIXERS, MIXER_STEPS = 2, 5  # convolutions over neighbouring steps: the tokens below them have seen their line already
GRADIENT_NORM = 5.0
LEAST_SPREAD = 1e-3
UNNAMED = -3.0  # an accented letter looks like its bare one to an encoder that knows no accents


@dataclass(frozen=True, slots=True)
class ReaderTraining:
    """How a reader is trained.

    Attributes:
        epochs: passes over the lines; the rate falls to zero over them.
        batch: lines a step.
        rate: the highest learning rate of AdamW.
        dropout: of image tokens' numbers and of the hidden state.
        seed: of everything random.
    """

    epochs: int = 12
    batch: int = 16
    rate: float = 2e-3
    dropout: float = 0.25
    seed: int = 0


class LineReader(nn.Module):
    """Names the characters along a line.

    Attributes:
        alphabet: the characters it knows, in the order of its outputs; output 0 is 'nothing here'.
        width: numbers an image token.
    """

    mean: Tensor
    spread: Tensor
    place: Tensor

    def __init__(
        self, alphabet: Sequence[str], width: int, *, named: Sequence[str] = (), hidden: int = HIDDEN, dropout: float = 0.25
    ) -> None:
        """Begin as the encoder reads, where it names characters.

        Args:
            alphabet: of the output.
            width: of image tokens.
            named: the characters whose log likelihoods are the tokens' last numbers, the first being 'nothing here'.
            hidden: width within.
            dropout: of image tokens' numbers and of the hidden state.
        """
        super().__init__()
        self.named = len(named)
        if named:
            column = {character: index for index, character in enumerate(named)}
            places = [0, *(column.get(c, column.get(unicodedata.normalize("NFD", c)[0], -1)) for c in alphabet)]
            self.register_buffer("place", torch.tensor(places), persistent=False)
            self.trust = nn.Parameter(torch.ones(len(places)))
            self.surprise = nn.Parameter(
                torch.tensor([UNNAMED if unicodedata.normalize("NFD", c)[0] != c else 0.0 for c in ("a", *alphabet)])
            )
        self.alphabet = tuple(alphabet)
        self.width = width
        self.hidden = hidden
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.inner = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout))
        self.mixers = nn.ModuleList(nn.Conv1d(hidden, hidden, MIXER_STEPS, padding=MIXER_STEPS // 2) for _ in range(MIXERS))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(MIXERS + 1))
        self.outer = nn.Linear(hidden, len(self.alphabet) + 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities `[batch, steps, characters + 1]` and hidden states `[batch, steps, hidden]`.

        Args:
            tokens: `[batch, steps, width]`.
            lengths: `[batch]`, steps of each.
        """
        real = (torch.arange(tokens.shape[1])[None] < lengths[:, None])[..., None]  # [batch, steps, 1]
        hidden = self.inner(self.dropout((tokens - self.mean) / self.spread))
        for mixer, norm in zip(self.mixers, self.norms, strict=False):
            mixed = mixer((norm(hidden) * real).transpose(1, 2)).transpose(1, 2)
            hidden = hidden + self.dropout(nn.functional.gelu(mixed))
        hidden = self.norms[-1](hidden)
        scores = self.outer(self.dropout(hidden))
        if self.named:
            told = tokens[..., -self.named :]
            seen = torch.where(self.place >= 0, told[..., self.place.clamp(min=0)], told.amin(-1, keepdim=True))
            scores = scores + self.trust * seen + self.surprise
        return scores.log_softmax(-1), hidden

    @torch.no_grad()
    def read(self, tokens: FloatArray) -> FloatArray:
        """Log probabilities of a line, `[steps, characters + 1]`, from `[steps, width]`."""
        self.eval()
        logs, _ = self(torch.from_numpy(tokens.astype(np.float32))[None], torch.tensor([len(tokens)]))
        found: FloatArray = logs[0].numpy()
        return found

    def codes(self, text: str) -> list[int]:
        """The outputs that spell a text; characters that it does not know are left out."""
        place = {character: index for index, character in enumerate(self.alphabet, start=1)}
        return [place[c] for c in text if c in place]


def alphabet_of(texts: Sequence[str], least: int = 2) -> tuple[str, ...]:
    """The characters that occur at least so often, sorted."""
    count: dict[str, int] = {}
    for character in "".join(texts):
        count[character] = count.get(character, 0) + 1
    return tuple(sorted(c for c, n in count.items() if n >= least))


def train_reader(
    lines: Sequence[tuple[FloatArray, str]],
    settings: ReaderTraining | None = None,
    alphabet: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> LineReader:
    """Learn from image tokens `[steps, width]` with what is printed there.

    Raises:
        InputError: there are no lines, or none is long enough for its text.
    """
    settings = settings or ReaderTraining()
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    if not lines:
        raise InputError("a reader needs lines with their text; there are none")
    reader = LineReader(alphabet or alphabet_of([text for _, text in lines]), lines[0][0].shape[1], named=named, dropout=settings.dropout)
    usable = [(tokens, codes) for tokens, text in lines if 0 < len(codes := reader.codes(text)) <= len(tokens)]
    if not usable:
        raise InputError("no line has as many image tokens as characters; the pictures are too small for their text")
    steps_seen = sum(len(tokens) for tokens, _ in usable)
    mean = sum(tokens.sum(0, dtype=np.float64) for tokens, _ in usable) / steps_seen  # [width]
    spread = np.sqrt(sum(np.square(tokens - mean).sum(0) for tokens, _ in usable) / steps_seen)
    reader.mean.copy_(torch.as_tensor(mean))
    reader.spread.copy_(torch.as_tensor(spread).clamp(min=LEAST_SPREAD))
    optimiser = torch.optim.AdamW(reader.parameters(), lr=settings.rate, weight_decay=1e-2)
    steps = settings.epochs * -(-len(usable) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps, pct_start=0.15)
    loss_of = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    reader.train()
    for epoch in range(settings.epochs):
        losses = []
        order = sorted(rng.permutation(len(usable)), key=lambda i: len(usable[i][0]) // 64)
        batches = [order[i : i + settings.batch] for i in range(0, len(order), settings.batch)]
        for chosen in rng.permutation(len(batches)):
            rows = [usable[i] for i in batches[chosen]]
            sizes = torch.tensor([len(tokens) for tokens, _ in rows])
            padded = nn.utils.rnn.pad_sequence([torch.from_numpy(t.astype(np.float32)) for t, _ in rows], batch_first=True)
            spelled = torch.tensor([code for _, row in rows for code in row])
            logs, _ = reader(padded, sizes)
            loss = loss_of(logs.transpose(0, 1), spelled, sizes, torch.tensor([len(row) for _, row in rows]))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(reader.parameters(), GRADIENT_NORM)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        say(f"reader, epoch {epoch + 1} of {settings.epochs}: loss {np.mean(losses):.3f}")
    return reader.eval()


def greedy(logs: FloatArray, alphabet: Sequence[str]) -> str:
    """The text along the best output of each step."""
    best = logs.argmax(1)
    kept = [int(code) for place, code in enumerate(best) if code != BLANK and (place == 0 or code != best[place - 1])]
    return "".join(alphabet[code - 1] for code in kept)


def text_scores(logs: FloatArray, texts: Sequence[Sequence[int]]) -> FloatArray:
    """How likely each spelling is under a line's log probabilities: `[texts]`, natural logarithms.

    Args:
        logs: `[steps, characters + 1]`.
        texts: output codes of each candidate.
    """
    lengths = torch.tensor([len(codes) for codes in texts])
    rows = torch.from_numpy(logs)[:, None].expand(-1, len(texts), -1)  # [steps, texts, characters + 1]
    flat = torch.tensor([code for codes in texts for code in codes], dtype=torch.long)
    losses = nn.functional.ctc_loss(rows, flat, torch.full((len(texts),), len(logs)), lengths, reduction="none", blank=BLANK)
    scores: FloatArray = (-losses).numpy()
    return scores


def aligned(logs: FloatArray, codes: Sequence[int]) -> list[int]:
    """The step at which each character of a spelling is most likely printed, in order (Viterbi over the CTC lattice).

    Args:
        logs: `[steps, characters + 1]`.
        codes: the spelling; at most as many as there are steps.
    """
    states = [BLANK]
    for code in codes:
        states += [code, BLANK]
    score = np.full(len(states), -np.inf)
    score[:2] = logs[0, states[:2]]
    allowed = np.array([i >= 2 and states[i] != BLANK and states[i] != states[i - 2] for i in range(len(states))])
    back = np.zeros((len(logs), len(states)), np.int8)
    for step in range(1, len(logs)):
        one = np.concatenate([[-np.inf], score[:-1]])
        two = np.where(allowed, np.concatenate([[-np.inf, -np.inf], score[:-2]])[: len(states)], -np.inf)
        choices = np.stack([score, one, two])
        back[step] = choices.argmax(0)
        score = choices.max(0) + logs[step, states]
    state = len(states) - 1 if len(states) < 2 or score[-1] >= score[-2] else len(states) - 2
    first = [0] * len(codes)
    for step in range(len(logs) - 1, -1, -1):
        if state % 2:
            first[state // 2] = step
        state -= int(back[step, state])
    return first
