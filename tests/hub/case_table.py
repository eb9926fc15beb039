# SPDX-License-Identifier: Apache-2.0
"""The cases of a generated organisation by name, and how often each comes beyond once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub import cases

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoType
    from tests.hub.planting import Case

_MODELS: dict[int, tuple[Case, ...]] = {
    12: (cases.clean,),
    3: (
        cases.in_steps,
        cases.twice,
        cases.tagged,
        cases.waived,
        cases.adopted,
        cases.leaked,
        cases.branch,
        cases.replaced,
    ),
    2: (
        cases.policy_stricter,
        cases.policy_ended_since,
        cases.leaked_and_removed,
        cases.toxic,
        cases.copied,
        cases.pull_request,
        cases.pull_request_only,
        cases.replaced_and_tagged,
        cases.rewritten,
        cases.tag_moved,
        cases.revoked_key,
        cases.revoked_file,
    ),
    1: (
        cases.squashed,
        cases.waiver_ended,
        cases.toxic_but_released,
        cases.adopted_until_yesterday,
        cases.adopted_then_changed,
        cases.policy_ended_before,
        cases.policy_foreign,
        cases.line_forged,
        cases.card_edited,
        cases.file_added,
        cases.run_removed,
        cases.signature_of_another,
        cases.rewritten_away,
        cases.orphaned,
        cases.tag_moved_with_evidence,
        cases.revoked_upload,
        cases.revoked_statement,
        cases.revoked_and_replaced,
        cases.revoked_yet_adopted,
        cases.empty,
        cases.denied,
        cases.denied_inside,
        cases.missing,
        cases.deleted,
        cases.half_a_tree,
        cases.half_the_evidence,
        cases.hiccup,
    ),
}
"""By how often they come, beyond once."""
_OTHERS: dict[RepoType, tuple[Case, ...]] = {
    "dataset": (
        cases.clean,
        cases.leaked,
        cases.pull_request_only,
        cases.without_weights,
        cases.empty,
    ),
    "space": (cases.clean, cases.leaked, cases.without_weights),
}
CASES: dict[str, tuple[Case, int, RepoType]] = {
    **{fill.__name__: (fill, often, "model") for often, fills in _MODELS.items() for fill in fills},
    **{
        f"{repo_type}_{fill.__name__}": (fill, 2, repo_type)
        for repo_type, fills in _OTHERS.items()
        for fill in fills
    },
}
TROUBLED = frozenset({
    "denied", "denied_inside", "missing", "deleted", "half_a_tree", "half_the_evidence", "hiccup",
})  # fmt: skip
CALM = {name: case for name, case in CASES.items() if name not in TROUBLED}
"""Those of a hub that is well."""
