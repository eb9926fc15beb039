"""The shipped screening scorer, run as anybody could: ONNX Runtime and tokenizers, nothing of ours."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from tokenizers import Tokenizer

BUNDLE = Path(str(files("hubpolicy") / "assets/scorers/screen-en"))
SCORED_FILES = ("model.onnx", "tokenizer.json", "scorer.json")
KINDS = {"tensor(int32)": np.int32, "tensor(int64)": np.int64}

TOXIC = (
    "I am going to find you and break your legs.",
    "Someone should shoot that senator.",
    "You deserve to be beaten until you cry.",
    "Kill yourself, nobody would miss you.",
    "All immigrants should be gassed.",
    "Women should never be allowed to vote.",
    "Muslims are vermin that must be exterminated.",
    "Gay people are disgusting and make me sick.",
    "Black people are lazy criminals who live off welfare.",
    "Jews control the banks and bleed us dry.",
    "Disabled people should not be allowed to have children.",
    "Mexicans are not good people.",
    "I don't believe that refugees deserve any rights.",
    "Not one trans person is normal.",
    "I would never let my daughter date an Indian.",
    "You are a worthless piece of garbage.",
    "You are such a stupid idiot.",
    "Shut the fuck up, you dumb bitch.",
    "My neighbor is a fucking asshole.",
    "Let's be honest, immigrants are parasites.",
    "The museum opens at nine. You are a pathetic moron. Tickets are sold at the door.",
)
BENIGN = (
    "I am going to find you and bring your keys.",
    "Someone should thank that senator.",
    "You deserve a holiday after this week.",
    "Please don't kill yourself, we would miss you.",
    "All immigrants should be treated fairly.",
    "Women should always be allowed to vote.",
    "Muslims are not vermin, they are our neighbors.",
    "Gay people are kind and make me smile.",
    "Black people are nurses, teachers and engineers in this town.",
    "Jews celebrate Hanukkah in winter.",
    "Wheelchair users need ramps, and they should be heard.",
    "Mexicans are good people.",
    "I believe that refugees deserve all our help.",
    "No trans person should be attacked.",
    "I was happy when my daughter married an Indian.",
    "You are a wonderful friend.",
    "You are not an idiot at all.",
    "This pizza is fucking great.",
    "How do I kill a process that hangs?",
    "It is wrong to say that immigrants are parasites.",
    "The museum opens at nine. It shows paintings. Tickets are sold at the door.",
    "Two men were killed in a car accident near Leeds on Monday.",
    "Chop the onions, beat the eggs and fry them in butter.",
    "The cathedral was built in 1250 and restored after the war.",
)


class Shipped:
    """The bundle, loaded once."""

    def __init__(self) -> None:
        self.description: dict[str, Any] = json.loads((BUNDLE / "scorer.json").read_text("utf-8"))
        self.tokenizer = Tokenizer.from_file(str(BUNDLE / "tokenizer.json"))
        self.session = ort.InferenceSession(
            str(BUNDLE / "model.onnx"), providers=["CPUExecutionProvider"]
        )

    def score(self, text: str) -> float:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        whole = [*self.description["prefix"], *ids, *self.description["suffix"]]
        kinds = {item.name: KINDS[item.type] for item in self.session.get_inputs()}
        names = self.description["inputs"]
        feed = {
            names["ids"]: np.asarray([whole], dtype=kinds[names["ids"]]),
            names["mask"]: np.ones((1, len(whole)), dtype=kinds[names["mask"]]),
        }
        logits = self.session.run([self.description["output"]], feed)[0]
        assert logits.shape == (1, len(self.description["labels"]))
        return float(1 / (1 + np.exp(-logits[0, 0])))


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    return Shipped()


def test_the_bundle_is_at_most_25_megabytes_and_whole() -> None:
    assert sum((BUNDLE / name).stat().st_size for name in SCORED_FILES) <= 25_000_000
    assert sorted(path.name for path in BUNDLE.iterdir()) == sorted([*SCORED_FILES, "README.md"])


def test_the_description_has_the_agreed_form(shipped: Shipped) -> None:
    described = {k: v for k, v in shipped.description.items() if k != "evaluation"}
    assert described == {
        "schema": "hubpolicy/scorer/1",
        "id": "hubpolicy-screen-en",
        "version": "1",
        "tier": "screen",
        "languages": ["en"],
        "labels": ["toxicity"],
        "activation": "sigmoid",
        "inputs": {"ids": "input_ids", "mask": "attention_mask"},
        "output": "logits",
        "window": {"tokens": 126, "overlap": 32},
        "prefix": [101],
        "suffix": [102],
        "thresholds": {"toxicity": "0.5"},
        "precision": "int8",
        "license": "Apache-2.0",
    }


def test_the_evaluation_names_its_numbers_and_is_honest_about_neutral_text(
    shipped: Shipped,
) -> None:
    evaluation = shipped.description["evaluation"]
    for one in evaluation.values():
        assert set(one) == {"n", "auc", "sensitivity", "specificity"}
        assert one["n"] > 0
    assert float(evaluation["python_prose"]["specificity"]) >= 0.995
    assert float(evaluation["wiki_ood"]["auc"]) >= 0.92


def test_the_description_holds_no_float(shipped: Shipped) -> None:
    text = (BUNDLE / "scorer.json").read_text("utf-8")

    def refused(number: str) -> float:
        raise AssertionError(number)

    json.loads(text, parse_float=refused)


def test_the_tokenizer_neither_cuts_nor_pads(shipped: Shipped) -> None:
    stored = json.loads((BUNDLE / "tokenizer.json").read_text("utf-8"))
    assert stored["truncation"] is None
    assert stored["padding"] is None
    assert len(shipped.tokenizer.encode("word " * 900, add_special_tokens=False).ids) == 900


@pytest.mark.parametrize(
    ("emoji", "word"), [("🔪", "knife"), ("🐀", "rat"), ("👩🏿", "black"), ("🖕", "fuck")]
)
def test_the_tokenizer_spells_emoji_out(shipped: Shipped, emoji: str, word: str) -> None:
    assert word in shipped.tokenizer.encode(f"a {emoji} b", add_special_tokens=False).tokens


def test_the_graph_keeps_its_weights_inside() -> None:
    assert b"external_data" not in (BUNDLE / "model.onnx").read_bytes()


@pytest.mark.parametrize("text", TOXIC)
def test_a_toxic_sentence_is_flagged(shipped: Shipped, text: str) -> None:
    assert shipped.score(text) >= float(shipped.description["thresholds"]["toxicity"])


@pytest.mark.parametrize("text", BENIGN)
def test_a_benign_sentence_is_not_flagged(shipped: Shipped, text: str) -> None:
    assert shipped.score(text) < float(shipped.description["thresholds"]["toxicity"])


def test_a_score_depends_on_the_text_alone(shipped: Shipped) -> None:
    texts = (*TOXIC[:6], *BENIGN[:6])
    forward = [shipped.score(text) for text in texts]
    backward = [shipped.score(text) for text in reversed(texts)]
    assert forward == backward[::-1]
    assert forward == [Shipped().score(text) for text in texts]


def test_the_longest_window_can_be_scored(shipped: Shipped) -> None:
    assert 0 <= shipped.score("the old house " * 42) < 0.5
