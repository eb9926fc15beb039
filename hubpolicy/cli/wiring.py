# SPDX-License-Identifier: Apache-2.0
"""The composition root: which adapter for which port. The only module that knows them all."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from hubpolicy import __version__
from hubpolicy.adapters.clock import SystemClock
from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE, Home, user_home
from hubpolicy.adapters.trusted import Trusted, open_trusted
from hubpolicy.errors import AccessError, ConfigError
from hubpolicy.opening import folder as folder  # noqa: PLC0414 - the library opens them alike
from hubpolicy.opening import git_release as git_release  # noqa: PLC0414
from hubpolicy.opening import hub as hub  # noqa: PLC0414

if TYPE_CHECKING:
    from hubpolicy.core.card.check import CardCheck
    from hubpolicy.core.policy_child import ChildFile
    from hubpolicy.domain.policy import Policy
    from hubpolicy.flows.attesting import Desk
    from hubpolicy.ports import ReleaseReader, Signer

KEY_FILE = ("keys", "solo.pem")
ROOT_DOCUMENT = ("trust", "root.json")
POLICY_DOCUMENT = ("trust", "policy.json")
STATE_DOCUMENT = ("trust", "state.json")
BASELINE_DOCUMENT = ("trust", "baseline.json")


class Seat(NamedTuple):
    """Where this person sits: their folders, and what they trust.

    ``governing`` is the policy as it was signed, ``children`` what tightened it.
    """

    home: Home
    trusted: Trusted
    governing: Policy
    children: tuple[ChildFile, ...] = ()

    @property
    def policy(self) -> Policy:
        """The governing policy, and what children make stricter."""
        return self.trusted.policy


def seat(folder: str = "", *, edited: bool = False) -> Seat:
    """The user's configuration, tightened by ``-c``, by ``HUBPOLICY_CONFIG`` and by ``folder``.

    ``edited``: the policy file may have changed since it was signed; nothing is judged then.

    Raises:
        ConfigError: there is none yet, ``hubpolicy init`` makes it; or a child loosens it.

    """
    from hubpolicy.adapters.children import in_folder, tightened
    from hubpolicy.cli.options import configured

    home = user_home()
    trusted = open_trusted(home, edited=edited)
    children = (*configured(), *(in_folder(folder) if folder else ()))
    policy = tightened(trusted.policy, children)
    return Seat(home, trusted._replace(policy=policy), trusted.policy, children)


def seat_if_any(folder: str = "") -> Seat | None:
    """The same, or None where nobody ran ``init`` yet."""
    home = user_home()
    here = (Path(home.path(name)).exists() for name in (GATE_FILE, POLICY_FILE))
    return seat(folder) if any(here) else None


def require_may_speak(place: Seat, *namespaces: str) -> None:
    """Refuse namespaces that this machine reserves for another trust than this person's.

    Raises:
        ConfigError: naming the pin, and what to type.

    """
    from hubpolicy.adapters.trusted import read_documents
    from hubpolicy.opening import require_may_speak as require

    held = place.trusted._replace(policy=place.governing)
    require(held, namespaces, lambda: read_documents(place.home))


def signer(home: Home, key: str) -> Signer:
    """The key at hand: ``--key``, else the one that ``init`` made.

    Raises:
        AccessError: there is no key.

    """
    from hubpolicy.adapters.signers import signer_for

    path = home.path(*KEY_FILE)
    if not key and not Path(path).exists():
        message = f"there is no signing key at {path}"
        raise AccessError(message, hint="give one with --key file:/path/to/key.pem")
    return signer_for(key or f"file:{path}", passphrase=ask_passphrase)


def has_key(home: Home, key: str) -> bool:
    """True if ``--key`` names one, or ``init`` made one here."""
    return bool(key) or Path(home.path(*KEY_FILE)).exists()


def ask_passphrase() -> bytes:
    """From ``HUBPOLICY_PASSPHRASE``, else asked on the terminal.

    Raises:
        AccessError: neither is there.

    """
    given = os.environ.get("HUBPOLICY_PASSPHRASE")
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        message = "the signing key has a passphrase, and there is no terminal to ask for it"
        raise AccessError(message, hint="export HUBPOLICY_PASSPHRASE=...   (from a CI secret, say)")
    text: str = click.prompt("Passphrase of the signing key", hide_input=True, err=True)
    return text.encode()


def desk(place: Seat, key: str) -> Desk:
    """What signing evidence takes.

    Raises:
        AccessError: there is no key.
        ConfigError: the trust state asks for a later hubpolicy than this one.

    """
    from hubpolicy.core.state_terms import require_version
    from hubpolicy.flows.attesting import Desk

    require_version(place.trusted.trust.state)
    return Desk(
        signer=signer(place.home, key),
        policy=place.policy,
        policy_envelope=place.home.read(*POLICY_DOCUMENT),
        trust=place.trusted.trust,
        clock=SystemClock(),
        version=__version__,
    )


def card_check(reader: ReleaseReader, policy: Policy | None) -> CardCheck:
    """Check the release's README.md under the policy's profile and severities.

    Raises:
        ConfigError: the policy was signed for another version of its profile, or it is gone.

    """
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.card_profiles import profile_named
    from hubpolicy.core.card.check import check_card
    from hubpolicy.core.card.metadata import facts_from_manifest

    manifest = reader.manifest
    here = any(entry.path == "README.md" for entry in manifest.entries)
    severities = {} if policy is None else {s.rule: s.severity for s in policy.rules}
    checked = check_card(
        reader.read("README.md") if here else None,
        facts_from_manifest(manifest),
        profile_named(user_home(), "baseline" if policy is None else policy.card.profile),
        assets.vocabularies(),
        severities,
    )
    if policy is not None and checked.schema_sha256 != policy.card.schema_sha256:
        message = f"the policy was signed for another card schema than {checked.profile} has here"
        raise ConfigError(message, hint="hubpolicy policy sign")
    return checked
