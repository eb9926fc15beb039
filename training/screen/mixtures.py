"""Real harmless text with a sentence of our grammar inside it: the abuse, not the setting, shall decide.

Hosts are harmless training rows (Wikipedia talk, posts without their marked sentences). Each gets an abusive sentence
in one copy and a harmless one in another. Harmless comments are also joined, since the sources hold few long ones.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from training.screen.augment import disturbed, surfaced
from training.screen.sources import Row
from training.screen.templates import Grammar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST_SOURCES = ("wiki", "wiki_parent", "civil_remainders", "civil_sentences")
HOST_WORDS = 75
LONG_SHARE = 0.3
ABUSIVE = (
    "insult_you", "insult_third", "profane_abuse", "jigsaw_style", "wiki_vandal", "civil_style", "threat_person",
    "selfharm_urge", "sexual_abuse", "hate_express", "slur_use", "derog_adj", "dehumanise", "wish_harm",
    "threat_norm_group",
)  # fmt: skip
HARMLESS = (
    "praise_you", "praise_third", "disagree", "wiki_talk", "debate_civil", "identity_neutral", "thing_bad",
    "mild_profanity", "idiom", "support", "wish_well", "never_harm",
)  # fmt: skip


def _inside(host: str, sentence: str, rng: random.Random) -> str:
    pieces = re.findall(r"[^.!?\n]+[.!?\n]*", host)[:12] or [host]
    pieces.insert(rng.randint(0, len(pieces)), f" {sentence} ")
    return re.sub(r" +", " ", "".join(pieces)).strip()


def mixed(rows: Sequence[Row], count: int, seed: int, slurs: Sequence[str]) -> Iterator[Row]:
    """Yield ``count`` abusive and as many harmless mixtures, hosts drawn from ``rows`` of one part."""
    rng = random.Random(seed)
    grammar = Grammar(rng, slurs)
    hosts = [r for r in rows if r.source in HOST_SOURCES and r.label < 0.15 and len(r.text) < 2500]
    long = list(joined(hosts, count // 8 + 1, seed))
    for _ in range(count):
        lengthened = [rng.choice(long)] if rng.random() < LONG_SHARE else []
        for label, families in ((0.97, ABUSIVE), (0.03, HARMLESS)):
            host = rng.choice(lengthened or hosts)
            words = " ".join(host.text.split(" ")[:HOST_WORDS])
            group = rng.choice(grammar.groups[False])
            sentence = grammar.sentence(rng.choice(families), group)
            sentence = disturbed(surfaced(sentence, rng), rng, 0.2)
            yield Row(_inside(words, sentence, rng), label, 0.8, "mixed", host.part)


def joined(rows: Sequence[Row], count: int, seed: int) -> Iterator[Row]:
    """Yield ``count`` long harmless texts: Wikipedia comments, which are short in the source, set side by side."""
    rng = random.Random(seed)
    texts = [r for r in rows if r.source in ("wiki", "wiki_parent") and r.label < 0.15]
    for _ in range(count):
        picked = rng.sample(texts, rng.randint(2, 4))
        text = rng.choice((" ", "\n", "\n:")).join(row.text for row in picked)
        yield Row(text, 0.03, 0.8, "wiki_joined", picked[0].part)
