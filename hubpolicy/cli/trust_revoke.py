# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust revoke``: keys, statements, files and whole releases, for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.cli.options import TRUST_KEY_HELP
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.home import Home
    from hubpolicy.adapters.trusted import Trusted
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.trust import State, TrustRoot
    from hubpolicy.ports import Signer

_WHERE = {
    "key": "hubpolicy trust show lists the keys",
    "file": "sha256sum FILE, or all of a release's: hubpolicy trust revoke release PATH",
    "payload": "all of a release's: hubpolicy trust revoke release PATH",
}
"""Where people find the digest of each kind."""
KINDS = ("key", "name", "payload", "file", "release")
_NONE: frozenset[str] = frozenset()


class Revoked(NamedTuple):
    """What to revoke, as hex sha256."""

    keys: frozenset[str] = _NONE
    payloads: frozenset[str] = _NONE
    files: frozenset[str] = _NONE


@click.command(
    epilog="""\b
Examples:
  hubpolicy trust revoke key 4bf5...             signatures by this key count no more
  hubpolicy trust revoke key leaf.pem            the same, of a certificate's key
  hubpolicy trust revoke name email:rita@acme.example    any certificate of hers: all her names
  hubpolicy trust revoke file 9c56...            releases with this weight file are REVOKED
  hubpolicy trust revoke release ./my-model      its weight files and all of its signed lines
  hubpolicy trust revoke key 4bf5... trust       a team's: prepared in the trust folder DIR
"""
)
@click.argument("what", type=click.Choice(KINDS))
@click.argument("value", metavar="SHA256|PATH|NAME")
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="[DIR]",
                required=False)  # fmt: skip
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=f"{TRUST_KEY_HELP} Not with DIR.")
@click.option("--yes", is_flag=True, help="Do not ask. A revocation is never taken back.")
def revoke(what: str, value: str, folder: str | None, key: str, *, yes: bool) -> None:
    """Revoke a key, a name, a statement, a file, or a release by its evidence, for ever."""
    if folder is None:
        _revoke_solo(what, value, key, ask=not yes)
    else:
        from hubpolicy.cli.trust_place import refuse_key

        refuse_key(folder, key)
        _revoke_team(what, value, folder, ask=not yes)


def _revoke_team(what: str, value: str, folder: str, *, ask: bool) -> None:
    from hubpolicy.cli.trust_place import open_place
    from hubpolicy.cli.trust_propose import prepared
    from hubpolicy.flows.trusting import STATE_DAYS, propose_revocation

    place = open_place(folder)
    if place.standing.state is None:
        message = f"nothing is published in {folder} yet, so there is nothing to revoke from"
        raise ConfigError(message, hint="hubpolicy trust sign DIR")
    wanted = _wanted(what, value, place.standing.roots, place.standing.state)
    after = propose_revocation(place.folder, place.now, days=STATE_DAYS, **wanted._asdict())
    if ask:
        _ask(what, value)
    prepared(place, after)


def _revoke_solo(what: str, value: str, key: str, *, ask: bool) -> None:
    from hubpolicy.cli.trust_place import say
    from hubpolicy.cli.wiring import seat

    place = seat()
    trust = place.trusted.trust
    if not trust.root.solo:
        message = "the trust that is in force here is a team's, and several people keep it"
        raise ConfigError(message, hint=f"hubpolicy trust revoke {what} {value} DIR")
    wanted = _wanted(what, value, (trust.root,), trust.state)
    if ask:
        _ask(what, value)
    state = revoke_here(place, wanted, key)
    say(f"revoked {what} {value}; state version {state.version}")


def revoke_here(place: Seat, wanted: Revoked, key: str) -> State:
    """Sign a state that revokes more, and put it in force in this user's own trust.

    Raises:
        AccessError, ConfigError, ServiceError, VerificationError: as :func:`change_here` does.

    """
    from hubpolicy.flows.founding import revoke as revoke_flow

    def revoked(state: State, now: str) -> State:
        del now
        return revoke_flow(state, **wanted._asdict())

    return change_here(place, revoked, key, "hubpolicy trust revoke ... DIR")


def change_here(place: Seat, change: Callable[[State, str], State], key: str, team: str) -> State:
    """Sign what comes of the state, and put it in force in this user's own trust.

    What is in force is read again under the lock: of two changes at once none is lost. ``change``
    is given the state and the moment; ``team`` is what a team would type.

    Raises:
        AccessError: there is no key.
        ConfigError: another trust is in force by now, or what ``change`` raises.
        ServiceError: another process changes what is trusted here.
        VerificationError: the key at hand does not hold the role.

    """
    from hubpolicy.adapters.trust_memory import trust_lock
    from hubpolicy.adapters.trusted import open_trusted
    from hubpolicy.cli.wiring import signer

    mine = signer(place.home, key)
    with trust_lock(place.home):
        trusted = open_trusted(place.home)
        if not trusted.trust.root.solo:
            message = "the trust that is in force here is a team's by now: nothing was changed"
            raise ConfigError(message, hint=team)
        return _change_locked(place.home, trusted, change, mine)


