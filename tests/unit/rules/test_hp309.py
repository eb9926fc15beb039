# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp309
from tests.unit.core.release_world import POLICY, release, with_digest


def test_the_policy_in_force_passes_and_any_other_does_not() -> None:
    assert hp309.check(release()) == ()
    stricter = with_digest(POLICY._replace(version=8))
    (finding,) = hp309.check(release()._replace(policy=stricter))
    assert "version 8" in finding.message
    assert "nothing is tested twice" in finding.fix
