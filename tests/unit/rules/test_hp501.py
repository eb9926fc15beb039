# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp501
from hubpolicy.domain.finding import Severity, verdict_of


def test_weights_that_wait_without_an_embargo_are_remarked_and_never_block() -> None:
    (found,) = hp501.check("acme/tern", "refs/heads/main", embargoed=False)
    assert (found.rule, found.severity) == ("HP501", Severity.WARNING)
    assert "acme/tern holds weights at refs/heads/main" in found.message
    assert "license_name: pre-release-no-redistribution" in found.fix
    assert verdict_of((found,)) == "passed"


def test_under_embargo_there_is_nothing_to_say() -> None:
    assert hp501.check("acme/tern", "refs/heads/main", embargoed=True) == ()
