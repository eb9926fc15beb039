# SPDX-License-Identifier: Apache-2.0
"""What a namespace has, asked by the gateway: all of it for a token of all, else it is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import HfApi

from tests.e2e.author import TOKEN, Author
from tests.gateway.test_behind import eve, told
from tests.gateway.world import client_of, issue
from tests.hub.world import ask

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.demo.hub.process import HubProcess

__all__ = ["eve"]


@pytest.fixture
def unattested(ada: Author, bare: Path, there: str) -> str:
    """A private repository with weights that nobody judged, stored past the gateway."""
    ada.hf("upload", there, bare, "--quiet")
    return there


@pytest.fixture(scope="session")
def narrow(ada: Author) -> str:
    """For one repository of acme's."""
    return issue(ada, "nan", "acme/alone")


def test_an_audit_sees_as_much_by_the_gateway_as_at_the_hub(
    eve: Author, ada: Author, hub: HubProcess, unattested: str
) -> None:
    told(eve, (eve.endpoint, hub.endpoint))
    direct, carried = ada.type("audit", "acme"), eve.type("audit", "acme")
    assert re.search(rf"  {unattested}\n    ✗ refs/heads/main +UNATTESTED", carried.out)
    assert carried.out.splitlines()[-1] == direct.out.splitlines()[-1]
    assert carried.code == direct.code


def test_what_a_token_does_not_show_is_not_green(
    eve: Author, hub: HubProcess, unattested: str, narrow: str
) -> None:
    told(eve, (eve.endpoint, hub.endpoint))
    eve.environment["HF_TOKEN"] = narrow
    alone = eve.type("audit", "carol")  # who shows nothing at all
    assert (alone.code, "a token of the gateway's for 'carol/*'" in alone.err) == (3, True)
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo("acme/open", repo_type="dataset", private=False, exist_ok=True)
    done = eve.type("audit", "acme")
    line = (
        r"  acme/\*\n    ✗ \(private\) +UNREADABLE +the gateway asked for .* acme without a login"
    )
    assert re.search(line, done.out)
    assert "for 'acme/*'" in done.out
    assert done.code != 0
    assert unattested not in done.out
    adopted = eve.type("adopt", "acme", "--yes")
    assert (adopted.code, "what is private there was not seen" in adopted.err) == (4, True)


def test_a_withdrawal_says_where_it_could_not_look(
    eve: Author, ada: Author, hub: HubProcess, unattested: str
) -> None:
    told(eve, (eve.endpoint, hub.endpoint))
    asked = ("withdraw", unattested, "--reason", "x", "--dry-run")
    assert "asked for the list" not in eve.type(*asked).out
    eve.environment["HF_TOKEN"] = issue(ada, f"one-{unattested[5:]}", unattested)
    assert "could not be read: acme: the gateway asked for the list of acme" in eve.type(*asked).out


@pytest.mark.parametrize(
    ("path", "carried"),
    [
        ("models?author=acme&limit=1000", True),
        ("models?author=acme&expand=sha&expand=private", True),
        ("datasets?author=acme", True),
        ("buckets/acme", True),
        ("organizations/acme/members", True),
        ("collections/acme/civil-64f9", True),
        ("collections/bob/civil-64f9", False),
        ("models", False),
        ("models?author=bob", False),
        ("models?author=acme&author=bob", False),
        ("models?author=acme&author[]=bob", False),
        ("models?author=acme;author=bob", False),
        ("models?Author=bob&author=acme", False),
        ("models?author=acme%2Fx", False),
        ("users?author=acme", False),
    ],
)
def test_only_a_list_of_the_own_namespace_is_asked_for_with_a_login(
    bob: Author, narrow: str, path: str, *, carried: bool
) -> None:
    url = f"{bob.endpoint}/api/{path}"
    wide = ask(url, token=bob.environment["HF_TOKEN"])
    assert wide.headers.get("x-hubpolicy-login") == (None if carried else "none")
    for token in (narrow, None):
        assert ask(url, token=token).headers["x-hubpolicy-login"] == "none"


def test_the_members_are_named(bob: Author) -> None:
    assert "alice" in {user.username for user in client_of(bob).list_organization_members("acme")}
