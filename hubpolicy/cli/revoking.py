# SPDX-License-Identifier: Apache-2.0
"""The step of a withdrawal that signs: in one's own trust, or prepared in a team's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.cli.trust_revoke import Revoked, revoke_here
from hubpolicy.core.withdrawal import Step
from hubpolicy.errors import ConfigError, HubpolicyError, UnsupportedError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.cli.trust_place import Place
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.core.trust_folder import TrustFolder
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
    from hubpolicy.adapters.trust_folder import save
    from hubpolicy.cli.trust_place import open_place
    from hubpolicy.flows.trusting import STATE_DAYS, publish

    there = open_place(folder)
    state = there.standing.state
    if state is not None and _holds(state, wanted):
        text = f"{_counts(wanted)}, published in {folder}: hubpolicy trust update"
        return Step(NAME, "already", text)
    after, reason = _signed(_proposed(there, wanted), place, key)
    done, _ = publish(after, there.now, days=STATE_DAYS)
    save(there.path, there.folder, done)
    waiting = done.find("state")
    if waiting is None:
        return Step(
            NAME, "done", f"{_counts(wanted)}, published in {folder}: hubpolicy trust update"
        )
    more = f"{reason}; " if reason else ""
    text = f"{_counts(wanted)}, prepared in {there.path / waiting.path}: {more}"
    return Step(NAME, "pending", f"{text}others sign it: hubpolicy trust sign {folder}")


def _proposed(there: Place, wanted: Revoked) -> TrustFolder:
    """What is pending already is left as it is if it says all of it: it may be signed by others."""
    from hubpolicy.core.documents import parse_state
    from hubpolicy.flows.trusting import STATE_DAYS, propose_revocation

    waiting = there.folder.find("state")
    if waiting is not None and _holds(parse_state(waiting.envelope.payload), wanted):
        return there.folder
    return propose_revocation(there.folder, there.now, days=STATE_DAYS, **wanted._asdict())


def _signed(folder: TrustFolder, place: Seat, key: str) -> tuple[TrustFolder, str]:
    """With my signature; without it, and why, where it would not count."""
    from hubpolicy.cli.wiring import signer
    from hubpolicy.flows.trusting import add_signature

    try:
        return add_signature(folder, signer(place.home, key), "state"), ""
    except VerificationError as error:
        return folder, error.message


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
