# SPDX-License-Identifier: Apache-2.0
"""A typo in the namespace is found before anything is signed for it."""

from __future__ import annotations

import pytest

from hubpolicy.core.targets import require_known_namespace
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ConfigError
from tests.unit.core.release_world import POLICY

NAMED = POLICY._replace(namespaces=("acme", "acme-labs"), workspaces=("acme-dev",))


@pytest.mark.parametrize("namespace", ["acme", "acme-labs", "acme-dev"])
def test_what_the_policy_names_is_known(namespace: str) -> None:
    require_known_namespace(NAMED, RepoId(namespace, "tern"))


@pytest.mark.parametrize("namespace", ["acme", "someone", "Acme"])
def test_a_policy_that_names_none_takes_all(namespace: str) -> None:
    require_known_namespace(POLICY._replace(namespaces=()), RepoId(namespace, "tern"))


@pytest.mark.parametrize(
    ("namespace", "meant"), [("acmee", "acme/tern"), ("acme-lab", "acme-labs/tern"), ("x", "")]
)
def test_others_are_refused_with_what_was_probably_meant(namespace: str, meant: str) -> None:
    with pytest.raises(ConfigError, match="expected one in acme, acme-labs, acme-dev") as caught:
        require_known_namespace(NAMED, RepoId(namespace, "tern"))
    assert (f"did you mean {meant}?" in caught.value.hint) == bool(meant)
    assert "hubpolicy policy sign" in caught.value.hint


def test_case_matters_as_it_does_on_the_hub() -> None:
    with pytest.raises(ConfigError):
        require_known_namespace(NAMED, RepoId("ACME", "tern"))
