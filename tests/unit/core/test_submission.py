# SPDX-License-Identifier: Apache-2.0
"""Evidence on its way to a gateway: what is read is what was made, and nothing else."""

from __future__ import annotations

import json

import pytest

from hubpolicy.core import submission
from hubpolicy.core.submission import Submission, make_submission, parse_submission
from hubpolicy.domain.manifest import EvidenceFile
from hubpolicy.errors import MalformedError

GOOD = Submission((("a", 3),), (EvidenceFile("model.sig", b"\0\1"),))


def test_a_submission_is_read_as_it_was_made() -> None:
    assert parse_submission(make_submission(GOOD)) == GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "hubpolicy/submission/2"},
        {"sizes": {"a": -1}},
        {"sizes": []},
        {"files": {"README.md": ""}},
        {"files": {"model.sig": "?"}},
        {"files": {"model.sig": 3}},
        {"more": 1},
    ],
)
def test_another_document_is_no_submission(change: dict[str, object]) -> None:
    good = json.loads(make_submission(GOOD))
    with pytest.raises(MalformedError):
        parse_submission(json.dumps({**good, **change}).encode())


def test_it_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "_MOST_FILES", 0)
    with pytest.raises(MalformedError, match="more than 0 files"):
        parse_submission(make_submission(GOOD))
