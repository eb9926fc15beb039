# SPDX-License-Identifier: Apache-2.0
"""What lies between two releases: files, card, evidence, and which evidence the change voids.

A line of evidence names the bytes that it depends on. It is void for other bytes as soon as one
of those is absent or different there, or, where it binds the whole, as soon as the dirHash is.
What a line says, and whether it would pass, is no matter of a comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from hubpolicy.core.filetypes import classify
from hubpolicy.core.lines import closure_paths, differing, named, short, whole
from hubpolicy.domain.card import to_plain
from hubpolicy.domain.statement import (
    ApplicabilityResult,
    Approval,
    CardResult,
    ForeignEvidence,
    ToxicityResult,
    Waiver,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubpolicy.core.verify import VerifiedModelSignature, VerifiedStatement
    from hubpolicy.domain.card import Card
    from hubpolicy.domain.manifest import Entry, Manifest

Change = Literal["added", "removed", "changed", "moved"]
Standing = Literal["kept", "added", "removed"]


class Side(NamedTuple):
    """One of both releases. ``card`` is None where there is none that parses.

    ``text`` is README.md as text. ``lines`` and ``signature`` were verified; ``unproven`` says why
    other evidence was not, ``refused`` which paths are in no manifest, and why.
    """

    manifest: Manifest
    card: Card | None
    text: str
    lines: tuple[VerifiedStatement, ...] = ()
    signature: VerifiedModelSignature | None = None
    unproven: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class FileChange(NamedTuple):
    """A path that differs. Sizes in bytes, 0 where it is absent; ``kind`` as ``classify`` has it.

    ``origin``: where the same content stood before, of a file that moved.
    """

    path: str
    change: Change
    kind: str
    before: int
    after: int
    origin: str = ""


class CardChange(NamedTuple):
    """A value of the front matter or a section of the body. Empty where it is absent."""

    where: str
    before: str
    after: str


class LineChange(NamedTuple):
    """A line of evidence: where it stands, and why it is void for the bytes of B ("" if not).

    ``mend`` is the command that makes it anew.
    """

    what: str
    by: str
    payload_sha256: str
    standing: Standing
    void: str
    mend: str


class ReleaseDiff(NamedTuple):
    """Everything that differs, and every line of evidence of either side.

    ``unproven_differs``: so does what proves nothing.
    """

    files: tuple[FileChange, ...]
    card: tuple[CardChange, ...]
    evidence: tuple[LineChange, ...]
    unproven_differs: bool = False

    @property
    def voided(self) -> tuple[LineChange, ...]:
        """Evidence of either side that says nothing about the bytes of B, and is missing there."""
        here = {one.what for one in self.evidence if not one.void and one.standing != "removed"}
        return tuple(line for line in self.evidence if line.void and line.what not in here)

    @property
    def empty(self) -> bool:
        """True where both are the same release: bytes, and evidence about them."""
        kept = all(line.standing == "kept" for line in self.evidence)
        return not self.files and kept and not self.unproven_differs


def compare(a: Side, b: Side) -> ReleaseDiff:
    """From A to B."""
    files = tuple(sorted(_files(a.manifest, b.manifest), key=lambda one: one.path.encode()))
    same_text = a.text == b.text
    card = () if same_text else (*_metadata(a.card, b.card), *_sections(a, b))
    return ReleaseDiff(files, card, tuple(_evidence(a, b)), a.unproven != b.unproven)


def _files(a: Manifest, b: Manifest) -> Iterator[FileChange]:
    old = {entry.path: entry for entry in a.entries}
    new = {entry.path: entry for entry in b.entries}
    gone = {entry.sha256: path for path, entry in old.items() if path not in new and entry.size}
    moved = set()
    for path, entry in new.items():
        before = old.get(path)
        if before is None:
            origin = gone.pop(entry.sha256, "")
            moved.add(origin)
            yield _change(entry, "moved" if origin else "added", entry.size if origin else 0,
                          entry.size, origin)  # fmt: skip
        elif before.sha256 != entry.sha256:
            yield _change(entry, "changed", before.size, entry.size)
    for path in old.keys() - new.keys() - moved:
        yield _change(old[path], "removed", old[path].size, 0)


def _change(entry: Entry, change: Change, before: int, after: int, origin: str = "") -> FileChange:
    kind = classify(entry.path, entry.size, None)
    return FileChange(entry.path, change, kind, before, after, origin)


def _metadata(a: Card | None, b: Card | None) -> Iterator[CardChange]:
    before, after = ({} if card is None else _leaves(card) for card in (a, b))
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield CardChange(key, before.get(key, ""), after.get(key, ""))


def _leaves(card: Card) -> dict[str, str]:
    """``model-index.0.name`` to its value as text, for every value of the front matter."""
    found: dict[str, str] = {}

    def walk(node: object, at: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, f"{at}.{key}" if at else str(key))
        elif isinstance(node, list):
            for number, value in enumerate(node):
                walk(value, f"{at}.{number}")
        else:
            found[at] = str(node)

    walk(to_plain(card.metadata), "")
    return found


def _sections(a: Side, b: Side) -> Iterator[CardChange]:
    before, after = _texts(a), _texts(b)
    for name in (*before, *(name for name in after if name not in before)):
        if before.get(name) != after.get(name):
            yield CardChange(
                f"section {name}", *(_words(side.get(name)) for side in (before, after))
            )


def _texts(side: Side) -> dict[str, str]:
    """Each section's id and what stands between its heading and the next."""
    if side.card is None:
        return {}
    lines = side.text.splitlines()
    starts = [section.line for section in side.card.sections]
    ends = [*(start - 1 for start in starts[1:]), len(lines)]
    return {
        section.id: "\n".join(lines[section.line - 1 : end])
        for section, end in zip(side.card.sections, ends, strict=True)
    }


