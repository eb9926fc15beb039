# SPDX-License-Identifier: Apache-2.0
"""The history of signatures that an audit tells: which lines, by whose word, under which policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.cli.audit_report import signing_rows
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.domain.trust import OlderPolicy
from tests.flows.audited import ADA, MAIN, put, revoked, stricter
from tests.flows.publishing_world import gate
from tests.flows.test_auditing_times import published, trusting
from tests.hook.gate_world import MADE
from tests.stamping import stamper

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.render.report import SigningRow
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
POLICY = gate(ADA)[0]


def rows(world: World, **options: Any) -> tuple[SigningRow, ...]:
    return signing_rows(world.audit(**options).values())


def test_who_signed_what_when_with_which_key_under_which_policy(world: World) -> None:
    world.publish()
    world.api.create_tag(world.repo.text, tag="v1")
    (row,) = rows(world)
    assert row._asdict() == {
        "repo": world.repo.text,
        "time": MADE,
        "principal": "ada",
        "role": "releaser",
        "keyid": ADA.signer.keyid,
        "policy": (POLICY.id, POLICY.version, ADA.policy_sha256),
        "dir_hash": world.audit()[MAIN].dir_hash,
        "refs": (MAIN, "refs/tags/v1"),
        "proof": "",
        "remark": "",
    }


def test_a_line_that_is_revoked_is_no_history(world: World) -> None:
    world.publish()
    assert rows(world, trust=revoked(revoked_keys=frozenset({ADA.signer.keyid}))) == ()
    put(world, RELEASE_FILE, b'{"not": "a line"}\n')
    assert rows(world) == ()


def test_a_line_beside_changed_bytes_still_says_what_was_signed(world: World) -> None:
    """It is history: the verdict is another matter."""
    world.publish()
    before = rows(world)[0].dir_hash
    put(world, "config.json", b"{}")
    (row,) = rows(world)
    assert world.audit()[MAIN].status == "MODIFIED"
    assert row.dir_hash == before


def test_a_time_that_is_proven_is_the_time(world: World, tmp_path: Path) -> None:
    authority = stamper(tmp_path / "time")
    published(world, authority)
    now = SystemClock().now()
    (row,) = rows(world, trust=trusting(authority), now=now)
    assert (row.proof, row.time > MADE) == ("acme time", True)
    assert row.remark == f"declares {MADE}, which nobody proves"
    (plain,) = rows(world, now=now)
    assert (plain.proof, plain.time, plain.remark) == ("", MADE, "")


def test_a_policy_that_is_not_there_is_known_by_its_digest_and_by_the_state(world: World) -> None:
    world.publish()
    world.api.delete_file(f".hubpolicy/policy/{ADA.policy_sha256}.json", world.repo.text)
    newer = stricter(version=2)
    assert rows(world, policy=newer)[0].policy == ("", 0, ADA.policy_sha256)
    older = (OlderPolicy(1, ADA.policy_sha256, "2026-12-31"),)
    (row,) = rows(world, policy=newer, trust=revoked(policy_version=2, older_policies=older))
    assert row.policy == ("", 1, ADA.policy_sha256)


def test_a_line_that_was_copied_from_elsewhere_stands_out(world: World) -> None:
    world.model()
    world.plan()
    made_for = world.repo
    world.repo = made_for._replace(name=f"{made_for.name}-copy")
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=world.folder)
    (row,) = rows(world)
    assert row.remark == f"made for {made_for.purl}"
