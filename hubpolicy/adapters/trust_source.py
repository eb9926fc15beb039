# SPDX-License-Identifier: Apache-2.0
"""Where a trust folder is read from: a path, an address that starts with https, or the Hub.

What comes from there is believed by its signatures alone (``flows/pinning.py``), so all that
matters here is that nothing hangs, nothing is endless, and no login goes where it does not belong.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from hubpolicy.adapters.home import read_config
from hubpolicy.core.fields import Fields
from hubpolicy.core.strictjson import canonical, parse
from hubpolicy.domain.release import DEFAULT_ENDPOINT, parse_repo_id
from hubpolicy.errors import AccessError, ConfigError, MalformedError, ServiceError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from hubpolicy.adapters.home import Home
    from hubpolicy.adapters.hub import HubClient
    from hubpolicy.domain.release import RepoId

PIN_FILE = ("trust", "pin.json")
PIN_SCHEMA = "hubpolicy/pin/1"
HUB_SCHEME = "hf://datasets/"
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_SECONDS = 60.0
_CONNECT_SECONDS = 20.0
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_EXAMPLES = "a folder, https://HOST/PATH, or hf://datasets/ORG/NAME[@REVISION]"


class Pinned(NamedTuple):
    """What was pinned: the source, the hub it was on then, and the root's payload digest."""

    source: str
    endpoint: str
    sha256: str

    @property
    def content(self) -> bytes:
        """``trust/pin.json``."""
        return canonical({"schema": PIN_SCHEMA, **self._asdict()})


def read_pin(home: Home) -> Pinned | None:
    """What is pinned here, or None.

    Raises:
        ConfigError: the record is damaged.
        ServiceError: it cannot be read.

    """
    path = home.path(*PIN_FILE)
    if not os.path.lexists(path):
        return None
    try:
        fields = Fields(parse(read_config(path), what=path), path)
        fields.one_of("schema", (PIN_SCHEMA,))
        pinned = Pinned(
            fields.words("source"), fields.words("endpoint"), fields.hexdigest("sha256")
        )
        fields.done()
    except MalformedError as error:
        raise ConfigError(error.message, hint=f"rm {path}, then: hubpolicy trust pin") from error
    return pinned


class FolderSource(NamedTuple):
    """A trust folder on this disk."""

    name: str

    def read(self, path: str, limit: int) -> bytes | None:
        """A file of the folder."""
        place = Path(self.name) / path
        try:
            if not Path(self.name).is_dir():
                message = f"there is no folder {self.name}"
                raise ServiceError(message, hint="is it mounted? is it still called so?")
            if place.exists() and not place.is_file():
                message = f"got something else, expected a file, at {place}"
                raise ServiceError(message, hint="is this a trust folder?")
            with place.open("rb") as file:
                content = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:
            message = f"may not read {place}"
            raise AccessError(message, hint="check who owns the trust folder") from error
        except OSError as error:
            message = f"cannot read {place}: {error.strerror}"
            raise ServiceError(message) from error
        return _bounded(content, limit, str(place))


