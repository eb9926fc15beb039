# SPDX-License-Identifier: Apache-2.0
"""What one request to a hub would do: a closed set of frozen values (``core/hub_requests.py``).

Everything that is none of the others is :class:`Unknown`, which nobody allows. Revisions are as
the request names them (``main``, ``refs/pr/2``); paths are decoded; digests are lower-case hex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from hubpolicy.domain.release import RepoId


class HubRequest(NamedTuple):
    """A request as it stands on the wire.

    ``path`` and ``query`` are still percent-encoded, without ``?``. ``body`` is all of it, or a
    binary file at its start; it is read line by line, and never kept whole.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | BinaryIO = b""


class Announced(NamedTuple):
    """A file that somebody wants to upload: path, size in bytes, first (up to 512) bytes."""

    path: str
    size: int
    sample: bytes


class LfsObject(NamedTuple):
    """Content by its sha256. ``size`` is -1 where the request does not say it."""

    oid: str
    size: int


class AddRegular(NamedTuple):
    """A file whose content is in the request; only what a judge reads of it is kept.

    ``head`` are the first (up to 512) bytes, ``content`` all of them for evidence files and the
    child policy, else empty.
    """

    path: str
    size: int
    sha256: str
    git_blob: str
    head: bytes
    content: bytes


class AddLarge(NamedTuple):
    """A file by its sha256. ``size`` is -1 in copies that the server makes."""

    path: str
    sha256: str
    size: int


class DeleteFile(NamedTuple):
    """One file goes."""

    path: str


class DeleteFolder(NamedTuple):
    """Everything under a path goes. ``path`` has no slash at its end."""

    path: str


Operation = AddRegular | AddLarge | DeleteFile | DeleteFolder


class Read(NamedTuple):
    """Nothing changes. ``repo`` is None where the request names no repository.

    ``namespace``: whose list it is (``core/hub_lists.py``); empty where it is of no one alone.
    """

    repo: RepoId | None
    namespace: str = ""


class Harmless(NamedTuple):
    """A request that is no GET and changes nothing that anybody else could see."""

    what: str
    repo: RepoId | None


class Signed(NamedTuple):
    """A request without any login in it: an address that was signed before, or nobody's wish."""

    method: str
    path: str


class CreateRepo(NamedTuple):
    """``private`` only where the request says so: else the organisation's default holds."""

    repo: RepoId
    private: bool


class Preupload(NamedTuple):
    """Asks how files would have to be sent. No bytes leave but their first 512."""

    repo: RepoId
    revision: str
    creates_pr: bool
    files: tuple[Announced, ...]


class LfsBatch(NamedTuple):
    """Asks for addresses to upload large contents to; to download is a :class:`Read`."""

    repo: RepoId
    objects: tuple[LfsObject, ...]


class LfsVerify(NamedTuple):
    """Says that a large content has arrived."""

    repo: RepoId
    object: LfsObject


class XetToken(NamedTuple):
    """A GET that hands out the power to write; a token to read is a :class:`Read`."""

    repo: RepoId
    revision: str


class Commit(NamedTuple):
    """Files of a branch or a pull request change. ``parent`` is empty where none is named."""

    repo: RepoId
    revision: str
    creates_pr: bool
    parent: str
    operations: tuple[Operation, ...]


class Settings(NamedTuple):
    """``private`` and ``opens`` are None and False where nothing is said of them.

    ``opens``: ``gated`` is off, or ``auto``, which lets in whoever asks.

    ``others`` are the names of all other settings.
    """

    repo: RepoId
    private: bool | None
    opens: bool
    others: tuple[str, ...]


class Merge(NamedTuple):
    """A pull request goes into ``main``."""

    repo: RepoId
    number: int


class Discussion(NamedTuple):
    """Talk: opened, commented, renamed, opened again or closed. No file changes."""

    repo: RepoId
    what: str


class Duplicate(NamedTuple):
    """A copy of a whole repository under another name."""

    source: RepoId
    target: RepoId
    private: bool


class LfsDuplicate(NamedTuple):
    """Large contents of one repository become available in another one.

    ``by_xet``: some are named by a Xet hash beside their sha256, and the two may differ.
    """

    source: RepoId
    target: RepoId
    objects: tuple[LfsObject, ...]
    by_xet: bool = False


class Move(NamedTuple):
    """A repository gets another name."""

    source: RepoId
    target: RepoId


class Tag(NamedTuple):
    """A new tag at a revision."""

    repo: RepoId
    revision: str
    name: str


class Branch(NamedTuple):
    """A new branch at a revision."""

    repo: RepoId
    revision: str
    name: str


class SuperSquash(NamedTuple):
    """A branch's tree becomes its only commit; ``revision`` is the branch."""

    repo: RepoId
    revision: str


class Delete(NamedTuple):
    """Something is lost: ``repository``, ``branch …``, ``tag …``, ``large files``."""

    repo: RepoId
    what: str


class BucketWrite(NamedTuple):
    """Anything that changes a bucket. ``hides``: it makes the bucket private and does no more."""

    namespace: str
    name: str
    what: str
    private: bool
    hides: bool = False


class GitFetch(NamedTuple):
    """``git-upload-pack``: a fetch."""

    repo: RepoId


class GitPush(NamedTuple):
    """``git-receive-pack``; ``advertises`` is the question that comes before the push."""

    repo: RepoId
    advertises: bool


class Unknown(NamedTuple):
    """Not understood, or not asked in the one way that is. Nobody allows it."""

    method: str
    path: str
    why: str


Intent = (
    Read
    | Harmless
    | Signed
    | CreateRepo
    | Preupload
    | LfsBatch
    | LfsVerify
    | XetToken
    | Commit
    | Settings
    | Merge
    | Discussion
    | Duplicate
    | LfsDuplicate
    | Move
    | Tag
    | Branch
    | SuperSquash
    | Delete
    | BucketWrite
    | GitFetch
    | GitPush
    | Unknown
)
