# SPDX-License-Identifier: Apache-2.0
"""A bill of materials says what was signed about these bytes, and what their card says."""

from __future__ import annotations

import pytest

from hubpolicy.core.bill import CardFacts, Figure, card_facts, make_bill
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.card.check import read_card
from hubpolicy.core.card.metadata import facts_from_manifest
from hubpolicy.core.lines import select
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.verify import verify_model_signature
from hubpolicy.domain.statement import ReleaseSummary
from hubpolicy.errors import VerificationError
from tests.golden.samples import CLOSURE, MANIFEST, NOW, SUMMARY, TRUST, signer
from tests.unit.core.card.cards import vocabularies
from tests.unit.core.foreign_world import evidence_line
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    card_line,
    changed,
    judged_by,
    release,
    release_line,
    run_line,
    unreleased,
)

NO_CARD = CardFacts()


def figures(evidence: object) -> tuple[Figure, ...]:
    return make_bill(evidence, NO_CARD).figures  # type: ignore[arg-type]


def test_numbers_are_those_of_the_signed_counts() -> None:
    one, two = figures(release())
    assert (one.metric, one.value, one.lower, one.upper) == ("p_any@5", "0.005", "0", "0.014543")
    assert (two.metric, two.value, two.upper) == ("p_any@2", "0", "0.012221")
    assert one.about.startswith(
        "suite TX-1 of plan standard: 3 of 600 prompts, 5 answers each, en;"
    )
    assert "one-sided, Clopper-Pearson, 0.975" in one.about
    assert "binding level 4" in one.about


def test_imported_numbers_say_that_they_were() -> None:
    *_, imported = figures(release(evidence_line("5.9")))
    assert (imported.metric, imported.value) == ("mt-bench/score", "5.9")
    assert (imported.lower, imported.upper) == ("", "")
    assert "imported from a lm-eval file" in imported.about
    assert "binding level 0" in imported.about


def test_evidence_about_other_bytes_is_left_out() -> None:
    other = changed(MANIFEST, "model.safetensors")
    closure = [e for e in other.entries if e.path in {c.path for c in CLOSURE}]
    good = release()
    evidence = good._replace(
        lines=(*good.lines, evidence_line(closure=closure), run_line(closure=closure))
    )
    assert figures(evidence) == figures(good)


def test_every_signed_line_and_the_signature_is_named() -> None:
    evidence = release(evidence_line())
    bill = make_bill(evidence, NO_CARD)
    assert {each.sha256 for each in bill.evidence} == {
        line.payload_sha256 for line in evidence.lines
    }
    assert {each.kind for each in bill.evidence} == {
        "card check", "toxicity counts", "third-party evidence", "release"
    }  # fmt: skip
    assert bill.files == MANIFEST.entries
    assert (bill.dir_hash, bill.time) == (MANIFEST.dir_hash, SUMMARY.time_verified)
    ((line, _),) = select(evidence.lines, ReleaseSummary)
    assert bill.release == line.payload_sha256


def test_a_model_signature_is_named_beside_the_lines() -> None:
    good = release()
    raw = make_bundle(oms_statement(MANIFEST, "wizard-7b"), signer("rita"))
    own = verify_model_signature(raw, TRUST, MANIFEST, now=NOW)
    before = make_bill(good, NO_CARD).evidence
    after = make_bill(good._replace(model_signature=own), NO_CARD).evidence
    (more,) = set(after) - set(before)
    assert more == ("model signature", "model.sig", own.payload_sha256, "rita")
    assert set(before) < set(after)


@pytest.mark.parametrize(
    "evidence",
    [
        unreleased(),
        judged_by(POLICY, (card_line(), run_line())),
        as_listing(release()),
        release()._replace(target=None),
        judged_by(POLICY, (release_line((), summary=SUMMARY._replace(result="FAILED")),)),
    ],
)
def test_without_a_release_there_is_no_bill(evidence: object) -> None:
    with pytest.raises(VerificationError, match="no verified release"):
        make_bill(evidence, NO_CARD)  # type: ignore[arg-type]


# The card --------------------------------------------------------------------------------------

CARD = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
datasets:
- acme/corpus
- acme/corpus
- wikipedia
base_model: acme/base
---
# Wizard

About it.

## Uses

Writing *letters*.

### Direct use

To aunts.

<!-- a remark -->

## Bias, Risks, and Limitations

Knows nobody before 1900.

```
## no heading
```

## Training data

Letters.
"""


def facts(text: str) -> CardFacts:
    card = read_card(text.encode(), facts_from_manifest(MANIFEST), vocabularies()).card
    assert card is not None
    return card_facts(card, text)


def test_the_cards_own_words_are_taken_over() -> None:
    found = facts(CARD)
    assert found.licences == ("apache-2.0",)
    assert (found.task, found.datasets) == ("text-generation", ("acme/corpus", "wikipedia"))
    assert found.base_models == ("acme/base",)
    (uses,) = found.uses
    assert uses.startswith("Writing *letters*.")
    assert "To aunts." in uses
    assert "remark" not in uses
    (limits,) = found.limits
    assert limits == "Knows nobody before 1900.\n\n```\n## no heading\n```"


def test_a_card_that_says_nothing_gives_nothing_and_a_long_one_is_cut() -> None:
    assert facts("---\nlicense: mit\n---\nHello.\n") == CardFacts(licences=("mit",))
    long = facts(CARD.replace("Knows nobody", "Knows nobody " * 1000))
    assert len(long.limits[0]) == 4000
