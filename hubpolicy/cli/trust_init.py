# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy trust init`` and ``trust key``: the beginning, for a team or for one person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from hubpolicy.errors import ConfigError, HubpolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.adapters.home import Home
    from hubpolicy.core.trust_folder import TrustFolder
    from hubpolicy.domain.trust import Role

ALONE_ENOUGH = ("state", "releaser", "checker", "approver:safety", "approver:legal")
"""Roles of which one person is enough unless ``--role`` says otherwise; else more than half."""


class Named(click.ParamType["tuple[str, str]"]):
    """``NAME=VALUE``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first ``=``."""
        if isinstance(value, tuple):
            return (str(value[0]), str(value[1]))
        left, equals, right = str(value).partition("=")
        if not equals or not left or not right:
            self.fail(f"got {value!r}, expected {self.name}", param, ctx)
        return left, right


@click.command(
    "init",
    epilog="""\b
Examples:
  hubpolicy trust init --solo --namespace acme --model-kind base
  hubpolicy trust init --team trust --namespace acme \\
      --principal ada=ada.pub.pem --principal bob=bob.pub.pem --principal cleo=cleo.pub.pem \\
      --role root=ada,bob,cleo:2 --role approver:safety=ada,bob:1
\b
Everybody makes a key first (hubpolicy trust key) and hands in the public one. Without --role
everybody holds every role; root and policy take more than half of the people, the others one.
""",
)
@click.option("--team", type=click.Path(file_okay=False), metavar="DIR",
              help="Make a trust folder for several people.")  # fmt: skip
@click.option("--solo", is_flag=True, help="As hubpolicy init: one person, in your configuration.")
@click.option("--principal", "principals", multiple=True, type=Named("NAME=PUBKEY.pem"),
              metavar="NAME=PUBKEY.pem",
              help="A person and a public key of theirs (team).")  # fmt: skip
@click.option("--role", "roles", multiple=True, type=Named("ROLE=NAME,NAME:K"),
              metavar="ROLE=A,B:K",
              help="Who holds a role, and how many it takes (team).")  # fmt: skip
@click.option("--expires", default="", metavar="DATE",
              help="When root and policy end (team). Default: in a year.")  # fmt: skip
@click.option(
    "--id", "policy_id", default="", help="The policy's id (team). Default: NAMESPACE/release."
)
@click.option("--namespace", "namespaces", multiple=True, help="Hub namespace that is yours.")
@click.option("--model-kind", type=click.Choice(["base", "chat", "none"]), help="What you publish.")
@click.option("--plan", default="standard", show_default=True, help="Toxicity plan.")
@click.option("--name", default="", help="Who you are in reports (solo).")
@click.option("--passphrase/--no-passphrase", "locked", default=None,
              help="Encrypt the private key (solo).")  # fmt: skip
@click.pass_context
def init(
    ctx: click.Context,
    *,
    team: str | None,
    solo: bool,
    principals: tuple[tuple[str, str], ...],
    roles: tuple[tuple[str, str], ...],
    expires: str,
    policy_id: str,
    namespaces: tuple[str, ...],
    model_kind: str | None,
    plan: str,
    name: str,
    locked: bool | None,
) -> None:
    """Begin: --solo for one person, --team DIR for several. Refuses to overwrite."""
    if solo == (team is not None):
        message = "got neither or both of --solo and --team DIR, expected one"
        raise ConfigError(message, hint="hubpolicy trust init --help")
    if solo:
        from hubpolicy.cli.init import init as init_solo

        _refuse_others("--solo", {"--principal": principals, "--role": roles,
                                  "--expires": expires, "--id": policy_id})  # fmt: skip
        ctx.invoke(init_solo, name=name, namespaces=namespaces, model_kind=model_kind, plan=plan,
                   locked=locked)  # fmt: skip
        return
    _refuse_others("--team", {"--name": name, "--passphrase": locked is not None})
    policy = Wanted(
        policy_id or _policy_id(namespaces, team), namespaces, model_kind or "base", plan, expires
    )
    _init_team(Path(str(team)), principals, roles, policy)


@click.command(
    epilog="""\b
Examples:
  hubpolicy trust key                              make your key, or say where it is
  hubpolicy trust key --key hsm: > token.pub.pem   the public key of another signer
"""
)
@click.option("--passphrase/--no-passphrase", "locked", default=None,
              help="Encrypt the private key (HUBPOLICY_PASSPHRASE or asked).")  # fmt: skip
