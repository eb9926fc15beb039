# SPDX-License-Identifier: Apache-2.0
"""All evidence about a release in one file, one bundle per line, and back to where each belongs.

What people carry to a machine without a network, or keep beside a release that has no room for
it. Only what a release is judged by travels so: lines, approvals and ``model.sig``; records and
policies stay in folders. Nothing is proven here: a line that is put in a wrong place is refused
there (``core/verify.py``).
"""

from __future__ import annotations

import hashlib

from hubpolicy.core.bundle import parse_bundle
from hubpolicy.core.line_files import LINES_LIMIT, RELEASE_FILE, approval_path
from hubpolicy.core.rules.hp412 import evidence_kind
from hubpolicy.core.statements import parse_statement
from hubpolicy.domain.manifest import MODEL_SIGNATURE, EvidenceFile
from hubpolicy.domain.statement import APPROVAL, OMS
from hubpolicy.errors import MalformedError


def split_evidence(content: bytes, *, where: str) -> tuple[EvidenceFile, ...]:
    """Each line to the file in which it stands in a release. Empty lines are passed over.

    Raises:
        MalformedError: a line is no bundle of a statement, there is none at all, or there are two
            model signatures.

    """
    if content.count(b"\n") > LINES_LIMIT:
        message = f"got more than {LINES_LIMIT} lines, in {where}"
        raise MalformedError(message)
    found: dict[str, bytes] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            path = _place(line, f"{where} line {number}")
            if path == MODEL_SIGNATURE and path in found:
                message = f"got a second model signature, expected one, in {where} line {number}"
                raise MalformedError(message)
            found[path] = found.get(path, b"") + line + b"\n"
    if not found:
        message = f"got no bundle, expected one per line, in {where}"
        raise MalformedError(message)
    return tuple(EvidenceFile(path, found[path]) for path in sorted(found))


def join_evidence(files: tuple[EvidenceFile, ...]) -> bytes:
    """The inverse: one bundle per line, however each was written.

    JSON holds line breaks between its tokens only, so a blank says the same there.
    """
    lines: list[bytes] = []
    for path, content in files:
        kind = evidence_kind(path)
        if kind == "signature":
            lines.append(content.replace(b"\n", b" ").strip())
        elif kind in {"release", "approval"}:
            lines += [line for line in content.split(b"\n") if line.strip()]
    return b"".join(line.rstrip(b"\n") + b"\n" for line in lines)


def _place(line: bytes, where: str) -> str:
    bundle = parse_bundle(line, where=where)
    kind = parse_statement(bundle.payload, where=where).predicate_type
    if kind == OMS:
        return MODEL_SIGNATURE
    if kind == APPROVAL:
        return approval_path(hashlib.sha256(bundle.payload).hexdigest())
    return RELEASE_FILE
