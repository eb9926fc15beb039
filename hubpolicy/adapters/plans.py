# SPDX-License-Identifier: Apache-2.0
"""Plans of one's own: ``~/.config/hubpolicy/plans/<name>.toml`` with their prompt files beside.

A prompt file is a path below that folder, or ``hf://datasets/org/name@<commit>/path``: then it is
taken from the Hugging Face cache, and fetched into it where it is not there yet. Either way its
bytes must have the digest that the plan pins. Not responsible for which plan a policy names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.adapters.bounded import read_bounded
from hubpolicy.adapters.home import user_home
from hubpolicy.core.plan import parse_plan
from hubpolicy.core.prompt_formats import MAX_PUBLISHED
from hubpolicy.core.suites import REMOTE
from hubpolicy.errors import ConfigError, MalformedError

if TYPE_CHECKING:
    from hubpolicy.domain.evaluation import Plan

FOLDER = "plans"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def own_plans() -> dict[str, Path]:
    """Plan files by name, sorted."""
    folder = Path(user_home().path(FOLDER))
    found = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return {path.stem: path for path in found if _NAME.fullmatch(path.stem)}


def read_plan(path: Path) -> Plan:
    """A plan file with all its prompts.

    Raises:
        ConfigError: it is no plan, its id is not its name, or a prompt file has another digest.
        ServiceError: a file cannot be read or fetched.

    """
    try:
        content = read_bounded(path, MAX_PUBLISHED, str(path))
        plan = parse_plan(content, lambda name: _prompts(path.parent, name))
    except MalformedError as error:
        message = f"{error.message}, in {path}"
        raise ConfigError(message, hint=error.hint or "docs/measurement.md shows a plan") from error
    if plan.id != path.stem:
        message = (
            f"got plan id {plan.id!r}, expected {path.stem!r} as the file is called, in {path}"
        )
        raise ConfigError(message)
    return plan


def _prompts(folder: Path, name: str) -> bytes:
    if name.startswith(REMOTE):
        return read_bounded(_fetched(name), MAX_PUBLISHED, name)
    path = folder.joinpath(*name.split("/"))
    if not path.resolve().is_relative_to(folder.resolve()):
        message = f"got file {name!r}, which a link leads out of {folder}"
        raise MalformedError(message, hint="copy the file into the folder")
    return read_bounded(path, MAX_PUBLISHED, str(path))


def _fetched(uri: str) -> Path:
    """A file of a data set at a commit, from the cache or from the hub."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    from hubpolicy.adapters.hub_http import install_session, translated
    from hubpolicy.adapters.login import login_token

    name, _, rest = uri.removeprefix(REMOTE).partition("@")
    revision, _, path = rest.partition("/")
    cached = try_to_load_from_cache(name, path, revision=revision, repo_type="dataset")
    if isinstance(cached, str):
        return Path(cached)
    install_session()
    disable_progress_bars()
    token = login_token()
    with translated(f"fetching {uri}", secret=token):
        return Path(
            hf_hub_download(
                name, path, revision=revision, repo_type="dataset", token=token or False
            )
        )
