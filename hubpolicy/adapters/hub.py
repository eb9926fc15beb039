# SPDX-License-Identifier: Apache-2.0
"""The only room that imports huggingface_hub: a Hub endpoint through the official client.

Works with the client's 1.31+ and 2.x lines (``huggingface_hub.utils.httpx`` is their common name
for the HTTP library). Whatever the client or the network raises leaves here as one of our errors.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
)
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    build_hf_headers,
    get_session,
    hf_raise_for_status,
    httpx,
)

from hubpolicy import __version__
from hubpolicy.domain.manifest import ListedFile, Listing
from hubpolicy.errors import AccessError, HubpolicyError, ServiceError
from hubpolicy.ports import CommitOutcome, RemoteRef, RemoteRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from huggingface_hub import CommitOperation

    from hubpolicy.domain.release import RepoId
    from hubpolicy.ports import Advance

T = TypeVar("T")

READ_LIMIT = 64 * 1024 * 1024
_RETRIED = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 4
_LONGEST_WAIT = 60.0

_SENTENCES = {
    400: "refused the request as malformed",
    401: "does not know this login",
    403: "does not allow this",
    404: "knows no such repository or revision (or this login may not see it)",
    409: "says that it exists already, or changed meanwhile",
    412: "says that somebody else committed meanwhile",
    413: "says that the upload is too large",
    429: "asks to slow down (rate limit)",
}


class HubClient:
    """Implements :class:`hubpolicy.ports.Hub` for one endpoint and one token."""

    def __init__(
        self, endpoint: str, token: str | None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._api = HfApi(
            endpoint=endpoint, token=token, library_name="hubpolicy", library_version=__version__
        )
        self._endpoint = endpoint
        self._token = token
        self._sleep = sleep

    def repo(self, repo: RepoId) -> RemoteRepo:
        """Existence, visibility and head of ``main``."""
        try:
            with _translated(f"looking at {repo.text}"):
                found = self._retry(
                    lambda: self._api.repo_info(repo.text, repo_type=repo.repo_type)
                )
        except _NotFoundError:
            return RemoteRepo(exists=False, private=False, head="")
        return RemoteRepo(exists=True, private=bool(found.private), head=str(found.sha or ""))

    def create_private(self, repo: RepoId) -> None:
        """Create the repository, private. An existing one is an error."""
        with _translated(f"creating {repo.text}"):
            self._api.create_repo(repo.text, repo_type=repo.repo_type, private=True, exist_ok=False)

    def upload(
        self,
        repo: RepoId,
        folder: str,
        paths: Sequence[str],
        delete: Sequence[str],
        parent: str,
        message: str,
        advance: Advance,
    ) -> CommitOutcome:
        """One commit on ``main`` with that parent; the client skips what stands there already."""
        operations: list[CommitOperation] = [
            CommitOperationAdd(path_in_repo=path, path_or_fileobj=f"{folder}/{path}")
            for path in paths
        ]
        operations += [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in delete]
        with _translated(f"uploading to {repo.text}"):
            outcome = self._api.create_commit(
                repo.text,
                operations,
                commit_message=message,
                repo_type=repo.repo_type,
                revision="main",
                parent_commit=parent or None,
            )
        advance(len(operations))
        return CommitOutcome(outcome.oid, outcome.commit_url)

    def restore(self, repo: RepoId, good: str, bad: str, message: str) -> str:
        """Commit the content of ``good`` on top of ``bad``; returns the new commit id.

        Content never passes through this machine's disk: LFS files are copied on the hub.
        """
        want = {file.path: file for file in self.listing(repo, good).files}
        have = {file.path: file for file in self.listing(repo, bad).files}
        operations: list[CommitOperation] = [
            CommitOperationDelete(path_in_repo=path, is_folder=False)
            for path in have.keys() - want.keys()
        ]
        for path, file in want.items():
            if have.get(path) == file:
                continue
            if file.sha256 is not None:
                operations.append(CommitOperationCopy(path, path_in_repo=path, src_revision=good))
            else:
                content = self.read(repo, good, path)
                operations.append(CommitOperationAdd(path_in_repo=path, path_or_fileobj=content))
        with _translated(f"restoring {repo.text}"):
            outcome = self._api.create_commit(
                repo.text, operations, commit_message=message, repo_type=repo.repo_type,
                revision="main", parent_commit=bad,
            )  # fmt: skip
        return outcome.oid

    def history(self, repo: RepoId, revision: str) -> tuple[str, ...]:
        """All commit ids that are reachable from a revision, newest first."""
        with _translated(f"reading the history of {repo.text}"):
            commits = self._retry(
                lambda: self._api.list_repo_commits(
                    repo.text, repo_type=repo.repo_type, revision=revision
                )
            )
        return tuple(commit.commit_id for commit in commits)

    def listing(self, repo: RepoId, revision: str) -> Listing:
        """The whole tree at a revision, evidence included."""
        with _translated(f"listing {repo.text} at {revision[:12]}"):
            entries = self._retry(
                lambda: list(
                    self._api.list_repo_tree(
                        repo.text, recursive=True, revision=revision, repo_type=repo.repo_type
                    )
                )
            )
        files = [_listed(entry) for entry in entries if isinstance(entry, RepoFile)]
        return Listing(tuple(sorted(files, key=lambda file: file.path.encode("utf-8"))))

    def refs(self, repo: RepoId) -> tuple[RemoteRef, ...]:
        """Branches, tags and pull-request refs, sorted by full name."""
        with _translated(f"listing the refs of {repo.text}"):
            found = self._retry(
                lambda: self._api.list_repo_refs(
                    repo.text, repo_type=repo.repo_type, include_pull_requests=True
                )
            )
        every = [*found.branches, *found.tags, *(found.pull_requests or ())]
        return tuple(sorted(RemoteRef(ref.ref, ref.target_commit) for ref in every))

    def read(self, repo: RepoId, revision: str, path: str) -> bytes:
        """A small file's content at a commit id (at most 64 MiB)."""
        with _translated(f"reading {path} of {repo.text}"):
            return self._retry(lambda: self._download(repo, revision, path))

    def set_private(self, repo: RepoId, *, private: bool) -> None:
        """Flip the visibility."""
        with _translated(f"changing the visibility of {repo.text}"):
            self._retry(
                lambda: self._api.update_repo_settings(
                    repo.text, private=private, repo_type=repo.repo_type
                )
            )

    def _download(self, repo: RepoId, revision: str, path: str) -> bytes:
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(
            repo.text, path, repo_type=repo.repo_type, revision=revision, endpoint=self._endpoint
        )
        headers = build_hf_headers(
            token=self._token, library_name="hubpolicy", library_version=__version__
        )
        content = bytearray()
        with get_session().stream("GET", url, headers=headers) as response:
            hf_raise_for_status(response)
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > READ_LIMIT:
                    message = f"got more than {READ_LIMIT} bytes, in {path} of {repo.text}"
                    raise ServiceError(message)
        return bytes(content)

    def _retry(self, call: Callable[[], T]) -> T:
        """Reads and idempotent writes: again on 429, 5xx and network errors, then give up."""
        for attempt in range(1, _ATTEMPTS):
            try:
                return call()
            except HfHubHTTPError as error:
                if error.response.status_code not in _RETRIED:
                    raise
                self._sleep(_wait(error, attempt))
            except httpx.TransportError:
                self._sleep(float(2**attempt) / 2)
        return call()


