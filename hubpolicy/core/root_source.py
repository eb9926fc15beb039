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

and, where people sign by certificate or without a lasting key, or times are witnessed::

    [authorities.acme-ca]
    certificate = "certificates/ca.pem"
    members = { "email:rita@acme.example" = "rita" }
    [[identities]]
    issuer = "https://token.actions.githubusercontent.com"
    identity = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"
    principal = "release-bot"
    trusted_root = "sigstore/trusted_root.json"
    [time_authorities]
    acme-tsa = "certificates/tsa.pem"

Every way to write a threshold that fewer people could fill than it says is refused here, where
the person who wrote it is told why.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, NoReturn

from hubpolicy.core import keys, strictjson
from hubpolicy.core.root_document import DOCUMENT_ROLES, NEEDED_ROLES, unclear_name
from hubpolicy.core.toml_table import SOURCE_LIMIT, parse_toml
from hubpolicy.domain.certified import Authority, Identity, Member, TimeAuthority
from hubpolicy.domain.trust import Key, Role, TrustRoot
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hubpolicy.core.toml_table import TomlTable

SCHEMA = "hubpolicy/root-source/1"

_APPROVER = re.compile(r"approver:[a-z][a-z0-9-]{0,39}")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_TRUSTED_ROOT = re.compile(
    r"application/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.[0-9]\+json)"
)
_PRIVATE = "PRIVATE KEY"
_BEGIN = "-----BEGIN "
_HINT = "docs/trust.md shows a root.toml"


def parse_root_source(
    raw: bytes, read: Callable[[str], str], *, where: str = "root.toml"
) -> TrustRoot:
    """The root that the file describes, as version 1 and without a digest.

    ``read`` gives the text of a file beside it. What it gives is published with the root.

    Raises:
        ConfigError: not TOML, unknown or missing fields, a private key, a key that is none, one
            key for two people, two names that look like one, or a role that cannot be filled as
            it says.

    """
    top, read = parse_toml(raw, where=where, limit=SOURCE_LIMIT, hint=_HINT), _public(read)
    top.needs("schema", "expires", "principals", "roles")
    top.one_of("schema", (SCHEMA,), "")
    identities, trusted_roots = _identities(top.tables("identities"), read)
    root = TrustRoot(
        version=1,
        expires=top.day("expires", ""),
        solo=False,
        keys=tuple(_keys(top.table("principals"), read, where)),
        roles=tuple(_roles(top.table("roles"))),
        sha256="",
        authorities=tuple(_authorities(top.table("authorities"), read)),
        identities=identities,
        trusted_roots=trusted_roots,
        time_authorities=tuple(_time_authorities(top.table("time_authorities"), read)),
    )
    top.done()
    unclear = unclear_name(root)
    if unclear:
        _refuse(unclear, where)
    _check_keys(root.keys, where)
    _check_roles(root, where)
    return root._replace(solo=len(root.people) == 1)


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
    _refuse_private(text, where)
    pem = text.replace("\r\n", "\n").strip() + "\n"
    try:
        keys.parse_point(pem, where=where)
    except MalformedError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    return pem


def _refuse_private(text: str, where: str) -> None:
    if _PRIVATE in text.upper():
        message = f"got a private key, expected the public one, in {where}"
        raise ConfigError(message, hint="hubpolicy trust key prints where the public one is")


def _public(read: Callable[[str], str]) -> Callable[[str], str]:
    """Reads as ``read`` does, and never gives away a private key."""

    def reading(name: str) -> str:
        text = read(name)
        _refuse_private(text, name)
        return text

    return reading


def _keys(table: TomlTable, read: Callable[[str], str], where: str) -> Iterable[Key]:
    for principal in table.names():
        for value in _some(table, principal, "an array of keys, each once"):
            inline = value.lstrip().startswith(_BEGIN)
            source = f"{principal}'s key of {where}" if inline else value
            pem = normal_pem(value if inline else read(value), where=source)
            yield Key(keys.keyid_of(pem), pem, principal)


def _some(table: TomlTable, name: str, expected: str) -> tuple[str, ...]:
    """The texts of an array that has one at least."""
    found = table.texts(name, (), expected)
    if not found:
        table.refuse(name, f"{expected}, and one at least")
    return found


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


def _roles(table: TomlTable) -> Iterable[Role]:
    for name in table.names():
        if name == "approver":
            inner = table.table(name)
            for role in inner.names():
                yield _role(f"approver:{role}", inner.table(role))
        else:
            yield _role(name, table.table(name))


