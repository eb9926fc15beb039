# SPDX-License-Identifier: Apache-2.0
"""Writing a bare repository: new trees, commits and refs, with compare-and-swap."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.demo.hub.git import GitError, git
from hubpolicy.demo.hub.wire import HubError

if TYPE_CHECKING:
    from collections.abc import Sequence

ZERO = "0" * 40
_CONFIG = """[receive]
\tfsckObjects = true
\tautogc = false
[uploadpack]
\tallowAnySHA1InWant = true
[gc]
\tauto = 0
"""


class Author(NamedTuple):
    """Who commits, and when (seconds since the epoch)."""

    name: str
    when: int


class Change(NamedTuple):
    """A path's new content, or its removal (`content` None)."""

    path: str
    content: bytes | None


def create_repository(repo: Path, files: Sequence[Change], author: Author) -> str:
    """Make a bare repository whose branch ``main`` holds one commit; return its id."""
    git(repo, "init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    with (repo / "config").open("a", encoding="utf-8") as config:
        config.write(_CONFIG)
    commit = write_commit(repo, None, files, "initial commit", author)
    update_ref(repo, "refs/heads/main", commit, ZERO)
    return commit


def write_commit(
    repo: Path, parent: str | None, changes: Sequence[Change], message: str, author: Author
) -> str:
    """Store a commit that applies the changes to the parent's tree, in order; no ref moves.

    Raises:
        HubError: 400 if git refuses a path (for example a file where a folder stands).
    """
    with tempfile.TemporaryDirectory(prefix="hub-commit-") as scratch:
        oids = _write_blobs(repo, changes, Path(scratch))
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        if parent is not None:
            git(repo, "read-tree", parent, env=index)
        lines = b"".join(
            (
                f"0 {ZERO}\t" if change.content is None else f"100644 {oids[change.content]}\t"
            ).encode()
            + change.path.encode()
            + b"\0"
            for change in changes
        )
        try:
            git(repo, "update-index", "-z", "--index-info", stdin=lines, env=index)
        except GitError as error:
            raise HubError(400, f"the changes cannot be applied: {error.message}") from error
        tree = git(repo, "write-tree", env=index).decode().strip()
    return commit_tree(repo, tree, () if parent is None else (parent,), message, author)


def commit_tree(repo: Path, tree: str, parents: Sequence[str], message: str, author: Author) -> str:
    """Store a commit of a tree and return its id."""
    arguments = [item for parent in parents for item in ("-p", parent)]
    out = git(repo, "commit-tree", *arguments, tree, stdin=message.encode(), env=_identity(author))
    return out.decode().strip()


def update_ref(repo: Path, ref: str, new: str, old: str) -> None:
    """Move a ref from `old` to `new`; a zero id means absent.

    Raises:
        HubError: 412 if the ref does not stand at `old` any more.
    """
    try:
        if new == ZERO:
            git(repo, "update-ref", "-d", ref, old)
        else:
            git(repo, "update-ref", ref, new, old)
    except GitError as error:
        raise head_moved() from error


def head_moved() -> HubError:
    """Return the 412 for a parent commit that is not the head."""
    return HubError(412, "A commit has happened since. Please refresh and try again.")


def create_tag(repo: Path, name: str, commit: str, message: str | None, author: Author) -> None:
    """Create a tag, annotated if there is a message.

    Raises:
        HubError: 400 for an impossible name, 409 if the tag exists.
    """
    target = commit
    check_ref_name(repo, f"refs/tags/{name}")
    if message:
        text = (
            f"object {commit}\ntype commit\ntag {name}\n"
            f"tagger {author.name} <{_mail(author)}> {author.when} +0000\n\n{message}\n"
        )
        target = git(repo, "mktag", stdin=text.encode()).decode().strip()
    _create_ref(repo, f"refs/tags/{name}", target)


def create_branch(repo: Path, name: str, commit: str) -> None:
    """Create a branch.

    Raises:
        HubError: 400 for an impossible name, 409 if the branch exists.
    """
    check_ref_name(repo, f"refs/heads/{name}")
    _create_ref(repo, f"refs/heads/{name}", commit)


def _create_ref(repo: Path, ref: str, target: str) -> None:
    try:
        git(repo, "update-ref", ref, target, ZERO)
    except GitError as error:
        raise HubError(409, f"Reference already exists: {ref}") from error


def check_ref_name(repo: Path, ref: str) -> None:
    """Refuse a ref name that git would not take.

    Raises:
        HubError: 400.
    """
    try:
        git(repo, "check-ref-format", ref)
    except GitError as error:
        raise HubError(400, f"got {ref!r}, expected a valid git ref name") from error


def merged_tree(repo: Path, base: str, head: str) -> str | None:
    """Return the tree of merging `head` into `base`, or None if they conflict."""
    common = git(repo, "merge-base", base, head, accept=(0, 1)).decode().strip()
    if common == base:
        return git(repo, "rev-parse", "--verify", f"{head}^{{tree}}").decode().strip()
    try:
        out = git(repo, "merge-tree", "--write-tree", base, head)
    except GitError as error:
        if error.code == 1:
            return None
        raise
    return out.decode().splitlines()[0]


def _write_blobs(repo: Path, changes: Sequence[Change], scratch: Path) -> dict[bytes, str]:
    contents = list(dict.fromkeys(c.content for c in changes if c.content is not None))
    if not contents:
        return {}
    paths = []
    for number, content in enumerate(contents):
        path = scratch / f"{number}.blob"
        path.write_bytes(content)
        paths.append(f"{path}\n")
    out = git(
        repo, "hash-object", "-w", "--no-filters", "--stdin-paths", stdin="".join(paths).encode()
    )
    return dict(zip(contents, out.decode().split(), strict=True))


def _mail(author: Author) -> str:
    return f"{author.name}@users.noreply.localhost"


def _identity(author: Author) -> dict[str, str]:
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", author.name),
            ("EMAIL", _mail(author)),
            ("DATE", f"@{author.when} +0000"),
        )
    }
