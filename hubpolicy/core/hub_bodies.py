# SPDX-License-Identifier: Apache-2.0
"""The bodies of requests to a hub, field by field. Fields that are not known are refused.

One function per row of the table in ``hub_requests.py``; commits are read in ``hub_commit.py``.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from hubpolicy.core import strictjson
from hubpolicy.core.fields import Fields
from hubpolicy.core.hub_commit import parse_commit
from hubpolicy.core.hub_paths import revision
from hubpolicy.domain.hub_request import (
    Announced,
    Branch,
    BucketWrite,
    Commit,
    CreateRepo,
    Delete,
    Discussion,
    Duplicate,
    LfsBatch,
    LfsDuplicate,
    LfsObject,
    LfsVerify,
    Merge,
    Move,
    Preupload,
    Read,
    Settings,
    SuperSquash,
    Tag,
)
from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.domain.hub_request import Intent
    from hubpolicy.domain.release import RepoType

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes of any body but a commit's."""

_MOST_FILES = 10_000
_SAMPLE = 512
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_TYPES: dict[str, RepoType] = {"model": "model", "dataset": "dataset", "space": "space"}
_SPACE = ("sdk", "hardware", "sleepTimeSeconds")
_REACHING = ("template", "secrets", "variables", "volumes")
"""What puts other repositories, secrets or foreign code into a new Space: only empty here."""


class Call(NamedTuple):
    """A request that matched the table: its repository, decoded parts, query, and body."""

    repo: RepoId
    parts: tuple[str, ...]
    params: dict[str, str]
    query: dict[str, str]
    content_type: str
    body: bytes | BinaryIO

    @property
    def revision(self) -> str:
        """``{rev}`` of the path."""
        return self.params["rev"]

    def number(self, name: str) -> int:
        """A positive number of the path."""
        text = self.params[name]
        if not _NUMBER.fullmatch(text):
            message = f"got {text[:40]!r}, expected a number, in the path"
            raise MalformedError(message)
        return int(text)

    def flag(self, name: str) -> bool:
        """A switch of the query, in one of its spellings."""
        value = self.query.get(name, "0").lower()
        if value not in {"0", "1", "false", "true"}:
            message = f"got {value[:40]!r}, expected 1 or 0, in {name} of the query"
            raise MalformedError(message)
        return value in {"1", "true"}

    def fields(self, *kinds: str) -> Fields:
        """The JSON object of the body, which must also be sent as JSON."""
        self.must_be(*(kinds or ("application/json",)))
        return Fields(strictjson.parse(self.raw(), what="the body", limit=BODY_LIMIT), "the body")

    def raw(self) -> bytes:
        """The body's bytes, a little more than may be read at most."""
        return self.body if isinstance(self.body, bytes) else self.body.read(BODY_LIMIT + 1)

    def must_be(self, *kinds: str) -> None:
        """Refuse a body that its header calls something else, or in another charset than UTF-8."""
        kind, *params = (part.strip().lower() for part in self.content_type.split(";"))
        if kind not in kinds or params not in ([], ["charset=utf-8"]):
            got, wanted = self.content_type[:80], " or ".join(kinds)
            message = f"got Content-Type {got!r}, expected {wanted}, in UTF-8"
            raise MalformedError(message)


def create(call: Call) -> Intent:
    """``POST /api/repos/create``."""
    fields = call.fields()
    repo = _named(fields, call.repo.endpoint)
    private = _private(fields)
    fields.raw("region")
    _place(fields, repo.repo_type)
    return CreateRepo(repo, private is True)


def delete_repo(call: Call) -> Intent:
    """``DELETE /api/repos/delete``."""
    fields = call.fields()
    repo = _named(fields, call.repo.endpoint)
    fields.done()
    return Delete(repo, "repository")


