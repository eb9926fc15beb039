# SPDX-License-Identifier: Apache-2.0
"""CycloneDX 1.6: deterministic, ASCII, and nothing in it that the bill does not say."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.bill import Attestation, Bill, CardFacts, Figure
from hubpolicy.domain.release import RepoId
from hubpolicy.render.cyclonedx import render
from hubpolicy.render.spdx import spdx_id
from tests.golden.samples import MANIFEST, sha

CARD = CardFacts(
    licences=("apache-2.0",),
    task="text-generation",
    datasets=("acme/corpus",),
    base_models=("acme/base",),
    uses=("Letters to aunts.",),
    limits=("Knows nobody before 1900.",),
)
BILL = Bill(
    target=RepoId("acme", "wizard-7b"),
    release=sha("release"),
    time="2026-11-22T14:59:00Z",
    dir_hash=MANIFEST.dir_hash,
    policy=f"acme/release 7 sha256:{sha('policy')}",
    files=MANIFEST.entries,
    card=CARD,
    figures=(
        Figure("p_any@5", "0.005", "suite TX-1: 3 of 600 prompts", "0", "0.014543"),
        Figure("mt-bench/score", "7.35", "imported from a lm-eval file; binding level 0"),
    ),
    evidence=(
        Attestation("release", ".hubpolicy/release.intoto.jsonl", sha("release"), "rita"),
        Attestation("model signature", "model.sig", sha("signature"), "rita"),
    ),
)


def document(bill: Bill = BILL) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render(bill, tool_version="0.1.0"))
    return found


def component(bill: Bill = BILL) -> dict[str, Any]:
    found: dict[str, Any] = document(bill)["metadata"]["component"]
    return found


def test_a_model_with_its_card_numbers_and_files() -> None:
    bom = document()
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert bom["metadata"]["timestamp"] == BILL.time
    model = component()
    assert model["type"] == "machine-learning-model"
    assert (model["group"], model["name"], model["version"]) == (
        "acme", "wizard-7b", MANIFEST.dir_hash
    )  # fmt: skip
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert model["pedigree"]["ancestors"][0]["purl"] == "pkg:huggingface/acme/base"
    card = model["modelCard"]
    assert card["modelParameters"]["task"] == "text-generation"
    assert card["considerations"]["technicalLimitations"] == ["Knows nobody before 1900."]
    measured, imported = card["quantitativeAnalysis"]["performanceMetrics"]
    assert measured == {
        "type": "p_any@5",
        "value": "0.005",
        "slice": "suite TX-1: 3 of 600 prompts",
        "confidenceInterval": {"lowerBound": "0", "upperBound": "0.014543"},
    }
    assert "confidenceInterval" not in imported
    assert [c["name"] for c in bom["components"]] == [e.path for e in MANIFEST.entries]


def test_references_lead_to_the_hub_the_card_and_every_signature() -> None:
    references = component()["externalReferences"]
    assert [(r["type"], r["url"]) for r in references] == [
        ("distribution", "https://huggingface.co/acme/wizard-7b"),
        ("model-card", "README.md"),
        ("attestation", ".hubpolicy/release.intoto.jsonl"),
        ("attestation", "model.sig"),
    ]
    assert f"sha256:{sha('signature')}" in references[-1]["comment"]


def test_the_serial_number_follows_from_release_and_target() -> None:
    serial = document()["serialNumber"]
    assert serial == document(BILL._replace(time="2027-01-01T00:00:00Z"))["serialNumber"]
    others = (
        BILL._replace(release=sha("another")),
        BILL._replace(target=RepoId("acme", "other")),
    )
    assert len({serial, *(document(other)["serialNumber"] for other in others)}) == 3
    assert render(BILL, tool_version="1") == render(BILL, tool_version="1")


def test_what_the_card_does_not_say_is_not_there() -> None:
    bare = component(BILL._replace(card=CardFacts(), figures=()))
    assert not {"licenses", "pedigree"} & set(bare)
    assert bare["modelCard"] == {"quantitativeAnalysis": {"performanceMetrics": []}}


def test_licences_are_spdx_where_they_are_and_named_where_not() -> None:
    card = CardFacts(licences=("gemma", "CC-BY-4.0"))
    assert component(BILL._replace(card=card))["licenses"] == [
        {"license": {"name": "gemma"}},
        {"license": {"id": "CC-BY-4.0"}},
    ]
    assert (spdx_id("etalab-2.0"), spdx_id("other"), spdx_id("")) == ("etalab-2.0", "", "")


TEXTS = st.text(max_size=40)


@given(TEXTS, TEXTS, TEXTS)
def test_hostile_words_stay_words(one: str, two: str, three: str) -> None:
    words = (one, two, three, "\x1b[31m", "##[error]", "</script>", "\u202e")
    bill = BILL._replace(card=CardFacts(words, one, words, words, words, words))
    text = render(bill, tool_version="0.1.0")
    assert text.isascii()
    assert "##[" not in text
    limits = json.loads(text)["metadata"]["component"]["modelCard"]["considerations"]
    assert limits["technicalLimitations"] == list(words)
