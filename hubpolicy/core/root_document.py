# SPDX-License-Identifier: Apache-2.0
"""The fields of a trust root: keys and roles, and the arrays that few roots have.

``authorities``, ``identities``, ``trustedRoots`` and ``timeAuthorities`` are written only where
they hold something, so that a root of plain keys has the bytes it always had. On the hook's path:
a PEM is looked at as text here; :func:`require_usable` opens the certificates where a root is made.
"""

from __future__ import annotations

import hashlib
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING, TypeVar

from hubpolicy.core import keys
from hubpolicy.domain.trust import Key, Role, TrustRoot
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubpolicy.core.fields import Fields
    from hubpolicy.domain.certified import Authority, Identity, Member, TimeAuthority

    Item = TypeVar("Item")

ROOT_SCHEMA = "hubpolicy/root/1"
NEEDED_ROLES = ("root", "policy", "state", "releaser", "checker")
DOCUMENT_ROLES = frozenset(("root", "policy", "state"))
"""Who signs trust itself does so with a plain key: no certificate can bring in a new one."""

PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,95}")
"""A principal. No blanks, no look-alikes: a threshold counts these names as people."""

_ROLE = re.compile(r"root|policy|state|releaser|checker|approver:[a-z][a-z0-9-]{0,39}")
_MEMBER = re.compile(r"(?:email|uri|dns|subject):\S.{0,1000}")
_PEM_LIMIT = 64 * 1024
_TRUSTED_ROOT_LIMIT = 1024 * 1024
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n"
)


# Writing -------------------------------------------------------------------------------------


def root_fields(root: TrustRoot) -> dict[str, object]:
    """A root as JSON fields, less the link to the one before it."""
    fields: dict[str, object] = {
        "schema": ROOT_SCHEMA,
        "version": root.version,
        "expires": root.expires,
        "solo": root.solo,
        "keys": [{"keyid": k.keyid, "pem": k.pem, "principal": k.principal} for k in root.keys],
        "roles": [
            {"name": r.name, "principals": sorted(r.principals), "threshold": r.threshold}
            for r in root.roles
        ],
        "authorities": [
            {
                "name": each.name,
                "pem": each.pem,
                "members": [{"name": m.name, "principal": m.principal} for m in each.members],
            }
            for each in root.authorities
        ],
        "identities": [
            {
                "issuer": each.issuer,
                "identity": each.identity,
                "principal": each.principal,
                "trustedRoot": each.trusted_root,
            }
            for each in root.identities
        ],
        "trustedRoots": [text for _, text in root.trusted_roots],
        "timeAuthorities": [{"name": a.name, "pem": a.pem} for a in root.time_authorities],
    }
    optional = ("authorities", "identities", "trustedRoots", "timeAuthorities")
    return {name: value for name, value in fields.items() if value or name not in optional}


def require_usable(root: TrustRoot) -> None:
    """Open every pinned certificate: a root that nobody could verify with is never signed.

    Raises:
        ConfigError: a certificate does not parse, or is none that others chain to.

    """
    if not root.authorities and not root.time_authorities:
        return
    from hubpolicy.core.certificates import require_anchor

    try:
        for authority in root.authorities:
            require_anchor(authority.pem, where=f"the authority {authority.name}")
        for time_authority in root.time_authorities:
            require_anchor(time_authority.pem, where=f"the time authority {time_authority.name}")
    except MalformedError as error:
        raise ConfigError(error.message, hint=error.hint) from error


# Parsing -------------------------------------------------------------------------------------


def parse_root_fields(fields: Fields, sha256: str) -> TrustRoot:
    """The fields of a root, less the link to the one before it.

    Raises:
        MalformedError: a field that is not as it should be, a key id that is not its key's, a
            role nobody can fill, or a claim to be solo (or not) that the principals belie.

    """
    fields.one_of("schema", (ROOT_SCHEMA,))
    root = TrustRoot(
        version=fields.count("version", low=1),
        expires=fields.date("expires"),
        solo=fields.flag("solo"),
        keys=tuple(_key(item) for item in fields.objects("keys")),
        roles=tuple(_role(item) for item in fields.objects("roles")),
        sha256=sha256,
        authorities=_optional(fields, "authorities", _authority),
        identities=_optional(fields, "identities", _identity),
        trusted_roots=_trusted_roots(fields),
        time_authorities=_optional(fields, "timeAuthorities", _time_authority),
    )
    _check_people(fields, root)
    _check_keys(fields, root)
    _check_certified(fields, root)
    _check_roles(fields, root)
    people = root.people
    if root.solo != (len(people) == 1):
        fields.refuse("solo", f"{str(len(people) == 1).lower()}, with {len(people)} principals")
    return root


def _optional(fields: Fields, name: str, parse: Callable[[Fields], Item]) -> tuple[Item, ...]:
    if not fields.has(name):
        return ()
    items = tuple(parse(item) for item in fields.objects(name))
    if not items:
        fields.refuse(name, "at least one, or no such field")
    return items


def _key(fields: Fields) -> Key:
    key = Key(fields.hexdigest("keyid"), fields.words("pem"), fields.words("principal"))
    keys.parse_point(key.pem, where=fields.where)
    if keys.keyid_of(key.pem) != key.keyid:
        fields.refuse("keyid", f"{keys.keyid_of(key.pem)}, the sha256 of the PEM")
    fields.done()
    return key


