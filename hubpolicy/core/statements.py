# SPDX-License-Identifier: Apache-2.0
"""in-toto Statement v1: payload bytes from values, and back (in-toto attestation spec v1).

A payload is written once and opaque after: its sha256 is how other statements refer to it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from hubpolicy.core import bulk, predicates, strictjson
from hubpolicy.core.fields import Fields, are_hex
from hubpolicy.domain.manifest import Entry, Manifest, dir_hash
from hubpolicy.domain.statement import (
    APPLICABILITY,
    APPROVAL,
    STATEMENT_TYPE,
    TEST_RESULT,
    TOXICITY,
    VSA,
    WAIVER,
    Approval,
    CardResult,
    ReleaseSummary,
    Statement,
    Subject,
    Waiver,
)
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.core.bundle import Bundle
    from hubpolicy.domain.statement import (
        ApplicabilityResult,
        ForeignEvidence,
        Predicate,
        ToxicityResult,
    )

WHOLE = "."
"""Name of the subject whose ``dirHash`` binds the names, contents and count of all files."""

CARD = "README.md"


# Making --------------------------------------------------------------------------------------


def card_statement(
    result: CardResult, readme: Entry, manifest: Manifest, *, tool_version: str
) -> bytes:
    """The card check: about the card file and the whole."""
    predicate = predicates.make_card_predicate(result, tool_version=tool_version)
    return make_statement((file_subject(readme), whole_subject(manifest)), TEST_RESULT, predicate)


def toxicity_statement(result: ToxicityResult, closure: Iterable[Entry]) -> bytes:
    """The toxicity counts: about every file that was loaded to generate."""
    predicate = predicates.make_toxicity_predicate(result)
    return make_statement(closure_subjects(closure), TOXICITY, predicate)


def applicability_statement(result: ApplicabilityResult, closure: Iterable[Entry]) -> bytes:
    """Why no text can come out: about every file that was loaded."""
    predicate = predicates.make_applicability_predicate(result)
    return make_statement(closure_subjects(closure), APPLICABILITY, predicate)


def foreign_statement(
    evidence: ForeignEvidence, closure: Iterable[Entry], *, tool_version: str
) -> bytes:
    """Numbers that were measured elsewhere: about every file that was loaded to generate."""
    from hubpolicy.core.foreign_predicate import make_foreign_predicate  # not on the hook's path

    predicate = make_foreign_predicate(evidence, tool_version=tool_version)
    return make_statement(closure_subjects(closure), TEST_RESULT, predicate)


def waiver_statement(waiver: Waiver, manifest: Manifest) -> bytes:
    """A waiver: about the whole."""
    predicate = predicates.make_waiver_predicate(waiver)
    return make_statement((whole_subject(manifest),), WAIVER, predicate)


def approval_statement(approval: Approval, subjects: tuple[Subject, ...]) -> bytes:
    """An approval: about what the role binds.

    ``closure``: :func:`closure_subjects`; ``card``: :func:`file_subject` of the card;
    ``manifest``: :func:`whole_subject`, and perhaps every file beside it.
    """
    return make_statement(subjects, APPROVAL, predicates.make_approval_predicate(approval))


def release_statement(
    summary: ReleaseSummary, manifest: Manifest, *, inputs: tuple[tuple[str, str], ...]
) -> bytes:
    """The release line: about every file and the whole.

    ``inputs`` are (uri, payload sha256) of the statements that the verdict rests on.

    Raises:
        ValueError: ``inputs`` and ``summary.inputs`` name other digests: a bug of the caller.

    """
    if tuple(digest for _, digest in inputs) != summary.inputs:
        message = "got inputs that are not the summary's, expected the same digests in one order"
        raise ValueError(message)
    subjects = (whole_subject(manifest), *map(file_subject, manifest.entries))
    return make_statement(subjects, VSA, predicates.make_release_predicate(summary, inputs))


def file_subject(entry: Entry) -> Subject:
    """One file: sha256, and the git blob id of a small one (a hub lists nothing else for it)."""
    blob = () if entry.git_blob is None else (("gitBlob", entry.git_blob),)
    return Subject(entry.path, (*blob, ("sha256", entry.sha256)))


def closure_subjects(closure: Iterable[Entry]) -> tuple[Subject, ...]:
    """Every file of a closure, sorted bytewise by path."""
    return tuple(map(file_subject, sorted(closure, key=lambda entry: entry.path.encode())))


def whole_subject(manifest: Manifest) -> Subject:
    """All covered files at once."""
    return Subject(WHOLE, (("dirHash", manifest.dir_hash),))


def make_statement(
    subjects: tuple[Subject, ...], predicate_type: str, predicate: dict[str, object]
) -> bytes:
    """The payload bytes of a statement, checked by the parser that will read them.

    Raises:
        MalformedError: what was asked for would not verify.

    """
    payload = strictjson.canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": dict(s.digest)} for s in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )
    where = "the statement to sign"
    statement = parse_statement(payload, where=where)
    parsed = predicates.parse_predicate(predicate_type, statement.predicate, where=where)
    if parsed is not None:
        check_subjects(statement, parsed, where=where)
    return payload


# Reading -------------------------------------------------------------------------------------


def parse_statement(payload: bytes, *, where: str) -> Statement:
    """Payload bytes to a statement whose predicate is not looked at yet.

    Raises:
        MalformedError: not a Statement v1 with at least one subject, each name once and each
            digest of a known algorithm in lower-case hex.

    """
    fields = Fields(bulk.parse(payload, what=f"the payload of {where}"), where)
    fields.one_of("_type", (STATEMENT_TYPE,))
    subjects = _subjects(fields.array("subject"), where)
    if not subjects or len({name for name, _ in subjects}) != len(subjects):
        fields.refuse("subject", "at least one subject, each name once")
    predicate_type = fields.words("predicateType")
    predicate = fields.raw("predicate")
    if not isinstance(predicate, dict):
        fields.refuse("predicate", "an object")
    fields.done()
    return Statement(subjects, predicate_type, predicate)


def check_subjects(statement: Statement, predicate: Predicate, *, where: str) -> None:
    """Refuse a statement that is about other things than its predicate says.

    Raises:
        MalformedError: a file without sha256, or a whole, a card or files missing or too many.

    """
    files, whole = subject_manifest(statement)
    expected = ""
    if len(files) + (whole is not None) != len(statement.subjects):
        expected = "a sha256 for every file, and a dirHash for the whole alone"
    elif isinstance(predicate, Waiver) and (files or whole is None):
        expected = "the whole alone"
    elif isinstance(predicate, CardResult) and (set(files) != {CARD} or whole is None):
        expected = f"{CARD} and the whole"
    elif isinstance(predicate, ReleaseSummary) and (not files or whole is None):
        expected = "every file and the whole"
    elif isinstance(predicate, Approval):
        expected = _approval_subjects(predicate, files, whole)
    elif not isinstance(predicate, (Waiver, CardResult, ReleaseSummary)) and whole is not None:
        expected = "the files of a closure alone"
    if expected:
        message = f"got other subjects, expected {expected}, in {where}"
        raise MalformedError(message)


def subject_manifest(statement: Statement) -> tuple[dict[str, str], str | None]:
    """Path to sha256 of the file subjects, and the dirHash of the whole if it is a subject."""
    files, whole = {}, None
    for name, digest in statement.subjects:
        algorithm, value = digest[-1]
        if algorithm == "sha256" and name != WHOLE:
            files[name] = value
        elif algorithm == "dirHash" and name == WHOLE:
            whole = value
    return files, whole


def closure_digest(closure: Iterable[Entry]) -> str:
    """``dirHash`` over the files of a closure: its short name on screens and in ledgers."""
    return dir_hash(tuple(closure))


def payload_sha256(source: Bundle | bytes) -> str:
    """Hex sha256 of a payload, given as it is or in its bundle: how statements are referred to."""
    payload = source if isinstance(source, bytes) else source.payload
    return hashlib.sha256(payload).hexdigest()


def _subjects(items: list[Any], where: str) -> tuple[Subject, ...]:
    # A release names every file: 10,000 rounds on the git hook's path, where Fields and a check
    # per digest would take five times as long.
    apart = 0 if not items or type(items[0]) is tuple else 1
    if len(items) > apart and type(items[apart]) is tuple:
        return (
            *_subjects_one_by_one(items[:apart], where),
            *_subjects_at_once(items[apart:], where),
        )
    return _subjects_one_by_one(items, where)


def _subjects_at_once(items: list[tuple[str, str, str]], where: str) -> tuple[Subject, ...]:
    """The same out of ``bulk.parse``'s columns."""
    blobs, digests, _ = zip(*items, strict=True)
    if not are_hex(list(digests), 64) or not are_hex(list(filter(None, blobs)), 40):
        raise _bad_subject(items, where)
    new = tuple.__new__
    return tuple(
        [
            new(Subject, (name, (("gitBlob", blob), ("sha256", sha256))))
            if blob
            else new(Subject, (name, (("sha256", sha256),)))
            for blob, sha256, name in items
        ]
    )