@click.option("--key", "uri", default="", metavar="URI",
              help="Make none: print the public key of this signer.")  # fmt: skip
def key(*, locked: bool | None, uri: str) -> None:
    """Make your own signing key, without a trust root; where there is one, say where it is."""
    from hubpolicy.adapters.home import user_home
    from hubpolicy.cli.wiring import signer

    if uri:
        _refuse_others("--key", {"--passphrase": locked is not None})
        other = signer(user_home(), uri)
        click.echo(f"keyid   {other.keyid}", err=True)
        click.echo(other.public_pem, nl=False)
        return
    _own_key(user_home(), locked=locked)


def _own_key(home: Home, *, locked: bool | None) -> None:
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.signers.file import create_key
    from hubpolicy.cli.init import PUBLIC_KEY_FILE, make_folders, new_passphrase
    from hubpolicy.cli.trust_place import say
    from hubpolicy.cli.wiring import KEY_FILE, signer

    private, public = Path(home.path(*KEY_FILE)), Path(home.path(*PUBLIC_KEY_FILE))
    if os.path.lexists(private):
        mine = signer(home, "")
        say(f"key     {private}  (it was there already)")
    else:
        secret = new_passphrase(locked=locked, command="trust key")
        make_folders(home)
        mine = create_key(private, passphrase=secret)
        say(f"key     {private}  (private, 0600: keep a copy in a safe place)")
    if not public.exists() or public.read_bytes() != mine.public_pem.encode():
        write_atomic(public, mine.public_pem.encode())
    say(f"public  {public}")
    say(f"keyid   {mine.keyid}")
    say("next:   hand in the public key; whoever makes the trust folder names it with --principal")


def _refuse_others(mode: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value:
            message = f"got {option} with {mode}, which does not take it"
            raise ConfigError(message, hint="hubpolicy trust init --help")


def _policy_id(namespaces: tuple[str, ...], team: str | None) -> str:
    return f"{namespaces[0] if namespaces else Path(str(team)).resolve().name}/release"


class Wanted(NamedTuple):
    """The policy to begin with."""

    id: str
    namespaces: tuple[str, ...]
    kind: str
    plan: str
    expires: str


def _init_team(
    folder: Path,
    principals: tuple[tuple[str, str], ...],
    roles: tuple[tuple[str, str], ...],
    wanted: Wanted,
) -> None:
    from hubpolicy.adapters.clock import SystemClock
    from hubpolicy.adapters.trust_folder import POLICY_SOURCE, ROOT_SOURCE
    from hubpolicy.cli.init import policy_source
    from hubpolicy.cli.trust_place import resolve_policy
    from hubpolicy.core.root_source import parse_root_source, render_root_source
    from hubpolicy.core.times import is_date
    from hubpolicy.flows.trusting import STATE_DAYS, found_team

    _refuse_overwrite(folder)
    if wanted.expires and not is_date(wanted.expires):
        message = f"got --expires {wanted.expires!r}, expected a date like 2027-11-22"
        raise ConfigError(message, hint="hubpolicy trust init --help")
    pems = _public_keys(principals)
    files: dict[str, list[str]] = {}
    for who, path in pems:
        files.setdefault(who, []).append(path)
    policy = policy_source(
        wanted.id, wanted.namespaces, wanted.kind, wanted.plan, expires=wanted.expires
    ).replace(b"`hubpolicy policy sign`", b"`hubpolicy trust policy .`")
    ends = wanted.expires or _expires_of(policy)
    source = render_root_source(ends, files, _roles(roles, tuple(files)))
    texts = {path: pem for (_, path), pem in pems.items()}
    root = parse_root_source(source, texts.__getitem__, where=ROOT_SOURCE)
    payload = resolve_policy(policy, POLICY_SOURCE)
    made = found_team(root, payload, SystemClock().now(), days=STATE_DAYS)
    sources = {path: pem.encode() for path, pem in texts.items()}
    _write(folder, {**sources, ROOT_SOURCE: source, POLICY_SOURCE: policy}, made)
    _tell(folder, made, _unasked(roles, payload))


def _unasked(roles: tuple[tuple[str, str], ...], payload: bytes) -> tuple[str, ...]:
    """Approvers' roles that the root names, and of which the policy asks nothing."""
    from hubpolicy.core.policy import parse_policy

    asked = {role.role for role in parse_policy(payload).roles}
    return tuple(n for n, _ in roles if n.startswith("approver:") and n not in asked)


def _refuse_overwrite(folder: Path) -> None:
    from hubpolicy.adapters.trust_folder import KEYS, POLICY_SOURCE, ROOT_SOURCE

    names = (ROOT_SOURCE, POLICY_SOURCE, KEYS, "root", "policy", "pending", "state.json")
    for name in names:
        if os.path.lexists(folder / name):
            message = f"{folder / name} is there already, and trust init overwrites nothing"
            raise ConfigError(message, hint="hubpolicy trust show DIR, or choose another folder")


def _public_keys(principals: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], str]:
    """(principal, path in the folder) to PEM."""
    from hubpolicy.adapters.trust_folder import KEYS, read_file
    from hubpolicy.core.root_document import PERSON
    from hubpolicy.core.root_source import normal_pem

    found: dict[tuple[str, str], str] = {}
    for who, path in principals:
        if not PERSON.fullmatch(who):
            message = f"got principal {who!r}, expected letters, digits, '.', '_', '@' or '-'"
            raise ConfigError(message, hint="hubpolicy trust init --team DIR --principal ada=…")
        pem = normal_pem(read_file(Path(path)).decode("utf-8", "replace"), where=path)
        number = 1 + sum(other == who for other, _ in found)
        name = f"{KEYS}/{who}.pub.pem" if number == 1 else f"{KEYS}/{who}-{number}.pub.pem"
        found[who, name] = pem
    people = {who for who, _ in found}
    if len(people) < 2:
        message = f"got {len(people)} principals, expected two or more for a team"
        raise ConfigError(
            message, hint="hubpolicy trust init --solo, or --principal NAME=PUBKEY.pem"
        )
    return found


