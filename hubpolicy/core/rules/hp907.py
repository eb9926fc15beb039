# SPDX-License-Identifier: Apache-2.0
"""HP907: the Hub token is refused, cannot write what is pushed from here, or writes more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.token_scope import covers, is_wide, named, writes
from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from hubpolicy.domain.release import RepoId
    from hubpolicy.domain.surroundings import Grant, Login

ID = "HP907"
TITLE = "the Hub token works and writes no more than it must"
SEVERITY = Severity.ERROR
FINE_GRAINED = "fineGrained"
_NARROWER = "with a read token or a fine-grained one for the repositories you publish"


def check(
    login: Login, pushed: tuple[RepoId, ...] = (), targets: Collection[str] = ()
) -> tuple[Finding, ...]:
    """No token is fine: it can publish nothing.

    ``pushed``: the repositories that a push from here goes to. ``targets``: the namespaces that
    the policy is for; one repository of these is not more than is needed.
    """
    if login.problem:
        fix = _fix(login, "with a fine-grained token")
        return (Finding(ID, SEVERITY, f"the hub refused the token: {login.problem}", None, fix),)
    if not login.name:
        return ()
    if login.role == "read":
        return _reads(login, pushed)
    if login.role != FINE_GRAINED:
        message = (
            f"the token of {login.name} has the role {login.role or 'unknown'!r}: any program of "
            "this user can publish to every repository of theirs"
        )
        return (_warning(login, message),)
    if login.grants is None:
        message = f"the hub does not say what the fine-grained token of {login.name} may write"
        return (_warning(login, message),)
    written = tuple(filter(writes, login.grants))
    if not written:
        return _reads(login, pushed)
    return (*_too_little(login, written, pushed), *_too_much(login, written, pushed, targets))


def _reads(login: Login, pushed: tuple[RepoId, ...]) -> tuple[Finding, ...]:
    """Right where a CI job publishes, and the reason why a push from here does not."""
    if not pushed:
        return ()
    message = f"the token of {login.name} writes nothing, so nothing of it goes to {_names(pushed)}"
    fix = f"none where a CI job publishes; else {_fix(login, _for(pushed))}"
    return (Finding(ID, Severity.INFO, message, None, fix),)


def _too_little(
    login: Login, written: tuple[Grant, ...], pushed: tuple[RepoId, ...]
) -> tuple[Finding, ...]:
    found = []
    for repo in pushed:
        said = [covers(grant, repo) for grant in written]
        if True in said:
            continue
        fix = _fix(login, _for((repo,)))
        if None in said:
            message = f"the hub does not say whether the token of {login.name} writes {repo.text}"
            found.append(Finding(ID, Severity.WARNING, message, None, fix))
        else:
            message = (
                f"the token of {login.name} cannot write {repo.text}, which a push from here goes "
                f"to; it writes {in_words(written)}"
            )
            found.append(Finding(ID, SEVERITY, message, None, fix))
    return tuple(found)


def _too_much(
    login: Login,
    written: tuple[Grant, ...],
    pushed: tuple[RepoId, ...],
    targets: Collection[str],
) -> tuple[Finding, ...]:
    needed = {repo.text.casefold() for repo in pushed}
    spaces = {name.casefold() for name in targets}
    more = tuple(
        grant
        for grant in written
        if is_wide(grant)
        or (
            bool(needed or spaces)
            and grant.name.casefold() not in needed
            and grant.name.partition("/")[0].casefold() not in spaces
        )
    )
    if not more:
        return ()
    what = _names(pushed) or "the repositories you publish"
    message = f"the token of {login.name} writes {in_words(more)}: more than {what}"
    return (_warning(login, message),)


def in_words(grants: tuple[Grant, ...]) -> str:
    """What they are for; ``nothing`` where they write nothing."""
    return ", ".join(dict.fromkeys(named(grant) for grant in grants if writes(grant))) or "nothing"


def _names(repos: tuple[RepoId, ...]) -> str:
    return ", ".join(repo.text for repo in repos)


def _for(repos: tuple[RepoId, ...]) -> str:
    return f"with a fine-grained one that may write {_names(repos)}"


def _warning(login: Login, message: str) -> Finding:
    return Finding(ID, Severity.WARNING, message, None, _fix(login, _NARROWER))


def _fix(login: Login, which: str) -> str:
    """A login changes nothing while a variable holds the token: that one wins."""
    if login.variable:
        return f"export {login.variable}=TOKEN, {which}; it wins over hf auth login"
    return f"hf auth login, {which}"
