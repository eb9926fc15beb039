# SPDX-License-Identifier: Apache-2.0
"""The step of a withdrawal that signs: in one's own trust, or prepared in a team's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.cli.trust_revoke import Revoked, revoke_here
from hubpolicy.core.withdrawal import Step
from hubpolicy.errors import ConfigError, HubpolicyError, UnsupportedError

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.withdrawal import Withdrawal
    from hubpolicy.domain.trust import State

NAME = "revoked"


def require_place(place: Seat, folder: str | None) -> None:
    """A team revokes in its trust folder, one person in their own: said before anything changes.

    Raises:
        ConfigError: --trust is missing, or means nothing here.

    """
    solo = place.trusted.trust.root.solo
    if not solo and folder is None:
        message = "the trust that is in force here is a team's, and several people keep it"
        raise ConfigError(message, hint="hubpolicy withdraw ... --trust DIR, their trust folder")
    if solo and folder is not None:
        message = "got --trust, and the trust that is in force here is your own"
        raise ConfigError(message, hint="leave --trust out")


def revoke(place: Seat, record: Withdrawal, key: str, folder: str | None) -> Step:
    """Revoke the weight files and the release lines. Never raises what is one of our errors."""
    wanted = Revoked(payloads=record.revoked_payloads, files=record.revoked_files)
    if not wanted.payloads and not wanted.files:
        message = "there is no weight file and no release line in it: nothing was revoked"
        return Step(NAME, "failed", message, UnsupportedError(message))
    try:
        if folder is not None:
            return _in_folder(wanted, place, key, folder)
        if _holds(place.trusted.trust.state, wanted):
            return Step(NAME, "already", f"{_counts(wanted)}, in your own trust")
        state = revoke_here(place, wanted, key)
    except HubpolicyError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return Step(NAME, "failed", f"{error.message}{hint}", error)
    return Step(NAME, "done", f"{_counts(wanted)}; state version {state.version} is in force here")


def _in_folder(wanted: Revoked, place: Seat, key: str, folder: str) -> Step:
    """Signed only where nothing else would be signed with it: nobody asks here what is pending."""
    from hubpolicy.adapters.trust_folder import save
    from hubpolicy.cli.trust_place import open_place
    from hubpolicy.cli.wiring import signer
    from hubpolicy.core.trust_folder import verify_folder
    from hubpolicy.flows.renewing import take_back
    from hubpolicy.flows.trusting import STATE_DAYS, publish

    there = open_place(folder)
    state = there.standing.state
    published = f"{_counts(wanted)}, published in {folder}: hubpolicy trust update"
    if state is not None and _holds(state, wanted):
        return Step(NAME, "already", published)
    after, reason = take_back(
        there.folder, signer(place.home, key), there.now,
        days=STATE_DAYS, files=wanted.files, payloads=wanted.payloads,
    )  # fmt: skip
    done, _ = publish(after, there.now, days=STATE_DAYS)
    save(there.path, there.folder, done)
    standing = verify_folder(done).state
    if standing is not None and _holds(standing, wanted):
        return Step(NAME, "done", published)
    waiting = done.find("state")
    where = there.path if waiting is None else there.path / waiting.path
    more = f"{reason}; " if reason else ""
    text = f"{_counts(wanted)}, prepared in {where}: {more}"
    who = "read it and sign it" if reason else "others sign it"
    return Step(NAME, "pending", f"{text}{who}: hubpolicy trust sign {folder}")


def _holds(state: State, wanted: Revoked) -> bool:
    return (
        wanted.files <= state.revoked_files
        and wanted.payloads <= state.revoked_payloads
        and wanted.keys <= state.revoked_keys
    )


def _counts(wanted: Revoked) -> str:
    files, payloads = len(wanted.files), len(wanted.payloads)
    return (
        f"{files} weight file{'s' * (files != 1)}, {payloads} release line{'s' * (payloads != 1)}"
    )
