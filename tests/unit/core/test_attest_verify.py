# SPDX-License-Identifier: Apache-2.0
"""Attest, then verify: it holds for any tree, and for no tree that differs in one thing.

``HYPOTHESIS_PROFILE=nightly`` (``make test-nightly``) tries each property 20,000 times.
"""

from __future__ import annotations

import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core import statements
from hubpolicy.core.documents import verify_policy, verify_trust
from hubpolicy.core.judge import judge
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.oms import oms_statement
from hubpolicy.core.paths import refuse_path, twins
from hubpolicy.core.policy import parse_policy
from hubpolicy.domain.manifest import (
    MODEL_SIGNATURE,
    EvidenceFile,
    ListedFile,
    Listing,
    is_evidence_path,
)
from hubpolicy.domain.policy import RoleRequirement
from hubpolicy.flows.assemble import assemble, assemble_listing
from tests.attacks.mutation_world import (
    TARGET,
    Tree,
    World,
    bundled,
    entry,
    manifest_of,
    payload_of_release,
    policy_bytes,
    trust_documents,
)
from tests.golden import samples
from tests.unit.core import release_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.core.evidence import Evidence
    from hubpolicy.domain.policy import Policy
    from hubpolicy.domain.trust import Trust

    Files = dict[str, bytes]

DEMAND = release_world.asking(RoleRequirement("approver:safety", 2, "closure"))
POLICY = policy_bytes(DEMAND)
LINES = ("card", "run", "release")
PEOPLE = {"card": "ci", "run": "ci", "release": "rita", "sam": "sam", "sue": "sue"}


class Attested(NamedTuple):
    """A tree, what was signed about it, and which of its files the hub keeps in LFS."""

    files: Files
    lines: tuple[bytes, ...]
    approvals: dict[str, bytes]
    signature: bytes
    lfs: frozenset[str]

    @property
    def tree(self) -> Files:
        """Files and evidence."""
        approvals = {approval_path(name): raw + b"\n" for name, raw in self.approvals.items()}
        lines = b"".join(line + b"\n" for line in self.lines)
        return {
            **self.files, **approvals, RELEASE_FILE: lines, MODEL_SIGNATURE: self.signature,
        }  # fmt: skip


def attest(files: Files, lfs: frozenset[str] = frozenset()) -> Attested:
    """All evidence that the policy asks for, signed by the people of the sample organisation."""
    manifest = manifest_of(files)
    loaded = [one for one in manifest.entries if one.path not in ("README.md", ".gitattributes")]
    readme = entry("README.md", files["README.md"])
    subjects = statements.closure_subjects(loaded)
    made = {
        "card": statements.card_statement(samples.CARD, readme, manifest, tool_version="0.1.0"),
        "run": statements.toxicity_statement(samples.TOXICITY, loaded),
        **{
            who: statements.approval_statement(samples.APPROVAL._replace(approver=who), subjects)
            for who in ("sam", "sue")
        },
    }
    signature = oms_statement(manifest, "wizard-7b")
    inputs = (*made.values(), signature)
    made["release"] = payload_of_release(inputs, POLICY, manifest=manifest)
    signed = {name: bundled(payload, PEOPLE[name]) for name, payload in made.items()}
    approvals = {hashlib.sha256(made[who]).hexdigest(): signed[who] for who in ("sam", "sue")}
    lines = tuple(signed[name] for name in LINES)
    return Attested(files, lines, approvals, bundled(signature, "rita"), lfs)


@cache
def ground() -> tuple[Policy, Trust]:
    world = trust_documents({"policy": POLICY})
    trust = verify_trust(world.roots, world.state, pin=world.pin, now=world.now)
    return parse_policy(verify_policy(world.policy, trust)), trust


def from_disk(tree: Files) -> Evidence:
    """What the hook sees: every byte."""
    policy, trust = ground()
    world = World(tree, (), "", b"", b"")
    return assemble(Tree(world), TARGET, policy, trust, samples.NOW)


