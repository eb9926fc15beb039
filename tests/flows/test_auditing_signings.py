# SPDX-License-Identifier: Apache-2.0
"""The history of signatures that an audit tells: which lines, by whose word, under which policy."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.clock import SystemClock
from hubpolicy.cli.audit_report import signing_rows
from hubpolicy.core.line_files import RELEASE_FILE
from hubpolicy.core.lines import short
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.flows.assemble import assemble_listing
from hubpolicy.flows.auditing import Court
from hubpolicy.flows.historic import audit_history
from tests.flows.audited import ADA, MAIN, put, revoked, stricter
from tests.flows.publishing_world import attest_here, desk, gate, put_run, together
from tests.flows.test_auditing_times import published, trusting
from tests.hook.gate_world import MADE, person
from tests.stamping import stamper

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.trust import Trust
    from hubpolicy.render.report import SigningRow
    from tests.flows.publishing_world import World
    from tests.hook.gate_world import Person

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


AT_WORK, BOB = person("ada.at.work"), person("bob")


def two_people_three_keys() -> Trust:
    """Ada has a second key; she and Bob hold every role."""
    held = together(ADA, AT_WORK, BOB)
    keys = tuple(
        key._replace(principal="ada") if key.keyid == AT_WORK.signer.keyid else key
        for key in held.root.keys
    )
    return held._replace(root=held.root._replace(keys=keys))


def released(world: World, who: Person, trust: Trust, day: int) -> None:
    """The same model, attested anew by somebody on that day of January."""
    shutil.rmtree(world.folder / ".hubpolicy", ignore_errors=True)
    (world.folder / "model.sig").unlink(missing_ok=True)
    put_run(world.folder, who, trust=trust)
    at = desk(who, trust=trust, now=f"2026-01-{day:02}T00:00:00Z")
    assert attest_here(world.folder, world.repo, at).released
    world.api.upload_folder(
        repo_id=world.repo.text, folder_path=world.folder, delete_patterns=".hubpolicy/*"
    )


def test_through_all_revisions_a_new_key_and_a_new_person_stand_out(world: World) -> None:
    trust = two_people_three_keys()
    world.model()
    world.api.create_repo(world.repo.text)
    for day, who in ((4, ADA), (5, AT_WORK), (6, BOB), (7, AT_WORK)):
        released(world, who, trust, day)
    court = Court(POLICY, trust, "2026-01-08T00:00:00Z", assemble_listing)
    found = audit_history(world.repo, world.client(), court, world.notes)
    assert {verdict.status for verdict in found} == {"ATTESTED"}
    told = [(row.time[8:10], row.principal, row.refs, row.remark) for row in signing_rows(found)]
    work, home = short(AT_WORK.signer.keyid), short(ADA.signer.keyid)
    assert told == [
        ("04", "ada", (), f"first of 3 keys: ada, {home} (time self-declared)"),
        ("05", "ada", (), f"another key of ada: {work}, {home} before (time self-declared)"),
        ("06", "bob", (), "new signer bob (time self-declared)"),
        ("07", "ada", (MAIN,), ""),
    ]