def _role(name: str, table: TomlTable) -> Role:
    table.needs("principals", "threshold")
    people = _some(table, "principals", "an array of names, each once: one person counts once")
    threshold = table.count("threshold", 0, low=-(10**9))  # how few it may be: _check_role
    table.done()
    return Role(name, frozenset(people), threshold)


def _authorities(table: TomlTable, read: Callable[[str], str]) -> Iterable[Authority]:
    for name in table.names():
        fields = table.table(name)
        fields.needs("certificate", "members")
        pem = _certificates(fields, "certificate", read)
        people = fields.table("members")
        expected = "the name of a principal"
        found = tuple(Member(who, people.text(who, "", expected)) for who in people.names())
        fields.done()
        yield Authority(name, pem, found)


def _identities(
    tables: tuple[TomlTable, ...], read: Callable[[str], str]
) -> tuple[tuple[Identity, ...], tuple[tuple[str, str], ...]]:
    """The identities, and (hex sha256, text) of the Sigstore trusted roots that they name."""
    found, texts = [], {}
    for table in tables:
        names = ("issuer", "identity", "principal", "trusted_root")
        table.needs(*names)
        issuer, identity, principal, path = (_words(table, name) for name in names)
        table.done()
        text = _trusted_root(read(path), path)
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        texts[digest] = text
        found.append(Identity(issuer, identity, principal, digest))
    return tuple(found), tuple(texts.items())


def _words(table: TomlTable, name: str) -> str:
    text = table.text(name, "")
    if not text.strip():
        table.refuse(name, "text")
    return text


def _trusted_root(text: str, where: str) -> str:
    """Looked at as JSON; ``adapters/keyless.py`` opens it."""
    try:
        value = strictjson.parse(text.encode("utf-8"), what=where)
    except MalformedError as error:
        raise ConfigError(error.message, hint=_HINT) from error
    kind = value.get("mediaType") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not _TRUSTED_ROOT.fullmatch(kind):
        _refuse(f"got mediaType {kind!r:.80}, expected a Sigstore trusted root", where)
    return text


def _time_authorities(table: TomlTable, read: Callable[[str], str]) -> Iterable[TimeAuthority]:
    for name in table.names():
        yield TimeAuthority(name, _certificates(table, name, read))


def _certificates(table: TomlTable, name: str, read: Callable[[str], str]) -> str:
    path = table.text(name, "", "the path of a certificate")
    found = _CERTIFICATE.findall(read(path).replace("\r\n", "\n"))
    if not found:
        table.refuse(name, "a file with a certificate in PEM")
    return "".join(f"{pem}\n" for pem in found)


def _check_roles(root: TrustRoot, where: str) -> None:
    """Refuse roles that nobody could fill, or that fewer people could fill than they say."""
    for role in root.roles:
        if role.name not in NEEDED_ROLES and not _APPROVER.fullmatch(role.name):
            expected = f"{', '.join(NEEDED_ROLES)} or approver.NAME"
            _refuse(f"got role {role.name!r}, expected {expected}", where)
        _check_role(role, root, where)
    missing = [name for name in NEEDED_ROLES if name not in {role.name for role in root.roles}]
    if missing:
        _refuse(f"got no role {missing[0]}, expected somebody for it", where)


def _check_role(role: Role, root: TrustRoot, where: str) -> None:
    if role.threshold < 1:
        got = f"got threshold {role.threshold} for role {role.name}"
        _refuse(f"{got}, expected 1 or more: nobody would have to sign", where)
    # Trust itself is signed with plain keys: no certificate can bring in a new one.
    own = {key.principal for key in root.keys}
    keyless = sorted(role.principals - (own if role.name in DOCUMENT_ROLES else root.people))
    if keyless:
        _refuse(f"got no key for {keyless[0]}, who holds role {role.name}", where)
    if role.threshold <= len(role.principals):
        return
    held = sum(key.principal in role.principals for key in root.keys)
    people = ", ".join(sorted(role.principals))
    got = f"got threshold {role.threshold} for role {role.name}, which {people} can fill"
    if held >= role.threshold:
        _refuse(f"{got} with {held} keys: several keys of one person count once", where)
    _refuse(f"{got}, expected at most {len(role.principals)}, one per person", where)


def _refuse(message: str, where: str) -> NoReturn:
    text = f"{message}, in {where}"
    raise ConfigError(text, hint=_HINT)
