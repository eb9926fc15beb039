# SPDX-License-Identifier: Apache-2.0
"""The policy in a release, where the release is on a hub: it is the one that is listed and signed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hubpolicy.adapters.children import tightened
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.judge import judge
from hubpolicy.core.policy_child import ChildFile
from hubpolicy.domain.policy import CHILD_FILE, CHILD_LIMIT
from hubpolicy.errors import ServiceError
from hubpolicy.flows.verifying import Law, Upstream, gather_listing, gather_part
from tests.flows.audited import put
from tests.flows.publishing_world import NOW, World, gate
from tests.flows.test_listed import Other
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from hubpolicy.flows.verifying import Gathered

CHILD = b'schema = "hubpolicy/policy/1"\n[toxicity]\nmax_age_days = 80\n'
LOOSE = b'schema = "hubpolicy/policy/1"\n[toxicity]\nmax_age_days = 81\n'


@pytest.fixture
def published(world: World) -> World:
    (Path(world.folder) / CHILD_FILE).write_bytes(CHILD)
    world.publish()
    return world


def law() -> Law:
    policy, trust = gate(person())
    return Law(policy, trust, NOW, lambda raw: tightened(policy, (ChildFile(CHILD_FILE, raw),)))


def by_listing(world: World, hub: Any) -> Gathered:
    return gather_listing(world.repo, "main", hub, law(), None)


def test_the_listed_child_tightens(published: World) -> None:
    found = by_listing(published, published.client())
    assert found.evidence.policy.toxicity.max_age_days == 80
    assert judge(found.evidence).verdict == "passed"


@pytest.mark.parametrize("content", [LOOSE, b"", CHILD + b"\n"])
def test_another_child_than_is_listed_judges_nothing(published: World, content: bytes) -> None:
    with pytest.raises(ServiceError, match="not what the hub listed"):
        by_listing(published, Other(published.client(), CHILD_FILE, content))


def test_a_child_too_large_for_a_policy_is_not_fetched(published: World) -> None:
    put(published, CHILD_FILE, b"#" * (CHILD_LIMIT + 1))
    published.asked()
    with pytest.raises(ServiceError, match=f"at most {CHILD_LIMIT}"):
        by_listing(published, published.client())
    assert not [line for line in published.asked() if CHILD_FILE in line.path]


def part(world: World, folder: Path, hub: Any) -> Gathered:
    shutil.copytree(world.folder, folder)
    (folder / CHILD_FILE).unlink()
    upstream = Upstream(world.repo, world.main().oid, None if hub is None else lambda: hub)
    return gather_part(FolderRelease(folder), world.repo, law(), None, upstream)


def test_a_child_that_was_not_downloaded_is_fetched(published: World, tmp_path: Path) -> None:
    found = part(published, tmp_path / "part", published.client())
    assert found.evidence.policy.toxicity.max_age_days == 80
    assert judge(found.evidence).verdict == "passed"
    assert found.coverage.absent == (CHILD_FILE,)


def test_where_nobody_may_be_asked_nothing_passes(published: World, tmp_path: Path) -> None:
    decision = judge(part(published, tmp_path / "part", None).evidence)
    assert decision.verdict == "inconclusive"
    assert [finding.rule for finding in decision.findings] == ["HP411"]


def test_a_later_child_is_not_the_one_that_was_released(published: World, tmp_path: Path) -> None:
    put(published, CHILD_FILE, LOOSE)
    with pytest.raises(ServiceError, match="not the one that was released"):
        part(published, tmp_path / "part", published.client())
