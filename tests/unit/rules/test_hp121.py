# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.rules import hp120, hp121
from hubpolicy.domain.manifest import Manifest
from tests.golden.samples import CARD, MANIFEST, entry, sha
from tests.unit.core.release_world import (
    POLICY,
    as_listing,
    card_line,
    changed,
    judged_by,
    release,
)

if TYPE_CHECKING:
    from hubpolicy.core.verify import VerifiedStatement


def test_the_card_check_of_these_very_files_holds() -> None:
    assert hp121.check(release()) == ()
    assert hp121.check(as_listing(release())) == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (card_line(readme=entry("README.md", b"# Another\n")), "the card changed"),
        (card_line(manifest=changed(MANIFEST, "config.json")), "other files stood beside"),
        (card_line(CARD._replace(schema_sha256=sha("lax"))), "schema"),
        (card_line(CARD._replace(passed=("HP101",))), "not checked for HP102"),
        (card_line(CARD._replace(warned=())), "not checked for HP110"),
    ],
)
def test_a_check_of_something_else_was_no_check(line: VerifiedStatement, reason: str) -> None:
    (finding,) = hp121.check(judged_by(POLICY, (line,)))
    assert (finding.rule, finding.effect) == ("HP121", "inconclusive")
    assert reason in finding.message


def test_a_card_that_is_gone_is_told_as_such_at_once() -> None:
    rest = Manifest(tuple(each for each in MANIFEST.entries if each.path != "README.md"))
    for rule, lines in ((hp121, (card_line(),)), (hp120, ())):
        (finding,) = rule.check(judged_by(POLICY, lines, rest))
        assert finding.message == "the release has no README.md, so no card check"
        assert finding.fix.startswith("write README.md (hubpolicy check PATH")


def test_a_rule_more_than_asked_is_welcome() -> None:
    more = card_line(CARD._replace(passed=("HP101", "HP102", "HP103")))
    assert hp121.check(judged_by(POLICY, (more,))) == ()


def test_every_card_line_is_held_to_it() -> None:
    old = card_line(manifest=changed(MANIFEST, "config.json"))
    assert len(hp121.check(release(old))) == 1
