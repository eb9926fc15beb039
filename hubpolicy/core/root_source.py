# SPDX-License-Identifier: Apache-2.0
"""``root.toml``: who may sign what, as people write it; the signed root is made from it.

::

    schema = "hubpolicy/root-source/1"
    expires = 2027-11-22
    [principals]
    "ada" = ["keys/ada.pub.pem"]      # a path beside this file, or the PEM text itself
    [roles]
    root = { principals = ["ada", "bob", "cleo"], threshold = 2 }
    approver.safety = { principals = ["ada", "bob"], threshold = 1 }

Every way to write a threshold that fewer people could fill than it says is refused here, where
the person who wrote it is told why.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from hubpolicy.core import keys
from hubpolicy.core.root_document import NEEDED_ROLES
from hubpolicy.domain.trust import Key, Role
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SCHEMA = "hubpolicy/root-source/1"
PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,95}")

_APPROVER = re.compile(r"approver:[a-z][a-z0-9-]{0,39}")
_PRIVATE = "PRIVATE KEY-----"
_BEGIN = "-----BEGIN "
_HINT = "docs/trust.md shows a root.toml"


class RootSource(NamedTuple):
    """What ``root.toml`` says; versions and links are not its business. ``expires``: ISO date."""

    expires: str
    keys: tuple[Key, ...]
    roles: tuple[Role, ...]


def parse_root_source(
    raw: bytes, read: Callable[[str], str], *, where: str = "root.toml"
) -> RootSource:
    """Parse and judge; ``read`` gives the text of a file beside it.

    Raises:
        ConfigError: not TOML, unknown or missing fields, a key that is none, one key for two
            people, or a role that cannot be filled as it says.

    """
    document = _document(raw, where)
    expires = document["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        _refuse(f"got expires {expires!r}, expected a date like 2027-11-22", where)
    known = tuple(_keys(document["principals"], read, where))
    _check_keys(known, where)
    roles = tuple(_roles(_table(document["roles"], "roles", where), where))
    check_roles(known, roles, where=where)
    return RootSource(expires.isoformat(), known, roles)


def check_roles(known: tuple[Key, ...], roles: tuple[Role, ...], *, where: str) -> None:
    """Refuse roles that nobody could fill, or that fewer people could fill than they say.

    Raises:
        ConfigError: naming the role.

    """
    for role in roles:
        if role.name not in NEEDED_ROLES and not _APPROVER.fullmatch(role.name):
            expected = f"{', '.join(NEEDED_ROLES)} or approver.NAME"
            _refuse(f"got role {role.name!r}, expected {expected}", where)
        _check_role(role, known, where)
    missing = [name for name in NEEDED_ROLES if name not in {role.name for role in roles}]
    if missing:
        _refuse(f"got no role {missing[0]}, expected somebody for it", where)


def render_root_source(
    expires: str, files: Mapping[str, Iterable[str]], roles: Iterable[Role]
) -> bytes:
    """The text of a new ``root.toml``; ``files``: principal to the paths of their public keys."""
    lines = [
        "# Who may sign what. After a change: hubpolicy trust rotate . && hubpolicy trust sign .",
        "# A threshold counts people: two keys of one person are one signature.",
        f'schema = "{SCHEMA}"',
        f"expires = {expires}",
        "",
        "[principals]                  # public keys: paths beside this file, or PEM texts",
        *(f"{json.dumps(who)} = {json.dumps(list(paths))}" for who, paths in files.items()),
        "",
        "[roles]",
        *(
            f"{role.name.replace(':', '.')} = {{ principals = "
            f"{json.dumps(sorted(role.principals))}, threshold = {role.threshold} }}"
            for role in roles
        ),
    ]
    return "\n".join([*lines, ""]).encode()


def normal_pem(text: str, *, where: str) -> str:
    """The one PEM text of a public key, from what an editor or another system made of it.

    Raises:
        ConfigError: a private key, or no ECDSA P-256 public key.

    """
    if _PRIVATE in text:
        message = f"got a private key, expected the public one, in {where}"
        raise ConfigError(message, hint="hubpolicy trust key prints where the public one is")
    pem = text.replace("\r\n", "\n").strip() + "\n"
    try:
        keys.parse_point(pem, where=where)
    except MalformedError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    return pem


def _document(raw: bytes, where: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"got {error}, expected TOML in UTF-8, in {where}"
        raise ConfigError(message, hint=_HINT) from error
    expected = ("schema", "expires", "principals", "roles")
    odd = sorted(document.keys() ^ set(expected))
    if odd:
        kind = "an unknown" if odd[0] in document else "no"
        _refuse(f"got {kind} field {odd[0]!r}, expected {', '.join(expected)}", where)
    if document["schema"] != SCHEMA:
        _refuse(f"got schema {document['schema']!r}, expected {SCHEMA!r}", where)
    return document


def _keys(table: object, read: Callable[[str], str], where: str) -> Iterable[Key]:
    for principal, values in _table(table, "principals", where).items():
        if not PERSON.fullmatch(principal):
            expected = "letters, digits, '.', '_', '@' or '-'"
            _refuse(f"got principal {principal!r}, expected {expected}", where)
        for value in _texts(values, f"principals.{principal}", where):
            inline = value.lstrip().startswith(_BEGIN)
            source = f"{principal}'s key of {where}" if inline else value
            pem = normal_pem(value if inline else read(value), where=source)
            yield Key(keys.keyid_of(pem), pem, principal)


def _check_keys(known: tuple[Key, ...], where: str) -> None:
    """One key is one person: two names over one key would be a threshold of one."""
    owners: dict[str, str] = {}
    for key in known:
        owner = owners.setdefault(key.keyid, key.principal)
        if owner != key.principal:
            _refuse(f"got one key for {owner} and for {key.principal}, expected one each", where)
    twice = [keyid for keyid, count in Counter(key.keyid for key in known).items() if count > 1]
    if twice:
        _refuse(f"got a key of {owners[twice[0]]} twice, expected each key once", where)


def _roles(table: dict[str, Any], where: str) -> Iterable[Role]:
    for name, value in table.items():
        if name == "approver":
            for role, inner in _table(value, "roles.approver", where).items():
                yield _role(f"approver:{role}", inner, where)
        else:
            yield _role(name, value, where)


def _role(name: str, value: object, where: str) -> Role:
    fields = _table(value, f"roles.{name}", where)
    if set(fields) != {"principals", "threshold"}:
        got = ", ".join(sorted(fields)) or "nothing"
        _refuse(f"got {got} for role {name}, expected principals and threshold", where)
    people = _texts(fields["principals"], f"roles.{name}.principals", where)
    twice = [who for who, count in Counter(people).items() if count > 1]
    if twice:
        _refuse(f"got {twice[0]} twice in role {name}: one person counts once", where)
    threshold = fields["threshold"]
    if type(threshold) is not int:
        _refuse(f"got threshold {threshold!r} for role {name}, expected a whole number", where)
    return Role(name, frozenset(people), threshold)


def _check_role(role: Role, known: tuple[Key, ...], where: str) -> None:
    if role.threshold < 1:
        got = f"got threshold {role.threshold} for role {role.name}"
        _refuse(f"{got}, expected 1 or more: nobody would have to sign", where)
    keyless = sorted(role.principals - {key.principal for key in known})
    if keyless:
        _refuse(f"got no key for {keyless[0]}, who holds role {role.name}", where)
    held = sum(key.principal in role.principals for key in known)
    people = ", ".join(sorted(role.principals)) or "nobody"
    if role.threshold <= len(role.principals):
        return
    got = f"got threshold {role.threshold} for role {role.name}, which {people} can fill"
    if held >= role.threshold:
        _refuse(f"{got} with {held} keys: several keys of one person count once", where)
    _refuse(f"{got}, expected at most {len(role.principals)}, one per person", where)


def _table(value: object, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"got {value!r:.80}, expected a table, for {name}", where)
    return value


def _texts(value: object, name: str, where: str) -> list[str]:
    if not isinstance(value, list) or not value or any(not isinstance(v, str) for v in value):
        _refuse(f"got {value!r:.80}, expected a list of texts, for {name}", where)
    return value


def _refuse(message: str, where: str) -> NoReturn:
    text = f"{message}, in {where}"
    raise ConfigError(text, hint=_HINT)
