# SPDX-License-Identifier: Apache-2.0
"""What differs from a release that the remote has is found, whatever it is and whoever signed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from hubpolicy.adapters.git import GitRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.domain.manifest import Manifest, git_blob_id
from hubpolicy.prepush import judge_release, load_gate
from tests.git.repos import Repo, pointer
from tests.hook.gate_world import MODEL, TARGET, person, sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubpolicy.adapters.git_release import GitTreeRelease
    from hubpolicy.domain.finding import Decision
    from hubpolicy.domain.manifest import Entry

    Change = Callable[[Repo], object]
    Lie = Callable[[Entry], Entry]

SHARDS = [f"model-{n}.safetensors" for n in range(3)]
PAGES = ["docs/one.md", "docs/two.md"]
FILES = {
    **MODEL,
    **{name: pointer(name.encode() * 99) for name in SHARDS},
    **{name: f"# {name}\n".encode() * 3 for name in PAGES},
}


def tree(repo: Repo, oid: str) -> GitTreeRelease:
    """The release of a commit."""
    return GitRepository(open_git(str(repo.path), os.environ)).release(oid)


def attested(
    repo: Repo, files: dict[str, bytes] = FILES, lie: Lie = lambda e: e, ran: Lie = lambda e: e
) -> str:
    """A commit with these files, and one on top with evidence.

    ``lie`` is what the releaser states of each of them, ``ran`` what the checker does.
    """
    entries = tree(repo, repo.commit(files)).manifest.entries
    loaded = [ran(e) for e in entries if not e.path.endswith(".md")]
    sign(repo.path, person(), manifest=Manifest(tuple(map(lie, entries))), loaded=loaded)
    return repo.commit()


def verdict(reader: GitTreeRelease) -> Decision:
    gate, _ = load_gate()
    return judge_release(reader, gate(), TARGET).decision


@pytest.fixture
def there(repo: Repo, gate: None) -> Repo:
    """A repository with an attested release."""
    attested(repo)
    return repo


def move(repo: Repo, old: str, new: str) -> None:
    repo.git("mv", old, new)


def swap(repo: Repo, one: str, two: str) -> None:
    contents = [(repo.path / name).read_bytes() for name in (one, two)]
    repo.write(dict(zip((two, one), contents, strict=True)))


def put(name: str, content: bytes) -> Change:
    return lambda repo: repo.write({name: content})


def entry(mode: str, name: str, content: bytes = b"README.md") -> Change:
    def change(repo: Repo) -> None:
        oid = repo.git("rev-parse", "HEAD") if mode == "160000" else repo.blob(content)
        repo.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{name}")

    return change


class Case(NamedTuple):
    """What is done to a release that the remote has, and the rules that must speak."""

    change: Change
    rules: set[str]


SHARD = FILES[SHARDS[0]]
CASES = {
    "nothing": Case(lambda _: None, set()),
    "a byte of the weights": Case(put("model.safetensors", b"x" + MODEL["model.safetensors"]), {"HP201", "HP308"}),
    "a byte of an inert page": Case(put(PAGES[0], b"# two\n"), {"HP121", "HP308"}),
    "two pages exchanged": Case(lambda r: swap(r, *PAGES), {"HP121", "HP308"}),
    "two pointers exchanged": Case(lambda r: swap(r, *SHARDS[:2]), {"HP201", "HP308"}),
    "weights exchanged for a page": Case(lambda r: swap(r, "model.safetensors", PAGES[0]), {"HP201", "HP308"}),
    "a file under another name": Case(lambda r: move(r, PAGES[0], "docs/zero.md"), {"HP121", "HP308"}),
    "a file less": Case(lambda r: (r.path / PAGES[0]).unlink(), {"HP121", "HP308"}),
    "a copy more": Case(put("docs/copy.md", FILES[PAGES[0]]), {"HP121", "HP308"}),
    "pointer with CRLF": Case(put(SHARDS[0], SHARD.replace(b"\n", b"\r\n")), {"HP404"}),
    "pointer without its end": Case(put(SHARDS[0], SHARD[:-1]), {"HP404"}),
    "pointer to other bytes": Case(put(SHARDS[0], pointer(b"other")), {"HP201", "HP308"}),
    "content where a pointer was": Case(put(SHARDS[0], SHARDS[0].encode() * 99), set()),
    "pointer where its content was": Case(put("model.safetensors", pointer(MODEL["model.safetensors"])), set()),
    "pointer in place of a page": Case(put(PAGES[0], pointer(FILES[PAGES[1]])), {"HP308"}),
    "a symbolic link": Case(entry("120000", "docs/link.md"), {"HP402"}),
    "a link instead of a page": Case(entry("120000", PAGES[0]), {"HP402", "HP308"}),
    "a submodule": Case(entry("160000", "sub"), {"HP402"}),
    "an executable page": Case(entry("100755", PAGES[0], FILES[PAGES[0]]), set()),
    "a name with a bell": Case(entry("100644", "docs/\a.md", FILES[PAGES[0]]), {"HP401"}),
    "a twin": Case(entry("100644", "docs/ONE.md", FILES[PAGES[0]]), {"HP403", "HP308"}),
    "a twin of the evidence folder": Case(entry("100644", ".HubPolicy/x"), {"HP401"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_whatever_differs_is_found(there: Repo, name: str) -> None:
    change, rules = CASES[name]
    change(there)
    if name.startswith(("a symbolic", "a link", "a sub", "an exec", "a name", "a twin")):
        there.git("commit", "-q", "-m", "changed")
        oid = there.git("rev-parse", "HEAD")
    else:
        oid = there.commit()
    found = verdict(tree(there, oid))
    assert (found.verdict == "passed") is not bool(rules)
    assert rules <= {finding.rule for finding in found.findings}


def saying(path: str, content: bytes, oid: str = "") -> Lie:
    """States these bytes of one file, and this id of git or the true one; of others the truth."""

    def state(entry: Entry) -> Entry:
        sha256 = hashlib.sha256(content).hexdigest()
        there = entry._replace(sha256=sha256, git_blob=oid or entry.git_blob)
        return there if entry.path == path else entry

    return state


class Lying(NamedTuple):
    """What stands in the tree, what releaser and checker say of it, and the rule that speaks."""

    files: dict[str, bytes]
    released: Lie
    ran: Lie
    rule: str


WEIGHTS, PAGE, OTHER = MODEL["model.safetensors"], FILES[PAGES[0]], FILES[PAGES[1]]
EVIL = b'\x10\0\0\0\0\0\0\0{"a": {}}       never tested'
TRUE_ID = git_blob_id(WEIGHTS)
LIES = {
    "a page has the id of another page": Lying(
        {PAGES[0]: OTHER}, saying(PAGES[0], PAGE), lambda e: e, "HP308"
    ),
    "weights have the id of others, against the checker": Lying(
        {"model.safetensors": EVIL},
        saying("model.safetensors", WEIGHTS),
        saying("model.safetensors", WEIGHTS, TRUE_ID),
        "HP308",
    ),
    "weights have the id of others, of which the checker says nothing": Lying(
        {"model.safetensors": EVIL},
        saying("model.safetensors", WEIGHTS),
        lambda e: (
            e._replace(sha256=hashlib.sha256(WEIGHTS).hexdigest(), git_blob=None)
            if e.path == "model.safetensors"
            else e
        ),
        "HP308",
    ),
    "a pointer is signed as the text that it is": Lying(
        {PAGES[0]: pointer(EVIL)},
        saying(PAGES[0], pointer(EVIL), git_blob_id(pointer(EVIL))),
        lambda e: e,
        "HP308",
    ),
    "of a page that nobody ran, the releaser alone": Lying(
        {PAGES[0]: b"# new"}, saying(PAGES[0], PAGE), lambda e: e, "HP308"
    ),
    "a configuration asks for code": Lying(
        {"config.json": b'{"auto_map": {"AutoModel": "evil--x"}}'},
        lambda e: e,
        lambda e: e,
        "HP406",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_signed_id_that_is_not_that_of_the_signed_bytes_is_no_word_to_take(
    repo: Repo, gate: None, name: str
) -> None:
    lying = LIES[name]
    behind = attested(repo, {**FILES, **lying.files}, lying.released, lying.ran)
    found = verdict(tree(repo, behind))
    assert lying.rule in {finding.rule for finding in found.findings}
