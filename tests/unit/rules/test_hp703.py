# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp703
from hubpolicy.core.rules.hp601 import SentBlob
from tests.golden.samples import MANIFEST, STATE, TRUST, sha
from tests.unit.core.release_world import as_listing, changed, release

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.manifest import Entry


def revoked(*digests: str) -> Evidence:
    """A good release under a state that revokes these files."""
    state = STATE._replace(revoked_files=frozenset(digests))
    return release()._replace(trust=TRUST._replace(state=state))


def test_what_is_not_revoked_passes() -> None:
    assert hp703.check(revoked()) == ()
    assert hp703.check(revoked(sha("something else"))) == ()


@pytest.mark.parametrize("entry", MANIFEST.entries, ids=lambda entry: entry.path)
def test_a_revoked_file_is_found_also_where_a_hub_gives_only_its_blob_id(entry: Entry) -> None:
    for evidence in (revoked(entry.sha256), as_listing(revoked(entry.sha256))):
        (finding,) = hp703.check(evidence)
        assert finding.message == f"{entry.path} was revoked"


def test_other_bytes_do_not_hide_what_the_evidence_names() -> None:
    weights = next(e for e in MANIFEST.entries if e.path == "model.safetensors")
    evidence = revoked(weights.sha256)._replace(manifest=changed(MANIFEST, weights.path))
    assert len(hp703.check(evidence)) == 1


def test_unsigned_weights_are_looked_up_too() -> None:
    weights = next(e for e in MANIFEST.entries if e.path == "model.safetensors")
    assert len(hp703.check(revoked(weights.sha256)._replace(lines=()))) == 1


def test_in_the_history_that_is_sent_too() -> None:
    gone = SentBlob("old/model.safetensors", "ab" * 20, 7, "cd" * 32, b"", is_pointer=False)
    fine = SentBlob("model.safetensors", "ac" * 20, 7, "ce" * 32, None, is_pointer=True)
    (finding,) = hp703.check_sent((gone, fine), frozenset(("cd" * 32,)))
    assert finding.rule == "HP703"
    assert finding.message == "old/model.safetensors was revoked, and is in the pushed history"
    assert hp703.check_sent((gone, fine), frozenset()) == ()


def test_files_about_which_nothing_was_signed_are_looked_up() -> None:
    first, *others = MANIFEST.entries
    (finding,) = hp703.check_files(MANIFEST.entries, frozenset((first.sha256,)))
    assert finding.message == f"{first.path} was revoked"
    assert hp703.check_files(others, frozenset((first.sha256,))) == ()
