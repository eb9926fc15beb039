# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp308
from hubpolicy.domain.manifest import Manifest, make_manifest
from tests.golden.samples import MANIFEST, entry
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    changed,
    judged_by,
    release,
    release_line,
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
