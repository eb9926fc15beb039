# SPDX-License-Identifier: Apache-2.0
"""Remote URLs as git takes them: which place they mean, which Hub repository, without secrets.

No ``urllib``: git's own forms (URLs and ``host:path``) are few, and what fits none of them is a
local path for git too. On the hook's path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubpolicy.domain.named import NamedTuple
from hubpolicy.domain.release import DEFAULT_ENDPOINT, parse_repo_id
from hubpolicy.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubpolicy.domain.release import RepoId, RepoType

_PUBLIC_HOSTS = frozenset(("huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"))
_PORTS = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_TYPES: dict[str, RepoType] = {"datasets": "dataset", "spaces": "space", "models": "model"}


class Remote(NamedTuple):
    """A place: scheme (``ssh`` for ``host:path``, empty for a local path), host, port, path.

    ``host`` is lower case without user and port; ``port`` is empty where it is the scheme's own.
    """

    scheme: str
    host: str
    port: str
    path: str


def parse_remote(url: str) -> Remote:
    """Where git would connect to for that URL."""
    helper, colons, address = url.partition("::")
    if colons and helper.isalnum():
        return parse_remote(address)  # gitremote-helpers(7): <transport>::<address>
    scheme, separator, rest = url.partition("://")
    if separator:
        authority, _, path = rest.partition("/")
        scheme = scheme.lower()
        host, port = _host_and_port(authority)
        if scheme == "file":
            return Remote("", "", "", f"/{path}")
        return Remote(scheme, host, "" if _PORTS.get(scheme) == port else port, path)
    authority, colon, path = url.partition(":")
    if colon and "/" not in authority:
        return Remote("ssh", _host_and_port(authority)[0], "", path)
    return Remote("", "", "", url)


def target_of(url: str, endpoints: Iterable[str]) -> RepoId | None:
    """The Hub repository that a push to this URL writes, or None for every other place.

    Args:
        url: as git hands it to the hook, after ``insteadOf``.
        endpoints: base URLs that count as a Hub beside the public one.

    Raises:
        MalformedError: the host is a Hub's, and the path names no repository of it.

    """
    remote = parse_remote(url)
    if not remote.host:
        return None
    if remote.host in _PUBLIC_HOSTS:
        return _repo(remote.path, DEFAULT_ENDPOINT)
    for endpoint in endpoints:
        base = parse_remote(endpoint)
        if _serves(base, remote):
            return _repo(remote.path.lstrip("/")[len(_folder(base)) :], endpoint)
    return None


def same_place(one: str, other: str) -> bool:
    """True if two URLs surely lead to one repository, whatever user or transport they name."""
    if one == other:
        return bool(one)
    left, right = parse_remote(one), parse_remote(other)
    if not left.host or left.host != right.host:
        return False
    known = left.scheme in _PORTS and right.scheme in _PORTS and left.port == right.port == ""
    exact = (left.scheme, left.port) == (right.scheme, right.port)
    return (known or exact) and _plain(left.path) == _plain(right.path)


def is_named(url: str, names: Iterable[str]) -> bool:
    """True if the URL leads to one of these places, each named as ``host/path``.

    A local path has no name here, nor has a port, a scheme that is not the usual one, or a
    remote helper, which is any program (gitremote-helpers(7)).
    """
    remote = parse_remote(url)
    if "::" in url or not remote.host or remote.port or remote.scheme not in _PORTS:
        return False
    return f"{remote.host}/{_plain(remote.path)}" in names


def redact(url: str) -> str:
    """The URL without user, password, token and query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    return f"{scheme}://{host}{slash}{path.partition('?')[0]}"


def _host_and_port(authority: str) -> tuple[str, str]:
    address = authority.rpartition("@")[2].lower()
    if address.startswith("["):
        host, _, after = address[1:].partition("]")
        return host, after.removeprefix(":")
    host, _, port = address.partition(":")
    return _spelled_out(host).rstrip("."), port.lstrip("0")


def _spelled_out(host: str) -> str:
    """The host that git's HTTP library looks up: it decodes ``%66`` and full-width letters."""
    if "%" in host:
        first, *rest = host.split("%")
        try:
            decoded = (bytes.fromhex(p[:2]).decode("latin-1") + p[2:] for p in rest)
            host = (first + "".join(decoded)).lower()
        except ValueError:
            return host
    if host.isascii():
        return host
    import unicodedata

    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").casefold()


def _folder(base: Remote) -> str:
    folder = base.path.strip("/")
    return f"{folder}/" if folder else ""


def _serves(base: Remote, remote: Remote) -> bool:
    if base.host != remote.host or not remote.path.lstrip("/").startswith(_folder(base)):
        return False
    return remote.scheme == "ssh" or (base.scheme, base.port) == (remote.scheme, remote.port)


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part).removesuffix(".git")


def _repo(path: str, endpoint: str) -> RepoId:
    parts = _plain(path).split("/")
    repo_type = _TYPES.get(parts[0]) if len(parts) == 3 else None
    text = "/".join(parts[1:] if repo_type else parts)
    try:
        return parse_repo_id(text, endpoint=endpoint, repo_type=repo_type or "model")
    except MalformedError as error:
        hint = "set the remote's URL to <endpoint>/namespace/name: git remote set-url"
        raise MalformedError(error.message, hint=hint) from error
