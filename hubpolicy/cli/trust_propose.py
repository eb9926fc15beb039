# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust rotate``, ``trust policy`` and ``trust state``: what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubpolicy.cli.options import OLDER_UNTIL_HELP, TRUST_KEY_HELP
from hubpolicy.errors import ConfigError

if TYPE_CHECKING:
    from hubpolicy.cli.trust_place import Place
    from hubpolicy.core.trust_folder import TrustFolder
    from hubpolicy.domain.trust import State

DIR = click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
WORKFLOWS = {"github": ("ci", "github-trust-state.yml")}


@click.command(
    epilog="""\b
Examples:
  $EDITOR trust/root.toml && hubpolicy trust rotate trust && hubpolicy trust sign trust
\b
The new root is signed under the thresholds of the old one and of its own. What was signed by those
who leave, policy and state, is prepared to be signed anew, and published together with it.
"""
)
@DIR
def rotate(folder: str) -> None:
    """Prepare the next trust root from DIR/root.toml."""
    from hubpolicy.adapters.trust_folder import ROOT_SOURCE, read_beside, read_text_beside
    from hubpolicy.cli.trust_place import open_place
    from hubpolicy.core.root_source import parse_root_source
    from hubpolicy.flows.trusting import STATE_DAYS, propose_root

    place = open_place(folder)
    raw = read_beside(place.path, ROOT_SOURCE)
    source = parse_root_source(raw, lambda name: read_text_beside(place.path, name))
    if source.trusted_roots:
        from hubpolicy.adapters.keyless import require_trusted_root

        for _, text in source.trusted_roots:
            require_trusted_root(text, where=ROOT_SOURCE)
    prepared(place, propose_root(place.folder, source, place.now, days=STATE_DAYS))


@click.command(
    epilog="""\b
Examples:
  $EDITOR trust/hubpolicy.toml && hubpolicy trust policy trust && hubpolicy trust sign trust
  hubpolicy trust policy trust --older-until 2027-01-31
\b
Releases that were attested under the policy until now need a new release line (HP309), at once or,
with --older-until, after that day. All else is judged under the new policy from the beginning.
"""
)
@DIR
@click.option("--older-until", default="", metavar="DATE", help=OLDER_UNTIL_HELP)
def policy(folder: str, older_until: str) -> None:
    """Prepare DIR/hubpolicy.toml as the next policy, and the state that names it."""
    from hubpolicy.adapters.trust_folder import POLICY_SOURCE, read_beside
    from hubpolicy.cli.trust_place import open_place, resolve_policy, say
    from hubpolicy.flows.trusting import STATE_DAYS, propose_policy

    place = open_place(folder)
    payload = resolve_policy(read_beside(place.path, POLICY_SOURCE), POLICY_SOURCE)
    after = propose_policy(
        place.folder, payload, place.now, days=STATE_DAYS, older_until=older_until
    )
    prepared(place, after)
    if place.standing.policy is not None and not older_until:
        again = f"hubpolicy trust policy {folder} --older-until DATE"
        say(f"         or first, for the releases: {again}")


@click.group()
def state() -> None:
    """Keep the state fresh: it names the policy and what is revoked, and lives for days."""


@state.command(
    "set",
    epilog="""\b
Examples:
  hubpolicy trust state set trust --minimum-version 1.2.0
  hubpolicy trust state set trust --older-until 2026-12-31
  hubpolicy trust state set --minimum-version 1.2.0          of your own (solo): signed at once
\b
Neither goes back: a later state asks for no lower version, and lets no older policy count longer.
Give time with `trust policy DIR --older-until DATE`, when the policy changes.
""",
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="[DIR]",
                required=False)  # fmt: skip
@click.option("--minimum-version", "minimum", default="", metavar="X.Y.Z",
              help="Every older hubpolicy refuses to judge.")  # fmt: skip
@click.option("--older-until", default="", metavar="DATE",
              help="No older policy counts longer; a day that is over ends them.")  # fmt: skip
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=f"{TRUST_KEY_HELP} Not with DIR.")
def set_(folder: str | None, minimum: str, older_until: str, key: str) -> None:
    """Ask for more: a later hubpolicy, an earlier end of older policies.

    Prepared in DIR, a team's trust folder; without DIR signed in your own trust.
    """
    from hubpolicy.cli.trust_place import open_place, refuse_key
    from hubpolicy.flows.asking import propose_terms
    from hubpolicy.flows.trusting import STATE_DAYS

    if not minimum and not older_until:
        message = "got neither --minimum-version nor --older-until"
        raise ConfigError(message, hint="hubpolicy trust state set --help")
    if folder is None:
        _set_here(minimum, older_until, key)
        return
    refuse_key(folder, key)
    place = open_place(folder)
    after = propose_terms(
        place.folder, place.now, days=STATE_DAYS, minimum=minimum, older_until=older_until
    )
    prepared(place, after)


