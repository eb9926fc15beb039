# SPDX-License-Identifier: Apache-2.0
"""Values that the card tests share: the shipped profile and vocabularies, and example cards."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hubpolicy.assets import vocab
from hubpolicy.core.card.check import CardCheck, Profile, RepoFacts, check_card
from hubpolicy.core.card.vocabulary import Vocabularies, parse_vocabularies

ROOT = Path(__file__).parents[4]
CARDS = ROOT / "tests" / "assets" / "cards"
GOOD = sorted((CARDS / "good").glob("*.md"))
SCHEMA = (ROOT / "schemas" / "card.v1.schema.json").read_bytes()
BASELINE = Profile("baseline", SCHEMA)

TRANSFORMERS = RepoFacts(
    ("safetensors",), frozenset({"README.md", "config.json", "model.safetensors"}), False, 1000
)
_FILES = {
    "gguf-quantisation.md": {"harbour-chat-8b.Q4_K_M.gguf", "harbour-chat-8b.Q8_0.gguf"},
    "image-classifier.md": {
        "model.safetensors",
        "LICENSE.md",
        "figures/lichen.png",
        "docs/report.pdf",
    },
    "lora-adapter.md": {"adapter_config.json", "adapter_model.safetensors"},
}


@cache
def vocabularies() -> Vocabularies:
    """The shipped vocabularies."""
    return parse_vocabularies(vocab.read())


def facts_of(name: str) -> RepoFacts:
    """Repository facts that fit the good card of that name."""
    if name not in _FILES:
        return TRANSFORMERS
    paths = frozenset({"README.md"} | _FILES[name])
    formats = ("gguf",) if "gguf" in name else ("safetensors",)
    return RepoFacts(formats, paths, "LICENSE.md" in paths, 1000)


def judge(readme: bytes | str | None, facts: RepoFacts = TRANSFORMERS) -> CardCheck:
    """The check under the shipped baseline."""
    content = readme.encode() if isinstance(readme, str) else readme
    return check_card(content, facts, BASELINE, vocabularies())


def found(readme: bytes | str | None, rule: str, facts: RepoFacts = TRANSFORMERS) -> list[str]:
    """``line:column severity message`` of each finding of one rule."""
    return [
        f"{each.location.line}:{each.location.column} {each.severity.word} {each.message}"
        for each in judge(readme, facts).findings
        if each.rule == rule and each.location
    ]


def good() -> str:
    """A card without a finding, in the template's words."""
    return (CARDS / "good" / "base-lm.md").read_text(encoding="utf-8")


def with_metadata(**changes: str | None) -> str:
    """A short good card; ``key=value`` replaces a line of its metadata, None removes it."""
    values: dict[str, str | None] = {
        "license": "mit",
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
    }
    values.update({key.replace("__", "-"): value for key, value in changes.items()})
    lines = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "\n".join(["---", *lines, "---", BODY])


BODY = """
# Tern

## Uses

For people who study how small models write about birds, and who read every text before they use
it. It must not be used to identify protected birds.

## Bias, Risks, and Limitations

It knows the birds of northern coasts only, mixes up juvenile plumages, and repeats the colonial
names that old field guides used for species.

## Training Data

Forty thousand sentences from field guides that are in the public domain.

## Evaluation

Two ornithologists rated three hundred texts: 72 % were right, 19 % had one error, and 9 % were
made up.

## Contact

tern@acme.example
"""