def _roles(given: tuple[tuple[str, str], ...], people: tuple[str, ...]) -> list[Role]:
    from hubpolicy.domain.trust import Role

    half = len(people) // 2 + 1
    found = {name: Role(name, frozenset(people), half) for name in ("root", "policy")}
    found |= {name: Role(name, frozenset(people), 1) for name in ALONE_ENOUGH}
    said = set()
    for name, text in given:
        names, colon, threshold = text.rpartition(":")
        who = names.split(",")
        if not colon or not threshold.isdecimal() or not all(who) or len(threshold) > 4:
            message = f"got --role {name}={text}, expected NAME,NAME:K as in root=ada,bob:2"
            raise ConfigError(message, hint="hubpolicy trust init --help")
        if name in said:
            message = f"got --role {name} twice, expected each role once"
            raise ConfigError(message, hint="hubpolicy trust init --help")
        if len(set(who)) != len(who):
            message = f"got somebody twice in --role {name}={text}: one person counts once"
            raise ConfigError(message, hint="hubpolicy trust init --help")
        said.add(name)
        found[name] = Role(name, frozenset(who), int(threshold))
    return list(found.values())


def _expires_of(policy: bytes) -> str:
    import tomllib

    return str(tomllib.loads(policy.decode())["expires"])


def _write(folder: Path, sources: dict[str, bytes], made: TrustFolder) -> None:
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.trust_folder import save
    from hubpolicy.core.trust_folder import TrustFolder

    written = [*sources, *(pending.path for pending in made.pending)]
    try:
        for name, content in sources.items():
            write_atomic(folder / name, content)
        save(folder, TrustFolder(), made)
    except HubpolicyError:
        # Half a folder would keep the next init away, and nobody has signed anything yet.
        for name in written:
            (folder / name).unlink(missing_ok=True)
        for name in ("pending", "keys"):
            if (folder / name).is_dir():
                (folder / name).rmdir()
        raise


def _tell(folder: Path, made: TrustFolder, unasked: tuple[str, ...]) -> None:
    from hubpolicy.adapters.trust_folder import POLICY_SOURCE, ROOT_SOURCE
    from hubpolicy.cli.trust_place import say

    say(f"sources  {folder / ROOT_SOURCE}  after a change: hubpolicy trust rotate {folder}")
    say(f"         {folder / POLICY_SOURCE}  after a change: hubpolicy trust policy {folder}")
    for pending in made.pending:
        say(f"pending  {folder / pending.path}  sha256 {pending.sha256}")
    for role in unasked:
        say(f"  ! the policy asks for no {role}: before anybody signs, put it into the policy as")
        say(f'    {role.replace(":", ".")} = {{ threshold = 1, binds = "closure" }} under [roles]')
    say(f"next:    everybody: hubpolicy trust sign {folder}")
