# SPDX-License-Identifier: Apache-2.0
"""Third-party evidence among the lines of a release: signed by the checker who imports it.

The line is about every file of every run that the policy asks it of; where nothing was run there
is nothing that it could be about, and nothing is signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.coverage import closure_digest
from hubpolicy.core.foreign_coverage import is_asked
from hubpolicy.core.foreign_evidence import bound_to
from hubpolicy.core.lines import RUNS, closure_paths, differing
from hubpolicy.core.statements import foreign_statement
from hubpolicy.domain.statement import ForeignEvidence
from hubpolicy.flows.kept import sign

if TYPE_CHECKING:
    from hubpolicy.core.foreign_evidence import Imported
    from hubpolicy.domain.manifest import Manifest
    from hubpolicy.flows.kept import Desk, Line


def with_imports(
    lines: list[Line],
    imports: tuple[Imported, ...],
    manifest: Manifest,
    desk: Desk,
    now: str,
    signed: list[str],
) -> list[Line]:
    """The lines, with those of the imports; what the same person said before of the same goes.

    ``lines`` are about these bytes. ``signed`` grows by what is new.

    Raises:
        VerificationError: the key at hand is not a checker's, or the file is dated in the future.

    """
    for imported in imports:
        payload = _payload(lines, imported, manifest, desk, now)
        if payload is None:
            continue
        name = imported.item.name
        standing = [item for item in lines if _is_of(item, name)]
        mine = [item for item in standing if item.line.keyid == desk.signer.keyid]
        if any(parse_bundle(item.raw, where="a kept line").payload == payload for item in mine):
            continue
        new = sign(payload, desk, now)
        gone = [item for item in standing if item.line.principal == new.line.principal]
        lines = [*(item for item in lines if item not in gone), new]
        signed.append(f"evidence {name}")
    return lines


def _payload(
    lines: list[Line], imported: Imported, manifest: Manifest, desk: Desk, now: str
) -> bytes | None:
    have = {entry.path: (entry.sha256, entry.git_blob) for entry in manifest.entries}
    asked = [
        item.line
        for item in lines
        if isinstance(item.line.predicate, RUNS)
        and is_asked(imported.item, item.line)
        and not differing(item.line.statement, have)
    ]
    if not asked:
        return None
    loaded = {path for line in asked for path in closure_paths(line)}
    evidence = bound_to(imported, tuple(closure_digest(line) for line in asked), now)
    files = [entry for entry in manifest.entries if entry.path in loaded]
    return foreign_statement(evidence, files, tool_version=desk.version)


def _is_of(item: Line, name: str) -> bool:
    found = item.line.predicate
    return isinstance(found, ForeignEvidence) and found.name == name
