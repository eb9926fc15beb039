# SPDX-License-Identifier: Apache-2.0
"""``hubpolicy report RUN --update-card PATH``: the attested numbers, and no others, in the card."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hubpolicy.domain.card import CARD_PATH
from hubpolicy.errors import ConfigError, ServiceError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.cli.run_sources import Looked
    from hubpolicy.core.run_report import RunReport


def update(path: str, seen: Looked, signed: Looked) -> str:
    """Write the card of ``path``; what to type next. ``signed`` is what stands in that folder.

    Raises:
        VerificationError: the run is not signed there, so there is no attested number.
        MalformedError: the card cannot be edited safely.
        ServiceError: it cannot be read or written.

    """
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.core.card.update import update_card

    runs = _attested(path, seen.runs, signed.runs)
    target = Path(path) / CARD_PATH
    before, mode = _read(target)
    after = update_card(before, runs, Path(path).resolve().name)
    if after == before:
        return f"{target} says so already"
    write_atomic(target, after, mode)
    again = f"hubpolicy attest {shlex.quote(path)}"
    return f"{target} says it now; its signed card check is about the text before\nnext: {again}"


def _attested(
    path: str, wanted: tuple[RunReport, ...], signed: tuple[RunReport, ...]
) -> tuple[RunReport, ...]:
    """The signed runs of that folder that are the wanted ones: same files, same records."""
    keys = {(run.closure, run.result.records.sha256) for run in wanted}
    found = tuple(run for run in signed if (run.closure, run.result.records.sha256) in keys)
    if not keys or len({(run.closure, run.result.records.sha256) for run in found}) < len(keys):
        message = f"the counts of this run are not signed about the files in {path}"
        raise VerificationError(message, hint=f"hubpolicy test {shlex.quote(path)}")
    return found


def _read(target: Path) -> tuple[bytes, int]:
    if target.is_symlink() or not target.is_file():
        message = f"there is no file {target} to write into"
        raise ConfigError(message, hint="hubpolicy check PATH says what a card needs")
    try:
        return target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except OSError as error:
        message = f"cannot read {target}: {error.strerror}"
        raise ServiceError(message) from error
