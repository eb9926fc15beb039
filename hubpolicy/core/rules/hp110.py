# SPDX-License-Identifier: Apache-2.0
"""HP110: a model made from another names it, and its files are what the card says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.card.metadata import text_of, texts_of
from hubpolicy.core.card.rule import CardRule, card_of, finding
from hubpolicy.core.card.text import quoted
from hubpolicy.domain.card import Mark
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.card import MetaScalar, RepoFacts
    from hubpolicy.domain.finding import Finding

ID = "HP110"
TITLE = "a derived model names its base"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "card")

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_ADDRESS = re.compile(r"https?://[^/]{1,200}/([^/?#]{1,96}/[^/?#]{1,96})")
_START = Mark(1, 1)
_ADAPTER_FILES = frozenset({"adapter_config.json", "adapter_model.safetensors"})
_QUANT_FILES = frozenset({"quantize_config.json", "quant_config.json", "hf_quant_config.json"})
_QUANT_WORDS = re.compile(
    r"(?:^|[^a-z0-9])(?:gguf|ggml|awq|gptq|exl[23]|bnb|bitsandbytes|nf4|fp[48]|int[248]|uint8"
    r"|q[2-8](?:_[0-9k])?|w[48]a(?:8|16)|[248]-?bit|mlx|quantized|compressed-tensors|openvino)"
    r"(?:$|[^a-z0-9])"
)


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Bases that are no repositories; derived files without a base; relations that do not fit."""
    bases = texts_of(card_of(evidence).metadata, "base_model")
    return (*_malformed(bases), *_absent(evidence, bases), *_relation(evidence))


def _malformed(bases: tuple[MetaScalar, ...]) -> Iterator[Finding]:
    for base in bases:
        if not _REPO.fullmatch(base.text):
            address = _ADDRESS.match(base.text)
            fix = f"base_model: {address[1]}" if address else "base_model: org/name"
            message = f"`base_model` is {quoted(base.text)}, expected a repository"
            yield finding(RULE, message, base.at, fix)


def _absent(evidence: CardEvidence, bases: tuple[MetaScalar, ...]) -> Iterator[Finding]:
    if card_of(evidence).metadata.entry("base_model") is not None or bases:
        return
    adapter = sorted(evidence.facts.paths & _ADAPTER_FILES)
    if adapter:
        message = f"the release is an adapter ({adapter[0]}) and names no `base_model`"
        yield finding(RULE, message, _START, "add: base_model: org/name")
    elif evidence.facts.weight_formats == ("gguf",):
        message = "GGUF files are made from another model, and the card names no `base_model`"
        fix = "add: base_model: org/name and base_model_relation: quantized"
        yield finding(RULE, message, _START, fix, Severity.WARNING)


def _relation(evidence: CardEvidence) -> Iterator[Finding]:
    relation = text_of(card_of(evidence).metadata, "base_model_relation")
    if relation is None or not evidence.facts.paths:
        return
    facts = evidence.facts
    if relation.text == "quantized" and not _quantized(evidence):
        message = "the card says `quantized`, and neither file names nor tags show a quantisation"
        fix = "name the format in the files or tags, or correct base_model_relation"
        yield finding(RULE, message, relation.at, fix, Severity.WARNING)
    if relation.text == "adapter" and not _adapter(facts):
        message = "the card says `adapter`, and the release has no adapter files"
        fix = "add adapter_config.json, or write base_model_relation: finetune"
        yield finding(RULE, message, relation.at, fix, Severity.WARNING)


def _quantized(evidence: CardEvidence) -> bool:
    facts = evidence.facts
    names = {path.rpartition("/")[2] for path in facts.paths}
    if "gguf" in facts.weight_formats or not _QUANT_FILES.isdisjoint(names):
        return True
    tags = (tag.text for tag in texts_of(card_of(evidence).metadata, "tags"))
    return any(_QUANT_WORDS.search(each.lower()[:200]) for each in (*facts.paths, *tags))


def _adapter(facts: RepoFacts) -> bool:
    return any("adapter" in path.lower() or "lora" in path.lower() for path in facts.paths)