class WebSource:
    """A trust folder behind a web server. It is asked without any login."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._certificates: ssl.SSLContext | None = None

    def read(self, path: str, limit: int) -> bytes | None:
        """One GET; 404 and 410 mean that there is no such file."""
        from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported lazily

        url = f"{self.name}/{path}"
        limits = httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
        # Unpacked, a small answer could be a large one.
        headers = {"Accept-Encoding": "identity", "User-Agent": "hubpolicy"}
        try:
            with (
                httpx.Client(
                    follow_redirects=False, timeout=limits, verify=self._trust()
                ) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code in {404, 410}:
                    return None
                _require_ok(response.status_code, response.headers.get("Location", ""), url)
                return _received(response.iter_raw(), limit, url)
        except httpx.HTTPError as error:
            message = f"no answer from {url} ({type(error).__name__})"
            raise ServiceError(message, hint="try again when the network is there") from error

    def _trust(self) -> ssl.SSLContext | bool:
        """Whom to believe that they are the server; loaded once, for that takes a quarter second.

        A plain http address is of this machine (:func:`source_name`) and has nobody to believe.
        """
        if not self.name.startswith("https://"):
            return False
        if self._certificates is None:
            from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

            self._certificates = httpx.create_ssl_context()
        return self._certificates


class HubSource:
    """A trust folder that is a dataset repository; all of it is read at one commit."""

    def __init__(self, name: str, repo: RepoId, revision: str, client: HubClient) -> None:
        self.name = name
        self._repo = repo
        self._revision = revision
        self._client = client
        self._sizes: dict[str, int] = {}
        self._oid = ""

    def read(self, path: str, limit: int) -> bytes | None:
        """A file at the commit that the revision was when the first one was read."""
        if not self._oid:
            self._oid = self._commit()
            listing = self._client.listing(self._repo, self._oid)
            self._sizes = {file.path: file.size for file in listing.files}
        size = self._sizes.get(path)
        if size is None:
            return None
        if size > limit:
            raise _too_long(size, limit, f"{path} of {self.name}")
        return _bounded(self._client.read(self._repo, self._oid, path), limit, path)

    def _commit(self) -> str:
        if _COMMIT.fullmatch(self._revision):
            return self._revision
        heads = {ref.name: ref.oid for ref in self._client.refs(self._repo)}
        wanted = self._revision or "main"
        for name in (wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}"):
            if name in heads:
                return heads[name]
        message = f"{self._repo.text} has no revision {wanted!r}"
        raise ServiceError(message, hint="leave it out: the newest is what a client wants")


def source_name(text: str) -> str:
    """What is written down as the source: absolute, and without anything secret.

    Raises:
        ConfigError: no place that a trust folder can be at.

    """
    if text.startswith("hf://"):
        _hub_repo(text, DEFAULT_ENDPOINT)
        return text
    if "://" not in text:
        return os.path.abspath(text)  # noqa: PTH100 - of what is typed; links stay links
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment:
        message = "got an address with a login or a query in it, expected a plain one"
        raise ConfigError(message, hint="publish the folder: its signatures protect it")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        message = f"got {text!r}, expected {_EXAMPLES}"
        raise ConfigError(message, hint="http is for this machine alone")
    if not parts.hostname:
        message = f"got {text!r}, expected a host in it"
        raise ConfigError(message, hint=_EXAMPLES)
    return text.rstrip("/")


def open_source(
    name: str, *, endpoint: str, token: str | None
) -> FolderSource | WebSource | HubSource:
    """The source with that name. ``endpoint`` and ``token`` are of the hub, and go nowhere else.

    Raises:
        ConfigError: no place that a trust folder can be at.

    """
    if name.startswith("hf://"):
        from hubpolicy.adapters.hub import HubClient

        repo, revision = _hub_repo(name, endpoint)
        return HubSource(name, repo, revision, HubClient(endpoint, token))
    return WebSource(name) if "://" in name else FolderSource(name)


def _hub_repo(text: str, endpoint: str) -> tuple[RepoId, str]:
    name, _, revision = text.removeprefix(HUB_SCHEME).partition("@")
    if text.startswith(HUB_SCHEME):
        try:
            return parse_repo_id(name, endpoint=endpoint, repo_type="dataset"), revision
        except MalformedError:
            pass
    message = f"got {text!r}, expected {HUB_SCHEME}ORG/NAME or {HUB_SCHEME}ORG/NAME@REVISION"
    raise ConfigError(message, hint=_EXAMPLES)


def _require_ok(status: int, location: str, url: str) -> None:
    if status == 200:
        return
    if 300 <= status < 400:
        message = f"{url} moved to {location[:200] or 'elsewhere'}"
        raise ServiceError(message, hint="pin the place where it is now")
    if status in {401, 403}:
        message = f"{url} may not be read (HTTP {status})"
        raise AccessError(message, hint="publish the folder: its signatures protect it")
    message = f"got HTTP {status} from {url}, expected 200"
    raise ServiceError(message, hint="try again later")


def _received(chunks: Iterable[bytes], limit: int, url: str) -> bytes:
    """What a server sends, up to a size and a time: one that drips a byte a second ends too."""
    content, end = bytearray(), time.monotonic() + _SECONDS
    for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise _too_long(len(content), limit, url)
        if time.monotonic() > end:
            message = f"{url} took longer than {_SECONDS:.0f} s"
            raise ServiceError(message, hint="try again later")
    return bytes(content)


def _bounded(content: bytes, limit: int, where: str) -> bytes:
    if len(content) > limit:
        raise _too_long(len(content), limit, where)
    return content


def _too_long(size: int, limit: int, where: str) -> ServiceError:
    message = f"got {size} bytes or more, expected at most {limit}, in {where}"
    return ServiceError(message, hint="is this a trust folder?")