class _NotFoundError(ServiceError):
    """404: the one answer that a flow may go on with."""


def _wait(error: HfHubHTTPError, attempt: int) -> float:
    """Seconds that the server asks for, else doubling; never more than a minute."""
    asked = error.response.headers.get("Retry-After", "")
    seconds = float(asked) if asked.isdigit() else 2.0**attempt / 2
    return min(seconds, _LONGEST_WAIT)


def _listed(entry: RepoFile) -> ListedFile:
    sha256 = entry.lfs.sha256 if entry.lfs is not None else None
    return ListedFile(entry.path, entry.size, sha256, None if sha256 else entry.blob_id)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Everything foreign becomes an AccessError or a ServiceError that says what we were doing."""
    try:
        yield
    except HubpolicyError:
        raise
    except RepositoryNotFoundError as error:
        status = error.response.status_code
        if status == 401:
            _refuse(doing, 401)
        message = f"{doing}: the hub knows no such repository (or this login may not see it)"
        raise _NotFoundError(message, hint="hf auth login") from error
    except HfHubHTTPError as error:
        _refuse(doing, error.response.status_code, str(error.server_message or ""))
    except OfflineModeIsEnabled as error:
        message = f"{doing}: offline mode is on"
        raise ServiceError(message, hint="unset HF_HUB_OFFLINE, drop --offline") from error
    except httpx.HTTPError as error:
        message = f"{doing}: the hub did not answer ({type(error).__name__})"
        raise ServiceError(message, hint="try again; nothing is lost") from error
    except (OSError, ValueError, RuntimeError) as error:
        message = f"{doing}: {error}"
        raise ServiceError(message) from error


def _refuse(doing: str, status: int, said: str = "") -> NoReturn:
    sentence = _SENTENCES.get(status, "failed" if status >= 500 else "refused")
    remark = f": {said[:200]}" if said else ""
    message = f"{doing}: the hub {sentence} (HTTP {status}){remark}"
    if status in {401, 403}:
        raise AccessError(message, hint="hf auth login, with a token that may write here")
    raise ServiceError(message, hint="try again; nothing is lost")
