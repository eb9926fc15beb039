# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust pin`` and ``trust update``: take over a team's trust, and keep it fresh."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.trust_place import say
from hubpolicy.errors import ConfigError, HubpolicyError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.adapters.home import Home
    from hubpolicy.adapters.trust_source import FolderSource, HubSource, Pinned, WebSource
    from hubpolicy.core.memory import Seen
    from hubpolicy.domain.trust import State, Trust
    from hubpolicy.flows.pinning import Followed, Held


@click.command(
    epilog="""\b
Examples:
  hubpolicy trust pin ./release-trust --sha256 4bf5...
  hubpolicy trust pin https://trust.acme.org/release --sha256 4bf5...
  hubpolicy trust pin hf://datasets/acme/release-trust --sha256 4bf5...
\b
HEX is what `hubpolicy trust show` prints as the root, on the machine of somebody who made it.
Get it from them (a meeting, a signed mail, a page of the company), never from SOURCE itself.
An administrator reserves namespaces for it, for everybody on a machine, by two lines in
/etc/hubpolicy/pins.toml:
  [acme]
  root = "4bf5..."
or by: git config --system hubpolicy.acme.pin 4bf5...
\b
Exit codes: 0 pinned, 1 SOURCE does not hold or does not answer, 2 usage or an ended document,
4 SOURCE may not be read.
"""
)
@click.argument("source")
@click.option("--sha256", metavar="HEX", required=True,
              help="Payload digest of the first trust root that you trust.")  # fmt: skip
def pin(source: str, sha256: str) -> None:
    """Trust a team's root, policy and state from SOURCE: a folder, an https address, the Hub."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.trust_memory import read_memory, trust_lock
    from hubpolicy.adapters.trust_source import Pinned, source_name
    from hubpolicy.cli.options import endpoint
    from hubpolicy.flows.pinning import pin as pin_flow

    digest = sha256.removeprefix("sha256:")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        message = f"got {sha256!r}, expected 64 lower-case hex digits"
        raise ConfigError(
            message, hint="hubpolicy trust show, where the root was made, prints them"
        )
    home, pinned = user_home(), Pinned(source_name(source), endpoint(), digest)
    _refuse_another(home, pinned)
    now = SystemClock().now()
    with trust_lock(home):
        memory = read_memory(home)
        held = _held(home, digest)
        followed = pin_flow(_open(pinned), digest, memory, now, held=held)
        _install(home, followed, pinned, memory, now)
    _tell(followed, pinned)


@click.command(
    epilog="""\b
Examples:
  hubpolicy trust update
  0 */6 * * * hubpolicy trust update       in crontab: every six hours
\b
If it fails, what was in force stays in force, until the state ends.
Exit codes: 0 up to date, 1 the source does not hold or does not answer, 2 nothing is pinned or an
ended document, 4 the source may not be read.
"""
)
def update() -> None:
    """Fetch the pinned team's newest root, policy and state; say what changed."""
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.trust_memory import read_memory, trust_lock
    from hubpolicy.adapters.trust_source import read_pin
    from hubpolicy.flows.pinning import update as update_flow

    home, now = user_home(), SystemClock().now()
    if read_pin(home) is None:
        raise _nothing_pinned()
    try:
        with trust_lock(home):
            pinned, before = read_pin(home), _in_force(home)[0]
            if pinned is None:
                raise _nothing_pinned()
            memory = read_memory(home)
            held = _held(home, pinned.sha256)
            followed = update_flow(_open(pinned), held, pinned.sha256, memory, now)
            _install(home, followed, pinned, memory, now)
    except HubpolicyError:
        click.echo(_what_stays(_in_force(home)[0], now), err=True)
        raise
    for line in changes(before, followed):
        say(line)


def _nothing_pinned() -> ConfigError:
    message = "nothing is pinned here, so there is nothing to fetch"
    return ConfigError(message, hint="hubpolicy trust pin SOURCE --sha256 HEX")


def changes(before: Trust | None, after: Followed) -> tuple[str, ...]:
    """What is other than before, line by line."""
    root, state = after.trust.root, after.trust.state
    if before is not None and (before.root, before.state) == (root, state):
        return (f"nothing new: state version {state.version}, until {state.expires}",)
    old_root, old = (None, None) if before is None else (before.root, before.state)
    lines = [
        _step("root", None if old_root is None else old_root.version, root.version, root.expires),
        _step("policy", old.policy_version if old else None, state.policy_version,
              after.policy.expires, other=old is None or old.policy_sha256 != state.policy_sha256),
        _step("state", old.version if old else None, state.version, state.expires),
        *_terms(old, state),
        *_revoked(old, state),
    ]  # fmt: skip
    return tuple(line for line in lines if line)