def move(call: Call) -> Intent:
    """``POST /api/repos/move``; of buckets too."""
    fields = call.fields()
    if fields.raw("type") == "bucket":
        source = parse_repo_id(fields.text("fromRepo"))
        return BucketWrite(source.namespace, source.name, "move of", private=False)
    kind = _type(fields)
    source, target = (
        parse_repo_id(fields.text(name), endpoint=call.repo.endpoint, repo_type=kind)
        for name in ("fromRepo", "toRepo")
    )
    fields.done()
    return Move(source, target)


def settings(call: Call) -> Intent:
    """``PUT …/settings``."""
    fields = call.fields()
    private = _private(fields)
    gated = fields.raw("gated")
    if fields.has("gated") and gated not in ("auto", "manual", False):
        fields.refuse("gated", "auto, manual or false")
    others = tuple(sorted(set(fields.names) - {"gated", "private", "visibility"}))
    opens = fields.has("gated") and gated in (False, "auto")  # auto: whoever asks gets in
    return Settings(call.repo, private, opens, others)


def tag(call: Call) -> Intent:
    """``POST …/tag/{rev}``: the path names what is tagged."""
    fields = call.fields()
    name = revision(fields.words("tag"))
    fields.raw("message")
    fields.done()
    return Tag(call.repo, call.revision, name)


def branch(call: Call) -> Intent:
    """``POST …/branch/{name}``: at ``startingPoint``, or at main."""
    fields = call.fields()
    start = fields.text("startingPoint") if fields.has("startingPoint") else "main"
    fields.done()
    return Branch(call.repo, revision(start), call.revision)


def squash(call: Call) -> Intent:
    """``POST …/super-squash/{branch}``."""
    fields = call.fields()
    fields.raw("message")
    fields.done()
    return SuperSquash(call.repo, call.revision)


def preupload(call: Call) -> Intent:
    """``POST …/preupload/{rev}``."""
    fields = call.fields()
    fields.raw("gitIgnore")
    files = tuple(_announced(each) for each in _some(fields, "files"))
    fields.done()
    return Preupload(call.repo, call.revision, call.flag("create_pr"), files)


def commit(call: Call) -> Intent:
    """``POST …/commit/{rev}``."""
    call.must_be("application/x-ndjson")
    asked = parse_commit(call.body)
    return Commit(call.repo, call.revision, call.flag("create_pr"), asked.parent, asked.operations)


def duplicate(call: Call) -> Intent:
    """``POST …/duplicate``: the path names the source."""
    fields = call.fields()
    target = parse_repo_id(
        fields.text("repository"), endpoint=call.repo.endpoint, repo_type=call.repo.repo_type
    )
    private = _private(fields)
    _place(fields, call.repo.repo_type)
    return Duplicate(call.repo, target, private is True)


def duplicate_large(call: Call) -> Intent:
    """``POST …/lfs-files/duplicate``: the path names the source, the body the target."""
    fields = call.fields()
    aim = fields.object("target")
    kind = _type(aim)
    target = parse_repo_id(aim.text("name"), endpoint=call.repo.endpoint, repo_type=kind)
    aim.done()
    objects, by_xet = [], False
    for each in _some(fields, "files"):
        by_xet |= each.raw("xetHash") is not None
        each.raw("filename")
        objects.append(LfsObject(each.hexdigest("sha256"), -1))
        each.done()
    fields.done()
    return LfsDuplicate(call.repo, target, tuple(objects), by_xet)


def lfs_batch(call: Call) -> Intent:
    """``POST ….git/info/lfs/objects/batch`` (git-lfs ``docs/api/batch.md``)."""
    fields = call.fields("application/vnd.git-lfs+json", "application/json")
    operation = fields.one_of("operation", ("download", "upload"))
    for name in ("transfers", "ref"):
        fields.raw(name)
    if fields.has("hash_algo"):
        fields.one_of("hash_algo", ("sha256", "sha_256"))
    objects = tuple(_object(each) for each in _some(fields, "objects"))
    fields.done()
    return LfsBatch(call.repo, objects) if operation == "upload" else Read(call.repo)


def lfs_verify(call: Call) -> Intent:
    """``POST ….git/info/lfs/objects/verify``."""
    fields = call.fields("application/vnd.git-lfs+json", "application/json")
    return LfsVerify(call.repo, _object(fields))