def _role(fields: Fields) -> Role:
    principals = frozenset(fields.texts("principals"))
    threshold = fields.count("threshold", low=1)
    name = fields.words("name")
    if not _ROLE.fullmatch(name):
        fields.refuse("name", f"{', '.join(NEEDED_ROLES)} or approver:<name>")
    if threshold > len(principals):
        fields.refuse("threshold", f"at most {len(principals)}, one per principal")
    fields.done()
    return Role(name, principals, threshold)


def _authority(fields: Fields) -> Authority:
    from hubpolicy.domain.certified import Authority

    name, pem = fields.words("name"), _certificates(fields, most=1)
    members = tuple(_member(item) for item in fields.objects("members"))
    if not members or len({member.name for member in members}) != len(members):
        fields.refuse("members", "at least one, each name once")
    fields.done()
    return Authority(name, pem, members)


def _member(fields: Fields) -> Member:
    from hubpolicy.domain.certified import Member

    member = Member(fields.words("name"), fields.words("principal"))
    if not _MEMBER.fullmatch(member.name):
        fields.refuse("name", "email:, uri:, dns: or subject: and what the certificate says")
    fields.done()
    return member


def _identity(fields: Fields) -> Identity:
    from hubpolicy.domain.certified import Identity

    identity = Identity(
        issuer=fields.words("issuer"),
        identity=fields.words("identity"),
        principal=fields.words("principal"),
        trusted_root=fields.hexdigest("trustedRoot"),
    )
    fields.done()
    return identity


def _time_authority(fields: Fields) -> TimeAuthority:
    from hubpolicy.domain.certified import TimeAuthority

    authority = TimeAuthority(fields.words("name"), _certificates(fields, most=8))
    fields.done()
    return authority


def _certificates(fields: Fields, *, most: int) -> str:
    pem = fields.raw("pem")
    bodies: list[str] = []
    if isinstance(pem, str) and len(pem) <= _PEM_LIMIT and not _CERTIFICATE.sub("", pem):
        bodies = _CERTIFICATE.findall(pem)
    if not 0 < len(bodies) <= most or not all(map(_is_base64, bodies)):
        fields.refuse("pem", f"the PEM of {'one certificate' if most == 1 else 'certificates'}")
    return str(pem)


def _is_base64(body: str) -> bool:
    try:
        a2b_base64(body.replace("\n", ""), strict_mode=True)
    except (Base64Error, ValueError):
        return False
    return True


def _trusted_roots(fields: Fields) -> tuple[tuple[str, str], ...]:
    if not fields.has("trustedRoots"):
        return ()
    texts = fields.array("trustedRoots")
    if any(not isinstance(text, str) or len(text) > _TRUSTED_ROOT_LIMIT for text in texts):
        fields.refuse("trustedRoots", f"texts of at most {_TRUSTED_ROOT_LIMIT} characters")
    return tuple((hashlib.sha256(text.encode("utf-8")).hexdigest(), text) for text in texts)


# Checking ------------------------------------------------------------------------------------


def unclear_name(root: TrustRoot) -> str:
    """What is wrong with the names of people, of whom a threshold counts each once; or nothing."""
    known: dict[str, str] = {}
    for name in sorted(root.people):
        if not PERSON.fullmatch(name):
            return f"got principal {name!r:.80}, expected letters, digits, '.', '_', '@' or '-'"
        other = known.setdefault(name.casefold(), name)
        if other != name:
            return f"got principals {other!r} and {name!r}, expected one spelling for one person"
    return ""


def _check_people(fields: Fields, root: TrustRoot) -> None:
    problem = unclear_name(root)
    if problem:
        message = f"{problem}, in {fields.where}"
        raise MalformedError(message)


def _check_keys(fields: Fields, root: TrustRoot) -> None:
    if not _each_once(key.keyid for key in root.keys):
        fields.refuse("keys", "each key once")
    own = {key.principal for key in root.keys}
    for role in root.roles:
        wanted = "a key" if role.name in DOCUMENT_ROLES else "a key, a certificate or an identity"
        keyless = sorted(role.principals - (own if role.name in DOCUMENT_ROLES else root.people))
        if keyless:
            fields.refuse("roles", f"{wanted} for {keyless[0]}, who holds {role.name}")


def _check_certified(fields: Fields, root: TrustRoot) -> None:
    if not _each_once(authority.name for authority in root.authorities):
        fields.refuse("authorities", "each name once")
    if not _each_once(authority.name for authority in root.time_authorities):
        fields.refuse("timeAuthorities", "each name once")
    if not _each_once(identity.keyid for identity in root.identities):
        fields.refuse("identities", "each identity once")
    named = {identity.trusted_root for identity in root.identities}
    if named != {sha256 for sha256, _ in root.trusted_roots} or not _each_once(root.trusted_roots):
        fields.refuse("trustedRoots", "exactly those that identities name, each once")


def _check_roles(fields: Fields, root: TrustRoot) -> None:
    names = [role.name for role in root.roles]
    missing = [name for name in NEEDED_ROLES if name not in names]
    if missing or len(set(names)) != len(names):
        fields.refuse("roles", f"each role once, and also {', '.join(missing) or 'no other twice'}")


def _each_once(values: Iterable[object]) -> bool:
    known = list(values)
    return len(set(known)) == len(known)
