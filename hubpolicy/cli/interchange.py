# SPDX-License-Identifier: Apache-2.0
"""``attest --evidence`` and ``--export``: files that other tools made, and files for them."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubpolicy.errors import ConfigError, MalformedError, ServiceError, VerificationError

if TYPE_CHECKING:
    from hubpolicy.core.evidence import Evidence
    from hubpolicy.core.foreign_evidence import Imported
    from hubpolicy.domain.policy import Policy
    from hubpolicy.flows.attesting import Attested
    from hubpolicy.ports import Progress

FILE_LIMIT = 512 * 1024 * 1024
EXPORTS = ("cyclonedx",)


class NamedFile(click.ParamType["tuple[str, str]"]):
    """``NAME=FILE``."""

    name = "NAME=FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first ``=``; both sides have to be there."""
        if isinstance(value, tuple):
            return (str(value[0]), str(value[1]))
        name, _, path = str(value).partition("=")
        if not name or not path:
            self.fail(
                f"got {value!r}, expected NAME=FILE, such as lm-eval=results.json", param, ctx
            )
        return name, path


class ExportFile(click.ParamType["tuple[str, str]"]):
    """``FORMAT`` or ``FORMAT=FILE``."""

    name = "FORMAT[=FILE]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first ``=`` and check the format."""
        if isinstance(value, tuple):
            return (str(value[0]), str(value[1]))
        form, equals, path = str(value).partition("=")
        if form not in EXPORTS or (equals and not path):
            self.fail(f"got {value!r}, expected {EXPORTS[0]} or {EXPORTS[0]}=FILE", param, ctx)
        return form, path


def read_imports(words: tuple[tuple[str, str], ...], policy: Policy) -> tuple[Imported, ...]:
    """Every item of the policy that these files answer; of one item the last file counts.

    Raises:
        ConfigError: the policy names no such evidence.
        MalformedError: a file is not of its format, or does not hold what is asked for.
        ServiceError: a file cannot be read.

    """
    from hubpolicy.core.foreign_evidence import import_evidence

    found = {
        imported.item.name: imported
        for word, path in words
        for imported in import_evidence(word, _content(path), policy, where=path)
    }
    return tuple(found[name] for name in sorted(found))


def _content(path: str) -> bytes:
    try:
        size = Path(path).stat().st_size
        if size > FILE_LIMIT:
            message = f"got {size} bytes, expected at most {FILE_LIMIT}, in {path}"
            raise MalformedError(message)
        return Path(path).read_bytes()
    except OSError as error:
        message = f"could not read {path}: {error.strerror or error}"
        raise ServiceError(message) from error


def say_imported(
    imports: tuple[Imported, ...], evidence: Evidence, progress: Progress, path: str
) -> None:
    """Say how loose the tie is, and what could not be signed because nothing was run."""
    from hubpolicy.core.lines import select
    from hubpolicy.domain.statement import ForeignEvidence

    signed = {found.name: found for _, found in select(evidence.lines, ForeignEvidence)}
    for imported in imports:
        name = imported.item.name
        if name not in signed:
            progress.note(
                f"evidence {name} was not signed: nothing was run that it could be about; "
                f"first: hubpolicy test {path}"
            )
            continue
        level = signed[name].binding_level
        tie = "the file names this closure" if level else "nothing but your word ties it to them"
        progress.note(f"evidence {name} is about these files at binding level {level}: {tie}")


def export_target(path: str, wanted: tuple[str, str] | None) -> Path | None:
    """Where the export goes: the FILE, else ``NAME.cdx.json`` beside the folder.

    Raises:
        ConfigError: it would lie in the folder, and so change what is attested.

    """
    if wanted is None:
        return None
    folder = Path(path).resolve()
    target = Path(wanted[1]) if wanted[1] else folder.with_name(f"{folder.name}.cdx.json")
    if target.resolve().is_relative_to(folder):
        message = f"got {target}, expected a file outside of {path}: one inside changes the release"
        raise ConfigError(message, hint=f"--export {wanted[0]}=FILE names another place")
    return target


def export(path: str, target: Path | None, done: Attested) -> str:
    """Write the bill of materials of a release; a sentence about it, empty if none is wanted.

    Raises:
        VerificationError: a file changed meanwhile.
        ServiceError: it cannot be written.

    """
    from hubpolicy import __version__
    from hubpolicy.adapters import assets
    from hubpolicy.adapters.atomic import write_atomic
    from hubpolicy.adapters.files import FolderRelease
    from hubpolicy.core.bill import CardFacts, card_facts, make_bill
    from hubpolicy.core.card.check import read_card
    from hubpolicy.core.card.metadata import facts_from_manifest
    from hubpolicy.render.cyclonedx import render

    if target is None:
        return ""
    if not done.released:
        return "Nothing was exported: there is no verified release to describe."
    readme = FolderRelease(path).read("README.md")
    if hashlib.sha256(readme).hexdigest() not in {entry.sha256 for entry in done.manifest.entries}:
        message = f"README.md changed while {path} was attested"
        raise VerificationError(message, hint=f"hubpolicy attest {shlex.quote(path)}")
    card = read_card(readme, facts_from_manifest(done.manifest), assets.vocabularies()).card
    facts = CardFacts() if card is None else card_facts(card, readme.decode("utf-8"))
    bill = make_bill(done.evidence, facts)
    write_atomic(target, render(bill, tool_version=__version__).encode("ascii"))
    return f"exported: {target}"
