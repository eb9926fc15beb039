# SPDX-License-Identifier: Apache-2.0
"""What ``hubpolicy audit`` is asked to look at: repositories, namespaces, collections, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import ConfigError, MalformedError, ServiceError
from hubpolicy.opening import endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.domain.release import RepoType

_TYPES: dict[str, RepoType] = {"models": "model", "datasets": "dataset", "spaces": "space"}
_HINT = "hubpolicy audit --help   shows the forms"
_FILE_LIMIT = 4 * 1024 * 1024


def resolve(targets: tuple[str, ...], files: tuple[str, ...]) -> tuple[RepoId, ...]:
    """Every repository that is meant, each once, in the order in which it was named.

    Raises:
        ConfigError: a target is of no known form; of a file with its line.
        AccessError, ServiceError: a namespace or a collection cannot be listed.

    """
    named = (*targets, *(target for file in files for target in _lines(file)))
    if not named:
        message = "got nothing to audit, expected repositories or a namespace"
        raise ConfigError(message, hint=_HINT)
    return tuple(dict.fromkeys(repo for target in named for repo in _resolve(target)))


def namespace_of(target: str) -> str:
    """The namespace if the target is one as a whole, else nothing."""
    return "" if "/" in target else target


def shown(repo: RepoId) -> str:
    """``acme/name``, and for what is no model as the hub writes it: ``datasets/acme/name``."""
    return repo.text if repo.repo_type == "model" else f"{repo.repo_type}s/{repo.text}"


def _lines(file: str) -> Iterator[str]:
    """Names, one a line; ``#`` begins a remark."""
    try:
        text = Path(file).read_bytes()[: _FILE_LIMIT + 1].decode()
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        raise ServiceError(message) from error
    except UnicodeDecodeError as error:
        message = f"got no text, expected a name a line, in {file}"
        raise ConfigError(message) from error
    if len(text) > _FILE_LIMIT:
        message = f"got more than {_FILE_LIMIT} bytes, in {file}"
        raise ConfigError(message)
    found = False
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.partition("#")[0].strip()
        if name:
            found = True
            try:
                _parse(name)
            except ConfigError as error:
                error.message = f"{error.message}, in {file} line {number}"
                raise
            yield name
    if not found:
        message = f"got no name, expected one a line, in {file}"
        raise ConfigError(message)


def _resolve(target: str) -> tuple[RepoId, ...]:
    parsed = _parse(target)
    if isinstance(parsed, RepoId):
        return (parsed,)
    from hubpolicy.adapters.hub_index import HubIndex
    from hubpolicy.adapters.login import login_token

    index = HubIndex(endpoint(), login_token())
    if parsed.startswith("collections/"):
        return index.collection(parsed.removeprefix("collections/"))
    return index.namespace(parsed)


def _parse(target: str) -> RepoId | str:
    """A repository, a namespace, or ``collections/…``."""
    first, _, rest = target.partition("/")
    try:
        if first == "collections" and rest.count("/") == 1:
            parse_repo_id(rest)
            return target
        if first in _TYPES and "/" in rest:
            return parse_repo_id(rest, endpoint=endpoint(), repo_type=_TYPES[first])
        if not rest and not target.endswith("/"):
            parse_repo_id(f"{target}/x")
            return target
        return parse_repo_id(target, endpoint=endpoint())
    except MalformedError:
        message = f"got {target!r}, expected NAMESPACE, NAMESPACE/NAME, datasets/NAMESPACE/NAME, "
        message += "spaces/NAMESPACE/NAME or collections/NAMESPACE/SLUG"
        raise ConfigError(message, hint=_HINT) from None
