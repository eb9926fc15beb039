# SPDX-License-Identifier: Apache-2.0
"""Whether our login got to the hub: a gateway goes on without one where its token is for less.

What a hub lists to nobody in particular lacks all that is private, and looks like a whole list.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from hubpolicy.core.gateways import LOGIN_HEADER
from hubpolicy.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WATCHED: ContextVar[list[str] | None] = ContextVar("watched", default=None)


def note(path: str, headers: Mapping[str, str]) -> None:
    """Of an answer that came: by which path, and its headers."""
    watched = _WATCHED.get()
    if watched is not None and headers.get(LOGIN_HEADER, "") == "none":
        watched.append(path)


@contextmanager
def watching() -> Iterator[list[str]]:
    """The paths of all answers that a gateway got without a login, as this thread gets them."""
    found: list[str] = []
    before = _WATCHED.set(found)
    try:
        yield found
    finally:
        _WATCHED.reset(before)


def remark(namespace: str) -> tuple[str, str]:
    """What is to be said of such a list, and what to do."""
    message = f"the gateway asked for the list of {namespace} without a login: "
    message += "what is private there was not seen"
    return message, f"ask for a token of the gateway's for '{namespace}/*'"


def stranger(namespace: str) -> tuple[str, str]:
    """The same of a list for which nobody was logged in here: a hub shows it what is public."""
    message = f"the list of {namespace} was asked for without a login: "
    message += "what is private there was not seen"
    hint = "hf auth login, or HF_TOKEN; of what is public by itself: "
    return message, f"{hint}hubpolicy audit {namespace}/NAME"


def outsider(namespace: str) -> tuple[str, str]:
    """The same of a list that was shown to a login of somebody else, or to a token for less."""
    message = f"the list of {namespace} was asked for by a login that is not shown all of it: "
    message += "what is private there was not seen"
    hint = f"a login of {namespace}'s, with a token that reads all of it: hf auth login, or "
    return message, f"{hint}HF_TOKEN; of what is seen by itself: hubpolicy audit {namespace}/NAME"


@contextmanager
def seeing_all(namespace: str) -> Iterator[None]:
    """For a list that is taken for all that a namespace has.

    Raises:
        AccessError: a gateway asked for it without a login.

    """
    with watching() as unseen:
        yield
    if unseen:
        message, hint = remark(namespace)
        raise AccessError(message, hint=hint)
