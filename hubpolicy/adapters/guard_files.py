# SPDX-License-Identifier: Apache-2.0
"""The upload guard's files in an environment's site-packages: written, removed, looked at.

Three of them: the start-up module, a ``.pth`` that starts it, and the ``.start`` that Python 3.15
asks for in its place (PEP 829). Not responsible for what the start-up module does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.errors import AccessError, ConfigError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK = "# hubpolicy upload guard: hubpolicy guard disable removes it"
MODULE = "_hubpolicy_guard"
NAMES = (f"{MODULE}.py", "hubpolicy_guard.pth", "hubpolicy_guard.start")

State = Literal["enabled", "outdated", "partial", "foreign", "disabled"]

_START = (
    f"import sys; sys.path.insert(0, sitedir); import {MODULE}; sys.path.remove(sitedir); "
    f"{MODULE}.install()"
)
"""``site`` runs this in the frame that names the folder: PYTHONPATH, which comes first on the
search path, has no module of this name before it. (A ``.start`` can only name one.)"""

_JUDGE_LINE = "JUDGE: tuple[str, ...] = ()\n"
_LIMIT = 256 * 1024
_SECONDS = 60
_OLDEST = (1, 31)
_ASK = """
import importlib.metadata, json, sys, sysconfig
try:
    client = str(importlib.metadata.version("huggingface_hub"))
except importlib.metadata.PackageNotFoundError:
    client = ""
module = sys.modules.get("_hubpolicy_guard")
print(json.dumps({
    "site": sysconfig.get_path("purelib"),
    "version": sys.version.split()[0],
    "live": any(type(f).__module__ == "_hubpolicy_guard" for f in sys.meta_path),
    "client": client,
    "judge": list(getattr(module, "JUDGE", ())),
}))
"""


class Environment(NamedTuple):
    """A Python environment as it says itself: where it looks, and whether the guard is live in it.

    ``judge``: the command that its guard asks. ``client``: the version of its huggingface_hub.
    """

    python: str
    site: str
    version: str
    live: bool
    judge: tuple[str, ...] = ()
    client: str = ""


def environment(venv: str = "") -> Environment:
    """The environment at a folder, or the running one; its interpreter is asked.

    Raises:
        ConfigError: there is no interpreter in that folder.
        ServiceError: it does not run.

    """
    python = Path(sys.executable) if not venv else _interpreter(Path(venv))
    try:
        ran = subprocess.run(
            (str(python), "-I", "-c", _ASK),
            capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
        said = json.loads(ran.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        message = f"{python} does not run ({type(error).__name__})"
        raise ServiceError(message) from error
    return Environment(
        str(python), said["site"], said["version"], bool(said["live"]), tuple(said["judge"]),
        said["client"],
    )  # fmt: skip


def _interpreter(venv: Path) -> Path:
    for name in ("bin/python", "Scripts/python.exe"):
        if (venv / name).exists():
            return (venv / name).absolute()
    message = f"got {venv}, expected the folder of a virtual environment (with bin/python)"
    raise ConfigError(message, hint="hubpolicy guard enable --venv PATH")


def require_client(place: Environment) -> None:
    """Refuse a huggingface_hub that the guard cannot watch; one that comes later is fine.

    Raises:
        ConfigError: it is older, or its version cannot be read.

    """
    found = re.match(r"(\d+)\.(\d+)", place.client)
    if place.client and (found is None or tuple(map(int, found.groups())) < _OLDEST):
        message = f"got huggingface_hub {place.client}, expected 1.31 or newer, in {place.site}"
        raise ConfigError(message, hint=f"{place.python} -m pip install 'huggingface_hub>=1.31'")


def judge_version(judge: tuple[str, ...]) -> str:
    """The version of the hubpolicy that answers to this command; empty where none does."""
    try:
        ran = subprocess.run(
            judge, input=b'{"method": "PING", "length": 0}\n',
            capture_output=True, timeout=_SECONDS, check=True,
        )  # fmt: skip
        return str(json.loads(ran.stdout)["version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return ""


def contents(startup: str, judge: tuple[str, ...]) -> dict[str, bytes]:
    """What the files hold: ``startup`` is the start-up module's source, ``judge`` whom it asks.

    Raises:
        ServiceError: the source is not the one that this module knows to complete.

    """
    if startup.count(_JUDGE_LINE) != 1:
        message = "got another start-up module, expected one line that names the judge"
        raise ServiceError(message)
    filled = startup.replace(_JUDGE_LINE, f"JUDGE: tuple[str, ...] = {judge!r}\n")
    module, pth, start = NAMES
    return {
        module: f"{MARK}\n{filled}".encode(),
        pth: f"{MARK}\n{_START}\n".encode(),
        start: f"{MARK}\n{MODULE}:install\n".encode(),
    }


def state(site: str, expected: Mapping[str, bytes]) -> State:
    """What stands in a site-packages folder, against what this version would write."""
    found = {name: _read(Path(site, name)) for name in NAMES}
    there = [content for content in found.values() if content is not None]
    if not there:
        return "disabled"
    if not all(map(_ours, there)):
        return "foreign"
    if len(there) < len(NAMES):
        return "partial"
    return "enabled" if found == dict(expected) else "outdated"


def write(site: str, expected: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write what is not there yet; returns the paths that changed.

    The module comes first: a ``.pth`` without it would be an error at every start.

    Raises:
        ConfigError: a file of that name is somebody else's.
        AccessError: the folder is not writable for this user.
        ServiceError: the disk failed.

    """
    refuse_foreign(site)
    changed = []
    for name in NAMES:
        path = Path(site, name)
        if _read(path) != expected[name]:
            _require_writable(site)
            write_atomic(path, expected[name])
            changed.append(str(path))
    return tuple(changed)


def remove(site: str) -> tuple[str, ...]:
    """Remove exactly what :func:`write` wrote; returns the paths that are gone.

    Raises:
        ConfigError, AccessError, ServiceError: as :func:`write`.

    """
    refuse_foreign(site)
    gone = []
    for name in reversed(NAMES):
        path = Path(site, name)
        if _read(path) is not None:
            _require_writable(site)
            try:
                path.unlink()
            except OSError as error:
                message = f"{path} cannot be removed: {error.strerror}"
                raise ServiceError(message) from error
            gone.append(str(path))
    for compiled in Path(site, "__pycache__").glob(f"{MODULE}.*.pyc"):
        with suppress(OSError):
            compiled.unlink()
    return tuple(gone)


def refuse_foreign(site: str) -> None:
    """Refuse to touch files of these names that hubpolicy did not write.

    Raises:
        ConfigError: naming the file.

    """
    for name in NAMES:
        content = _read(Path(site, name))
        if content is not None and not _ours(content):
            message = f"{Path(site, name)} was not written by hubpolicy, and is left as it is"
            raise ConfigError(message, hint="look at it, and move it away if nobody needs it")


def _ours(content: bytes) -> bool:
    return content.startswith(f"{MARK}\n".encode())


def _read(path: Path) -> bytes | None:
    """A file's first bytes; None where there is none. A dangling link is somebody else's."""
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT)
    except FileNotFoundError:
        return b"" if path.is_symlink() else None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ServiceError(message) from error


def _require_writable(site: str) -> None:
    if not os.access(site, os.W_OK):
        message = f"this user may not write to {site}"
        raise AccessError(message, hint="use a virtual environment of yours: --venv PATH")
