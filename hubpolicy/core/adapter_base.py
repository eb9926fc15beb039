# SPDX-License-Identifier: Apache-2.0
"""An adapter (LoRA and its like) is half a model: which other half, and which bytes of it.

``adapter_config.json`` names the base by a name that can mean other bytes tomorrow. So
``base_config.json`` beside it pins it: repository, commit, and every file's sha256::

    {"schema": "hubpolicy/base/1", "repo": "acme/base", "revision": "<40 hex>",
     "files": {"config.json": "<sha256>", "model.safetensors": "<sha256>"}}

It is a file of the closure, so whatever is signed about the adapter is signed about those bytes.
That the repository has them at that commit is its author's word. Loaders read
``adapter_config.json`` and not the pin, so it names the same commit: without one they take what the
repository has today.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hubpolicy.core.config_json import parse_config
from hubpolicy.errors import MalformedError

ADAPTER, BASE = "adapter_config.json", "base_config.json"
WEIGHTS = "adapter_model."
SCHEMA = "hubpolicy/base/1"

_COMMIT, _SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")
_KEYS = frozenset({"schema", "repo", "revision", "files"})


class Base(NamedTuple):
    """A pinned base: Hub repository, commit id, (path, hex sha256) of its files, sorted."""

    repo: str
    revision: str
    files: tuple[tuple[str, str], ...]


def parse_base(content: bytes) -> Base:
    """What ``base_config.json`` pins.

    Raises:
        MalformedError: other keys, no commit id, no weights, or a digest that is none.

    """
    table = parse_config(content)
    if not isinstance(table, dict) or table.keys() != _KEYS or table["schema"] != SCHEMA:
        message = f"got other keys or schema, expected {sorted(_KEYS)} with schema {SCHEMA!r}"
        raise MalformedError(message)
    repo, revision, files = table["repo"], table["revision"], table["files"]
    if not isinstance(repo, str) or not repo or not _matches(_COMMIT, revision):
        message = f"got revision {str(revision)[:60]!r}, expected a repo and a commit of 40 digits"
        raise MalformedError(message)
    pinned = isinstance(files, dict) and all(_matches(_SHA256, value) for value in files.values())
    if not pinned or not any(path.endswith(".safetensors") for path in files):
        message = "got files without sha256 or without .safetensors, expected every file's sha256"
        raise MalformedError(message)
    return Base(repo, str(revision), tuple(sorted(files.items())))


def problem_of(adapter: bytes | None, base: bytes | None) -> str:
    """Why the base of an adapter is not known, or "". None = there is no such file."""
    if adapter is None:
        return f"has no {ADAPTER} beside it, which would name its base"
    try:
        named = parse_config(adapter)
    except MalformedError as error:
        return f"has an {ADAPTER} that cannot be parsed: {error.message}"
    repo = named.get("base_model_name_or_path") if isinstance(named, dict) else None
    if not isinstance(named, dict) or not isinstance(repo, str) or not repo:
        return f"names no base in {ADAPTER} (base_model_name_or_path)"
    if base is None:
        return f"is for base {repo!r}, which no {BASE} pins"
    try:
        pinned = parse_base(base)
    except MalformedError as error:
        return f"is for base {repo!r}, which {BASE} does not pin: {error.message}"
    if pinned.repo != repo:
        return f"is for base {repo!r}, but {BASE} pins {pinned.repo!r}"
    if named.get("revision") != pinned.revision:
        got = named.get("revision")
        shown = f"revision {str(got)[:60]!r}" if got else "no revision"
        return (
            f"is for {shown} of its base, but {BASE} pins {pinned.revision!r}: loaders follow "
            f'{ADAPTER}, expected "revision": "{pinned.revision}" in it'
        )
    return ""


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
