# SPDX-License-Identifier: Apache-2.0
"""What tests of audits share: harm done on the hub, and the verdict on main."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubpolicy.core.policy import parse_policy, policy_payload
from hubpolicy.core.strictjson import canonical
from tests.flows.publishing_world import (
    gate,
)
from tests.hook.gate_world import person

if TYPE_CHECKING:
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust
    from hubpolicy.flows.auditing import RefVerdict
    from tests.flows.publishing_world import World

MAIN = "refs/heads/main"
ADA = person("ada")


def put(world: World, path: str, content: bytes, **options: Any) -> None:
    world.api.upload_file(
        repo_id=world.repo.text, path_in_repo=path, path_or_fileobj=content, **options
    )


def main(world: World, **options: Any) -> RefVerdict:
    return world.audit(**options)[MAIN]


def rules(verdict: RefVerdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}


def stricter(**changes: Any) -> Policy:
    """Another policy of the same person, resolved and signed."""
    payload = canonical(policy_payload(gate(ADA)[0]._replace(**changes)))
    return parse_policy(payload)


def revoked(**what: Any) -> Trust:
    held = gate(ADA)[1]
    return held._replace(state=held.state._replace(**what))
