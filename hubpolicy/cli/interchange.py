# SPDX-License-Identifier: Apache-2.0
"""``attest --evidence``: files that other tools made, as the policy asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.foreign_evidence import Imported
    from hubpolicy.domain.policy import Policy
    from hubpolicy.ports import Progress

FILE_LIMIT = 512 * 1024 * 1024


class NamedFile(click.ParamType["tuple[str, str]"]):
    """``NAME=FILE``."""

    name = "NAME=FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first ``=``; both sides have to be there."""
        if isinstance(value, tuple):
            return (str(value[0]), str(value[1]))
        name, _, path = str(value).partition("=")
        if not name or not path:
            self.fail(
                f"got {value!r}, expected NAME=FILE, such as lm-eval=results.json", param, ctx
            )
        return name, path


def read_imports(words: tuple[tuple[str, str], ...], policy: Policy) -> tuple[Imported, ...]:
    """Every item of the policy that these files answer; of one item the last file counts.

    Raises:
        ConfigError: the policy names no such evidence.
        MalformedError: a file is not of its format, or does not hold what is asked for.
        ServiceError: a file cannot be read.

    """
    from hubpolicy.core.foreign_evidence import import_evidence

    found = {
        imported.item.name: imported
        for word, path in words
        for imported in import_evidence(word, _content(path), policy, where=path)
    }
    return tuple(found[name] for name in sorted(found))


def _content(path: str) -> bytes:
    try:
        size = Path(path).stat().st_size
        if size > FILE_LIMIT:
            message = f"got {size} bytes, expected at most {FILE_LIMIT}, in {path}"
            raise MalformedError(message)
        return Path(path).read_bytes()
    except OSError as error:
        message = f"could not read {path}: {error.strerror or error}"
        raise ServiceError(message) from error


def say_imported(
    imports: tuple[Imported, ...], evidence: Evidence, progress: Progress, path: str
) -> None:
    """Say how loose the tie is, and what could not be signed because nothing was run."""
    from hubpolicy.core.lines import select
    from hubpolicy.domain.statement import ForeignEvidence

    signed = {found.name: found for _, found in select(evidence.lines, ForeignEvidence)}
    for imported in imports:
        name = imported.item.name
        if name not in signed:
            progress.note(
                f"evidence {name} was not signed: nothing was run that it could be about; "
                f"first: hubpolicy test {path}"
            )
            continue
        level = signed[name].binding_level
        tie = "the file names this closure" if level else "nothing but your word ties it to them"
        progress.note(f"evidence {name} is about these files at binding level {level}: {tie}")