def _step(name: str, old: int | None, new: int, expires: str, *, other: bool = False) -> str:
    if old == new and not other:
        return ""
    came = f"{old} -> {new}" if old is not None and old != new else str(new)
    return f"{name:7}version {came}, until {expires}"


def _terms(old: State | None, new: State) -> tuple[str, ...]:
    """What the state asks for besides: the least hubpolicy, how long older policies count."""
    from hubpolicy.core.state_terms import is_outdated

    lines = []
    if new.minimum_version and (old is None or old.minimum_version != new.minimum_version):
        mine = "; this one is older, so it refuses to judge" if is_outdated(new) else ""
        lines.append(f"needs   hubpolicy {new.minimum_version} or later{mine}")
    known = () if old is None else old.older_policies
    lines += [
        f"policy  version {older.version} counts for release lines until {older.until}"
        for older in new.older_policies
        if older not in known
    ]
    return tuple(lines)


def _revoked(old: State | None, new: State) -> tuple[str, ...]:
    kinds = ("key", "payload", "file")
    lists = (new.revoked_keys, new.revoked_payloads, new.revoked_files)
    none: frozenset[str] = frozenset()
    known = (
        (none,) * 3 if old is None else (old.revoked_keys, old.revoked_payloads, old.revoked_files)
    )
    return tuple(
        f"revoked {kind} {value}"
        for kind, now, before in zip(kinds, lists, known, strict=True)
        for value in sorted(now - before)
    )


def _open(pinned: Pinned) -> FolderSource | WebSource | HubSource:
    """The pinned source. The user's Hub login goes to the hub that it is for, and nowhere else."""
    from hubpolicy.adapters.trust_source import HUB_SCHEME, open_source
    from hubpolicy.cli.options import endpoint

    token = None
    if pinned.source.startswith(HUB_SCHEME) and pinned.endpoint == endpoint():
        from hubpolicy.adapters.login import login_token

        token = login_token()
    return open_source(pinned.source, endpoint=pinned.endpoint, token=token)


def _refuse_another(home: Home, pinned: Pinned) -> None:
    """The same pin again is fine, from another place too; everything else is somebody's trust."""
    from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE
    from hubpolicy.adapters.trust_source import read_pin

    present = read_pin(home)
    if pinned.sha256 in {present.sha256 if present is not None else "", _pin_in_force(home)}:
        return
    mine = [n for n in (GATE_FILE, POLICY_FILE, "trust") if os.path.lexists(home.path(n))]
    if mine == ["trust"] and not os.path.lexists(home.path("trust", "root.json")):
        return
    if present is not None:
        message = f"{present.sha256} is pinned here, from {present.source}"
    elif mine:
        message = f"{home.config} has a trust of its own ({', '.join(mine)})"
    else:
        return
    aside = shlex.quote(f"{home.config}.before")
    paths = " ".join(shlex.quote(home.path(name)) for name in mine)
    hint = f"mkdir {aside} && mv {paths} {aside}   then pin again; your keys stay"
    message += ", and pin replaces nothing"
    raise ConfigError(message, hint=hint)


def refuse_pinned(home: Home) -> None:
    """What is pinned is a team's, and nobody signs it here.

    Raises:
        ConfigError: something is pinned; naming where it is signed.

    """
    from hubpolicy.adapters.trust_source import read_pin

    pinned = read_pin(home)
    if pinned is not None:
        message = f"the policy in force here is a team's, pinned from {pinned.source}"
        hint = "in the trust folder: hubpolicy trust policy DIR, then hubpolicy trust sign DIR"
        raise ConfigError(message, hint=hint)


def _install(
    home: Home, followed: Followed, pinned: Pinned, memory: tuple[Seen, ...], now: str
) -> None:
    """Memory first, so that no gate stands that is not remembered; the gate last."""
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.adapters.trust_memory import write_memory
    from hubpolicy.adapters.trust_source import PIN_FILE
    from hubpolicy.adapters.trusted import ROOT_FOLDER
    from hubpolicy.cli.wiring import POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT
    from hubpolicy.core.gatefile import GateMeta
    from hubpolicy.flows.pinning import compile_followed, remembered

    seen = remembered(memory, followed, now)
    gate = compile_followed(followed, GateMeta("", _endpoints(home), pinned.sha256))
    _make_folder(home)
    write_memory(home, seen)
    names = tuple(f"{number}.json" for number in range(1, len(followed.roots) + 1))
    files: tuple[tuple[tuple[str, ...], bytes], ...] = (
        *(((*ROOT_FOLDER, n), raw) for n, raw in zip(names, followed.roots, strict=True)),
        *_baseline(home, followed),
        (ROOT_DOCUMENT, followed.roots[-1]),
        (POLICY_DOCUMENT, followed.policy_document),
        (STATE_DOCUMENT, followed.state_document),
        (PIN_FILE, pinned.content),
        ((GATE_FILE,), gate),
    )
    for parts, content in files:
        write_atomic(home.path(*parts), content)


