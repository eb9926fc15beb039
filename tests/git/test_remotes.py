# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from hubpolicy.core.remotes import redact, same_place, target_of
from hubpolicy.domain.release import DEFAULT_ENDPOINT, RepoId
from hubpolicy.errors import MalformedError

LOCAL = "http://127.0.0.1:8931"
UNDER = "https://hub.acme.example/hf"
ENDPOINTS = (LOCAL, UNDER)
PUBLIC = RepoId("acme", "wizard-7b")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://huggingface.co/acme/wizard-7b", PUBLIC),
        ("https://huggingface.co/acme/wizard-7b.git", PUBLIC),
        ("https://huggingface.co/acme/wizard-7b/", PUBLIC),
        ("https://huggingface.co//acme//wizard-7b", PUBLIC),
        ("https://ada:hf_token@huggingface.co/acme/wizard-7b", PUBLIC),
        ("https://HuggingFace.CO./acme/wizard-7b", PUBLIC),
        ("https://huggingface.co:443/acme/wizard-7b", PUBLIC),
        ("https::https://huggingface.co/acme/wizard-7b", PUBLIC),
        ("git@hf.co:acme/wizard-7b", PUBLIC),
        ("hf.co:acme/wizard-7b.git", PUBLIC),
        ("ssh://git@hf.co/acme/wizard-7b", PUBLIC),
        ("https://huggingface.co/datasets/acme/d", RepoId("acme", "d", "dataset")),
        ("https://huggingface.co/spaces/acme/s", RepoId("acme", "s", "space")),
        ("http://127.0.0.1:8931/acme/m", RepoId("acme", "m", "model", LOCAL)),
        ("http://u:p@127.0.0.1:8931/acme/m.git", RepoId("acme", "m", "model", LOCAL)),
        ("http://127.0.0.1:8931/datasets/acme/m", RepoId("acme", "m", "dataset", LOCAL)),
        ("https://hub.acme.example/hf/acme/m", RepoId("acme", "m", "model", UNDER)),
        ("git@hub.acme.example:hf/acme/m", RepoId("acme", "m", "model", UNDER)),
        ("http://127.0.0.1:8932/acme/m", None),
        ("https://hub.acme.example/other/m", None),
        ("https://huggingface.co@evil.example/acme/m", None),
        ("https://evil.example/huggingface.co/acme/m", None),
        ("https://huggingface.co.evil.example/acme/m", None),
        ("https://github.com/acme/m", None),
        ("git@github.com:acme/m.git", None),
        ("/srv/huggingface.co/acme/m", None),
        ("./huggingface.co:acme/m", None),
        ("file:///srv/acme/m", None),
        ("../m", None),
    ],
)
def test_a_url_names_a_hub_repository_or_another_place(url: str, target: RepoId | None) -> None:
    assert target_of(url, ENDPOINTS) == target


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co/gpt2",
        "https://huggingface.co/",
        "https://huggingface.co/a/b/c/d",
        "https://huggingface.co/acme%2Fm",
        "http://127.0.0.1:8931/acme",
        "git@hf.co:gpt2",
    ],
)
def test_a_hub_url_that_names_no_repository_is_an_error(url: str) -> None:
    with pytest.raises(MalformedError, match="expected namespace/name"):
        target_of(url, ENDPOINTS)


def test_the_public_hub_is_one_endpoint_under_all_its_names() -> None:
    for url in ("https://hf.co/a/b", "http://www.huggingface.co/a/b", "git@hf.co:a/b"):
        found = target_of(url, ())
        assert found is not None
        assert found.endpoint == DEFAULT_ENDPOINT


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/a/b", "git@github.com:a/b.git", True),
        ("https://me@github.com/a/b.git", "https://github.com/a/b", True),
        ("/srv/a", "/srv/a", True),
        ("/srv/a", "/srv/b", False),
        ("/srv/a", "file:///srv/a", False),
        ("https://github.com/a/b", "https://github.com/a/c", False),
        ("https://github.com/a/b", "https://huggingface.co/a/b", False),
        ("http://localhost:1/a", "http://localhost:2/a", False),
        ("http://localhost:1/a", "http://localhost:1/a/", True),
        ("http://localhost:1/a", "ssh://localhost/a", False),
        ("", "", False),
    ],
)
def test_two_urls_are_one_place_only_if_that_is_sure(one: str, other: str, same: bool) -> None:
    assert same_place(one, other) is same
    assert same_place(other, one) is same


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:hf_secret@huggingface.co/a/b", "https://huggingface.co/a/b"),
        ("https://hf_secret@huggingface.co/a/b?token=hf_secret", "https://huggingface.co/a/b"),
        ("https://a@b:hf_secret@h/x", "https://h/x"),
        ("git@hf.co:a/b", "git@hf.co:a/b"),
        ("/srv/a", "/srv/a"),
    ],
)
def test_no_secret_of_a_url_is_ever_shown(url: str, shown: str) -> None:
    assert redact(url) == shown
    assert "hf_secret" not in redact(url)
