"""Read the labelled sources of the data folder into rows, each with its part: train, val or test.

Every source keeps a test part that no training step ever sees. What is weakly labelled (votes, sentences next to a
marked span, "not sexist" that may still be abusive) gets a soft label and a lower weight.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOTES_TOXIC = 0.5
HELD_OUT_PERCENT = 10
WIKI_HELD_OUT_PERCENT = 50
VAL_PERCENT = 3


class Row(NamedTuple):
    """One labelled text; ``label`` is the probability of toxic in [0, 1], ``weight`` scales the loss."""

    text: str
    label: float
    weight: float
    source: str
    part: str


def normalised(text: str) -> str:
    """Return ``text`` as used to find exact overlaps between parts: lower case, no ASCII punctuation."""
    return re.sub(r"[\s!-/:-@\[-`{-~]+", " ", text.lower()).strip() or text.strip()


def part_of(text: str, held_out: int = HELD_OUT_PERCENT) -> str:
    """Assign a part by the hash of the normalised text, so that twins always share one."""
    bucket = int.from_bytes(hashlib.sha256(normalised(text).encode()).digest()[:4], "big") % 100
    if bucket < held_out:
        return "test"
    return "val" if bucket < held_out + VAL_PERCENT else "train"


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def strong_words(data: Path) -> frozenset[str]:
    """Return the single words that the Surge list rates Strong or Severe."""
    table = _table(data / "surge_profanity/profanity_en.csv")
    return frozenset(
        row["text"].lower()
        for row in table
        if row["severity_description"] in ("Strong", "Severe") and row["text"].isalpha()
    )


def slurs(data: Path) -> tuple[str, ...]:
    """Return the words that the Surge list calls strong or severe slurs, for the grammar's slots."""
    kinds = ("racial / ethnic slurs", "sexual orientation / gender")
    rows = _table(data / "surge_profanity/profanity_en.csv")
    return tuple(
        sorted(
            row["text"].lower()
            for row in rows
            if row["category_1"] in kinds
            and float(row["severity_rating"]) >= 2.0
            and re.fullmatch(r"[a-z]{4,10}", row["text"].lower())
        )
    )


def edos(data: Path) -> Iterator[Row]:
    """EDOS: sexist or not, own split. Not sexist but with strong words: left out of training."""
    strong = strong_words(data)
    for row in _table(data / "edos/edos_labelled_aggregated.csv"):
        part = {"train": "train", "dev": "val", "test": "test"}[row["split"]]
        if row["label_sexist"] == "sexist":
            yield Row(row["text"], 0.95, 1.0, "edos", part)
        elif part == "test" or not strong & set(normalised(row["text"]).split()):
            yield Row(row["text"], 0.05 if part == "test" else 0.12, 0.5, "edos", part)


def davidson(data: Path) -> Iterator[Row]:
    """Davidson tweets: hate and offensive against neither; the vote share softens the label."""
    for row in _table(data / "davidson/labeled_data.csv"):
        text = re.sub(r"&#\d+;", " ", row["tweet"]).replace("&amp;", "&").replace("&gt;", ">")
        text = re.sub(r"https?://\S+", "", re.sub(r"^[!\"\s]*RT @\w+:?", "", text)).strip(' "')
        share = 1 - int(row["neither"]) / int(row["count"])
        keep = 0.45 if row["class"] == "1" else 1.0
        bucket = hashlib.sha256(row["tweet"].encode()).digest()[5] / 256
        part = part_of(text)
        if part == "train" and bucket > keep:
            continue
        label = share if part == "train" else float(row["class"] != "2")
        yield Row(text, min(max(label, 0.03), 0.97), 0.8, "davidson", part)


def hatemoji(data: Path) -> Iterator[Row]:
    """Hatemoji's adversarial rounds, own split. Not hateful may still be abusive, hence the soft zero."""
    for part, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        for row in _table(data / f"hatemoji/{name}.csv"):
            label = 0.97 if row["label_gold"] == "1" else 0.06
            yield Row(row["text"], label, 1.2, "hatemoji", part)


def hatemoji_check(data: Path) -> Iterator[Row]:
    """HatemojiCheck, the functional test: never trained on."""
    for row in _table(data / "hatemoji/check/test.csv"):
        if row["included_in_test_suite"] == "1":
            yield Row(row["text"], float(row["label_gold"]), 1.0, "hatemoji_check", "test")


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^.!?\n]+[.!?\n]*", text):
        if len(match.group().split()) >= 4:
            yield match.span()


