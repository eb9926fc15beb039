# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust revoke``: keys, statements, files and whole releases, for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.domain.trust import State, TrustRoot

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
  hubpolicy trust revoke name email:rita@acme.example    whatever certificate she uses
  hubpolicy trust revoke file 9c56...            releases with this weight file are REVOKED
  hubpolicy trust revoke release ./my-model      its weight files and all of its signed lines
  hubpolicy trust revoke key 4bf5... trust       a team's: prepared in the trust folder DIR
"""
)
@click.argument("what", type=click.Choice(KINDS))
@click.argument("value", metavar="SHA256|PATH|NAME")
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="[DIR]",
                required=False)  # fmt: skip
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help="Signing key, file:PATH.")
@click.option("--yes", is_flag=True, help="Do not ask. A revocation is never taken back.")
def revoke(what: str, value: str, folder: str | None, key: str, *, yes: bool) -> None:
    """Revoke a key, a name, a statement, a file, or a release by its evidence, for ever."""
    if folder is None:
        _revoke_solo(what, value, key, ask=not yes)
    else:
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
        AccessError: there is no key.
        VerificationError: the key at hand does not hold the role.

    """
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.adapters.trust_memory import read_memory, write_memory
    from hubpolicy.cli.wiring import POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT, signer
    from hubpolicy.flows.founding import Founded, compile_revocation, sign_state
    from hubpolicy.flows.founding import revoke as revoke_flow
    from hubpolicy.flows.pinning import remembered_solo

    trust, now = place.trusted.trust, SystemClock().now()
    state = revoke_flow(trust.state, **wanted._asdict())
    document = sign_state(signer(place.home, key), state, trust)
    parts = (ROOT_DOCUMENT, POLICY_DOCUMENT, STATE_DOCUMENT, (GATE_FILE,))
    founded = compile_revocation(
        Founded(*(place.home.read(*names) for names in parts)),
        document,
        trust,
        place.trusted.meta,
        now,
    )
    memory = remembered_solo(read_memory(place.home), founded.root, founded.state, now)
    write_atomic(place.home.path(*STATE_DOCUMENT), founded.state)
    write_atomic(place.home.path(GATE_FILE), founded.gate)
    write_memory(place.home, memory)
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
        message = f"got {value!r}, expected 64 hex digits"
        raise ConfigError(message, hint="hubpolicy trust show lists the keys")
    one = frozenset({value})
    return Revoked(
        keys=one if what == "key" else _NONE,
        payloads=one if what == "payload" else _NONE,
        files=one if what == "file" else _NONE,
    )


def _name(value: str, roots: tuple[TrustRoot, ...]) -> frozenset[str]:
    """What revokes somebody whom an authority certifies, by one name of theirs."""
    from hubpolicy.domain.certified import name_id

    if not any(value in root.names for root in roots):
        message = f"got name {value!r}, expected one that a root lets an authority certify"
        raise ConfigError(message, hint="hubpolicy trust show lists the authorities and names")
    return frozenset({name_id(value)})


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
