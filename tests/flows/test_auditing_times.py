# SPDX-License-Identifier: Apache-2.0
"""What an audit says about when a release was signed, and by whose word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.core.bundle import add_timestamp, parse_bundle
from hubpolicy.core.line_files import RELEASE_FILE
from tests.flows.audited import MAIN
from tests.flows.publishing_world import gate
from tests.hook.gate_world import MADE, person
from tests.stamping import Stamper, stamper

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.trust import Trust
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def published(world: World, authority: Stamper, *, of: bytes = b"") -> None:
    """A release whose last line has a timestamp; of its own signature, or of something else."""
    world.model()
    world.plan()
    path = world.folder / RELEASE_FILE
    *others, release = path.read_bytes().splitlines()
    token = authority.stamp(of or parse_bundle(release, where="x").signature)
    lines = [*others, add_timestamp(release, token, where="x")]
    plain = path.read_bytes()
    plan = world.judged(now=SystemClock().now())
    assert path.read_bytes() == plain
    path.write_bytes(b"\n".join(lines) + b"\n")
    files = tuple(
        file._replace(content=path.read_bytes()) if file.path == RELEASE_FILE else file
        for file in plan.files
    )
    assert world.push(plan._replace(files=files)).oid


def trusting(authority: Stamper) -> Trust:
    trust = gate(person())[1]
    return trust._replace(root=trust.root._replace(time_authorities=(authority.pinned,)))


def test_a_time_that_a_pinned_authority_vouches_for(world: World, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    published(world, authority)
    now = SystemClock().now()
    verdict = world.audit(trust=trusting(authority), now=now)[MAIN]
    assert (verdict.status, verdict.time) == ("ATTESTED", MADE)
    assert verdict.detail.startswith("timestamped 20")
    assert verdict.detail.endswith("Z by acme time")
    plain = world.audit(now=now)[MAIN]
    assert plain.detail == f"self-declared {MADE}"


def test_a_time_that_somebody_else_vouches_for(world: World, tmp_path: Path) -> None:
    published(world, stamper(tmp_path / "time"))
    other = stamper(tmp_path / "other", root="other root")
    verdict = world.audit(trust=trusting(other), now=SystemClock().now())[MAIN]
    assert verdict.status == "UNATTESTED"
    assert "HP311" in {finding.rule for finding in verdict.findings}


def test_a_timestamp_of_something_else(world: World, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    published(world, authority, of=b"another signature")
    verdict = world.audit(now=SystemClock().now())[MAIN]
    assert verdict.status == "UNATTESTED"
    assert "of something else" in verdict.detail
