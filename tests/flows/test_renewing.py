# SPDX-License-Identifier: Apache-2.0
"""One key signs what its command named, and nothing that only waited beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubpolicy.core.documents import parse_state, state_payload
from hubpolicy.core.pending import propose
from hubpolicy.core.trust_folder import TrustFolder, put, verify_folder
from hubpolicy.errors import ConfigError
from hubpolicy.flows.renewing import renew_state, take_back
from hubpolicy.flows.trusting import (
    add_signature,
    propose_policy,
    propose_revocation,
    publish,
)
from tests.flows.trusting_world import DAYS, consumed, payload, signed, standing_team
from tests.golden.samples import NOW, key, sha, signer
from tests.unit.core.release_world import POLICY

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.trust import State

    Change = Callable[[TrustFolder], TrustFolder]

LATER = "2026-12-20T00:00:00Z"
MINE = frozenset({sha("mine")})
NONE: frozenset[str] = frozenset()
BOB = frozenset({key("bob").keyid})


def revoking_bob(folder: TrustFolder) -> TrustFolder:
    return propose_revocation(folder, NOW, days=DAYS, keys=BOB, files=frozenset({sha("theirs")}))


def new_policy(folder: TrustFolder) -> TrustFolder:
    return propose_policy(folder, payload(version=POLICY.version + 1), NOW, days=DAYS)


def living_long(folder: TrustFolder) -> TrustFolder:
    """What the withdrawal wants, by somebody who would freeze it for years."""
    state = standing(folder)
    changes = state._replace(
        version=state.version + 1, expires="2090-01-01T00:00:00Z", revoked_files=MINE
    )
    return put(folder, propose("state", state_payload(changes)))


FOREIGN = pytest.mark.parametrize("foreign", [revoking_bob, new_policy])


def standing(folder: TrustFolder) -> State:
    state = verify_folder(folder).state
    assert state is not None
    return state


def waiting(folder: TrustFolder) -> State:
    pending = folder.find("state")
    assert pending is not None
    return parse_state(pending.envelope.payload)


def signers(folder: TrustFolder) -> list[str]:
    pending = folder.find("state")
    return [] if pending is None else [s.keyid for s in pending.envelope.signatures]


# Renewing ------------------------------------------------------------------------------------


@FOREIGN
def test_a_renewal_never_signs_what_else_waits(foreign: Change) -> None:
    before = foreign(standing_team(state=2))
    with pytest.raises(ConfigError, match="says more than a renewal") as caught:
        renew_state(before, signer("ada"), NOW, days=DAYS)
    assert caught.value.hint.endswith("hubpolicy trust sign DIR")


@FOREIGN
def test_what_does_not_follow_any_more_is_made_anew_unsigned(foreign: Change) -> None:
    before = signed(foreign(standing_team(state=2)), "ada", kinds=("state",))
    assert signers(before)
    after = renew_state(before, signer("ada"), LATER, days=DAYS)
    assert signers(after) == []
    assert waiting(after)._replace(expires="") == waiting(before)._replace(expires="")
    assert waiting(after).expires > LATER


@FOREIGN
def test_one_who_is_enough_renews_alone_and_the_rest_waits_unsigned(foreign: Change) -> None:
    before = foreign(standing_team())
    after = renew_state(before, signer("ada"), NOW, days=3)
    assert standing(after)._replace(version=1, expires="") == standing(before)._replace(
        version=1, expires=""
    )
    assert standing(after).version == 2
    assert signers(after) == []


def test_two_renew_together() -> None:
    folder = renew_state(standing_team(state=2), signer("ada"), NOW, days=DAYS)
    assert signers(folder) == [key("ada").keyid]
    assert consumed(signed(folder, "bob"))[2] == 2


# Withdrawing ---------------------------------------------------------------------------------


@FOREIGN
def test_a_withdrawal_publishes_only_what_it_names(foreign: Change) -> None:
    before = foreign(standing_team())
    after, reason = take_back(before, signer("ada"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert reason == ""
    state = standing(after)
    assert (state.revoked_files, state.revoked_keys) == (MINE, NONE)
    assert state.policy_version == POLICY.version
    assert signers(after) == []
    assert waiting(after).revoked_files >= MINE | waiting(before).revoked_files
    assert waiting(after).policy_version == waiting(before).policy_version
    assert standing(signed(after, "ada")).revoked_files >= MINE


@FOREIGN
def test_of_two_none_signs_what_else_waits(foreign: Change) -> None:
    before = foreign(standing_team(state=2))
    after, reason = take_back(before, signer("ada"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert "more is pending than this withdrawal" in reason
    assert signers(after) == []
    assert waiting(after).revoked_files >= MINE | waiting(before).revoked_files
    again, _ = take_back(after, signer("bob"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert again == after
    assert not publish(again, NOW, days=DAYS)[1]


def test_two_withdraw_the_same_and_it_is_published() -> None:
    folder = standing_team(state=2)
    for who in ("ada", "bob"):
        folder, reason = take_back(
            folder, signer(who), NOW, days=DAYS, files=MINE, payloads=frozenset({sha("line")})
        )
        assert reason == ""
    folder, done = publish(folder, NOW, days=DAYS)
    assert done
    assert standing(folder).revoked_files == MINE
    assert standing(folder).revoked_payloads == {sha("line")}


def test_a_state_that_would_live_for_years_is_not_signed_along() -> None:
    before = living_long(standing_team(state=2))
    after, reason = take_back(before, signer("ada"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert reason == ""
    assert waiting(after).expires < "2027"
    assert signers(after) == [key("ada").keyid]


def test_a_renewal_that_waits_is_no_reason_not_to_sign() -> None:
    before = renew_state(standing_team(state=2), signer("bob"), NOW, days=DAYS)
    after, reason = take_back(before, signer("ada"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert reason == ""
    assert waiting(after).revoked_files == MINE
    assert signers(after) == [key("ada").keyid]


def test_who_may_not_sign_prepares_it_for_others() -> None:
    folder = standing_team()
    after, reason = take_back(folder, signer("eve"), NOW, days=DAYS, files=MINE, payloads=NONE)
    assert "does not know your key" in reason
    assert waiting(after).revoked_files == MINE
    assert standing(add_and_publish(after, "ada")).revoked_files == MINE


def test_where_nothing_is_published_nothing_is_withdrawn() -> None:
    with pytest.raises(ConfigError, match="nothing is published yet"):
        take_back(TrustFolder(), signer("ada"), NOW, days=DAYS, files=MINE, payloads=NONE)


def add_and_publish(folder: TrustFolder, who: str) -> TrustFolder:
    return publish(add_signature(folder, signer(who), "state"), NOW, days=DAYS)[0]
