# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust``: who may sign what, and what is revoked."""

from __future__ import annotations

import click

from hubpolicy.errors import ConfigError


@click.group()
def trust() -> None:
    """Show who may sign what; revoke keys and releases."""


@trust.command()
def show() -> None:
    """Print keys, roles, versions, expiry and revocations."""
    from hubpolicy.cli.wiring import seat

    root, state = seat().trusted.trust
    kind = "solo: one person holds every key" if root.solo else "team"
    click.echo(f"root {root.sha256}  version {root.version}, expires {root.expires}  ({kind})")
    for key in root.keys:
        mark = "  REVOKED" if key.keyid in state.revoked_keys else ""
        click.echo(f"  key {key.keyid}  {key.principal}{mark}")
    for role in root.roles:
        people = ", ".join(sorted(role.principals))
        click.echo(f"  {role.name}: {role.threshold} of {people}")
    click.echo(f"state version {state.version}, expires {state.expires}")
    click.echo(f"  policy {state.policy_sha256} (version {state.policy_version})")
    for name, values in (
        ("key", state.revoked_keys),
        ("payload", state.revoked_payloads),
        ("file", state.revoked_files),
    ):
        for value in sorted(values):
            click.echo(f"  revoked {name} {value}")


@trust.command(
    epilog="""\b
Examples:
  hubpolicy trust revoke key 4bf5…       signatures by this key count no more
  hubpolicy trust revoke file 9c56…      releases with this weight file are REVOKED
"""
)
@click.argument("what", type=click.Choice(["key", "payload", "file"]))
@click.argument("sha256")
@click.option("--key", default="", envvar="HUBPOLICY_KEY", help="Signing key, file:PATH.")
@click.option("--yes", is_flag=True, help="Do not ask. A revocation is never taken back.")
def revoke(what: str, sha256: str, key: str, *, yes: bool) -> None:
    """Revoke a key, a statement or a file by its digest, for ever."""
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.cli.wiring import (
        POLICY_DOCUMENT,
        ROOT_DOCUMENT,
        STATE_DOCUMENT,
        seat,
        signer,
    )
    from hubpolicy.flows.founding import Founded, compile_revocation, sign_state
    from hubpolicy.flows.founding import revoke as revoke_flow

    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        message = f"got {sha256!r}, expected 64 hex digits"
        raise ConfigError(message, hint="hubpolicy trust show lists the keys")
    place = seat()
    if not yes:
        click.confirm(f"revoke {what} {sha256} for ever?", abort=True, err=True)
    none: frozenset[str] = frozenset()
    one = frozenset({sha256})
    state = revoke_flow(
        place.trusted.trust.state,
        keys=one if what == "key" else none,
        payloads=one if what == "payload" else none,
        files=one if what == "file" else none,
    )
    document = sign_state(signer(place.home, key), state, place.trusted.trust)
    parts = (ROOT_DOCUMENT, POLICY_DOCUMENT, STATE_DOCUMENT, (GATE_FILE,))
    founded = compile_revocation(
        Founded(*(place.home.read(*names) for names in parts)),
        document,
        place.trusted.trust,
        place.trusted.meta,
        SystemClock().now(),
    )
    write_atomic(place.home.path(*STATE_DOCUMENT), founded.state)
    write_atomic(place.home.path(GATE_FILE), founded.gate)
    click.echo(f"revoked {what} {sha256}; state version {state.version}")
