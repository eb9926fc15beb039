# SPDX-License-Identifier: Apache-2.0
"""What a release is worth later: revoked files, keys and statements; policies that changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.core.documents import POLICY_TYPE, make_document
from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.strictjson import canonical
from hubpolicy.domain.finding import Severity
from hubpolicy.domain.policy import RuleSetting
from hubpolicy.domain.trust import OlderPolicy
from hubpolicy.errors import ConfigError
from tests.flows.audited import ADA, main, revoked, rules, stricter
from tests.flows.publishing_world import (
    LATER,
    NOW,
    WEIGHTS,
    attest_here,
    desk,
    gate,
    put_run,
    put_waiver,
)
from tests.hook.gate_world import MADE, person, sign

if TYPE_CHECKING:
    from hubpolicy.domain.trust import Trust
    from tests.flows.publishing_world import World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_a_revoked_file_revokes_the_release(world: World) -> None:
    world.publish()
    sha256 = world.tree()[WEIGHTS]
    verdict = main(world, trust=revoked(revoked_files=frozenset({sha256})))
    assert (verdict.status, rules(verdict)) == ("REVOKED", {"HP703"})
    assert WEIGHTS in verdict.detail


def test_revoked_weights_that_somebody_uploads_again_are_revoked(world: World) -> None:
    folder = world.model()
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    verdict = main(world, trust=revoked(revoked_files=frozenset({sha256})))
    assert (verdict.status, rules(verdict)) == ("REVOKED", {"HP703"})


def test_a_run_that_failed_says_why_nobody_released_it(world: World) -> None:
    folder = world.model()
    put_run(folder, ADA, hits=60)
    attest_here(folder, world.repo, desk(ADA))
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    verdict = main(world)
    assert (verdict.status, rules(verdict)) == ("UNATTESTED", {"HP301", "HP203"})
    assert verdict.detail == "no release line; HP203"


def test_a_revoked_small_file_revokes_the_release_too(world: World) -> None:
    folder = world.publish() and world.folder
    sha256 = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    assert main(world, trust=revoked(revoked_files=frozenset({sha256}))).status == "REVOKED"


def test_a_revoked_key_revokes_all_that_it_signed(world: World) -> None:
    world.publish()
    verdict = main(world, trust=revoked(revoked_keys=frozenset({ADA.signer.keyid})))
    assert verdict.status == "REVOKED"
    (told,) = (finding for finding in verdict.findings if finding.rule == "HP701")
    assert "in 4 places: .hubpolicy/release.intoto.jsonl lines 1-3, model.sig" in told.message


def test_a_revoked_statement_revokes_what_rests_on_it(world: World) -> None:
    world.publish()
    line = world.judged().evidence.lines[0]
    verdict = main(world, trust=revoked(revoked_payloads=frozenset({line.payload_sha256})))
    assert (verdict.status, "HP702" in rules(verdict)) == ("REVOKED", True)


def test_a_policy_that_changed_since_makes_it_stale_and_not_red(world: World) -> None:
    world.publish()
    verdict = main(world, policy=stricter(version=2), now=LATER)
    assert verdict.status == "STALE"
    assert verdict.detail.startswith("today: HP309")
    assert verdict.findings == ()


def older_until(until: str) -> Trust:
    """The policy of the release is not the newest any more, and counts until that day."""
    older = OlderPolicy(1, ADA.policy_sha256, until)
    return revoked(policy_version=2, older_policies=(older,))


def test_while_the_policy_of_then_counts_it_is_not_stale_either(world: World) -> None:
    world.publish()
    now_in_force = stricter(version=2)
    trust = older_until(LATER[:10])
    assert main(world, policy=now_in_force, trust=trust, now=LATER).status == "ATTESTED"
    limit = now_in_force.toxicity.suites[0]._replace(upper_bound_max="0.000001")
    toxicity = now_in_force.toxicity._replace(suites=(limit,))
    harder = main(world, policy=stricter(version=2, toxicity=toxicity), trust=trust, now=LATER)
    assert harder.status == "STALE"  # under today's limits, whatever counts
    assert harder.detail.endswith(f"; self-declared {MADE}")


def test_a_line_under_a_policy_that_counts_no_more_proves_its_time_or_is_worth_nothing(
    world: World,
) -> None:
    """Else whoever holds a key today signs as of the days of a policy that was lax."""
    world.publish()
    verdict = main(world, policy=stricter(version=2), trust=older_until("2026-01-31"), now=LATER)
    assert (verdict.status, rules(verdict)) == ("UNATTESTED", {"HP309"})
    assert "policy version 1 counts until 2026-01-31, it is 2026-02-01" in verdict.detail
    (finding,) = verdict.findings
    assert (finding.effect, finding.fix.startswith("hubpolicy attest PATH")) == (
        "inconclusive", True,
    )  # fmt: skip


def test_a_release_is_judged_by_its_own_policy_and_not_by_todays(world: World) -> None:
    world.publish()
    limit = gate(ADA)[0].toxicity.suites[0]._replace(upper_bound_max="0.000001")
    toxicity = gate(ADA)[0].toxicity._replace(suites=(limit,))
    assert main(world, policy=stricter(version=2, toxicity=toxicity)).status == "STALE"


def test_a_release_whose_policy_is_not_there_is_not_attested(world: World) -> None:
    world.publish()
    world.api.delete_file(f".hubpolicy/policy/{ADA.policy_sha256}.json", world.repo.text)
    verdict = main(world, policy=stricter(version=2))
    assert verdict.status == "UNATTESTED"
    assert "is not in the repository" in verdict.detail


def test_a_policy_that_nobody_signed_judges_nothing(world: World) -> None:
    folder = world.model()
    world.plan()
    lax = policy_payload(gate(ADA)[0]._replace(version=9))
    payload = canonical(lax)
    digest = hashlib.sha256(payload).hexdigest()
    own = desk(ADA, policy=parse_policy(payload))
    envelope = make_document(payload, POLICY_TYPE, (person("mallory").signer,))
    put_run(folder, ADA)
    attest_here(folder, world.repo, own._replace(policy_envelope=envelope))
    assert (folder / f".hubpolicy/policy/{digest}.json").read_bytes() == envelope
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    verdict = main(world)
    assert verdict.status == "UNATTESTED"
    assert "policy" in verdict.detail


@pytest.mark.parametrize("change", [{"mode": "observe"}, {"expires": "2025-12-31"}])
def test_a_policy_that_could_not_open_a_gate_then_attests_nothing_and_stops_no_audit(
    world: World, change: dict[str, Any]
) -> None:
    payload = canonical(policy_payload(gate(ADA)[0]._replace(version=9, **change)))
    envelope = make_document(payload, POLICY_TYPE, (ADA.signer,))
    digest = hashlib.sha256(payload).hexdigest()
    world.model()
    sign(
        world.folder,
        ADA._replace(policy_sha256=digest, policy_document=envelope),
        target=world.repo,
    )
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=world.folder)
    verdict = main(world)
    assert verdict.status == "UNATTESTED"
    assert "policy" in verdict.detail


def test_todays_policy_must_hold_today(world: World) -> None:
    world.publish()
    expired = gate(ADA)[0]._replace(expires="2025-01-01")
    with pytest.raises(ConfigError, match="expired"):
        main(world, policy=expired)


def test_a_release_that_was_waived_says_by_which_rule(world: World) -> None:
    rule = RuleSetting("HP203", Severity.ERROR, True)
    policy = stricter(rules=(rule,))
    payload = canonical(policy_payload(policy))
    envelope = make_document(payload, POLICY_TYPE, (ADA.signer,))
    folder = world.model()
    put_run(folder, ADA, hits=60)
    put_waiver(folder, "HP203", "ada", until="2026-01-20")
    at = desk(ADA, policy=policy)._replace(policy_envelope=envelope)
    assert attest_here(folder, world.repo, at).released
    world.api.create_repo(world.repo.text)
    world.api.upload_folder(repo_id=world.repo.text, folder_path=folder)
    verdict = main(world, policy=policy)
    assert (verdict.status, verdict.detail) == (
        "ATTESTED_WAIVED", f"waived: HP203; self-declared {NOW}",
    )  # fmt: skip
    ended = main(world, policy=policy, now=LATER)
    assert (ended.status, ended.detail.startswith("today: HP")) == ("STALE", True)
