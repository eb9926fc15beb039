"""The hub's parts alone: pointers, patterns, the rough look at a card, route order."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubpolicy.demo.hub.accounts import Account, Accounts, Scoped
from hubpolicy.demo.hub.attributes import ignored, lfs_tracked, tracking_lines
from hubpolicy.demo.hub.commits import Author, Change, create_repository, write_commit
from hubpolicy.demo.hub.discussions import opened, with_status
from hubpolicy.demo.hub.faults import FaultCounters
from hubpolicy.demo.hub.front_matter import examine
from hubpolicy.demo.hub.pre_receive import Rights, Update, ref_problem
from hubpolicy.demo.hub.records import Record, from_json, to_json
from hubpolicy.demo.hub.repository import Pointer, parse_pointer, pointer_text
from hubpolicy.demo.hub.settings import load_settings
from hubpolicy.demo.hub.store import valid_name

if TYPE_CHECKING:
    from pathlib import Path

AUTHOR = Author("alice", 1_700_000_000)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(DIGESTS, st.integers(0, 10**17))
def test_a_pointer_reads_back_as_it_was_written(sha256: str, size: int) -> None:
    pointer = Pointer(sha256, size)
    assert parse_pointer(pointer_text(pointer)) == pointer


@given(st.binary(max_size=9), st.integers(0, 140), st.integers(0, 140))
def test_only_the_canonical_form_is_a_pointer(noise: bytes, start: int, stop: int) -> None:
    content = pointer_text(Pointer("0" * 64, 5))
    changed = content[:start] + noise + content[stop:]
    found = parse_pointer(changed)
    assert found is None or pointer_text(found) == changed


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("parts") / "r.git"
    create_repository(repo, [Change(".gitattributes", b"*.bin filter=lfs -text\n")], AUTHOR)
    return repo


def main_of(repo: Path) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={repo}", "rev-parse", "main"], capture_output=True, check=True
    )
    return done.stdout.decode().strip()


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/\\"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", "..") and name.lower() != ".git")


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_an_added_line_tracks_exactly_its_path(bare: Path, names: list[str]) -> None:
    first, *others = names
    attributes = tracking_lines([first]).encode()
    commit = write_commit(bare, None, [Change(".gitattributes", attributes)], "x", AUTHOR)
    others = [name for name in others if name.casefold() != first.casefold()]
    assert lfs_tracked(bare, commit, [first, *others]) == {first}


def test_nested_attributes_count(bare: Path) -> None:
    changes = [Change("sub/.gitattributes", b"*.txt filter=lfs\n")]
    commit = write_commit(bare, main_of(bare), changes, "x", AUTHOR)
    paths = ["a.txt", "sub/a.txt", "sub/b.bin", "c.bin"]
    assert lfs_tracked(bare, commit, paths) == {"sub/a.txt", "sub/b.bin", "c.bin"}


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (None, set()),
        ("", set()),
        ("*.tmp\n", {"a.tmp", "x/b.tmp"}),
        ("*.tmp\n!a.tmp\n", {"x/b.tmp"}),
        ("x/\n", {"x/b.tmp", "x/c"}),
        ("/c\n", set()),
    ],
)
def test_gitignore_is_read_as_git_reads_it(
    bare: Path, text: str | None, left_out: set[str]
) -> None:
    assert ignored(bare, main_of(bare), text, ["a.tmp", "x/b.tmp", "x/c"]) == left_out


@pytest.mark.parametrize(
    "body",
    [
        "license: mit\n",
        "# comment\nlicense: mit # why\ntags:\n- a\n-  b: c\n",
        "language:\n  - en\n  - 'no'\n",
        "title: \"a: b\"\nother: 'it''s'\n",
        "tags: [a, b,\n  c]\nx: {a: 1}\n",
        "text: |\n  anything: [goes\n  \there too\nnext: 1\n",
        "text: >-\n  folded\n  lines\n",
        "model-index:\n- name: x\n  results:\n  - task: {type: t}\n",
        "url: http://x.example/a#b\n",
        "empty:\n",
    ],
)
def test_front_matter_that_is_fine(body: str) -> None:
    assert examine(f"---\n{body}---\n# Card\n") == ((), ())


@pytest.mark.parametrize(
    ("card", "error"),
    [
        ("---\nlicense: mit\n", "no closing"),
        ("---\nlicense: mit\nlicense: x\n---\n", "duplicated mapping key 'license'"),
        ("---\njust words\n---\n", "line 2: expected 'key: value'"),
        ("---\na:\n\t- b\n---\n", "line 3: a tab"),
        ('---\na: "open\n---\n', "line 2: a quote"),
        ("---\na: [b\n---\n", "a bracket is not closed"),
        ("---\na: b]\n---\n", "line 2: a bracket closes"),
        ("---\n@a: b\n---\n", "line 2: expected"),
    ],
)
def test_front_matter_that_is_broken(card: str, error: str) -> None:
    errors, _ = examine(card)
    assert any(error in found for found in errors), errors


@pytest.mark.parametrize("card", ["", "# Card\n", "---\n---\n", "---\n# only\n\n---\ntext"])
def test_missing_metadata_is_a_warning(card: str) -> None:
    assert examine(card) == ((), ("empty or missing yaml metadata in repo card",))


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("a", True),
        ("A_b-c.d1", True),
        ("", False),
        (".", False),
        ("..", False),
        (".a", False),
        ("a-", False),
        ("a--b", False),
        ("a..b", False),
        ("a/b", False),
        ("é", False),
        ("a.git", False),
        ("a" * 96, True),
        ("a" * 97, False),
    ],
)
def test_names(name: str, valid: bool) -> None:
    assert valid_name(name) is valid


ZERO, ONE = "0" * 40, "1" * 40
WRITER, READER = Rights(True, frozenset({"1"})), Rights(False, frozenset({"2"}))


@pytest.mark.parametrize(
    ("update", "rights", "allowed"),
    [
        (Update(ZERO, ONE, "refs/heads/main"), WRITER, True),
        (Update(ONE, ZERO, "refs/heads/main"), WRITER, False),
        (Update(ONE, ZERO, "refs/heads/dev"), WRITER, True),
        (Update(ONE, ZERO, "refs/tags/v1"), WRITER, True),
        (Update(ZERO, ONE, "refs/tags/v1"), READER, False),
        (Update(ONE, ONE, "refs/pr/1"), WRITER, True),
        (Update(ONE, ONE, "refs/pr/1"), READER, False),
        (Update(ONE, ONE, "refs/pr/2"), READER, True),
        (Update(ONE, ZERO, "refs/pr/2"), READER, False),
        (Update(ZERO, ONE, "refs/pr/1/x"), WRITER, False),
        (Update(ZERO, ONE, "refs/notes/x"), WRITER, False),
        (Update(ZERO, ONE, "HEAD"), WRITER, False),
    ],
)
def test_which_refs_a_push_may_move(update: Update, rights: Rights, allowed: bool) -> None:
    assert (ref_problem(update, rights) is None) is allowed


def test_a_record_reads_back_as_it_was_written() -> None:
    empty = Record("acme/m", "alice", "now", True, "manual", frozenset({"a" * 64}), ())
    record, discussion = opened(
        empty,
        author="bob",
        title="t",
        description="d",
        base="refs/heads/main",
        status="draft",
        now="n",
    )
    record = record.with_discussion(with_status(discussion, "alice", "open", "later"))
    assert from_json(to_json(record)) == record
    assert record.discussion(1) is not None
    assert record.discussion(2) is None


def test_numbers_of_discussions_are_not_used_again() -> None:
    record = Record("acme/m", "alice", "now", False, False, frozenset(), ())
    nums = []
    for _ in range(3):
        record, discussion = opened(
            record, author="a", title="t", description="", base=None, status="open", now="n"
        )
        nums.append(discussion.num)
    assert nums == [1, 2, 3]


def test_a_fault_strikes_after_and_only_so_often(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"faults": [{"status": 500, "after": 1, "times": 2, "path_regex": "^/x"}]}')
    loaded, counters = load_settings(config), FaultCounters()
    struck = [bool(counters.strike(loaded, "GET", path)) for path in ("/x", "/y", "/x", "/x", "/x")]
    assert struck == [False, False, True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        '{"page": 1}',
        '{"faults": [{}]}',
        '{"faults": [{"action": "explode"}]}',
        '{"faults": [{"status": 500, "when_": "request"}]}',
        "{",
    ],
)
def test_settings_with_mistakes_are_errors(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config.json"
    config.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        load_settings(config)


def fine(kind: str, name: str, *permissions: str) -> Account:
    """Alice's token for one entity."""
    scoped = Scoped(kind, name, permissions)
    return Account("alice", ("acme",), "fineGrained", anywhere=(), scoped=(scoped,))


