# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy init``: a key, a policy and a trust root for one person."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from datetime import date, timedelta
from pathlib import Path

import click

from hubpolicy.adapters.home import GATE_FILE, POLICY_FILE, Home, user_home
from hubpolicy.errors import ConfigError, HubpolicyError, ServiceError

PUBLIC_KEY_FILE = ("keys", "solo.pub.pem")
SCHEMA_FILE = "policy.v1.schema.json"
"""Beside the policy, for editors that complete its keys: nothing of ours reads it."""
SHORTEST_PASSPHRASE = 8
"""Characters: the least of NIST SP 800-63B; ssh-keygen takes five, and cosign any."""
PLAN = "standard"
KINDS = {
    "base": "models that continue text",
    "chat": "models that answer in a chat; raw continuation is measured too",
    "none": "models that generate no text: applicability is decided from the files",
}


@click.command(
    epilog="""\b
Examples:
  hubpolicy init                                  asks what it needs
  hubpolicy init --model-kind base --name ada --namespace acme --no-passphrase
"""
)
@click.option("--name", default="", help="Who you are in reports. Default: your login name.")
@click.option("--namespace", "namespaces", multiple=True, help="Hub namespace that is yours.")
@click.option("--model-kind", type=click.Choice(list(KINDS)), help="What you publish.")
@click.option("--plan", default=PLAN, show_default=True, help="Toxicity plan.")
@click.option("--passphrase/--no-passphrase", "locked", default=None,
              help="Encrypt the private key (HUBPOLICY_PASSPHRASE or asked).")  # fmt: skip
def init(
    *,
    name: str,
    namespaces: tuple[str, ...],
    model_kind: str | None,
    plan: str,
    locked: bool | None,
) -> None:
    """Make a key, a policy and a trust root for one person (solo). Refuses to overwrite."""
    home = user_home()
    _refuse_overwrite(home)
    given = _given(name, namespaces, plan)
    kind = model_kind or _ask_kind(given)
    secret = new_passphrase(locked=locked, command=f"{given} --model-kind {kind}")
    person = _person(name)
    name = re.sub(r"[^A-Za-z0-9._-]", "-", person)
    policy = policy_source(f"{name}/solo", namespaces, kind, plan)
    _found(home, person, policy, secret)
    _tell(home, plan)


def _refuse_overwrite(home: Home) -> None:
    from hubpolicy.cli.wiring import KEY_FILE, POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT

    mine = (KEY_FILE, PUBLIC_KEY_FILE, ROOT_DOCUMENT, POLICY_DOCUMENT, STATE_DOCUMENT)
    for parts in ((POLICY_FILE,), (GATE_FILE,), *mine):
        path = home.path(*parts)
        if os.path.lexists(path):
            message = f"{path} is there already, and init overwrites nothing"
            raise ConfigError(message, hint="hubpolicy policy explain shows what is in force")


def _given(name: str, namespaces: tuple[str, ...], plan: str) -> str:
    """``init`` with what was said to it, to be typed again."""
    words = ["init", *(("--name", name) if name else ())]
    words += [word for namespace in namespaces for word in ("--namespace", namespace)]
    words += ["--plan", plan] if plan != PLAN else []
    return shlex.join(words)


def _ask_kind(given: str) -> str:
    for kind, text in KINDS.items():
        click.echo(f"  {kind:6}{text}", err=True)
    try:
        answer: str = click.prompt(
            "What do you publish", type=click.Choice(list(KINDS)), default="base", err=True
        )
    except click.Abort as stop:
        if not isinstance(stop.__context__, EOFError):
            raise
        message = "got no --model-kind, and nobody to ask: the input ended"
        hint = f"hubpolicy {given} --model-kind {'|'.join(KINDS)} --no-passphrase"
        raise ConfigError(message, hint=hint) from stop
    return answer


def new_passphrase(*, locked: bool | None, command: str) -> bytes | None:
    """The passphrase of a new key. What was asked for to be encrypted is never left in the clear.

    Raises:
        ConfigError: an empty one where there has to be one, a short one, or nobody to ask.

    """
    if locked is False:
        return None
    given = os.environ.get("HUBPOLICY_PASSPHRASE")
    if given is None:
        given = _ask_passphrase(locked=locked, command=command)
    elif given and _too_short(given):
        hint = "HUBPOLICY_PASSPHRASE='some words of your own'; or --no-passphrase"
        raise ConfigError(_too_short(given), hint=hint)
    if not given and locked:
        message = "got an empty passphrase, expected one for --passphrase"
        raise ConfigError(message, hint="set HUBPOLICY_PASSPHRASE, or type one")
    return given.encode() or None


