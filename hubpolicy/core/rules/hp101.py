# SPDX-License-Identifier: Apache-2.0
"""HP101: the release has a card, and it is a text file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, finding
from hubpolicy.core.card.split import CARD_LIMIT, LFS_POINTER, refuse_body
from hubpolicy.core.card.text import clean
from hubpolicy.domain.card import Mark
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP101"
TITLE = "the model has a card"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "bytes", fixed=True)

_START = Mark(1, 1)


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """Missing, empty, far too large, an LFS pointer, or with control characters in its text."""
    readme = evidence.readme
    if readme is None:
        fix = "write README.md: front matter, then the sections Uses, Bias, Risks, and Limitations,"
        fix += " Training Data, Evaluation and Contact"
        paths = sorted(evidence.facts.paths)
        twin = next((each for each in paths if each.lower() == "readme.md"), "")
        fix = f"rename {clean(twin)} to README.md" if twin else fix
        return (finding(RULE, "the release has no README.md", None, fix),)
    if not readme.strip():
        return (finding(RULE, "README.md is empty", _START, "write the model card"),)
    if readme.startswith(LFS_POINTER):
        fix = "run: git lfs untrack README.md && git add --renormalize README.md"
        return (finding(RULE, "README.md is a git-lfs pointer, not a card", _START, fix),)
    if evidence.halves is None:
        message = f"README.md has {len(readme):,} bytes, expected at most {CARD_LIMIT:,}"
        return (finding(RULE, message, _START, "move images and long tables into other files"),)
    defect = refuse_body(evidence.halves.body, evidence.halves.body_line)
    return (finding(RULE, defect.message, defect.at, defect.fix),) if defect else ()