def from_hub(tree: Files, lfs: frozenset[str]) -> Evidence:
    """What an audit sees: a listing with sha256 of LFS files and blob ids of the others."""
    policy, trust = ground()
    listed, evidence = [], []
    for path, content in sorted(tree.items()):
        found = entry(path, content)
        digests = (found.sha256, None) if path in lfs else (None, found.git_blob)
        listed.append(ListedFile(path, found.size, *digests))
        if is_evidence_path(path):
            evidence.append(EvidenceFile(path, content))
    listing = Listing(tuple(listed))
    return assemble_listing(listing, tuple(evidence), TARGET, policy, trust, samples.NOW)


def verdicts(tree: Files, lfs: frozenset[str]) -> set[str]:
    return {judge(from_disk(tree)).verdict, judge(from_hub(tree, lfs)).verdict}


# Trees ---------------------------------------------------------------------------------------

LETTERS = st.sampled_from("abzAZ09 _-.,()+é中ßñ字😀\u0301\u00a0'\"&%$#@!~=[]{}")
ENDINGS = ("", ".json", ".safetensors", ".gguf", ".txt", ".png", ".md", ".jinja", ".model", ".x")
NAMES = st.builds(str.__add__, st.text(LETTERS, min_size=1, max_size=12), st.sampled_from(ENDINGS))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join).filter(
    lambda path: refuse_path(path.encode()) is None and not is_evidence_path(path)
)  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 5000).map(lambda size: b"w" * size),
    st.sampled_from((b"", b"{}", b"version https://git-lfs.github.com/spec/v1\n")),
)
START = {
    "README.md": b"---\nlicense: mit\n---\n# Any\n",
    "config.json": b"{}",
    "model.safetensors": b"weights",
}


@st.composite
def trees(draw: st.DrawFn) -> Files:
    """A card, weights, and up to eight other files of any name, size and content."""
    files = {**START, **draw(st.dictionaries(PATHS, CONTENTS, max_size=8))}
    files["model.safetensors"] = draw(st.binary(min_size=1, max_size=60))
    assume(not twins(files))
    return files


@st.composite
def attested(draw: st.DrawFn) -> Attested:
    """An attested tree, any of its files in LFS, that passes: whoever changes it starts from green."""
    files = draw(trees())
    lfs = draw(st.frozensets(st.sampled_from(sorted(files))))
    made = attest(files, lfs)
    assume(verdicts(made.tree, lfs) == {"passed"})
    return made


def blocked_by(files: Files, lfs: frozenset[str]) -> set[str]:
    """Rules of kind of file that no signature lifts: code, pickles, markers of other formats."""
    tree = attest(files, lfs).tree
    return {
        finding.rule
        for evidence in (from_disk(tree), from_hub(tree, lfs))
        for finding in judge(evidence).findings
    }


KINDS = {"HP406", "HP407", "HP408", "HP409", "HP410", "HP413"}
"""A tree of any names and contents has such files too (code; weights by their first bytes under the
name of a configuration): the policy refuses them, however well they were signed."""


@given(st.data())
def test_any_tree_that_was_attested_verifies(data: st.DataObject) -> None:
    files = data.draw(trees())
    lfs = data.draw(st.frozensets(st.sampled_from(sorted(files))))
    assert blocked_by(files, lfs) <= KINDS


@given(st.data())
def test_it_does_so_in_a_folder(data: st.DataObject) -> None:
    files = data.draw(trees())
    tree = attest(files).tree
    with tempfile.TemporaryDirectory() as folder:
        for path, content in tree.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        policy, trust = ground()
        found = FolderRelease(folder, threads=1)
        evidence = assemble(found, TARGET, policy, trust, samples.NOW)
        unread = {finding.rule for finding in found.findings}
    assert evidence.manifest == manifest_of(files)
    assert {finding.rule for finding in judge(evidence).findings} <= KINDS | unread
    assert unread <= {"HP404"}


# Changes -------------------------------------------------------------------------------------


def flip(draw: st.DrawFn, content: bytes) -> bytes:
    if not content:
        return b"\0"
    place, bit = draw(st.integers(0, len(content) - 1)), draw(st.integers(0, 7))
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def cut(draw: st.DrawFn, content: bytes) -> bytes:
    return content[: draw(st.integers(0, len(content) - 1))] if content else b"more"


