# SPDX-License-Identifier: Apache-2.0
"""Downloads a scorer bundle from a hub at a pinned revision, into a folder of the caller's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hubpolicy.domain.release import RepoId, parse_repo_id
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = "hf://"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILES = ("model.onnx", "full.onnx", "tokenizer.json", "scorer.json")


class Address(NamedTuple):
    """A repository at a commit id."""

    repo: RepoId
    revision: str


def parse_address(text: str, *, endpoint: str) -> Address:
    """``hf://org/repo@<commit id>``.

    Raises:
        ConfigError: another form, or a branch or tag, which can move, for a revision.

    """
    name, at, revision = text.removeprefix(SCHEME).rpartition("@")
    hint = "hubpolicy scorer pull hf://org/repo@<40 hex digits of a commit>"
    if not text.startswith(SCHEME) or not at:
        message = f"got {text!r}, expected {SCHEME}org/repo@<commit id>"
        raise ConfigError(message, hint=hint)
    if not _COMMIT.fullmatch(revision):
        message = f"got revision {revision!r}, expected the whole id of a commit: others can move"
        raise ConfigError(message, hint=hint)
    try:
        return Address(parse_repo_id(name, endpoint=endpoint), revision)
    except MalformedError as error:
        raise ConfigError(error.message, hint=hint) from error


def download(address: Address, folder: Path, *, token: str | None, bars: bool = False) -> Path:
    """Fetch the bundle's files, and no others, into a folder in ``folder``; returns that.

    ``bars`` lets the official client draw its progress.

    Raises:
        ServiceError: the hub does not answer, or has not got them.
        AccessError: this login may not read them.

    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    from hubpolicy.adapters.hub_http import install_session, translated

    install_session()
    if not bars:
        disable_progress_bars()
    target = folder / "bundle"
    with translated(f"pulling {address.repo.text}@{address.revision[:12]}", secret=token):
        snapshot_download(
            address.repo.text,
            revision=address.revision,
            endpoint=address.repo.endpoint,
            local_dir=target,
            allow_patterns=list(_FILES),
            token=token or False,
        )
    return keep_only_bundle(target, folder / "clean")


def keep_only_bundle(source: Path, target: Path) -> Path:
    """The bundle's files without what the client leaves beside them."""
    target.mkdir()
    for name in _FILES:
        path = source / name
        if path.is_file():
            path.rename(target / name)
    return target
