# SPDX-License-Identifier: Apache-2.0
"""HP907: the Hub token is refused, or can write to more than it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.finding import Finding, Severity

if TYPE_CHECKING:
    from hubpolicy.domain.surroundings import Login

ID = "HP907"
TITLE = "the Hub token works and writes no more than it must"
SEVERITY = Severity.ERROR
NARROW = ("read", "fineGrained")


def check(login: Login) -> tuple[Finding, ...]:
    """No token is fine: it can publish nothing."""
    if login.problem:
        fix = _fix(login, "with a fine-grained token")
        return (Finding(ID, SEVERITY, f"the hub refused the token: {login.problem}", None, fix),)
    if not login.name or login.role in NARROW:
        return ()
    message = (
        f"the token of {login.name} has the role {login.role or 'unknown'!r}: any program of this "
        "user can publish to every repository of theirs"
    )
    which = "with a read token or a fine-grained one for the repositories you publish"
    return (Finding(ID, Severity.WARNING, message, None, _fix(login, which)),)


def _fix(login: Login, which: str) -> str:
    """A login changes nothing while a variable holds the token: that one wins."""
    if login.variable:
        return f"export {login.variable}=TOKEN, {which}; it wins over hf auth login"
    return f"hf auth login, {which}"
