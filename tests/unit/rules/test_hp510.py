# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.rules import hp510
from hubpolicy.domain.finding import verdict_of


def test_what_was_asked_why_not_and_what_to_type() -> None:
    (finding,) = hp510.check("POST /uploads", "nobody knows what it would publish", "type this")
    assert finding.message == "POST /uploads: nobody knows what it would publish"
    assert (finding.rule, finding.fix) == ("HP510", "type this")
    assert verdict_of((finding,)) == "failed"


def test_where_nothing_can_be_typed_nothing_is_said() -> None:
    assert hp510.check("a", "b")[0].fix == ""


def test_a_foreign_repository_is_told_which_are_known() -> None:
    finding = hp510.outside("globex/x", ("acme", "acme-dev"))
    assert "'globex/x'" in finding.message
    assert "acme, acme-dev" in finding.message
    assert "hubpolicy policy sign" in finding.fix
