# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.predicates import make_release_predicate
from hubpolicy.core.rules import hp308
from hubpolicy.core.statements import file_subject, make_statement, whole_subject
from hubpolicy.domain.manifest import Manifest, make_manifest
from hubpolicy.domain.statement import VSA
from tests.golden.samples import INPUTS, MANIFEST, SUMMARY, entry
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    changed,
    judged_by,
    release,
    release_line,
    signed,
)

LESS = Manifest(MANIFEST.entries[1:])
MORE = make_manifest([*MANIFEST.entries, entry("NOTICE", b"")])


@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_the_same_files_pass(listed: bool) -> None:
    assert hp308.check(as_listing(release()) if listed else release()) == ()


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (changed(MANIFEST, "config.json"), "1 changed since the release was signed: config.json"),
        (LESS, "1 named in the release and absent here: .gitattributes"),
        (MORE, "1 not in the release: NOTICE"),
        (Manifest(()), "6 named in the release and absent here"),
    ],
)
@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_the_difference_is_named(manifest: Manifest, words: str, listed: bool) -> None:
    evidence = release()._replace(manifest=manifest)
    (finding,) = hp308.check(as_listing(evidence) if listed else evidence)
    assert words in finding.message
    assert (finding.rule, finding.effect) == ("HP308", "failed")


def test_every_release_line_is_held_to_it() -> None:
    old = release_line((), manifest=MORE)
    assert len(hp308.check(judged_by(POLICY, (*release().lines, old)))) == 1


def test_many_names_are_counted() -> None:
    (finding,) = hp308.check(release()._replace(manifest=Manifest(())))
    assert finding.message.endswith("and 3 more")


@pytest.mark.parametrize("listed", [False, True], ids=["files", "listing"])
def test_a_whole_that_is_not_the_sum_of_its_files_is_found(listed: bool) -> None:
    """Every file is named rightly, and the dirHash is that of something else."""
    subjects = (whole_subject(MORE), *map(file_subject, MANIFEST.entries))
    predicate = make_release_predicate(SUMMARY._replace(policy_sha256=POLICY.sha256), INPUTS)
    line = signed(make_statement(subjects, VSA, predicate), "rita")
    evidence = judged_by(POLICY, (line,))
    (finding,) = hp308.check(as_listing(evidence) if listed else evidence)
    assert finding.message.startswith(f"got dirHash {MANIFEST.dir_hash}, expected {MORE.dir_hash}")
