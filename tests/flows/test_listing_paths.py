# SPDX-License-Identifier: Apache-2.0
"""Whatever a hub lists as a path becomes a finding, never an internal error."""

from __future__ import annotations

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.assemble import assemble_listing
from tests.flows.publishing_world import NOW, gate
from tests.hook.gate_world import person


@pytest.mark.parametrize("path", ["a\ud800b", "\udfff", "x/\ud83d.safetensors", "a\x00b", "../x"])
def test_a_path_that_is_no_text_is_a_finding(path: str) -> None:
    policy, trust = gate(person("ada"))
    listing = Listing((ListedFile(path, 5, None, "0" * 40),))
    evidence = assemble_listing(listing, (), RepoId("acme", "wizard"), policy, trust, NOW)
    assert {finding.rule for finding in evidence.refusals} == {"HP401"}
    decision = judge(evidence)
    assert decision.verdict == "failed"
    assert all(finding.message.encode() for finding in decision.findings)
