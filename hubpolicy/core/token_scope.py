# SPDX-License-Identifier: Apache-2.0
"""What a hub's fine-grained token may write, by the hub's own answer. Pure functions.

``whoami-v2`` gives ``auth.accessToken.fineGrained`` as ``{scoped: [{entity: {_id, type, name},
permissions}], global: [...]}``. An ``org`` or ``user`` stands for every repository of that name; a
repository is there by its own type. ``repo.write`` writes contents and settings, and what the hub
may call ``repo.….write`` one day writes something of it too. The name of an entity can be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.domain.surroundings import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubpolicy.domain.release import RepoId

_NAMESPACES = frozenset(("org", "user"))
_REPOSITORIES = frozenset(("model", "dataset", "space", "bucket", "kernel"))
_CONTENT = frozenset(("repo.write", "repo.content.write"))
_SHOWN = _CONTENT | {"repo.content.read"}
_FINE_GRAINED = "fineGrained"
_ROLES = frozenset(("read", "contributor", "write", "admin"))
EVERYTHING = "global"
"""The kind of a grant that names nothing: it holds wherever its owner may go."""


def grants_of(token: Mapping[str, Any]) -> tuple[Grant, ...] | None:
    """The grants in ``auth.accessToken``; None where it is not in the shape above: nobody knows."""
    fine = token.get(_FINE_GRAINED)
    scoped = fine.get("scoped") if isinstance(fine, dict) else None
    if not isinstance(fine, dict) or not isinstance(scoped, list):
        return None
    found: list[tuple[Any, Any, Any]] = [(EVERYTHING, "", fine.get("global", []))]
    for scope in scoped:
        entity = scope.get("entity") if isinstance(scope, dict) else None
        if not isinstance(entity, dict):
            return None
        found.append((entity.get("type"), entity.get("name", ""), scope.get("permissions")))
    if not all(_is_text(kind, name) and _is_texts(held) for kind, name, held in found):
        return None
    return tuple(Grant(kind, name, tuple(held)) for kind, name, held in found)


def _is_text(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and _is_text(*value)


def writes(grant: Grant) -> bool:
    """Whether it changes a repository, or who belongs to an organisation."""
    return any(
        name.endswith(".write") and name.startswith(("repo.", "org.")) for name in grant.permissions
    )


def covers(grant: Grant, repo: RepoId) -> bool | None:
    """Whether it lets its holder push to that repository; None where the hub does not say."""
    if not _CONTENT.intersection(grant.permissions):
        return False
    if grant.kind == EVERYTHING:
        return True
    if grant.kind in _NAMESPACES:
        return _same(grant.name, repo.namespace) if grant.name else None
    if grant.kind in _REPOSITORIES:
        if grant.kind != repo.repo_type:
            return False
        return _same(grant.name, repo.text) if grant.name else None
    return None  # a resource group, say: some repositories of an organisation


def sees_all(me: object, namespace: str) -> bool:
    """Whether the login of that ``whoami-v2`` is shown all that is private in a namespace.

    What is not of the shape that is known shows nothing: a list that lacks something looks whole.
    In an organisation with resource groups (Enterprise) a private repository of a group is shown to
    the group alone, and to admins (hub documentation, "Resource Groups").
    """
    if not isinstance(me, dict):
        return False
    organisations, auth = me.get("orgs"), me.get("auth")
    token = auth.get("accessToken") if isinstance(auth, dict) else None
    if not isinstance(organisations, list) or not isinstance(token, dict):
        return False
    owners = [me, *(each for each in organisations if isinstance(each, dict) and _lists_all(each))]
    if not any(_same(str(owner.get("name")), namespace) for owner in owners):
        return False
    if token.get("role") != _FINE_GRAINED:
        return token.get("role") in {"read", "write"}
    return any(
        _SHOWN.intersection(grant.permissions)
        and (
            grant.kind == EVERYTHING or (grant.kind in _NAMESPACES and _same(grant.name, namespace))
        )
        for grant in grants_of(token) or ()
    )


def _lists_all(organisation: Mapping[str, Any]) -> bool:
    """Whether a member of that role is shown all that is there; older hubs name no role."""
    role = organisation.get("roleInOrg", "read")
    if organisation.get("isEnterprise"):
        return bool(role == "admin")
    return role in _ROLES


def is_wide(grant: Grant) -> bool:
    """Whether it is for more than one repository, as far as one can tell."""
    return grant.kind not in _REPOSITORIES


def named(grant: Grant) -> str:
    """The grant's entity, in words."""
    if grant.kind == EVERYTHING:
        return "every repository of its owner"
    name = grant.name or "that the hub does not name"
    if grant.kind in _NAMESPACES:
        return f"every repository of the {grant.kind} {name}"
    if grant.kind == "model" and grant.name:
        return name
    return f"the {grant.kind} {name}"


def _same(one: str, other: str) -> bool:
    """The hub takes names in any case."""
    return one.casefold() == other.casefold()
