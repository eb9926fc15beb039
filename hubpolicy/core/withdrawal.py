# SPDX-License-Identifier: Apache-2.0
"""A withdrawal as a value and as a document: what stood there, what is revoked, what was done.

The document is written before anything changes, so that a withdrawal that was interrupted, or whose
hub cannot be reached any more, goes on from it. It is the user's own record: nobody trusts it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubpolicy.core.fields import Fields, are_hex
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.domain.manifest import ListedFile
from hubpolicy.domain.release import parse_purl
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId
    from hubpolicy.errors import HubpolicyError

SCHEMA = "hubpolicy/withdrawal/1"
_LIMIT = 64 * 1024 * 1024

State = Literal["done", "already", "pending", "failed"]


class Weight(NamedTuple):
    """A weight file: path, bytes, hex sha256, git blob id ("" where the hub gave none)."""

    path: str
    size: int
    sha256: str
    git_blob: str = ""


class ReleaseSeen(NamedTuple):
    """A verified release line: its payload's sha256, whose it is, when it says it was signed."""

    payload: str
    signer: str
    time: str


class Withdrawal(NamedTuple):
    """What is withdrawn. ``revision`` is what was asked for, ``oid`` the commit that it was.

    ``oid`` is empty where only a local copy was at hand; ``refs`` are (name, commit id) pairs.
    """

    repo: RepoId
    revision: str
    oid: str
    asked: str
    reason: str
    refs: tuple[tuple[str, str], ...]
    files: tuple[ListedFile, ...]
    weights: tuple[Weight, ...]
    releases: tuple[ReleaseSeen, ...]

    @property
    def revoked_files(self) -> frozenset[str]:
        """Digests of the weight files. An empty file is nobody's weights, and everybody's."""
        return frozenset(weight.sha256 for weight in self.weights if weight.size)

    @property
    def revoked_payloads(self) -> frozenset[str]:
        """Digests of the release lines."""
        return frozenset(release.payload for release in self.releases)

    @property
    def digest(self) -> str:
        """Hex sha256 of what is revoked."""
        named = sorted(self.revoked_files), sorted(self.revoked_payloads)
        return hashlib.sha256(canonical(named)).hexdigest()

    def covers(self, other: Withdrawal) -> bool:
        """True if it revokes the same weight files, and all release lines of the other."""
        same = self.revoked_files == other.revoked_files
        return same and self.revoked_payloads >= other.revoked_payloads


class Step(NamedTuple):
    """One thing that was to be done, how it ended, and what to type where it did not."""

    name: str
    state: State
    detail: str
    error: HubpolicyError | None = None


class Holder(NamedTuple):
    """A commit that holds withdrawn files: repository, ref or commit id, and the paths."""

    repo: str
    revision: str
    paths: tuple[str, ...]


class Holders(NamedTuple):
    """Who else holds them, as far as it could be read; ``unread`` says what could not, and why."""

    found: tuple[Holder, ...] = ()
    unread: tuple[str, ...] = ()


def withdrawal_bytes(withdrawal: Withdrawal) -> bytes:
    """The document, to be kept."""
    return canonical(
        {
            "schema": SCHEMA,
            "repo": withdrawal.repo.purl,
            "revision": withdrawal.revision,
            "oid": withdrawal.oid,
            "asked": withdrawal.asked,
            "reason": withdrawal.reason,
            "refs": [{"ref": name, "oid": oid} for name, oid in withdrawal.refs],
            "files": [
                {
                    "path": _text(file.path),
                    "size": file.size,
                    "sha256": file.sha256 or "",
                    "gitBlob": file.git_blob or "",
                }
                for file in withdrawal.files
            ],
            "weights": [
                {
                    "path": _text(weight.path),
                    "size": weight.size,
                    "sha256": weight.sha256,
                    "gitBlob": weight.git_blob,
                }
                for weight in withdrawal.weights
            ],
            "releases": [release._asdict() for release in withdrawal.releases],
        }
    )