def span_sentences(data: Path) -> Iterator[Row]:
    """Sentences of Civil Comments posts: with a marked toxic span, or away from every marked span."""
    for part, name in (("train", "tsd_train"), ("val", "tsd_trial"), ("test", "tsd_test")):
        for row in _table(data / f"toxic_spans/semeval2021/{name}.csv"):
            marked = set(ast.literal_eval(row["spans"]))
            if not marked:
                continue
            spans = list(_sentences(row["text"]))
            clean = [s for s in spans if not marked & set(range(*s))]
            if part == "train" and len(clean) > 1:
                text = " ".join(row["text"][start:end].strip() for start, end in clean)
                yield Row(text, 0.1, 0.7, "civil_remainders", part)
            for start, end in spans if len(spans) > 1 else ():
                hit = bool(marked & set(range(start, end)))
                text = row["text"][start:end].strip()
                yield Row(text, 0.93 if hit else 0.08, 0.7, "civil_sentences", part)


def toxic_spans(data: Path) -> Iterator[Row]:
    """Civil Comments posts that were labelled toxic; "not toxic" votes of the span annotators soften it."""
    votes: dict[str, list[bool]] = {}
    for row in _table(data / "toxic_spans/annotations.csv"):
        votes.setdefault(row["comment_id"], []).append(row["not toxic"] == "True")
    held = {
        normalised(row["text"])
        for name in ("tsd_trial", "tsd_test")
        for row in _table(data / f"toxic_spans/semeval2021/{name}.csv")
    }
    for row in _table(data / "toxic_spans/comments.csv"):
        text = row["comment_text"]
        ballot = votes.get(row["comment_id"], [])
        if not ballot:
            continue
        share = sum(ballot) / len(ballot)
        part = "test" if normalised(text) in held else part_of(text, 5)
        if part == "train":
            # All were judged toxic once; where most of the later votes say "not toxic" we believe them.
            sure = share < 0.25 or share > VOTES_TOXIC
            label = 0.95 if share < 0.25 else 0.2 if share > VOTES_TOXIC else 0.6
            yield Row(text, label, 0.7 if sure else 0.15, "spans", part)
        elif share in (0.0, 1.0) or share >= 0.7:
            yield Row(text, float(share < VOTES_TOXIC), 1.0, "spans", part)


def wiki_context(data: Path) -> Iterator[Row]:
    """Wikipedia talk comments; gc trains (its rare toxic rows weigh more), gn and the small set test."""
    for row in _table(data / "wiki_context/gc.csv"):
        toxic = row["label"] == "1"
        part = part_of(row["text"], 0)
        yield Row(row["text"], 0.97 if toxic else 0.02, 4.0 if toxic else 1.0, "wiki", part)
        parent = row["parent"]
        if parent and not toxic and part == "train":
            # Replies were sampled at random, so the comment above is as rarely toxic; unlabelled though.
            use = "train" if part_of(parent, 40) == "train" else "val"
            yield Row(parent, 0.04, 0.5, "wiki_parent", use)
    for row in _table(data / "wiki_context/gn.csv"):
        yield Row(row["text"], float(row["label"]), 1.0, "wiki_gn", "test")
    for row in _table(data / "wiki_context/cat_small.csv"):
        yield Row(row["text"], float(row["label_oc"]), 1.0, "wiki_cat", "test")


def unintended_bias(data: Path) -> Iterator[Row]:
    """Identity templates of conversationai (a sample trains) and its Wikipedia comments (half of them test)."""
    for row in _table(data / "unintended_bias/en_sentence_templates.csv"):
        bucket = int.from_bytes(hashlib.sha256(row["phrase"].encode()).digest()[:4], "big") % 1000
        label = float(row["toxicity"] == "toxic")
        if bucket < 60:
            yield Row(row["phrase"], min(max(label, 0.03), 0.97), 0.6, "bias_templates", "train")
        elif bucket >= 980:
            yield Row(row["phrase"], label, 1.0, "bias_templates", "test")
    for row in _table(data / "unintended_bias/toxicity_nonfuzzed_testset.csv"):
        toxic = row["toxic"].lower() == "true"
        if part_of(row["comment"], WIKI_HELD_OUT_PERCENT) == "test":
            yield Row(row["comment"], float(toxic), 1.0, "wiki_ood", "test")
        else:
            yield Row(row["comment"], 0.97 if toxic else 0.02, 2.0, "wiki_comments", "train")


SOURCES = (
    edos,
    davidson,
    hatemoji,
    hatemoji_check,
    span_sentences,
    toxic_spans,
    wiki_context,
    unintended_bias,
)