def _subjects_one_by_one(items: list[Any], where: str) -> tuple[Subject, ...]:
    subjects, digests, blobs = [], [], []
    for item in items:
        name, digest = (item.get("name"), item.get("digest")) if type(item) is dict else ("", 0)
        if type(name) is not str or not name or type(digest) is not dict or len(item) != 2:
            raise _bad_subject(item, where)
        sha256, blob, whole = digest.get("sha256"), digest.get("gitBlob"), digest.get("dirHash")
        if blob is not None:
            pairs: tuple[tuple[str, Any], ...] = (("gitBlob", blob), ("sha256", sha256))
            blobs.append(blob)
        else:
            pairs = (("dirHash", whole),) if sha256 is None else (("sha256", sha256),)
        if len(digest) != len(pairs):
            raise _bad_subject(item, where)
        digests.append(pairs[-1][1])
        subjects.append(Subject(name, pairs))
    if not are_hex(digests, 64) or not are_hex(blobs, 40):
        raise _bad_subject(items, where)
    return tuple(subjects)


def _bad_subject(item: object, where: str) -> MalformedError:
    got, expected = f"{item!r:.120}", "a name with sha256 (and gitBlob), or with dirHash, in hex"
    return MalformedError(f"got subject {got}, expected {expected}, in {where}")


def _approval_subjects(approval: Approval, files: dict[str, str], whole: str | None) -> str:
    if approval.binds == "manifest":
        return "" if whole is not None else "the whole"
    if approval.binds == "card":
        return "" if whole is None and set(files) == {CARD} else f"{CARD} alone"
    return "" if whole is None and files else "the files of a closure alone"