def discuss(call: Call) -> Intent:
    """``POST …/discussions``: talk, or a draft of a pull request without any change."""
    fields = call.fields()
    for name in ("title", "description", "pullRequest"):
        fields.raw(name)
    fields.done()
    return Discussion(call.repo, "opened")


def talk(call: Call) -> Intent:
    """``POST …/discussions/{n}/comment`` and the like; only ``status`` could do more."""
    call.number("n")
    what = call.parts[-1]
    if what == "status":
        call.fields().one_of("status", ("open", "closed", "draft"))
    return Discussion(call.repo, what)


def merge(call: Call) -> Intent:
    """``POST …/discussions/{n}/merge``: a comment or nothing."""
    raw = call.raw()
    if raw:
        fields = call._replace(body=raw).fields()
        if not isinstance(fields.raw("comment"), str | None):
            fields.refuse("comment", "text")
        fields.done()
    return Merge(call.repo, call.number("n"))


def create_bucket(call: Call) -> Intent:
    """``POST /api/buckets/{ns}/{name}``."""
    private = _private(call.fields())
    return BucketWrite(call.repo.namespace, call.repo.name, "creation of", private is True)


def bucket_settings(call: Call) -> Intent:
    """``PUT /api/buckets/{ns}/{name}/settings``."""
    fields = call.fields()
    private = _private(fields)
    hides = private is True and set(fields.names) <= {"private", "visibility"}
    return BucketWrite(call.repo.namespace, call.repo.name, "settings of", private is True, hides)


READING: frozenset[Callable[[Call], Intent]] = frozenset(
    (
        *(create, delete_repo, move, settings, tag, branch, squash, preupload, commit, duplicate),
        *(duplicate_large, lfs_batch, lfs_verify, discuss, talk, create_bucket),
        *(bucket_settings, merge),
    )
)
"""What reads the body."""


def _named(fields: Fields, endpoint: str) -> RepoId:
    if fields.raw("organization") is None:
        message = "got a repository without a namespace, expected NAMESPACE/NAME"
        raise MalformedError(message)
    text = f"{fields.text('organization')}/{fields.text('name')}"
    return parse_repo_id(text, endpoint=endpoint, repo_type=_type(fields))


def _type(fields: Fields) -> RepoType:
    if fields.raw("type") is None:
        return "model"
    return _TYPES[fields.one_of("type", tuple(_TYPES))]


def _private(fields: Fields) -> bool | None:
    """What is asked of the visibility, in either spelling; both at once are two requests."""
    visibility, private = fields.raw("visibility"), fields.raw("private")
    if visibility is not None and private is not None:
        fields.refuse("private", "no such field beside visibility")
    if visibility is not None:
        return fields.one_of("visibility", ("public", "private", "protected")) == "private"
    return fields.flag("private") if private is not None else None


def _place(fields: Fields, kind: RepoType) -> None:
    """Where a new repository lies, and nothing besides: a Space could mount private repositories.

    It would do so with the login of the request, and that may be the gateway's own.
    """
    fields.raw("resourceGroupId")
    if kind == "space":
        for name in _SPACE:
            fields.raw(name)
        for name in _REACHING:
            if fields.raw(name) not in (None, "", [], {}):
                fields.refuse(name, "none, in the request that makes a Space")
    fields.done()


def _some(fields: Fields, name: str) -> list[Fields]:
    found = fields.objects(name)
    if not 0 < len(found) <= _MOST_FILES:
        fields.refuse(name, f"1 to {_MOST_FILES} of them")
    return found


def _announced(fields: Fields) -> Announced:
    path, size = fields.text("path"), fields.count("size")
    sample = fields.raw("sample")
    fields.raw("sha")
    fields.done()
    try:
        head = base64.b64decode(sample or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        fields.refuse("sample", "base64")
    return Announced(path, size, head[:_SAMPLE])


def _object(fields: Fields) -> LfsObject:
    return LfsObject(fields.hexdigest("oid"), fields.count("size"))
