# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy scorer pull``: a ready-made bundle from a hub, at one commit."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubpolicy.cli.scorer_output import describe, finish, format_option, say

if TYPE_CHECKING:
    from hubpolicy.domain.statement import ScorerPin


@click.command(
    epilog="""\b
Examples:
  hubpolicy scorer pull hf://acme/detoxify-unbiased@5c1f9d3e0b7a46c28e1d4f6a9b8c7d6e5f4a3b2c
  hubpolicy scorer pull hf://acme/scorer@5c1f… --sha256 3f0a… -o ./bundle
\b
Asks the hub in HF_ENDPOINT, with your own login. A branch or a tag is refused: it can move.
Exit codes: 0 installed, 1 another digest, 2 usage, 3 not a bundle or no answer, 4 no permission.
"""
)
@click.argument("address")
@click.option("--sha256", default="", help="The bundle's digest (64 hex digits) must be this.")
@click.option("-o", "--output", type=click.Path(), default="", help="Folder for the bundle.")
@click.option("--replace", is_flag=True, help="Replace the installed one.")
@format_option
def pull(*, address: str, sha256: str, output: str, replace: bool, format_: str) -> None:
    """Download a bundle at ADDRESS (hf://org/repo@COMMIT), load it, then install it."""
    from hubpolicy.adapters.home import user_home
    from hubpolicy.adapters.login import login_token
    from hubpolicy.adapters.scorers.installed import FOLDER
    from hubpolicy.adapters.scorers.pulling import download, parse_address
    from hubpolicy.cli.options import endpoint
    from hubpolicy.errors import ServiceError

    wanted = parse_address(address, endpoint=endpoint())
    above = Path(output).absolute().parent if output else Path(user_home().path(FOLDER))
    try:
        above.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pull.", dir=above) as scratch:
            say(format_)(f"pulling {wanted.repo.text} at {wanted.revision}")
            fetched = download(wanted, Path(scratch), token=login_token(), bars=sys.stderr.isatty())
            pin = _load(fetched, sha256)
            folder = _place(fetched, pin, output, replace=replace)
    except OSError as error:
        message = f"cannot write to {above}: {error.strerror or error}"
        raise ServiceError(message) from error
    lines = [f"{pin.id}  {pin.sha256}", f"installed in {folder}"]
    lines += ["a policy has to pin it before it counts", f"next: hubpolicy scorer lock {pin.id}"]
    finish(format_, {"scorer": describe(folder), "revision": wanted.revision}, lines)


def _load(folder: Path, sha256: str) -> ScorerPin:
    """It has to load here: what is not a working bundle is never installed."""
    from hubpolicy.adapters.scorers.session import open_scorer

    return open_scorer(folder, expected=sha256.lower()).pin


def _place(fetched: Path, pin: ScorerPin, output: str, *, replace: bool) -> Path:
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.scorers.installed import install
    from hubpolicy.errors import ConfigError

    if output:
        target = Path(output)
        if target.exists():
            message = f"got {target}, which is in use, expected a new folder"
            raise ConfigError(message, hint="give another one with -o")
        return fetched.rename(target)
    if pin.id == assets.EMBEDDED_SCORER:
        message = f"got a bundle that calls itself {pin.id!r}, which is the embedded one's name"
        raise ConfigError(message, hint="-o DIR to look at it")
    return install(fetched, pin.id, replace=replace)
