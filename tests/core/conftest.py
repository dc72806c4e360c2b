"""Tiny language models with random weights, saved as folders as real ones are; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "<s>",
    "text",
    "image",
    "video",
    "audio",
    ":",
    "a",
    "person",
    "lies",
    "falls",
    "on",
    "the",
    "floor",
    "scream",
    "is",
    "heard",
    "dog",
    "barks",
    "red",
    "blue",
]


def _save_tokenizer(folder: Path, **special: str) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", **special).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of an encoder of two layers, width 16."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), max_position_embeddings=96, **sizes), add_pooling_layer=False).save_pretrained(folder)
    _save_tokenizer(folder, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")
    return str(folder)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a decoder of two layers, width 16."""
    import torch
    from transformers import LlamaConfig, LlamaModel

    folder = tmp_path_factory.mktemp("tiny-llama")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 32}
    LlamaModel(LlamaConfig(vocab_size=len(WORDS), max_position_embeddings=96, pad_token_id=0, **sizes)).save_pretrained(folder)
    _save_tokenizer(folder, bos_token="<s>")
    return str(folder)


WRITER_WORDS = [
    *("[PAD]", "[UNK]", "<s>", "</s>", "text", "image", "tabular", ":", "?", "Question", "Answer", "What", "is", "there", "it"),
    *("red", "or", "green", "a", "circle", "square", "not", "stated"),
]


@pytest.fixture(scope="session")
def tiny_writer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a decoder of two layers, width 64."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-writer")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128}
    config = LlamaConfig(vocab_size=len(WRITER_WORDS), max_position_embeddings=256, pad_token_id=0, bos_token_id=2, eos_token_id=3, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WRITER_WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "bos_token": "<s>", "eos_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)
    return str(folder)