JOB = Account("[OIDC]", (), "write", "acme/m")
FINE = [
    (fine("model", "acme/m", "repo.write"), "acme/m", "rw"),
    (fine("model", "acme/m", "repo.write"), "datasets/acme/m", ""),
    (fine("model", "acme/m", "repo.write"), "", ""),
    (fine("dataset", "acme/m", "repo.write", "discussion.write"), "datasets/acme/m", "rwt"),
    (fine("model", "acme/m", "repo.content.read"), "acme/m", "r"),
    (fine("org", "acme", "repo.write"), "acme/m", "rw"),
    (fine("org", "acme", "repo.write"), "", "rw"),
    (fine("org", "other", "repo.write"), "acme/m", ""),
    (fine("user", "alice", "repo.write", "repo.content.read"), "acme/m", ""),
    (fine("resource-group", "acme", "repo.write"), "acme/m", ""),
]


@pytest.mark.parametrize(
    ("account", "repo", "may"),
    [
        (Account("alice", ("acme",), "write"), "acme/m", "rwt"),
        (Account("acme", (), "write"), "", "rwt"),
        (Account("alice", ("other",), "write"), "acme/m", "t"),
        (Account("carol", ("acme",), "read"), "acme/m", "r"),
        (JOB, "acme/m", "rwt"),
        (JOB, "", ""),
        (JOB, "acme/n", ""),
        *FINE,
        (fine("org", "acme")._replace(anywhere=("discussion.write",)), "acme/m", "t"),
        (fine("org", "other", "repo.write")._replace(orgs=()), "acme/m", ""),
    ],
)
def test_who_may_read_write_and_talk(account: Account, repo: str, may: str) -> None:
    words = zip("rwt", (account.may_read, account.may_write, account.may_talk), strict=True)
    assert "".join(letter for letter, asked in words if asked("acme", repo)) == may


@pytest.mark.parametrize(
    "entry",
    [
        {"role": "fineGrained"},
        {"role": "write", "fineGrained": {"global": [], "scoped": []}},
        {"role": "fineGrained", "fineGrained": {"global": []}},
        {"role": "fineGrained", "fineGrained": {"global": [], "scoped": [{"permissions": []}]}},
        {"role": "admin"},
    ],
)
def test_a_tokens_file_with_a_mistake_is_an_error(tmp_path: Path, entry: dict[str, Any]) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({"hf_a": {"name": "alice", **entry}}))
    with pytest.raises(ValueError, match="fineGrained"):
        Accounts(file).load()
