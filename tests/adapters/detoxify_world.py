# SPDX-License-Identifier: Apache-2.0
"""Detoxify's checkpoints, ``unitary/*`` folders and base tokenizers, of the true layout and kinds.

Weights are random (a seed), since the real ones cannot be had offline; ``TRUE`` has their shapes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from hubpolicy.adapters.scorers.export.bundling import Order
from hubpolicy.adapters.scorers.export.known import Shape, known_model
from hubpolicy.adapters.scorers.export.parity import text_set

if TYPE_CHECKING:
    from pathlib import Path

# As the checkpoints themselves name them; Detoxify renames three.
JIGSAW = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
UNBIASED = ("toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat",
            "sexual_explicit")  # fmt: skip
IDENTITIES = ("male", "female", "homosexual_gay_or_lesbian", "christian", "jewish", "muslim",
              "black", "white", "psychiatric_or_mental_illness")  # fmt: skip
TOKENIZERS = {"original": "BertTokenizer", "unbiased": "RobertaTokenizer",
              "multilingual": "XLMRobertaTokenizer"}  # fmt: skip
VOCABULARY = 900


class Made(NamedTuple):
    """A model of ours in Detoxify's format."""

    name: str
    checkpoint: Path
    folder: Path
    tokenizer: Path
    sha256: str
    model: Any

    def order(self, **changes: Any) -> Order:
        """An order for the checkpoint, with our own digest."""
        fields = {"source": self.checkpoint, "tokenizer": self.tokenizer, "sha256": self.sha256}
        return Order(**{"name": f"detoxify-{self.name}", **fields, **changes})


def tiny_shape(name: str) -> Shape:
    """Two layers of 64; all else as published."""
    return known_model(f"detoxify-{name}").shape._replace(
        vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=96,
    )  # fmt: skip


def make_model(name: str, folder: Path, *, shape: Shape | None = None, seed: int = 1) -> Made:
    """Write checkpoint, safetensors folder and tokenizer below ``folder``."""
    known = known_model(f"detoxify-{name}")
    shape = shape or tiny_shape(name)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(name, folder / known.base)
    kind = getattr(transformers, known.architecture)
    config = kind.config_class(**shape._asdict(), num_labels=known.outputs)
    config.architectures = [known.architecture]
    torch.manual_seed(seed)
    model = kind(config).eval()
    with torch.no_grad():
        head = model.classifier if name == "original" else model.classifier.out_proj
        head.weight.mul_(30)  # so that scores are not all about one half
    (tokenizer / "config.json").write_text(json.dumps(config.to_dict()))
    path = folder / f"{name}.ckpt"
    torch.save(checkpoint(name, model), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Made(name, path, folder, tokenizer, digest, model)


def checkpoint(name: str, model: Any) -> dict[str, Any]:
    """The dict that Detoxify's trainer saves, with the buffer that older transformers saved."""
    known = known_model(f"detoxify-{name}")
    classes = JIGSAW if name == "original" else UNBIASED
    state = dict(model.state_dict())
    body = known.architecture[:4].lower() if name == "original" else "roberta"
    positions = model.config.max_position_embeddings
    state[f"{body}.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    return {
        "config": {
            "name": f"Jigsaw_{known.base}",
            "n_gpu": 1,
            "arch": {
                "type": "BERT",
                "args": {
                    "num_classes": known.outputs,
                    "model_type": known.base,
                    "model_name": known.architecture,
                    "tokenizer_name": TOKENIZERS[name],
                },
            },
            "dataset": {"type": "JigsawData", "args": {"classes": list(classes)}},
        },
        "state_dict": state,
    }


def make_unitary(made: Made, folder: Path) -> str:
    """The same model as ``unitary/*`` has it; the sha256 of its weights."""
    folder.mkdir(parents=True)
    for path in made.tokenizer.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    names = JIGSAW if made.name == "original" else (*UNBIASED, *IDENTITIES)
    config = json.loads((folder / "config.json").read_bytes())
    config["id2label"] = {str(i): label for i, label in enumerate(names)}
    config["label2id"] = {label: i for i, label in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))
    state = {name: value.contiguous() for name, value in made.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def make_tokenizer(name: str, folder: Path) -> Path:
    """The base model's tokenizer files: WordPiece, byte-level BPE or Unigram, trained on our texts."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = text_set(known_model(f"detoxify-{name}").languages).texts
    {"original": _wordpiece, "unbiased": _bytes, "multilingual": _unigram}[name](folder, texts)
    return folder


def _wordpiece(folder: Path, texts: tuple[str, ...]) -> None:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word, _ in words), encoding="utf-8")


def _bytes(folder: Path, texts: tuple[str, ...]) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.model.save(str(folder))


def _unigram(folder: Path, texts: tuple[str, ...]) -> None:
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in texts for line in text.splitlines() if line]),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=VOCABULARY - 10,
        model_type="unigram",
        hard_vocab_limit=False,
        minloglevel=2,
    )
