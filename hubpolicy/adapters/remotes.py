# SPDX-License-Identifier: Apache-2.0
"""Which Hub repository a work tree belongs to, by its git remotes (GitPython).

Only reads configuration: no command of GitPython's that a repository's own configuration could
turn into a program is used here (status, diff, fsmonitor), and it is never on the hook's path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.core.remotes import target_of
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.release import RepoId


def hub_repositories(folder: str, endpoints: Iterable[str]) -> tuple[RepoId, ...]:
    """The Hub repositories among the remotes of the work tree around ``folder``, each once.

    Raises:
        ServiceError: git refuses the repository (an owner it does not trust).

    """
    import git

    known = tuple(endpoints)
    try:
        repository = git.Repo(folder, search_parent_directories=True)
        urls = [url for remote in repository.remotes for url in remote.urls]
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return ()
    except (git.GitError, OSError, ValueError) as error:
        message = f"git refuses the repository around {folder}: {str(error)[:200]}"
        raise ServiceError(message, hint="git status, in that folder, says why") from error
    found = []
    for url in urls:
        try:
            target = target_of(url, known)
        except MalformedError:
            continue
        if target is not None:
            found.append(target)
    return tuple(dict.fromkeys(found))