def splice(draw: st.DrawFn, content: bytes) -> bytes:
    place = draw(st.integers(0, len(content)))
    return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]


def without(tree: Files, path: str) -> Files:
    return {name: content for name, content in tree.items() if name != path}


@st.composite
def changed_trees(draw: st.DrawFn) -> tuple[Files, frozenset[str]]:
    """One file changed, gone, renamed or new, or two exchanged."""
    made = draw(attested())
    tree, paths = made.tree, sorted(made.files)
    path, other = draw(st.sampled_from(paths)), draw(st.sampled_from(paths))
    how = draw(st.sampled_from(("flip", "cut", "splice", "gone", "renamed", "new", "exchanged")))
    if how in ("flip", "cut", "splice"):
        change: Callable[[st.DrawFn, bytes], bytes]
        change = {"flip": flip, "cut": cut, "splice": splice}[how]
        tree[path] = change(draw, tree[path])
    elif how == "gone":
        tree = without(tree, path)
    elif how == "exchanged":
        tree[path], tree[other] = tree[other], tree[path]
    else:
        name = draw(PATHS)
        content = tree[path] if how == "renamed" else draw(CONTENTS)
        tree = without(tree, path) if how == "renamed" else tree
        tree[name] = content
    assume(tree != made.tree)
    return tree, made.lfs


@given(changed_trees())
def test_no_file_differs_from_what_was_attested(changed: tuple[Files, frozenset[str]]) -> None:
    assert "passed" not in verdicts(*changed)


@st.composite
def changed_evidence(draw: st.DrawFn) -> tuple[Files, frozenset[str]]:
    """One piece of evidence changed, gone, doubled, moved, or signed about another tree."""
    made = draw(attested())
    tree = made.tree
    path = draw(st.sampled_from(sorted(tree.keys() - made.files.keys())))
    how = draw(st.sampled_from(("flip", "cut", "splice", "gone", "line", "moved", "of another")))
    if how in ("flip", "cut", "splice"):
        change = {"flip": flip, "cut": cut, "splice": splice}[how]
        tree[path] = change(draw, tree[path])
    elif how == "gone":
        tree = without(tree, path)
    elif how == "moved":
        name = draw(st.sampled_from(sorted(set(made.tree) - made.files.keys() - {path})))
        tree[path], tree[name] = tree[name], tree[path]
    elif how == "line":
        lines = list(made.lines)
        number = draw(st.integers(0, len(lines) - 1))
        again = draw(st.booleans())
        lines[number : number + 1] = [lines[number]] * (2 if again else 0)
        tree[RELEASE_FILE] = b"".join(line + b"\n" for line in lines)
    else:
        other = attest(
            {**made.files, "model.safetensors": draw(st.binary(min_size=61, max_size=70))}
        )
        parts = {**other.tree, path: b""}
        tree[path] = parts[path] or other.signature
    assume(meaning(tree) != meaning(made.tree))
    return tree, made.lfs


def meaning(tree: Files) -> Files:
    """White space around a bundle is outside of what is signed, and a line of none is no line."""
    stripped = {
        path: b"\n".join(line.strip(b" \t\r") for line in content.removesuffix(b"\n").split(b"\n"))
        for path, content in tree.items()
        if is_evidence_path(path)
    }
    return {**tree, **stripped}


@given(changed_evidence())
def test_no_evidence_differs_from_what_was_signed(changed: tuple[Files, frozenset[str]]) -> None:
    assert "passed" not in verdicts(*changed)


@given(attested(), st.permutations(range(len(LINES))))
def test_the_order_of_lines_means_nothing(made: Attested, order: list[int]) -> None:
    lines = tuple(made.lines[i] for i in order)
    assert verdicts(made._replace(lines=lines).tree, made.lfs) == {"passed"}


@pytest.mark.parametrize("name", ["README.md", "model.safetensors", "config.json"])
def test_the_start_of_every_tree_passes_and_is_needed(name: str) -> None:
    made = attest(START)
    assert verdicts(made.tree, frozenset()) == {"passed"}
    assert "passed" not in verdicts(without(made.tree, name), frozenset())