def _words(text: str | None) -> str:
    if text is None:
        return ""
    count = len(text.split())
    return f"{count} word{'s' if count != 1 else ''}"


def _evidence(a: Side, b: Side) -> Iterator[LineChange]:
    here = {line.payload_sha256 for line in b.lines}
    before = {line.payload_sha256 for line in a.lines}
    for line in a.lines:
        yield _line(line, b.manifest, "kept" if line.payload_sha256 in here else "removed")
    for line in b.lines:
        if line.payload_sha256 not in before:
            yield _line(line, b.manifest, "added")
    yield from _signatures(a, b)


def _line(line: VerifiedStatement, manifest: Manifest, standing: Standing) -> LineChange:
    what, mend = _told(line)
    void = _void(line, manifest)
    return LineChange(what, line.principal, line.payload_sha256, standing, void, mend)


def _void(line: VerifiedStatement, manifest: Manifest) -> str:
    have = {entry.path: (entry.sha256, entry.git_blob) for entry in manifest.entries}
    bad = differing(line.statement, have)
    if bad:
        return f"{named(bad)} {'is' if len(bad) == 1 else 'are'} different"
    bound = whole(line.statement)
    if bound is not None and bound != manifest.dir_hash:
        return f"it binds dirHash {short(bound)}, and here is {short(manifest.dir_hash)}"
    return ""


def _told(line: VerifiedStatement) -> tuple[str, str]:
    """What a line is, in a few words, and the command that makes one like it."""
    match line.predicate:
        case CardResult() as card:
            return f"card check, profile {card.profile}", "hubpolicy attest PATH"
        case ToxicityResult() as run:
            files = len(closure_paths(line))
            return f"toxicity test, plan {run.plan}, {files} files", "hubpolicy test PATH"
        case ApplicabilityResult() as claim:
            return f"applicability of {claim.architecture}", "hubpolicy test PATH"
        case ForeignEvidence() as found:
            return f"evidence {found.name}", f"hubpolicy attest PATH --evidence {found.name}=FILE"
        case Waiver() as waiver:
            fix = f"hubpolicy waive {waiver.rule} PATH --until DATE --reason TEXT"
            return f"waiver of {waiver.rule}", fix
        case Approval() as approval:
            what = f"approval as {approval.role}, of the {approval.binds}"
            return what, f"hubpolicy approve PATH --as {approval.role}"
        case summary:
            return f"release line for {summary.resource_uri}", "hubpolicy attest PATH"


def _signatures(a: Side, b: Side) -> Iterator[LineChange]:
    """``model.sig``, which names every file of its side and is made with each release."""
    old, new = a.signature, b.signature
    same = old is not None and new is not None and old.payload_sha256 == new.payload_sha256
    if old is not None:
        void = "" if a.manifest.dir_hash == b.manifest.dir_hash else "it names every file"
        yield _signature(old, "kept" if same else "removed", void)
    if new is not None and not same:
        yield _signature(new, "added", "")


def _signature(found: VerifiedModelSignature, standing: Standing, void: str) -> LineChange:
    digest = found.payload_sha256
    return LineChange("model.sig", found.principal, digest, standing, void, "hubpolicy attest PATH")
