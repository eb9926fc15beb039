# SPDX-License-Identifier: Apache-2.0
"""What the commands on a trust folder share: reading it, saying things, publishing."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

import click
from click.core import ParameterSource

from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.core.trust_folder import Standing, TrustFolder


class Place(NamedTuple):
    """A trust folder as it was read, verified, and when that was."""

    path: Path
    folder: TrustFolder
    standing: Standing
    now: str


def open_place(folder: str) -> Place:
    """Read and verify; that something has expired is the caller's to judge.

    Raises:
        ConfigError: no trust folder, or one that is malformed.
        VerificationError: it does not hold, or it is older than what this user has seen.

    """
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.trust_folder import read_trust_folder
    from hubpolicy.core.trust_folder import verify_folder

    value = read_trust_folder(Path(folder))
    standing = verify_folder(value)
    _require_not_older(value, standing)
    return Place(Path(folder), value, standing, SystemClock().now())


def _require_not_older(folder: TrustFolder, standing: Standing) -> None:
    """Refuse a folder that is older than what ``trust pin`` and ``trust update`` have seen here.

    What is published here is not remembered: until it is pushed, others may be first.
    """
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.trust_memory import read_memory
    from hubpolicy.core.memory import Versions, recall, require_not_older, versions
    from hubpolicy.core.trust_folder import state_sha256

    memory = read_memory(user_home())
    if not memory or standing.root is None:
        return
    root, state = standing.root.version, standing.state
    here = (
        Versions(root, 0, 0, "") if state is None else versions(root, state, state_sha256(folder))
    )
    require_not_older(recall(memory, [root.sha256 for root in standing.roots]), here)


def refuse_key(folder: str, key: str) -> None:
    """What is only prepared in DIR is signed by nobody yet: ``trust sign`` shows it first.

    ``HUBPOLICY_KEY`` says which key is mine, and asks for no signature.

    Raises:
        ConfigError: the command line says ``--key``.

    """
    if click.get_current_context().get_parameter_source("key") is ParameterSource.COMMANDLINE:
        message = f"got --key, and in {folder} this is only prepared: nobody signs it yet"
        sign = f"hubpolicy trust sign {quote(folder)} --key {quote(key)}"
        raise ConfigError(message, hint=f"the same without --key, then {sign}")


def say(text: str = "") -> None:
    """One line on standard output; names in it are other people's."""
    from hubpolicy.render.escape import terminal

    click.echo(terminal(text))


def resolve_policy(raw: bytes, where: str) -> bytes:
    """The payload of a policy file, with the plans, scorers and profiles of this machine.

    Raises:
        ConfigError: it is not valid, or names what is not here.

    """
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.card_profiles import profiles_of
    from hubpolicy.adapters.home import user_home
    from hubpolicy.core.policy_document import resolve

    schema = assets.schema("policy.v1.schema.json")
    catalogue = assets.catalogue_here(profiles_of(user_home(), raw))
    return resolve(raw, schema, catalogue, where=where)


def settle(place: Place, after: TrustFolder) -> None:
    """Publish what can be, write the folder, say what was done and who is still missing.

    Raises:
        Exit: 5 where something is still pending.

    """
    from hubpolicy.cli.exits import Exit
    from hubpolicy.flows.trusting import STATE_DAYS, publish

    done, _ = publish(after, place.now, days=STATE_DAYS)
    write(place, done)
    if done.pending:
        raise click.exceptions.Exit(int(Exit.PENDING))


def write(place: Place, after: TrustFolder) -> None:
    """Write the folder; say what is published now, and who is still missing for the rest."""
    from hubpolicy.adapters.trust_folder import save
    from hubpolicy.cli.trust_text import missing_lines, published_lines
    from hubpolicy.core.trust_folder import verify_folder

    standing = verify_folder(after)
    save(place.path, place.folder, after)
    published = published_lines(place.folder, after)
    for line in (*published, *missing_lines(after, standing)):
        say(line)
    if published:
        say("next:    share the folder; where it is pinned already: hubpolicy trust update")
