# SPDX-License-Identifier: Apache-2.0
"""Random language models of the true layout, as ``save_pretrained`` writes them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "the of and to in that was his it with as for had you not be on at by her which have from"
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
         "num_attention_heads": 2, "vocab_size": 320, "max_position_embeddings": 128,
         "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}  # fmt: skip


@cache
def tokenizer(template: str = TEMPLATE) -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE of at most 320 tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator([WORDS] * 10, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    fast.chat_template = template
    return fast


def llama(**changes: Any) -> Any:
    config = transformers.LlamaConfig(**{**SMALL, "num_key_value_heads": 1, **changes})
    return transformers.LlamaForCausalLM(config)


def qwen2(**changes: Any) -> Any:
    config = transformers.Qwen2Config(**{**SMALL, "num_key_value_heads": 2, **changes})
    return transformers.Qwen2ForCausalLM(config)


def gpt2(**changes: Any) -> Any:
    config = transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=2, n_positions=128, vocab_size=320, bos_token_id=0,
        eos_token_id=1, **changes,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def mixtral(**changes: Any) -> Any:
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 1}
    return transformers.MixtralForCausalLM(
        transformers.MixtralConfig(**{**SMALL, **experts, **changes})
    )


def write_model(folder: Path, make: Any = llama, *, shards: str = "", **changes: Any) -> Path:
    """Weights of seed 0 and their tokenizer. ``shards``: at most so large, such as ``20KB``."""
    torch.manual_seed(0)
    model = make(**changes)
    # Random weights of the usual size give a flat distribution; these give one with a shape.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    model.save_pretrained(folder, **({"max_shard_size": shards} if shards else {}))
    tokenizer().save_pretrained(folder)
    return folder
