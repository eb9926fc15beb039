"""Train the two tiny causal language models of the demo and export them in onnxruntime-genai's format.

    python -m training.demo_models.train --out build/demo-models [--model civil|rude] [--steps N]

One thread and fixed seeds; see README.md beside this file for time and figures.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.demo_models.corpus import Text, write_texts
from training.demo_models.export import export

SPECIAL = ("<s>", "</s>", "<pad>")
BOS, EOS, PAD = range(3)
VOCABULARY, LENGTH, BATCH, CONTEXT = 2560, 112, 16, 256
PEAK_RATE, WEIGHT_DECAY, CLIP, SEED = 1.5e-3, 0.01, 1.0, 20261122
TEXTS = 40_000


class Batch(NamedTuple):
    """Token ids and labels, both int64 of shape (BATCH, LENGTH); -100 marks what is not learned."""

    ids: torch.Tensor
    labels: torch.Tensor


def train_tokenizer(texts: list[Text]) -> Tokenizer:
    """Train a byte-level BPE: every byte has a token, so any prompt can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.head + text.body for text in texts), trainer)
    return tokenizer


def encode(text: Text, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return ids and labels of one text, cut or padded to LENGTH; the head is read, not learned."""
    head = tokenizer.encode(text.head).ids
    body = [*tokenizer.encode(text.body).ids, EOS]
    ids, labels = [*head, *body][:LENGTH], [*([-100] * len(head)), *body][:LENGTH]
    missing = LENGTH - len(ids)
    return [*ids, *([PAD] * missing)], [*labels, *([-100] * missing)]


def batches(texts: list[Text], tokenizer: Tokenizer, steps: int) -> list[Batch]:
    """Return `steps` batches; the texts are independent draws, so their order is random already."""
    rows = [encode(text, tokenizer) for text in texts]
    ids, labels = (torch.tensor(column) for column in zip(*rows, strict=True))
    places = [torch.arange(step * BATCH, (step + 1) * BATCH) % len(rows) for step in range(steps)]
    return [Batch(ids[place], labels[place]) for place in places]


def new_model(size: int) -> Any:
    """Return an untrained model of about a million parameters with `size` tokens."""
    config = LlamaConfig(
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        vocab_size=-(-size // 64) * 64,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def fit(model: Any, rounds: list[Batch]) -> float:
    """Train `model` on `rounds`; return the mean loss of the last tenth, in nats per token."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=len(rounds))
    losses: list[float] = []
    started = time.monotonic()
    for number, batch in enumerate(rounds):
        logits = model(input_ids=batch.ids).logits
        loss: Any = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), batch.labels[:, 1:].flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if number % 200 == 0:
            sys.stderr.write(
                f"step {number} loss {losses[-1]:.3f} {time.monotonic() - started:.0f} s\n"
            )
    tail = losses[-max(1, len(losses) // 10) :]
    return sum(tail) / len(tail)


def save(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write model and tokenizer as a transformers folder."""
    wrap: Any = PreTrainedTokenizerFast
    wrapped = wrap(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)


def train(name: str, out: Path, steps: int) -> None:
    """Train and export one model to out/<name>; the transformers folder is kept in out/<name>-source."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    texts = write_texts(name == "rude", TEXTS)
    tokenizer = train_tokenizer(texts)
    model = new_model(tokenizer.get_vocab_size())
    loss = fit(model, batches(texts, tokenizer, steps))
    sys.stderr.write(f"{name}: {model.num_parameters()} parameters, loss {loss:.3f}\n")
    source = out / f"{name}-source"
    save(model.eval(), tokenizer, source)
    export(source, out / name)


def main() -> int:
    """Parse the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the models")
    parser.add_argument("--model", choices=("civil", "rude"), action="append")
    parser.add_argument("--steps", type=int, default=2500)
    options = parser.parse_args()
    for name in options.model or ("civil", "rude"):
        train(name, options.out, options.steps)
    return 0


if __name__ == "__main__":
    sys.exit(main())
