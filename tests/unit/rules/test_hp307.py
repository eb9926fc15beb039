# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.rules import hp307
from hubpolicy.domain.release import RepoId
from tests.unit.core.release_world import release


@pytest.mark.parametrize(
    "target",
    [
        RepoId("acme", "wizard-7c"),
        RepoId("acme-dev", "wizard-7b"),
        RepoId("acme", "wizard-7b", "space"),
        RepoId("acme", "wizard-7b", "model", "https://hub.example.org"),
    ],
)
def test_evidence_for_another_repository_does_not_open_this_one(target: RepoId) -> None:
    (finding,) = hp307.check(release()._replace(target=target))
    assert target.purl in finding.message
    assert target.text in finding.fix


def test_the_same_repository_passes_and_an_unknown_one_is_not_compared() -> None:
    assert hp307.check(release()) == ()
    assert hp307.check(release()._replace(target=None)) == ()
