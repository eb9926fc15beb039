# SPDX-License-Identifier: Apache-2.0
"""What an audit met and has no verdict on is told: nothing of it passes for judged."""

from __future__ import annotations

from hubpolicy.cli.audit_looked import looked
from hubpolicy.domain.release import RepoId
from hubpolicy.flows.auditing import RefVerdict
from hubpolicy.flows.surveying import Surveyed

EMPTY = RepoId("acme", "empty")
TERN = RepoId("acme", "tern")
TEXT = RepoId("acme", "text", repo_type="dataset")
JUDGED = Surveyed(TERN, (RefVerdict(TERN, "refs/heads/main", "a" * 40, "ATTESTED", ""),))


def told(*answers: Surveyed) -> list[tuple[str, str, str]]:
    return [(row.name, row.text, row.remark) for row in looked(answers)]


def test_repositories_without_a_row_are_counted_and_models_without_a_ref_named() -> None:
    assert told(JUDGED, Surveyed(EMPTY, ()), Surveyed(TEXT, ())) == [
        ("looked at", "3 repositories", "(2 of them without anything that is judged)"),
        ("acme/empty", "no ref", "(nothing stands there that could be judged)"),
    ]


def test_where_all_is_judged_nothing_is_said() -> None:
    assert told(JUDGED, JUDGED) == []
    assert told(Surveyed(TEXT, ())) == [], "the last line of the report says it"
    assert [row[0] for row in told(Surveyed(EMPTY, ()))] == ["acme/empty"]


def test_refs_that_only_git_has_are_named() -> None:
    names = tuple(f"refs/hidden/{n}" for n in range(5))
    ((name, text, why),) = told(JUDGED._replace(unnamed=names))
    assert (name, text) == ("acme/tern", "5 refs not judged")
    assert "refs/hidden/0, refs/hidden/1, refs/hidden/2 and 2 more" in why