def parse_withdrawal(raw: bytes, *, where: str) -> Withdrawal:
    """The document as a value.

    Raises:
        ConfigError: malformed.

    """
    try:
        fields = Fields(parse(raw, what=where, limit=_LIMIT), where)
        fields.one_of("schema", (SCHEMA,))
        withdrawal = Withdrawal(
            repo=parse_purl(fields.words("repo")),
            revision=fields.text("revision"),
            oid=fields.text("oid"),
            asked=fields.instant("asked"),
            reason=fields.words("reason"),
            refs=tuple((item.text("ref"), item.text("oid")) for item in fields.objects("refs")),
            files=tuple(_file(item) for item in fields.objects("files")),
            weights=tuple(_weight(item) for item in fields.objects("weights")),
            releases=tuple(_release(item) for item in fields.objects("releases")),
        )
        fields.done()
    except MalformedError as error:
        message = error.message if where in error.message else f"{error.message}, in {where}"
        raise ConfigError(message, hint="move it away; the withdrawal starts anew") from error
    return withdrawal


def steps_bytes(steps: tuple[Step, ...], holders: Holders) -> bytes:
    """How far it is, for programs; indented, since people will look into it, too."""
    document = {
        "schema": "hubpolicy/withdrawal-steps/1",
        "steps": [
            {"name": step.name, "state": step.state, "detail": step.detail} for step in steps
        ],
        "holders": [
            {"repo": h.repo, "revision": h.revision, "paths": list(h.paths)} for h in holders.found
        ],
        "unread": list(holders.unread),
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def weight_of(file: ListedFile, content: bytes | None, signed: dict[str, str]) -> Weight:
    """The weight file with its sha256: the listing's, else its content's, else a signed one.

    ``signed`` maps git blob ids to what verified lines state for them.

    Raises:
        MalformedError: neither is known.

    """
    sha256 = file.sha256 or ""
    if not sha256 and content is not None:
        sha256 = hashlib.sha256(content).hexdigest()
    sha256 = sha256 or signed.get(file.git_blob or "", "")
    if not sha256:
        message = f"got no sha256 for {file.path}, expected one from the listing or the file"
        raise MalformedError(message)
    blobs = (blob for blob, digest in signed.items() if digest == sha256)
    return Weight(file.path, file.size, sha256, file.git_blob or next(blobs, ""))


def same_files(weights: tuple[Weight, ...], files: tuple[ListedFile, ...]) -> tuple[str, ...]:
    """Paths in a listing whose content is one of the weights'."""
    sha256s = {weight.sha256 for weight in weights if weight.size}
    blobs = {weight.git_blob for weight in weights if weight.size and weight.git_blob}
    return tuple(
        file.path
        for file in files
        if (file.sha256 in sha256s if file.sha256 else file.git_blob in blobs)
    )


def perhaps_same(
    weights: tuple[Weight, ...], files: tuple[ListedFile, ...]
) -> tuple[ListedFile, ...]:
    """Files that a hub keeps in git itself and that have the size of a weight kept by Git LFS.

    Of the one a listing has a git blob id, of the other a sha256: only the content can tell.
    """
    sizes = {weight.size for weight in weights if weight.size and not weight.git_blob}
    return tuple(file for file in files if not file.sha256 and file.size in sizes)


def _text(path: str) -> str:
    """A hub may list a path that is no UTF-8; it can be kept in one way only."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _file(fields: Fields) -> ListedFile:
    path, size = fields.text("path"), fields.count("size")
    sha256, blob = _hex(fields, "sha256", 64), _hex(fields, "gitBlob", 40)
    fields.done()
    return ListedFile(path, size, sha256 or None, blob or None)


def _weight(fields: Fields) -> Weight:
    weight = Weight(
        fields.text("path"),
        fields.count("size"),
        fields.hexdigest("sha256"),
        _hex(fields, "gitBlob", 40),
    )
    fields.done()
    return weight


def _release(fields: Fields) -> ReleaseSeen:
    release = ReleaseSeen(
        fields.hexdigest("payload"), fields.text("signer"), fields.instant("time")
    )
    fields.done()
    return release


def _hex(fields: Fields, name: str, digits: int) -> str:
    value = fields.text(name)
    if value and not are_hex([value], digits):
        fields.refuse(name, f"{digits} lower-case hex digits, or nothing")
    return value