def _change_locked(
    home: Home, trusted: Trusted, change: Callable[[State, str], State], mine: Signer
) -> State:
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.adapters.trust_memory import read_memory, write_memory
    from hubpolicy.cli.wiring import POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT
    from hubpolicy.flows.founding import Founded, compile_revocation, sign_state
    from hubpolicy.flows.pinning import remembered_solo

    trust, now = trusted.trust, SystemClock().now()
    state = change(trust.state, now)
    document = sign_state(mine, state, trust)
    parts = (ROOT_DOCUMENT, POLICY_DOCUMENT, STATE_DOCUMENT, (GATE_FILE,))
    founded = compile_revocation(
        Founded(*(home.read(*names) for names in parts)), document, trust, trusted.meta, now
    )
    memory = remembered_solo(read_memory(home), founded.root, founded.state, now)
    write_atomic(home.path(*STATE_DOCUMENT), founded.state)
    write_atomic(home.path(GATE_FILE), founded.gate)
    write_memory(home, memory)
    return state


def _ask(what: str, value: str) -> None:
    from hubpolicy.render.escape import terminal

    click.confirm(f"revoke {what} {terminal(value)} for ever?", abort=True, err=True)


def _wanted(what: str, value: str, roots: tuple[TrustRoot, ...], state: State) -> Revoked:
    if what == "release":
        return _release(Path(value), roots, state)
    if what == "name":
        return Revoked(keys=_name(value, roots))
    if what == "key" and Path(value).is_file():
        return Revoked(keys=_certificate(Path(value)))
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        message = f"got {value!r}, expected the 64 hex digits of the {what}'s sha256"
        raise ConfigError(message, hint=_WHERE[what])
    one = frozenset({value})
    if what == "key" and (named := _named(value, roots)):
        return Revoked(keys=_name(named, roots))
    if what == "key":
        _warn_unless_listed(value, roots)
    return Revoked(
        keys=one if what == "key" else _NONE,
        payloads=one if what == "payload" else _NONE,
        files=one if what == "file" else _NONE,
    )


def _name(value: str, roots: tuple[TrustRoot, ...]) -> frozenset[str]:
    """What revokes somebody whom an authority certifies: every name that a root pins for them.

    By one name alone a certificate with another name of theirs would still be accepted.
    """
    from hubpolicy.cli.trust_place import say
    from hubpolicy.domain.certified import name_id

    newest = next((root for root in reversed(roots) if value in root.names), None)
    if newest is None:
        message = f"got name {value!r}, expected one that a root lets an authority certify"
        raise ConfigError(message, hint="hubpolicy trust show lists the authorities and names")
    people = {m.principal for each in newest.authorities for m in each.members if m.name == value}
    members = {m for root in roots for each in root.authorities for m in each.members}
    names = sorted({m.name for m in members if m.principal in people})
    for name in names:
        say(f"  name     {name_id(name)}  {name}")
    return frozenset(map(name_id, names))


def _named(digest: str, roots: tuple[TrustRoot, ...]) -> str:
    """The certified name whose digest this is (``trust show`` prints both), else nothing."""
    from hubpolicy.domain.certified import name_id

    return next((each for root in roots for each in root.names if name_id(each) == digest), "")


def _warn_unless_listed(keyid: str, roots: tuple[TrustRoot, ...]) -> None:
    """No root lists the keys of certificates, so a mistyped one cannot be told from them."""
    listed = {key.keyid for root in roots for key in root.keys}
    listed |= {identity.keyid for root in roots for identity in root.identities}
    if keyid in listed:
        return
    message = f"warning: no root lists key {keyid}, and a mistyped id revokes nobody"
    click.echo(f"{message}; for a certificate's: hubpolicy trust revoke key leaf.pem", err=True)


def _certificate(path: Path) -> frozenset[str]:
    """The key id of a certificate; the first one where there are several."""
    from hubpolicy.adapters.trust_folder import read_file
    from hubpolicy.core.certificates import load_chain, read_leaf
    from hubpolicy.core.keys import keyid_of
    from hubpolicy.errors import MalformedError

    try:
        leaf = read_leaf(load_chain(read_file(path), where=str(path))[0], where=str(path))
    except MalformedError as error:
        raise ConfigError(error.message, hint="a certificate in PEM, or 64 hex digits") from error
    return frozenset({keyid_of(leaf.pem)})


def _release(path: Path, roots: tuple[TrustRoot, ...], state: State) -> Revoked:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.adapters.trust_folder import read_file
    from hubpolicy.adapters.trusted import with_witness
    from hubpolicy.cli.trust_place import say
    from hubpolicy.core.line_files import RELEASE_FILE
    from hubpolicy.core.release_digests import release_digests
    from hubpolicy.domain.manifest import EvidenceFile
    from hubpolicy.domain.trust import Trust

    if path.is_dir():
        evidence = FolderRelease(str(path)).evidence_files()
    else:
        evidence = (EvidenceFile(RELEASE_FILE, read_file(path)),)
    now, witness = SystemClock().now(), with_witness(Trust(roots[-1], state)).witness
    found = release_digests(evidence, roots, state, now=now, witness=witness)
    for name, sha256 in found.files:
        say(f"  file     {sha256}  {name}")
    for sha256 in found.payloads:
        say(f"  payload  {sha256}")
    files = frozenset(sha256 for _, sha256 in found.files)
    return Revoked(payloads=frozenset(found.payloads), files=files)
