# SPDX-License-Identifier: Apache-2.0
"""What an audit looked at and has no verdict on: nothing of that is to pass for judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.flows.surveying import Surveyed
    from hubpolicy.render.report import Row


def looked(answers: Iterable[Surveyed]) -> tuple[Row, ...]:
    """How many repositories have no row, which models have no ref, which refs nobody named."""
    from hubpolicy.cli.audit_targets import shown
    from hubpolicy.core.lines import named
    from hubpolicy.render.report import Row

    answers = tuple(answers)
    silent = [answer.repo for answer in answers if not answer.refs]
    rows = []
    if silent and len(answers) > 1:
        said = f"{len(silent)} of them without anything that is judged"
        rows.append(Row("looked at", f"{len(answers)} repositories", f"({said})"))
    rows += [
        Row(shown(repo), "no ref", "(nothing stands there that could be judged)")
        for repo in silent
        if repo.repo_type == "model"
    ]
    for answer in answers:
        if answer.unnamed:
            said = f"(its git has them, its hub does not name them: {named(answer.unnamed)})"
            rows.append(Row(shown(answer.repo), f"{len(answer.unnamed)} refs not judged", said))
    return tuple(rows)
