# SPDX-License-Identifier: Apache-2.0
"""Turns a base model's tokenizer folder (any kind) into the one ``tokenizer.json`` of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import transformers
from tokenizers import Tokenizer

from hubpolicy.errors import MalformedError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubpolicy.adapters.scorers.export.known import Known, Shape

_KINDS = {
    "BertForSequenceClassification": ("BertTokenizer", ("vocab.txt",)),
    "RobertaForSequenceClassification": ("RobertaTokenizer", ("vocab.json", "merges.txt")),
    "XLMRobertaForSequenceClassification": ("XLMRobertaTokenizer", ("sentencepiece.bpe.model",)),
}
_WHOLE = "tokenizer.json"


class Words(NamedTuple):
    """A tokenizer as transformers has it and as a bundle has it; the ids around every text."""

    reference: Any
    content: bytes
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]


def read_words(folder: Path, known: Known, shape: Shape, longest: int) -> Words:
    """Load the files of WordPiece, byte-level BPE or Unigram, or a ``tokenizer.json`` of them.

    Raises:
        MalformedError: it is not there, does not load, or has ids that the network lacks.

    """
    name, files = _KINDS[known.architecture]
    if not (folder / _WHOLE).exists() and not all((folder / file).exists() for file in files):
        message = f"got no {' and '.join(files)}, nor {_WHOLE}, in {folder}"
        hint = f"--tokenizer DIR: the tokenizer files of {known.base}"
        raise MalformedError(message, hint=hint)
    try:
        reference = getattr(transformers, name).from_pretrained(str(folder), local_files_only=True)
        converted = Tokenizer.from_str(reference.backend_tokenizer.to_str())
    except Exception as error:
        message = f"got {error}, expected the tokenizer of {known.base}, in {folder}"
        raise MalformedError(message) from error
    # Where a folder does not say it, the network would be asked for positions it does not have.
    reference.model_max_length = longest
    converted.no_truncation()
    converted.no_padding()
    _refuse_foreign(reference, shape, folder)
    start, end = reference("")["input_ids"]
    return Words(reference, converted.to_str().encode("utf-8"), (start,), (end,))


def refuse_unequal(words: Words, texts: Sequence[str], longest: int) -> None:
    """See that the bundle's tokenizer gives what Detoxify's gives, id by id.

    Raises:
        VerificationError: a text has other ids.

    """
    ours = Tokenizer.from_str(words.content.decode("utf-8"))
    for text in texts:
        inner = ours.encode(text, add_special_tokens=False).ids
        got = [*words.prefix, *inner, *words.suffix]
        want = words.reference(text, truncation=False)["input_ids"]
        if got != want or len(got) > longest:
            message = (
                f"got tokens {got[:12]}, expected {want[:12]} (of {longest}), for {text[:60]!r}"
            )
            raise VerificationError(message)


def _refuse_foreign(reference: Any, shape: Shape, folder: Path) -> None:
    highest = max(reference.get_vocab().values(), default=-1)
    if not 0 <= highest < shape.vocab_size:
        got, want = highest + 1, shape.vocab_size
        message = f"got {got} tokens, expected at most {want} as the network has, in {folder}"
        raise MalformedError(message, hint="--tokenizer: the folder of its own base model")
    pad, around = reference.pad_token_id, reference("")["input_ids"]
    if pad != shape.pad_token_id or len(around) != 2:
        got, want = f"padding id {pad}, {len(around)} tokens around a text", shape.pad_token_id
        message = f"got {got}, expected {want} and 2, in {folder}"
        raise MalformedError(message)
