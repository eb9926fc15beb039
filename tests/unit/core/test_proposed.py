# SPDX-License-Identifier: Apache-2.0
"""What a pull request adds to a release makes it no better, and no worse unless it says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.judge import judge
from hubpolicy.core.proposed import content_of, is_proposal, judge_beside, rejections
from hubpolicy.core.rules import hp310
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.manifest import Listing
from hubpolicy.domain.statement import Waiver
from tests.golden.samples import MANIFEST, NOW, TOXICITY
from tests.unit.core.release_world import (
    SAFETY,
    approval_line,
    as_listing,
    asking,
    changed,
    release,
    rules_of,
    run_line,
    setting,
    waiver_line,
)

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.verify import VerifiedStatement

SUITE, *OTHERS = TOXICITY.suites
TOXIC = TOXICITY._replace(suites=(SUITE._replace(hits=400, toxic_samples=400), *OTHERS))
THEN, AFTER = "2026-11-22T14:30:00Z", "2026-11-22T14:45:00Z"
FORGIVEN = Waiver("HP203", "lee", "known", "2026-12-31")
WAIVABLE = setting("HP203", Severity.ERROR, waivable=True)


def verdict(evidence: Evidence) -> tuple[str, set[str]]:
    found = judge_beside(evidence, hp310.unnamed(evidence), NOW)
    return found.verdict, rules_of(found)


@pytest.mark.parametrize(
    ("base", "added", "expected"),
    [
        (release(), (), ("passed", set())),
        (release(), (approval_line(),), ("passed", set())),
        (release(), (approval_line(), approval_line("sue")), ("passed", set())),
        (release(), (run_line(TOXICITY._replace(attempts=2)),), ("passed", set())),
        (release(policy=WAIVABLE), (waiver_line(FORGIVEN),), ("passed", set())),
        (release(), (run_line(TOXICITY._replace(finished_on=AFTER)),), ("passed", set())),
        # Who says no is heard at once.
        (release(), (approval_line(decision="reject"),), ("failed", {"HP321"})),
        (release(), (run_line(TOXIC),), ("failed", {"HP203"})),
        # What nobody signed for makes nothing good.
        (release(policy=asking(SAFETY)), (approval_line(),), ("inconclusive", {"HP320"})),
        (
            release(run=run_line(TOXIC), policy=WAIVABLE),
            (waiver_line(FORGIVEN),),
            ("failed", {"HP203"}),
        ),
    ],
)
def test_a_proposal_is_judged_as_its_base_and_by_what_it_holds_against_it(
    base: Evidence, added: tuple[VerifiedStatement, ...], expected: tuple[str, set[str]]
) -> None:
    proposed = base._replace(lines=(*base.lines, *added), now=THEN)
    assert verdict(proposed) == expected
    assert ("HP310" in rules_of(judge(proposed))) is bool(added)


def test_what_is_gone_is_no_proposal() -> None:
    good = release(approval_line())
    less = tuple(line for line in good.lines if line.principal != "sam")
    gone = good._replace(lines=(*less, approval_line("sue", not_after="2027-01-31")))
    assert verdict(gone) == ("failed", {"HP310"})


def test_files_are_the_same_whatever_evidence_stands_beside_them() -> None:
    good = release()
    same = release(approval_line(decision="reject"))
    assert content_of(good) == content_of(same) != ""
    assert (rejections(good), rejections(same)) == (False, True)
    other = good._replace(manifest=changed(MANIFEST, "config.json"))
    assert content_of(other) != content_of(good)
    listed = as_listing(good)
    assert content_of(listed) != ""
    assert listed.listing is not None
    first, *rest = listed.listing.files
    unknown = Listing((first._replace(sha256=None, git_blob=None), *rest))
    assert content_of(listed._replace(listing=unknown)) == ""


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("refs/pr/1", True), ("refs/heads/main", False), ("refs/heads/refs/pr/1", False)],
)
def test_only_a_pull_request_is_a_proposal(ref: str, *, expected: bool) -> None:
    assert is_proposal(ref) is expected