def _baseline(home: Home, followed: Followed) -> tuple[tuple[tuple[str, ...], bytes], ...]:
    """What was adopted, for audits; one that was adopted here and is newer stays."""
    from hubpolicy.cli.wiring import BASELINE_DOCUMENT
    from hubpolicy.flows.pinning import newer_baseline
    from hubpolicy.render.escape import terminal

    if followed.refused:
        click.echo(f"the baseline is not taken over: {terminal(followed.refused)}", err=True)
    here = os.path.lexists(home.path(*BASELINE_DOCUMENT))
    held = home.read(*BASELINE_DOCUMENT) if here else b""
    newer = newer_baseline(followed, held)
    return ((BASELINE_DOCUMENT, followed.baseline),) if newer else ()


def _make_folder(home: Home) -> None:
    """A folder that nobody else looks into, as ``init`` makes it."""
    try:
        Path(home.path("trust")).mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        message = f"cannot make {home.path('trust')}: {error.strerror}"
        raise ServiceError(message, hint="check who owns your home directory") from error


def _held(home: Home, sha256: str) -> Held:
    """What is kept here under that pin, as far as it can be read."""
    from hubpolicy.adapters.trusted import read_roots
    from hubpolicy.cli.wiring import POLICY_DOCUMENT
    from hubpolicy.flows.pinning import Held

    try:
        roots = read_roots(home)
    except HubpolicyError:
        roots = ()
    try:
        policy = home.read(*POLICY_DOCUMENT)
    except HubpolicyError:
        policy = b""
    trust, accepted = _in_force(home)
    mine = trust is not None and _pin_in_force(home) == sha256
    return Held(roots, policy, accepted, trust.state if trust is not None and mine else None)


def _pin_in_force(home: Home) -> str:
    """The pin that the gate was compiled under, if it can be read."""
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.core.gatefile import load_gate

    try:
        return load_gate(home.read(GATE_FILE))[2].pin
    except HubpolicyError:
        return ""


def _endpoints(home: Home) -> tuple[str, ...]:
    """The hubs of the gate that stands, if it can be read, and the one in ``HF_ENDPOINT``."""
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.cli.options import endpoint
    from hubpolicy.core.gatefile import load_gate

    try:
        known = load_gate(home.read(GATE_FILE))[2].endpoints
    except HubpolicyError:
        known = ()
    return tuple(dict.fromkeys((*known, endpoint())))


def _in_force(home: Home) -> tuple[Trust | None, str]:
    """Trust and policy digest of the gate that stands, if it can be read."""
    from hubpolicy.adapters.home import GATE_FILE
    from hubpolicy.core.gatefile import load_gate

    try:
        policy, trust, _ = load_gate(home.read(GATE_FILE))
    except HubpolicyError:
        return None, ""
    return trust, policy.sha256


def _what_stays(before: Trust | None, now: str) -> str:
    if before is None:
        return "Nothing is in force, so every release is refused."
    state = before.state
    if state.expires < now:
        return f"State version {state.version} ended on {state.expires}: every release is refused."
    return f"State version {state.version} stays in force, until {state.expires}."


def _tell(followed: Followed, pinned: Pinned) -> None:
    from hubpolicy.flows.pinning import renewers

    root, state, policy = followed.trust.root, followed.trust.state, followed.policy
    kind = "solo: one person holds every key" if root.solo else "team"
    names = ", ".join(policy.namespaces) or "all"
    lines = (
        f"pinned  {pinned.source}",
        f"root    {root.sha256}  version {root.version}, until {root.expires}  ({kind})",
        f"policy  {policy.id} version {policy.version}, until {policy.expires}; namespaces {names}",
        f"state   version {state.version}, until {state.expires}; renewed by {renewers(root)}",
        *_terms(None, state),
        "",
        "next:   hubpolicy trust update    before the state ends: a timer does it best",
    )
    for line in lines:
        say(line)