def _ask_passphrase(*, locked: bool | None, command: str) -> str:
    if not sys.stdin.isatty():
        message = "got no passphrase and no --no-passphrase, and nobody to ask"
        raise ConfigError(message, hint=f"hubpolicy {command} --no-passphrase")
    text: str = click.prompt(
        "Passphrase for the signing key" + ("" if locked else " (empty for none)"),
        hide_input=True, confirmation_prompt=True, default=None if locked else "",
        show_default=False, err=True, value_proc=_long_enough,
    )  # fmt: skip
    return text


def _long_enough(typed: str) -> str:
    """Click asks again, and says why."""
    if typed and _too_short(typed):
        raise click.UsageError(_too_short(typed))
    return typed


def _too_short(secret: str) -> str:
    """What is wrong with its length, if anything."""
    if len(secret) >= SHORTEST_PASSPHRASE:
        return ""
    return f"got a passphrase of {len(secret)} characters, expected {SHORTEST_PASSPHRASE} or more"


def _person(name: str) -> str:
    from hubpolicy.core.root_document import PERSON

    raw = name or _login()
    if not PERSON.fullmatch(raw):
        message = f"got name {raw!r}, expected letters, digits, '.', '_', '@' or '-'"
        raise ConfigError(message, hint="hubpolicy init --name ada")
    return raw


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        message = "got no login name from the system, expected --name"
        raise ConfigError(message, hint="hubpolicy init --name ada") from error


def policy_source(
    name: str, namespaces: tuple[str, ...], kind: str, plan: str, *, expires: str = ""
) -> bytes:
    """A new ``hubpolicy.toml``. ``expires``: an ISO date, in a year by default.

    Raises:
        ConfigError: a namespace or plan that is no name.

    """
    from hubpolicy.adapters import assets

    for word in (*namespaces, plan):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}", word):
            message = f"got {word!r}, expected letters, digits, '.', '_' or '-'"
            raise ConfigError(message, hint="hubpolicy init --namespace acme")
    template = assets.read("policy", "solo.toml").decode()
    in_a_year = date.today() + timedelta(days=365)  # noqa: DTZ011 - a date for people
    text = template.format(
        id=name,
        expires=expires or in_a_year.isoformat(),
        namespaces=", ".join(f'"{namespace}"' for namespace in namespaces),
        plan=plan,
        kind=KINDS[kind],
    )
    return text.encode()


def _found(home: Home, person: str, policy: bytes, secret: bytes | None) -> None:
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.signers.file import create_key
    from hubpolicy.cli.options import endpoint
    from hubpolicy.cli.wiring import KEY_FILE, POLICY_DOCUMENT, ROOT_DOCUMENT, STATE_DOCUMENT
    from hubpolicy.core.policy_document import resolve
    from hubpolicy.flows.founding import found_solo

    schema = assets.schema(SCHEMA_FILE)
    payload = resolve(policy, schema, assets.catalogue_here(), where=POLICY_FILE)
    make_folders(home)
    signer = create_key(home.path(*KEY_FILE), passphrase=secret)
    made: list[tuple[str, ...]] = [KEY_FILE]
    try:
        founded = found_solo(
            signer, person, payload, hashlib.sha256(policy).hexdigest(), (endpoint(),),
            SystemClock().now(),
        )  # fmt: skip
        files: tuple[tuple[tuple[str, ...], bytes], ...] = (
            (PUBLIC_KEY_FILE, signer.public_pem.encode()),
            (ROOT_DOCUMENT, founded.root),
            (POLICY_DOCUMENT, founded.policy),
            (STATE_DOCUMENT, founded.state),
            ((POLICY_FILE,), policy),
            ((SCHEMA_FILE,), schema),
            ((GATE_FILE,), founded.gate),
        )
        for names, content in files:
            write_atomic(home.path(*names), content)
            made.append(names)
    except HubpolicyError:
        # Half a configuration would keep the next init away, and has signed nothing yet.
        for done in made:
            Path(home.path(*done)).unlink(missing_ok=True)
        raise


def make_folders(home: Home) -> None:
    """Folders that nobody else looks into."""
    for name in ("keys", "trust"):
        try:
            Path(home.path(name)).mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            message = f"cannot make {home.path(name)}: {error.strerror}"
            raise ServiceError(message, hint="check who owns your home directory") from error


def _tell(home: Home, plan: str) -> None:
    from hubpolicy.cli.wiring import KEY_FILE, seat

    policy = seat().policy
    lines = (
        f"key     {home.path(*KEY_FILE)}  (private, 0600: keep a copy in a safe place)",
        f"policy  {home.path(POLICY_FILE)}  ({policy.id}, expires {policy.expires})",
        f"plan    {plan}: " + ", ".join(f"{s.id} {s.n} x {s.k}" for s in policy.toxicity.suites),
        f"tier    {policy.toxicity.require_tier}: the embedded English classifier is enough",
        "trust   solo: one person holds every key, and every report says so",
        "",
        "next:   hubpolicy check ./my-model",
        "        hubpolicy hook install          in the model's git repository",
    )
    click.echo("\n".join(lines))
