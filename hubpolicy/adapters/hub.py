# SPDX-License-Identifier: Apache-2.0
"""The only room that imports huggingface_hub: a Hub endpoint through the official client.

Works with the client's 1.31+ and 2.x lines (``huggingface_hub.utils.httpx`` is their common name
for the HTTP library). Whatever the client or the network raises leaves here as one of our errors.
Not responsible for retries and time limits; ``hub_http.py`` is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    hf_hub_url,
)
from huggingface_hub.errors import RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    build_hf_headers,
    disable_progress_bars,
    get_session,
    hf_raise_for_status,
    httpx,
)

from hubpolicy import __version__
from hubpolicy.adapters.carried import seeing_all
from hubpolicy.adapters.gateways import behind, known_gateways
from hubpolicy.adapters.hub_http import (
    ATTEMPTS,
    NotFoundError,
    UnreachableError,
    bounded,
    check_endpoint,
    lacks_xet,
    official_client,
    translated,
)
from hubpolicy.adapters.hub_http import patiently as retry
from hubpolicy.adapters.hub_sending import addition, drawing, is_committed, require_sent, uses_xet
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.domain.release import parse_repo_id
from hubpolicy.errors import AccessError, ServiceError
from hubpolicy.ports import CommitOutcome, RemoteRef, RemoteRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeVar

    from huggingface_hub import CommitOperation

    from hubpolicy.domain.outgoing import Outgoing
    from hubpolicy.domain.release import RepoId

    T = TypeVar("T")

READ_LIMIT = 64 * 1024 * 1024
MAIN = "refs/heads/main"
_HEADS = "refs/heads/"


class HubClient:
    """Implements :class:`hubpolicy.ports.Hub` for one endpoint and one token.

    ``bars`` lets the client draw its own progress of transfers on standard error.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        bars: bool = False,
    ) -> None:
        """Raises: ConfigError: the endpoint holds a password or is no http(s) address."""
        check_endpoint(endpoint)
        if not bars:
            disable_progress_bars()
        self._bars = bars
        self._api = official_client(endpoint, token)
        self._endpoint = endpoint
        self._token = token
        self._sleep = sleep

    def repo(self, repo: RepoId) -> RemoteRepo:
        """Existence, visibility and head of ``main``."""
        try:
            with self._doing(f"looking at {repo.text}"):
                found = self._retry(
                    lambda: self._api.repo_info(repo.text, repo_type=repo.repo_type)
                )
        except NotFoundError:
            return RemoteRepo(exists=False, private=False, head="")
        if found.id != repo.text:
            message = f"{repo.text} is called {found.id} on the hub"
            hint = "a release names its repository: use that name"
            raise ServiceError(message, hint=hint)
        return RemoteRepo(exists=True, private=bool(found.private), head=str(found.sha or ""))

    def require_writable(self, repo: RepoId) -> None:
        """Refuse a namespace in which this login can create nothing, as far as the hub tells.

        What a fine-grained token may do, and what stands there already, is left to the hub.

        Raises:
            AccessError: not logged in, a token for reading, or a namespace of other people.

        """
        if self.repo(repo).exists:
            return
        with self._doing(f"asking who may write {repo.text}"):
            me = self._retry(self._api.whoami)
            role = me["auth"]["accessToken"]["role"]
            names = [me["name"], *(org["name"] for org in me["orgs"])]
        if role == "read":
            message = f"{repo.text} is not there, and this token of {names[0]} may only read"
            raise AccessError(message, hint="hf auth login, with a token that may write")
        if repo.namespace not in names and role != "fineGrained":
            message = (
                f"got repository {repo.text!r}, expected one of {', '.join(names)}, "
                "where this login may create one"
            )
            raise AccessError(message, hint="is the name right? hf auth whoami")

    def create_private(self, repo: RepoId) -> RemoteRepo:
        """Create the repository, private, and see it stand there. An existing one is an error."""
        with self._doing(f"creating {repo.text}"):
            self._retry(
                lambda: self._api.create_repo(
                    repo.text, repo_type=repo.repo_type, private=True, exist_ok=False
                )
            )
        for attempt in range(ATTEMPTS):
            found = self.repo(repo)
            if found.exists and found.private:
                return found
            self._sleep(2.0**attempt / 2)
        message = f"creating {repo.text}: the hub does not show it as a private repository"
        raise ServiceError(message, hint="nothing was uploaded; look at its settings on the hub")

    def create_branch(self, repo: RepoId, ref: str, start: str) -> None:
        """A new branch (``refs/heads/…``) at a commit. One that stands there already is fine."""
        with self._doing(f"creating {ref} of {repo.text}"):
            self._retry(
                lambda: self._api.create_branch(
                    repo.text,
                    branch=ref.removeprefix(_HEADS),
                    revision=start,
                    repo_type=repo.repo_type,
                    exist_ok=True,
                )
            )

    def upload(
        self,
        repo: RepoId,
        files: Sequence[Outgoing],
        delete: Sequence[str],
        parent: str,
        message: str,
        *,
        ref: str = MAIN,
    ) -> CommitOutcome:
        """One commit on a branch with that parent; the client skips what stands there already."""
        with self._doing(f"uploading to {repo.text}"):
            sent = self._sent(repo, files, ref)
            return self._commit(repo, [*sent, *_deletions(delete)], parent, message, ref)

    def propose(
        self,
        repo: RepoId,
        files: Sequence[Outgoing],
        ref: str,
        parent: str,
        message: str,
        delete: Sequence[str] = (),
    ) -> CommitOutcome:
        """A new pull request to ``main``, or one more commit on the pull request at ``ref``.

        Asked once: a second pull request would not say that it is the first one's twin.
        """
        opens = ref == MAIN
        with self._doing(f"proposing to {repo.text}"):
            made = self._api.create_commit(
                repo.text,
                [*self._sent(repo, files, ref, opens=opens), *_deletions(delete)],
                commit_message=message,
                repo_type=repo.repo_type,
                revision=_revision(ref),
                create_pr=opens,
                parent_commit=parent,
            )
            return CommitOutcome(made.oid, made.pr_url or made.commit_url)

    def restore(self, repo: RepoId, good: str, bad: str, message: str, *, ref: str = MAIN) -> str:
        """Commit the content of ``good`` on top of ``bad``; returns the new commit id.

        Content never passes through this machine's disk: LFS files are copied on the hub.
        """
        want = {file.path: file for file in self.listing(repo, good).files}
        have = {file.path: file for file in self.listing(repo, bad).files}
        operations: list[CommitOperation] = [
            CommitOperationDelete(path_in_repo=path, is_folder=False)
            for path in sorted(have.keys() - want.keys())
        ]
        for path, file in want.items():
            if have.get(path) == file:
                continue
            if file.sha256 is not None:
                operations.append(CommitOperationCopy(path, path_in_repo=path, src_revision=good))
            else:
                content = self.read(repo, good, path)
                operations.append(CommitOperationAdd(path_in_repo=path, path_or_fileobj=content))
        if not operations:
            return bad
        with self._doing(f"restoring {repo.text}"):
            return self._commit(repo, operations, bad, message, ref).oid

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """All commit ids that are reachable from a revision, newest first."""
        with self._doing(f"reading the history of {repo.text}"):
            commits = self._retry(
                lambda: self._api.list_repo_commits(
                    repo.text, repo_type=repo.repo_type, revision=revision
                ),
                revision=revision,
            )
        return tuple(commit.commit_id for commit in commits)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The whole tree at a revision, evidence included."""
        with self._doing(f"listing {repo.text} at {revision[:12]}"):
            entries = self._retry(
                lambda: bounded(
                    self._api.list_repo_tree(
                        repo.text, recursive=True, revision=revision, repo_type=repo.repo_type
                    )
                ),
                revision=revision,
            )
            files = [_listed(entry) for entry in entries if isinstance(entry, RepoFile)]
        return Listing(tuple(sorted(files, key=lambda file: _bytewise(file.path))))

    def refs(self, repo: RepoId, *, outdated: str = "", ref: str = MAIN) -> tuple[RemoteRef, ...]:
        """Branches, tags and pull-request refs, sorted by full name.

        ``outdated``: a head of ``ref`` that is known to be of the past. While a replica that is
        behind shows it, it is asked again, a few times.
        """
        with self._doing(f"listing the refs of {repo.text}"):
            for attempt in range(1, ATTEMPTS):
                found = self._retry(lambda: self._refs(repo))
                if not outdated or RemoteRef(ref, outdated) not in found:
                    return found
                self._sleep(2.0**attempt / 2)
            return self._retry(lambda: self._refs(repo))

    def merges_into(self, repo: RepoId, number: int) -> str:
        """The full name of the branch that a pull request goes into; empty for mere talk."""
        with self._doing(f"looking at pull request {number} of {repo.text}"):
            found = self._retry(
                lambda: self._api.get_discussion_details(
                    repo.text, number, repo_type=repo.repo_type
                )
            )
        return found.target_branch or ""

    def models(self, namespace: str, endpoint: str) -> tuple[RepoId, ...]:
        """Every model repository of a namespace that this login may see, sorted."""
        with self._doing(f"listing the models of {namespace}"), seeing_all(namespace):
            names = self._retry(lambda: [m.id for m in self._api.list_models(author=namespace)])
        own = sorted(name for name in names if name.startswith(f"{namespace}/"))
        gateways = known_gateways()
        return tuple(behind(parse_repo_id(name, endpoint=endpoint), gateways) for name in own)

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file's content at a commit id (at most 64 MiB)."""
        with self._doing(f"reading {path} of {repo.text}"):
            return self._retry(lambda: self._download(repo, revision, path), revision=revision)

    def set_private(self, repo: RepoId, *, private: bool) -> None:
        """Flip the visibility."""
        with self._doing(f"making {repo.text} {'private' if private else 'public'}"):
            self._retry(
                lambda: self._api.update_repo_settings(
                    repo.text, private=private, repo_type=repo.repo_type
                )
            )

    def _sent(
        self, repo: RepoId, files: Sequence[Outgoing], ref: str, *, opens: bool = False
    ) -> list[CommitOperation]:
        """The contents, in the hub's storage by now: exactly the judged ones (docs/adr/0017).

        Nothing refers to them yet. What the client hashed while it sent is compared before the
        commit names it.
        """
        made = [addition(file, hashing=uses_xet()) for file in files]

        def send() -> None:
            with drawing(shown=self._bars):
                self._api.preupload_lfs_files(
                    repo.text, made, repo_type=repo.repo_type, revision=_revision(ref),
                    create_pr=opens, free_memory=False,
                )  # fmt: skip

        if made:
            try:
                self._retry(send)
            except OSError as error:
                if not lacks_xet(error):
                    raise
                made = [addition(file) for file in files]
                self._retry(send)
        for file, operation in zip(files, made, strict=True):
            require_sent(file, operation)
        return list(made)

    def _commit(
        self,
        repo: RepoId,
        operations: list[CommitOperation],
        parent: str,
        message: str,
        ref: str,
    ) -> CommitOutcome:
        """Safe to ask again: with its parent pinned, the same commit cannot land twice."""

        def commit() -> CommitOutcome:
            made = self._api.create_commit(
                repo.text,
                operations,
                commit_message=message,
                repo_type=repo.repo_type,
                revision=_revision(ref),
                parent_commit=parent or None,
            )
            return CommitOutcome(made.oid, made.commit_url if is_committed(operations) else "")

        return self._retry(commit)

    def _refs(self, repo: RepoId) -> tuple[RemoteRef, ...]:
        found = self._api.list_repo_refs(
            repo.text, repo_type=repo.repo_type, include_pull_requests=True
        )
        every = [*found.branches, *found.converts, *found.tags, *(found.pull_requests or ())]
        return tuple(sorted(RemoteRef(ref.ref, ref.target_commit) for ref in every))

    def _download(self, repo: RepoId, revision: str, path: str) -> bytes:
        url = hf_hub_url(
            repo.text, path, repo_type=repo.repo_type, revision=revision, endpoint=self._endpoint
        )
        headers = build_hf_headers(
            token=self._token or False, library_name="hubpolicy", library_version=__version__
        )
        content = bytearray()
        try:
            with get_session().stream("GET", url, headers=headers) as response:
                hf_raise_for_status(response)
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > READ_LIMIT:
                        message = f"got more than {READ_LIMIT} bytes, in {path} of {repo.text}"
                        raise ServiceError(message)
        except httpx.TransportError as error:
            raise UnreachableError from error
        return bytes(content)

    def _retry(self, call: Callable[[], T], *, revision: str = "") -> T:
        """Commit ids come from the hub itself: one that it does not know is read lag."""
        lag = (RevisionNotFoundError,) if len(revision) in {40, 64} else ()
        return retry(call, self._sleep, lag=lag)

    def _doing(self, what: str) -> AbstractContextManager[None]:
        return translated(what, secret=self._token, endpoint=self._endpoint)


def _deletions(paths: Sequence[str]) -> list[CommitOperationDelete]:
    return [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in paths]


def _revision(ref: str) -> str:
    """What the API calls a branch; other refs go by their full name."""
    return ref.removeprefix(_HEADS)


def _bytewise(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


def _listed(entry: RepoFile) -> ListedFile:
    sha256 = entry.lfs.sha256 if entry.lfs is not None else None
    return ListedFile(entry.path, entry.size, sha256, None if sha256 else entry.blob_id)
