# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hubpolicy.core.bundle import make_bundle
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.rules import hp310
from hubpolicy.core.verify import verify_model_signature
from hubpolicy.domain.finding import Location
from tests.golden.samples import MANIFEST, NOW, TRUST, signer
from tests.unit.core.release_world import (
    POLICY,
    approval_line,
    card_line,
    judged_by,
    release,
    release_line,
    run_line,
)

SIGNATURE = verify_model_signature(
    make_bundle(oms_statement(MANIFEST, "wizard-7b"), signer("rita")), TRUST, MANIFEST, now=NOW
)


def test_equal_sets_pass() -> None:
    assert hp310.check(release()) == ()
    assert hp310.check(release(approval_line())) == ()
    assert hp310.check(judged_by(POLICY, ())) == ()


def test_evidence_that_was_not_weighed_is_found() -> None:
    good = release()
    approval = approval_line()
    (finding,) = hp310.check(good._replace(lines=(*good.lines, approval)))
    assert finding.message.endswith("not named by the release line: an approval as safety by sam")
    assert finding.location == Location(f".hubpolicy/approvals/{approval.payload_sha256}.jsonl")
    (finding,) = hp310.check(good._replace(model_signature=SIGNATURE))
    assert "at hand and not named" in finding.message


def test_evidence_that_is_gone_is_found() -> None:
    good = release(approval_line(decision="reject"))
    gone = tuple(line for line in good.lines if line.principal != "sam")
    (finding,) = hp310.check(good._replace(lines=gone))
    assert "not at hand" in finding.message


def test_a_release_line_may_not_rest_on_a_release_line() -> None:
    first = release_line((card_line(), run_line()))
    second = release_line((card_line(), run_line(), first), who="rita")
    assert hp310.check(judged_by(POLICY, (card_line(), run_line(), first, second))) != ()
