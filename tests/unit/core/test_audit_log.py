# SPDX-License-Identifier: Apache-2.0
"""Entries of the Hub's audit-log export: what is used, what is counted, what is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.audit_log import Event, Logged, Unused, read_entry
from hubpolicy.errors import ConfigError

TERN = Logged("model", "acme/tern")
WHERE = "log.json entry 3, line 40"


def entry(kind: str = "repo.create", /, **changes: Any) -> dict[str, Any]:
    """The documented frame, with all its fields."""
    return {
        "_id": "65f0c1",
        "type": kind,
        "createdAt": "2026-11-22T15:00:00.123Z",
        "message": "did something",
        "author": {"_id": "1", "type": "user", "user": "ada", "avatarUrl": "/a.svg"},
        "data": {"repo": "acme/tern"},
        "ip": "1.2.3.x",
        "location": {"formatted": "Paris, FR"},
        "userAgent": "hf",
        **changes,
    }


def used(kind: str, data: Any, **changes: Any) -> Event:
    found = read_entry(entry(kind, data=data, **changes), WHERE)
    assert isinstance(found, Event), found
    return found


@pytest.mark.parametrize(
    "data",
    [
        {"repo": "acme/tern"},
        {"repo": "models/acme/tern"},
        {"repo": {"name": "acme/tern", "type": "model"}},
        {"repo": {"_id": "65f0c1", "id": "acme/tern", "type": "models"}},
        {"repoName": "acme/tern", "repoType": "model"},
        {"repoId": "65f0c1", "name": "acme/tern"},
        {"name": "tern", "namespace": "acme", "type": "model"},
        {"repository": {"name": "tern", "owner": "acme"}},
    ],
)
def test_a_repository_under_any_of_its_names(data: dict[str, Any]) -> None:
    assert used("repo.create", data).repo == TERN


@pytest.mark.parametrize(
    ("data", "repo_type"),
    [
        ({"repo": "datasets/acme/tern"}, "dataset"),
        ({"repo": {"type": "space", "name": "acme/tern"}}, "space"),
        ({"repo": "acme/tern", "repoType": "datasets"}, "dataset"),
        ({"repo": "acme/tern", "type": "kernel"}, "kernel"),
    ],
)
def test_of_which_kind_it_is(data: dict[str, Any], repo_type: str) -> None:
    assert used("repo.create", data).repo == TERN._replace(repo_type=repo_type)


def test_by_its_message_only_if_that_names_one_and_no_other() -> None:
    assert (
        used("repo.delete", None, message="Deleted model acme/tern, acme/tern is gone").repo == TERN
    )
    for message in ("Copied acme/tern to acme/other", "Deleted tern", "n/a/b"):
        found = read_entry(entry("repo.delete", data=None, message=message), WHERE)
        assert isinstance(found, Unused), message
        assert found.unread


@pytest.mark.parametrize(
    ("told", "private"),
    [
        ({"private": True}, True),
        ({"private": False}, False),
        ({"visibility": "private"}, True),
        ({"visibility": "public"}, False),
        ({"visibility": "protected"}, True),
        ({"settings": {"private": True}}, True),
        ({"updatedConfig": {"private": False}}, False),
        ({"private": {"from": True, "to": False}}, False),
        ({"visibility": {"old": "public", "new": "private"}}, True),
        ({"from": {"private": True}, "to": {"private": False}}, False),
        ({"changes": {"private": {"before": False, "after": True}}}, True),
        ({"private": True, "visibility": "private"}, True),
    ],
)
def test_who_may_see_it_from_then_on(told: dict[str, Any], private: bool) -> None:
    event = used("repo.update_settings", {"repo": "acme/tern", **told})
    assert (event.kind, event.private) == ("visibility", private)


def test_what_a_repository_was_beside_its_name_counts_only_where_nothing_else_is_said() -> None:
    repo = {"name": "acme/tern", "private": True}
    assert used("repo.create", {"repo": repo}).private is True
    assert used("repo.update_settings", {"repo": repo, "private": False}).private is False


def test_other_settings_are_no_news_and_nothing_that_was_missed() -> None:
    found = read_entry(
        entry("repo.update_settings", data={"repo": "acme/tern", "gated": "auto"}), WHERE
    )
    assert found == Unused("65f0c1", "repo.update_settings", "2026-11-22T15:00:00Z", unread=False)


@pytest.mark.parametrize(
    ("kind", "data", "unread"),
    [
        ("org.add_user", {"user": "bob"}, False),
        ("repo.add_secret", {"repo": "acme/tern"}, False),
        ("something.new", None, False),
        ("repo.create", {}, True),
        ("repo.create", {"repo": 5}, True),
        ("repo.delete", {"repo": "../../etc/passwd"}, True),
        ("repo.move", {"repo": "acme/tern"}, True),
        ("repo.move", {"from": "acme/tern", "to": "acme/tern"}, True),
        ("repo.update_settings", {"private": False}, True),
        ("org.rename", {"from": "acme"}, True),
    ],
)
def test_what_is_counted(kind: str, data: Any, unread: bool) -> None:
    found = read_entry(entry(kind, data=data), WHERE)
    assert isinstance(found, Unused)
    assert (found.type, found.unread) == (kind, unread)


@pytest.mark.parametrize(
    "data",
    [
        {"from": "acme/tern", "to": "acme/gull"},
        {"from": {"name": "acme/tern"}, "to": {"name": "acme/gull"}},
        {"oldName": "acme/tern", "newName": "acme/gull"},
        {"repo": "acme/tern", "movedTo": "acme/gull"},
        {"repo": "acme/gull", "previousName": "acme/tern"},
    ],
)
def test_a_move_has_two_ends(data: dict[str, Any]) -> None:
    event = used("repo.move", data)
    assert (event.repo, event.to) == (TERN, Logged("model", "acme/gull"))


def test_an_organisation_that_is_renamed() -> None:
    event = used("org.rename", {"from": "acme", "to": "zenith"})
    assert (event.repo.name, event.to and event.to.name) == ("acme", "zenith")


@pytest.mark.parametrize(
    ("text", "time", "exact"),
    [
        ("2026-11-22T15:00:00.999Z", "2026-11-22T15:00:00Z", "2026-11-22T15:00:00.999000+00:00"),
        ("2026-11-22T15:00:00Z", "2026-11-22T15:00:00Z", "2026-11-22T15:00:00.000000+00:00"),
        ("2026-11-22T16:00:00+01:00", "2026-11-22T15:00:00Z", "2026-11-22T15:00:00.000000+00:00"),
    ],
)
def test_times_are_utc_and_kept_as_exact_as_they_are(text: str, time: str, exact: str) -> None:
    event = used("repo.create", {"repo": "acme/tern"}, createdAt=text)
    assert (event.time, event.exact) == (time, exact)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([], "got list, expected an object"),
        ("text", "got str, expected an object"),
        ({}, "got nothing for type"),
        (entry(type=5), "got int for type"),
        (entry(type="x" * 5000), "at most 4096 characters"),
        (entry(createdAt="yesterday"), "got createdAt 'yesterday'"),
        (entry(createdAt="2026-11-22T15:00:00"), "got createdAt"),
        (entry(createdAt="0001-01-01T00:00:00+14:00"), "got createdAt"),
        (entry(createdAt=1790000000), "got int for createdAt"),
        (entry(_id=7), "got int for _id"),
        (entry(data="acme/tern"), "got str in data"),
        (entry(message=None), "got nothing for message"),
        (entry(data={"repo": "acme/tern", "private": "yes"}), "got visibility 'yes'"),
        (
            entry(data={"repo": "acme/tern", "visibility": ["public"]}),
            "got visibility \"['public']",
        ),
        (entry(data={"repo": "a/b", "private": True, "visibility": "public"}), "both public and"),
    ],
)
def test_what_is_refused(bad: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_entry(bad, WHERE)
    assert said in caught.value.message
    assert caught.value.message.endswith(f", in {WHERE}")
    assert "export it anew" in caught.value.hint


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("acme/tern"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["repo", "name", "private", "visibility", "from", "to", "type", "x"]),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.sampled_from(["repo.create", "repo.move", "repo.update_settings", "org.rename"]), ANYTHING
)
def test_whatever_is_in_data_is_used_counted_or_refused(kind: str, data: Any) -> None:
    found: object = None
    with contextlib.suppress(ConfigError):
        found = read_entry(entry(kind, data=data), WHERE)
    assert found is None or isinstance(found, Event | Unused)
