# SPDX-License-Identifier: Apache-2.0
"""Which evidence a change voids: what names the changed bytes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core import statements
from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.card.check import read_card
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.release_diff import Side, compare
from hubpolicy.core.verify import verify_model_signature
from hubpolicy.domain.card import Card, RepoFacts
from hubpolicy.domain.manifest import Entry, Manifest, make_manifest
from tests.golden.samples import (
    APPLICABILITY,
    CLOSURE,
    MANIFEST,
    NOW,
    README,
    TRUST,
    WAIVER,
    sha,
    signer,
)
from tests.unit.core.card.cards import vocabularies
from tests.unit.core.foreign_world import evidence_line
from tests.unit.core.release_world import (
    approval_line,
    card_line,
    release_line,
    run_line,
    signed,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.release_diff import ReleaseDiff

APPLIES = signed(statements.applicability_statement(APPLICABILITY, CLOSURE), "ci")
ALL = {
    "card check": card_line(),
    "toxicity": run_line(),
    "applicability": APPLIES,
    "evidence": evidence_line(),
    "waiver": waiver_line(WAIVER),
    "approval as safety, of the closure": approval_line(),
    "approval as legal, of the card": approval_line("lee", "legal", "card"),
    "approval as safety, of the manifest": approval_line(binds="manifest"),
    "release line": release_line((card_line(), run_line())),
}
NO_FACTS = RepoFacts((), frozenset(), has_license_file=False, size_bytes=0)
BINDS_WHOLE = {"card check", "waiver", "approval as safety, of the manifest", "release line"}
BINDS_CLOSURE = {"toxicity", "applicability", "evidence", "approval as safety, of the closure"}
BINDS_CARD = {"approval as legal, of the card"}


def without_card(manifest: Manifest) -> Side:
    return Side(manifest, None, "", tuple(ALL.values()))


def void(found: ReleaseDiff) -> set[str]:
    said = {line.what for line in found.voided}
    return {name for name in ALL if any(what.startswith(name) for what in said)}


def replaced(path: str) -> Manifest:
    return make_manifest([
        entry._replace(sha256=sha("other"), git_blob=None) if entry.path == path else entry
        for entry in MANIFEST.entries
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(MANIFEST, set(), id="nothing changed"),
        pytest.param(replaced(README.path), BINDS_WHOLE | BINDS_CARD, id="the card"),
        pytest.param(replaced(CLOSURE[0].path), BINDS_WHOLE | BINDS_CLOSURE, id="a loaded file"),
        pytest.param(
            make_manifest([*MANIFEST.entries, Entry("new.md", 1, sha("new"))]), BINDS_WHOLE,
            id="a file more",
        ),
        pytest.param(Manifest(()), set(ALL), id="nothing is left"),
    ],
)  # fmt: skip
def test_evidence_is_void_where_what_it_names_changed(after: Manifest, expected: set[str]) -> None:
    assert void(compare(without_card(MANIFEST), without_card(after))) == expected


def test_what_only_b_has_may_be_void_too() -> None:
    found = compare(
        without_card(MANIFEST)._replace(lines=()), without_card(replaced(CLOSURE[0].path))
    )
    assert {line.standing for line in found.evidence} == {"added"}
    assert void(found) == BINDS_WHOLE | BINDS_CLOSURE


def test_what_was_made_anew_needs_nothing() -> None:
    after = replaced(README.path)
    card = next(entry for entry in after.entries if entry.path == README.path)
    b = without_card(after)._replace(lines=(card_line(manifest=after, readme=card),))
    assert void(compare(without_card(MANIFEST), b)) == (BINDS_WHOLE | BINDS_CARD) - {"card check"}


def test_every_line_says_how_to_make_it_anew() -> None:
    found = compare(without_card(MANIFEST), without_card(Manifest(())))
    assert {line.mend.split(" PATH")[0] for line in found.voided} == {
        "hubpolicy attest", "hubpolicy test", "hubpolicy approve", "hubpolicy waive HP112",
    }  # fmt: skip


def card(text: str) -> Side:
    found: Card | None = read_card(text.encode(), NO_FACTS, vocabularies()).card
    return Side(MANIFEST, found, text)


BEFORE = "---\nlicense: mit\ntags:\n- a\n- b\nmodel:\n  size: 1\n---\n# T\n\n## Uses\n\nOne.\n"


def told(after: str, before: str = BEFORE) -> dict[str, tuple[str, str]]:
    return {one.where: one[1:] for one in compare(card(before), card(after)).card}


def test_a_card_is_compared_value_by_value() -> None:
    after = BEFORE.replace("mit", "apache-2.0").replace("- b\n", "- c\n- d\n").replace(": 1", ": 2")
    assert told(after) == {
        "license": ("mit", "apache-2.0"),
        "tags.1": ("b", "c"),
        "tags.2": ("", "d"),
        "model.size": ("1", "2"),
    }


def test_a_card_is_compared_section_by_section() -> None:
    changed = told(BEFORE.replace("One.", "One two.") + "\n## More\n\nNone known.\n")
    assert changed["section uses"] == ("3 words", "4 words")
    assert changed["section more"] == ("", "4 words")
    assert told(BEFORE) == {}


def test_a_card_that_came_or_went_is_compared_with_nothing() -> None:
    assert told("", BEFORE)["license"] == ("mit", "")
    assert told(BEFORE, "")["section uses"] == ("", "3 words")


def files_signed(manifest: Manifest) -> Side:
    raw = make_bundle(oms_statement(manifest, "wizard-7b"), signer("rita"))
    signature = verify_model_signature(raw, TRUST, manifest, now=NOW)
    return Side(manifest, None, "", signature=signature)


def test_a_model_signature_is_void_with_any_byte() -> None:
    a, b = files_signed(MANIFEST), files_signed(replaced(README.path))
    (same,) = compare(a, a).evidence
    assert (same.what, same.by, same.standing, same.void) == ("model.sig", "rita", "kept", "")
    old, new = compare(a, b).evidence
    assert (old.standing, old.void) == ("removed", "it names every file")
    assert (new.standing, new.void) == ("added", "")
    assert not compare(a, b).empty
    assert compare(a, a).empty
