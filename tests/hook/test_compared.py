# SPDX-License-Identifier: Apache-2.0
"""What a push does not send is compared by its id and not read: with the verdict of reading it."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING, NamedTuple

import pytest

from hubpolicy.adapters.git import GitRepository, ReceivingRepository
from hubpolicy.adapters.git_process import open_git
from hubpolicy.adapters.git_release import GitTreeRelease
from hubpolicy.domain.manifest import Manifest, git_blob_id
from hubpolicy.errors import ServiceError
from hubpolicy.prepush import judge_release, load_gate
from tests.git.repos import ZERO, Repo, init, pointer
from tests.hook.gate_world import MODEL, TARGET, person, sign
from tests.hook.hooked import push

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubpolicy.domain.manifest import Entry
    from hubpolicy.flows.prepush import Judged

    Change = Callable[[Repo], object]
    Lie = Callable[[Entry], Entry]

URL = "https://example.org/acme/m"
SHARDS = [f"model-{n}.safetensors" for n in range(3)]
PAGES = ["docs/one.md", "docs/two.md"]
FILES = {
    **MODEL,
    **{name: pointer(name.encode() * 99) for name in SHARDS},
    **{name: f"# {name}\n".encode() * 3 for name in PAGES},
}


def tree(repo: Repo, oid: str, behind: str | None) -> GitTreeRelease:
    """The release of a commit; the remote has ``behind``. With None nobody asked what is sent."""
    git = GitRepository(open_git(str(repo.path), os.environ))
    if behind is not None:
        git.sent((oid,), URL, URL, (behind,))
    return git.release(oid)


def attested(
    repo: Repo, files: dict[str, bytes] = FILES, lie: Lie = lambda e: e, ran: Lie = lambda e: e
) -> str:
    """A commit with these files, and one on top with evidence.

    ``lie`` is what the releaser states of each of them, ``ran`` what the checker does.
    """
    entries = tree(repo, repo.commit(files), None).manifest.entries
    loaded = [ran(e) for e in entries if not e.path.endswith(".md")]
    sign(repo.path, person(), manifest=Manifest(tuple(map(lie, entries))), loaded=loaded)
    return repo.commit()


def verdict(reader: GitTreeRelease, *, read: bool = False) -> Judged:
    gate, _ = load_gate()
    return judge_release(reader, gate(), TARGET, None if read else reader.compare)


def compared(judged: Judged) -> set[str]:
    """Files that were not read, by what stands in their place."""
    reader = judged.reader
    assert isinstance(reader, GitTreeRelease)
    return set(reader.compare(judged.evidence.lines))


def loose(repo: Repo, oid: str) -> Path:
    return repo.path / ".git/objects" / oid[:2] / oid[2:]


@pytest.fixture
def there(repo: Repo, gate: None) -> tuple[Repo, str]:
    """A repository with an attested release, and the commit of it, which the remote has."""
    return repo, attested(repo)


def test_only_what_may_decide_is_read_of_what_the_remote_has(there: tuple[Repo, str]) -> None:
    repo, behind = there
    found = verdict(tree(repo, repo.commit(), behind))
    assert found.decision.verdict == "passed", found.decision.findings
    assert compared(found) == {"README.md", "model.safetensors", "tokenizer.json", *PAGES}
    whole = verdict(tree(repo, behind, None), read=True)
    assert found.evidence.manifest == whole.evidence.manifest


def test_every_file_that_leaves_is_read(there: tuple[Repo, str]) -> None:
    repo, behind = there
    assert (
        compared(verdict(tree(repo, behind, f"{behind[:-1]}{int(behind[-1], 16) ^ 1:x}"))) == set()
    )


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
def test_whatever_differs_is_found_as_by_reading_everything(
    there: tuple[Repo, str], name: str
) -> None:
    repo, behind = there
    change, rules = CASES[name]
    change(repo)
    if name.startswith(("a symbolic", "a link", "a sub", "an exec", "a name", "a twin")):
        repo.git("commit", "-q", "-m", "changed")
        oid = repo.git("rev-parse", "HEAD")
    else:
        oid = repo.commit()
    quick, slow = verdict(tree(repo, oid, behind)), verdict(tree(repo, oid, None), read=True)
    assert compared(quick)
    assert quick.decision == slow.decision
    assert (quick.decision.verdict == "passed") is not bool(rules)
    assert rules <= {finding.rule for finding in quick.decision.findings}


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
    quick, slow = verdict(tree(repo, behind, behind)), verdict(tree(repo, behind, None), read=True)
    assert quick.decision == slow.decision
    assert lying.rule in {finding.rule for finding in quick.decision.findings}


def test_the_releaser_alone_is_believed_about_a_page_that_nobody_ran(
    repo: Repo, gate: None
) -> None:
    """ADR 0003 says so: the id is signed, too, and those who read everything see the difference."""
    behind = attested(repo, {**FILES, PAGES[0]: b"# new"}, saying(PAGES[0], PAGE))
    assert verdict(tree(repo, behind, behind)).decision.verdict == "passed"
    for reader in (tree(repo, behind, None), tree(repo, behind, ZERO)):
        found = verdict(reader)
        assert "HP308" in {finding.rule for finding in found.decision.findings}
        assert compared(found) == set()


def test_evidence_without_ids_of_git_has_everything_read(repo: Repo, gate: None) -> None:
    behind = attested(repo, lie=lambda e: e._replace(git_blob=None))
    found = verdict(tree(repo, behind, behind))
    assert (found.decision.verdict, compared(found)) == ("passed", set())


def test_in_a_sha256_repository_everything_is_read(tmp_path: Path, gate: None) -> None:
    repo = init(tmp_path / "sha256", "--object-format=sha256")
    behind = attested(repo)
    found = verdict(tree(repo, behind, behind))
    assert (found.decision.verdict, compared(found)) == ("passed", set())


def test_a_server_reads_everything(there: tuple[Repo, str]) -> None:
    repo, behind = there
    git = ReceivingRepository(open_git(str(repo.path), os.environ))
    assert git.sent((behind,), URL, URL, ()) == ()
    found = verdict(git.release(behind))
    assert (found.decision.verdict, compared(found)) == ("passed", set())


def replace(place: Path, content: bytes | None) -> None:
    """Another content under the id of a loose object, or none."""
    place.unlink()
    if content is not None:
        place.write_bytes(zlib.compress(b"blob %d\0" % len(content) + content))


def test_what_lies_here_is_no_matter_where_the_remote_keeps_its_own(
    hooked: Repo, remote: Repo
) -> None:
    attested(hooked)
    assert push(hooked, "origin", "main").code == 0
    replace(loose(hooked, git_blob_id(PAGE)), PAGE.upper())
    hooked.git("commit", "-q", "--allow-empty", "-m", "again")
    paranoid = push(hooked, "origin", "main", HUBPOLICY_PARANOID="1")
    assert (paranoid.code, "HP308" in paranoid.said) == (1, True)
    passed = push(hooked, "origin", "main")
    assert passed.code == 0, passed.said
    assert remote.git("rev-parse", "main") == hooked.git("rev-parse", "HEAD")
    assert remote.raw("cat-file", "blob", f"main:{PAGES[0]}").stdout == PAGE


def test_a_file_that_is_not_here_is_missed_whoever_has_it(there: tuple[Repo, str]) -> None:
    repo, behind = there
    replace(loose(repo, git_blob_id(PAGE)), None)
    with pytest.raises(ServiceError, match=git_blob_id(PAGE)):
        verdict(tree(repo, behind, behind))


@pytest.mark.parametrize("spoilt", [None, PAGE.upper()])
def test_what_leaves_is_read_and_is_what_was_signed(
    hooked: Repo, remote: Repo, spoilt: bytes | None
) -> None:
    attested(hooked)
    replace(loose(hooked, git_blob_id(PAGE)), spoilt)
    pushed = push(hooked, "origin", "main")
    assert pushed.code == 1
    assert ("HP308" if spoilt else "missing") in pushed.said
    assert remote.git("for-each-ref") == ""


def test_no_evidence_no_comparison(there: tuple[Repo, str]) -> None:
    repo, behind = there
    (repo.path / ".hubpolicy/release.intoto.jsonl").unlink()
    found = verdict(tree(repo, repo.commit(), behind))
    assert compared(found) == set()
    assert "HP301" in {finding.rule for finding in found.decision.findings}
