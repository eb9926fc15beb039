# SPDX-License-Identifier: Apache-2.0
"""Which Hub repository a clone belongs to, by its git remotes (GitPython).

Only reads configuration: no command of GitPython's that a repository's own configuration could
turn into a program is used here (status, diff, fsmonitor), and it is never on the hook's path.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.gateways import behind, known_gateways
from hubpolicy.core.remotes import target_of
from hubpolicy.errors import MalformedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.release import RepoId


def hub_repositories(folder: str, endpoints: Iterable[str]) -> tuple[RepoId, ...]:
    """The Hub repositories among the remotes of the clone at ``folder``, each once.

    A work tree, or a bare repository.

    A folder inside of a work tree has none: the repository around it holds more than a release,
    and its remote is not where this one goes.

    Raises:
        ServiceError: git refuses the repository (an owner it does not trust), or its configuration
            cannot be read.

    """
    import git

    gateways = known_gateways()
    known = (*endpoints, *gateways)
    try:
        with git.Repo(folder, search_parent_directories=True) as repository:
            root = repository.git_dir if repository.bare else repository.working_tree_dir
            if root is None or Path(root).resolve() != Path(folder).resolve():
                return ()
            urls = [url for remote in repository.remotes for url in remote.urls]
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return ()
    except (git.GitError, configparser.Error, OSError, ValueError) as error:
        message = f"git refuses the repository around {folder}: {str(error)[:200]}"
        hint = "git status, in that folder, says why; or name it: --repo NAMESPACE/NAME"
        raise ServiceError(message, hint=hint) from error
    found = []
    for url in urls:
        try:
            target = target_of(url, known)
        except MalformedError:
            continue
        if target is not None:
            found.append(behind(target, gateways))
    return tuple(dict.fromkeys(found))
