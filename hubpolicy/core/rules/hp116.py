# SPDX-License-Identifier: Apache-2.0
"""HP116: the card gives no credential away. Copied examples often still hold one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubpolicy.core.card.rule import CardRule, finding
from hubpolicy.core.card.split import mark_at
from hubpolicy.domain.finding import Severity

if TYPE_CHECKING:
    from hubpolicy.core.card.rule import CardEvidence
    from hubpolicy.domain.finding import Finding

ID = "HP116"
TITLE = "the card holds no credential"
SEVERITY = Severity.ERROR
RULE = CardRule(ID, TITLE, SEVERITY, "text")

# The issuers' documented forms; a look-behind keeps them out of longer words.
_FORMS = (
    ("a Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34,40}(?![A-Za-z0-9])")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{60,255}")),
    ("an AWS access key", re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")),
    ("an API key", re.compile(r"(?<![A-Za-z0-9])sk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,200}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----")),
)
_REPEATED = 4


def check(evidence: CardEvidence) -> tuple[Finding, ...]:
    """One finding for each credential; the message never repeats it."""
    text = (evidence.readme or b"").decode("utf-8", errors="replace")
    fix = "revoke it where it was issued, now; then remove it, also from the history"
    return tuple(
        finding(RULE, f"README.md holds what looks like {what}", mark_at(text, start, 1), fix)
        for what, form in _FORMS
        for start, secret in ((each.start(), each.group()) for each in form.finditer(text))
        if _random(secret)
    )


def _random(secret: str) -> bool:
    """False for examples such as ``hf_xxxxxxxx…``."""
    return len(set(secret.lower().rpartition("_")[2])) > _REPEATED
