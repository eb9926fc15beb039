# SPDX-License-Identifier: Apache-2.0
"""``hf policy``: the manifest by which the official command line finds our console script.

``hf`` knows a command of others by ``~/.local/share/hf/extensions/hf-NAME/manifest.json`` and by
nothing else: no entry point, no PATH, and no variable but HOME moves the folder
(``huggingface_hub/cli/extensions.py``, 1.31 to 2.4). ``hf extensions update`` would install what
stands on GitHub under the manifest's owner and repository. We were installed by pip, so ours names
an owner that GitHub can never have (a dot is not allowed there): nobody can register it.
"""

from __future__ import annotations

import json
import os
import sysconfig
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from hubpolicy.adapters.atomic import write_atomic
from hubpolicy.errors import ConfigError, ServiceError

PROGRAM = "hf-policy"
OWNER, REPO = "from.pip", "hubpolicy"
DESCRIPTION = "Publish only with signed evidence."
_FOLDER = (".local", "share", "hf", "extensions", PROGRAM)
_MANIFEST = "manifest.json"
_CACHE = ".latest_commit"
"""The client writes it beside the manifest when it looks for updates."""
_LIMIT = 1024 * 1024


class Extension(NamedTuple):
    """What stands in the place of ``hf policy``.

    ``presence``: ``absent``, ``ours``, or ``foreign`` (somebody else's, or not to be read).
    ``runs``: the program that it starts.
    """

    folder: Path
    presence: str
    runs: str = ""

    @property
    def manifest(self) -> Path:
        """The file that makes the command."""
        return self.folder / _MANIFEST

    @property
    def works(self) -> bool:
        """Whether ``hf policy`` starts us."""
        return self.presence == "ours" and os.access(self.runs, os.X_OK)


def console_script() -> Path:
    """The installed ``hf-policy``, as pip recorded it.

    Raises:
        ServiceError: this copy was not installed, so there is none.

    """
    try:
        recorded = metadata.distribution("hubpolicy").files or []
    except metadata.PackageNotFoundError:
        recorded = []
    places = [Path(str(file.locate())) for file in recorded if Path(file).name == PROGRAM]
    places.append(Path(sysconfig.get_path("scripts"), PROGRAM))
    for place in places:
        # The record says ../../../bin from site-packages, which may itself be reached by a link.
        found = place.parent.resolve() / place.name
        if found.is_file() and os.access(found, os.X_OK):
            return found
    message = f"the console script {PROGRAM} is not installed beside this Python"
    raise ServiceError(message, hint="pip install hubpolicy, then try again")


def inspect() -> Extension:
    """Look, and change nothing."""
    folder = Path("~").expanduser().joinpath(*_FOLDER)
    if not os.path.lexists(folder):
        return Extension(folder, "absent")
    document = _read(folder)
    if document is not None and (document.get("owner"), document.get("repo")) == (OWNER, REPO):
        return Extension(folder, "ours", str(document.get("executable_path", "")))
    if document is None and folder.is_dir() and not folder.is_symlink():
        names = {path.name for path in folder.iterdir()}
        return Extension(folder, "foreign" if names - {_CACHE} else "absent")
    return Extension(folder, "foreign")


def install() -> bool:
    """Write the manifest; False if it stands there already and starts this installation.

    Raises:
        ConfigError: an extension of somebody else's has the name.
        ServiceError: there is no console script, or the disk does not let us.

    """
    program = str(console_script())
    present = inspect()
    _require_not_foreign(present)
    if present.works and present.runs == program:
        return False
    content = {
        "owner": OWNER,
        "repo": REPO,
        "repo_id": f"{OWNER}/{REPO}",
        "short_name": PROGRAM.removeprefix("hf-"),
        "executable_path": program,
        "type": "python",
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "description": DESCRIPTION,
        "commit_sha": None,
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    write_atomic(present.manifest, text.encode())
    return True


def remove() -> bool:
    """Remove what :func:`install` wrote; False if nothing is there.

    Raises:
        ConfigError: what stands there is not ours.
        ServiceError: the disk does not let us.

    """
    present = inspect()
    _require_not_foreign(present)
    if present.presence == "absent":
        return False
    try:
        present.manifest.unlink()
        (present.folder / _CACHE).unlink(missing_ok=True)
        if not any(present.folder.iterdir()):
            present.folder.rmdir()
    except OSError as error:
        message = f"cannot remove {present.manifest}: {error.strerror}"
        raise ServiceError(message, hint="check who owns the folder") from error
    return True


def _read(folder: Path) -> dict[str, Any] | None:
    """The manifest; None if there is none that can be read."""
    path = folder / _MANIFEST
    try:
        if folder.is_symlink() or path.is_symlink() or path.stat().st_size > _LIMIT:
            return None
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _require_not_foreign(found: Extension) -> None:
    if found.presence == "foreign":
        message = f"{found.folder} holds an extension that hubpolicy did not write"
        hint = "look at it; if nobody needs it: hf extensions remove policy, then try again"
        raise ConfigError(message, hint=hint)