def _set_here(minimum: str, older_until: str, key: str) -> None:
    from hubpolicy.cli.trust_place import say
    from hubpolicy.cli.trust_revoke import change_here
    from hubpolicy.cli.wiring import seat
    from hubpolicy.flows.asking import with_terms

    place = seat()
    team = "hubpolicy trust state set DIR ..., in the team's trust folder"
    if not place.trusted.trust.root.solo:
        message = "the trust that is in force here is a team's, and several people keep it"
        raise ConfigError(message, hint=team)

    def asked(state: State, now: str) -> State:
        more = with_terms(state, now, minimum=minimum, older_until=older_until)
        return more._replace(version=state.version + 1)

    signed = change_here(place, asked, key, team)
    least = signed.minimum_version or "none"
    say(f"least hubpolicy version: {least}; state version {signed.version}")


@state.command(
    epilog="""\b
Examples:
  hubpolicy trust state renew trust                       now, with your key
  hubpolicy trust state renew trust --when-due            only past half of its life
  hubpolicy trust state renew --workflow github > .github/workflows/trust-state.yml
\b
Exit codes: 0 renewed or not due, 1 not a key that may, 2 usage or a state waits that says more
(trust sign shows it), 4 no key, 5 more people must sign it.
"""
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR",
                required=False)  # fmt: skip
@click.option("--days", type=click.IntRange(1, 31), default=7, show_default=True,
              help="How long it lives; a revocation reaches everybody within that.")  # fmt: skip
@click.option("--when-due", is_flag=True, help="Do nothing before half of its life is over.")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help=TRUST_KEY_HELP)
@click.option("--workflow", type=click.Choice(list(WORKFLOWS)),
              help="Print a workflow that renews on a schedule, and nothing else.")  # fmt: skip
def renew(folder: str | None, days: int, key: str, workflow: str | None, *, when_due: bool) -> None:
    """Sign the published state with a later end; nothing else in it changes."""
    if workflow is not None:
        click.echo(_workflow(workflow, folder or "."), nl=False)
        return
    if folder is None:
        message = "got no DIR, expected a trust folder"
        raise ConfigError(message, hint="hubpolicy trust state renew DIR")
    from hubpolicy.adapters.home import user_home
    from hubpolicy.cli.trust_place import open_place, say, settle, write
    from hubpolicy.cli.trust_text import freshness, is_due
    from hubpolicy.cli.wiring import signer
    from hubpolicy.flows.renewing import renew_state

    place = open_place(folder)
    standing = place.standing.state
    if when_due and standing is not None and not is_due(standing, place.now):
        say(f"state {standing.version}: {freshness(standing, place.now)}")
        return
    after = renew_state(place.folder, signer(user_home(), key), place.now, days=days)
    if after.state != place.folder.state:
        write(place, after)
    else:
        settle(place, after)


def _workflow(name: str, folder: str) -> str:
    """The shipped workflow, for this version and for a trust folder within its repository."""
    import json

    from hubpolicy import __version__
    from hubpolicy.adapters import assets

    text = assets.read(*WORKFLOWS[name]).decode()
    text = text.replace("hubpolicy==VERSION", f"hubpolicy=={__version__}")
    return text.replace("\n  TRUST: .\n", f"\n  TRUST: {json.dumps(folder)}\n")


def prepared(place: Place, after: TrustFolder) -> None:
    """Write what is pending now, and say what it changes and what to type next."""
    from hubpolicy.adapters.trust_folder import save
    from hubpolicy.cli.trust_place import say
    from hubpolicy.core.trust_change import changes_of

    dropped = [
        (old, new)
        for old in place.folder.pending
        for new in after.pending
        if old.kind == new.kind and old.sha256 != new.sha256 and old.envelope.signatures
    ]
    save(place.path, place.folder, after)
    for pending in after.pending:
        if pending in place.folder.pending:
            continue
        say(f"pending  {pending.kind} {pending.version}  {place.path / pending.path}")
        for line in changes_of(place.standing, pending):
            say(f"    {line}")
    for old, _ in dropped:
        count = len(old.envelope.signatures)
        say(f"  ! {old.path} was changed: {count} signatures under what it said are gone")
    say(f"next:    hubpolicy trust sign {place.path}")
