# SPDX-License-Identifier: Apache-2.0
"""``.gitattributes`` as the Hub will have it: git itself says what a pattern covers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.adapters import assets
from hubpolicy.adapters.attributes import (
    NAME,
    completed,
    ignored,
    is_binary,
    missing_lines,
)
from hubpolicy.adapters.files import FolderRelease
from hubpolicy.core.rules.hp401 import refuse_path
from hubpolicy.domain.manifest import Entry, EvidenceFile, Manifest, make_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from hubpolicy.domain.finding import Finding

DEFAULT = assets.default_gitattributes()
LFS = b"filter=lfs diff=lfs merge=lfs -text\n"
BINARY = b"\0\1\2"


class Files:
    """A release in memory: path to first bytes."""

    findings: tuple[Finding, ...] = ()

    def __init__(self, heads: dict[str, bytes], evidence: dict[str, bytes] | None = None) -> None:
        self._heads = heads
        self._evidence = evidence or {}

    @property
    def manifest(self) -> Manifest:
        return make_manifest([Entry(p, len(h), "0" * 64) for p, h in self._heads.items()])

    def read(self, path: str) -> bytes:
        return self._heads[path]

    def head(self, path: str) -> bytes:
        return self._heads[path][:512]

    def evidence_files(self) -> tuple[EvidenceFile, ...]:
        return tuple(EvidenceFile(path, content) for path, content in self._evidence.items())


def tracked(folder: Path, attributes: bytes, paths: list[str]) -> set[str]:
    """What git check-attr says of a tree with these attributes."""
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", str(folder)], check=True, timeout=60)
    (folder / NAME).write_bytes(attributes)
    done = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "filter"],
        input="".join(f"{path}\0" for path in paths).encode(),
        capture_output=True,
        cwd=folder,
        check=True,
        timeout=60,
    )
    fields = done.stdout.decode().split("\0")
    return {path for path, value in zip(fields[0::3], fields[2::3], strict=False) if value == "lfs"}


def release(*paths: str, text: tuple[str, ...] = ()) -> Files:
    return Files({**dict.fromkeys(paths, BINARY), **dict.fromkeys(text, b"plain")})


NAMES = [
    "model.onnx.data",
    "weights.unknown",
    "a b.data",
    "#data",
    "!data",
    "! #x",
    'q"uote',
    '"quoted"',
    "it's",
    "[attr]x",
    "[ab].data",
    "a*b",
    "a?b",
    "trailing ",
    "é ü.data",
    "sub dir/деep/100% é+#?.x",
    "nbsp\u00a0x",
    "x=y",
    "a/-filter",
    "~x",
    "{a,b}",
]


@pytest.mark.parametrize("path", NAMES)
def test_every_name_gets_a_line_that_covers_it_and_nothing_like_it(
    tmp_path: Path, path: str
) -> None:
    assert refuse_path(path.encode()) is None
    content = missing_lines(release(path), b"")
    assert content.count(b"\n") == 1
    assert content.endswith(LFS)
    near = [f"{path}x", f"x{path}", path.replace("*", "zz").replace("?", "z")]
    others = [other for other in near if other != path]
    assert tracked(tmp_path, content, [path, *others]) == {path}


SEGMENT = st.text(
    st.one_of(
        st.sampled_from(" \"'#!*?[]\\~{}$%&()+,;=@^`|<>.-_é日"),
        st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")),
    ),
    min_size=1,
    max_size=8,
)
PATHS = (
    st.lists(SEGMENT, min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda path: refuse_path(path.encode()) is None and not path.endswith(NAME))
)


@settings(max_examples=25)
@given(binary=st.lists(PATHS, min_size=1, max_size=6, unique=True), text=PATHS)
def test_after_the_lines_are_added_git_hands_every_binary_file_to_lfs(
    tmp_path_factory: pytest.TempPathFactory, binary: list[str], text: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "attributes"
    folder.mkdir(exist_ok=True)
    files = release(*binary)
    content = DEFAULT + missing_lines(files, DEFAULT)
    assert set(binary) <= tracked(folder, content, [*binary, text])
    assert missing_lines(files, content) == b""


def test_what_a_pattern_covers_needs_no_line() -> None:
    assert missing_lines(release("model.safetensors", "a/b/c.onnx", "x.gz"), DEFAULT) == b""


def test_text_needs_no_line_until_it_is_large(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b'{"a": 1}')
    assert missing_lines(FolderRelease(tmp_path), DEFAULT) == b""
    (tmp_path / "tokenizer.json").write_bytes(b" " * (10 * 1024 * 1024))
    assert missing_lines(FolderRelease(tmp_path), DEFAULT) == b""
    (tmp_path / "tokenizer.json").write_bytes(b" " * (10 * 1024 * 1024 + 1))
    assert missing_lines(FolderRelease(tmp_path), DEFAULT) == b"tokenizer.json " + LFS


def test_a_last_line_without_its_end_is_ended_first() -> None:
    added = missing_lines(release("m.data"), b"*.x filter=lfs")
    assert added == b"\nm.data " + LFS
    assert missing_lines(release("m.x"), b"*.x filter=lfs") == b""


def test_a_line_that_takes_a_file_out_again_is_answered_by_one_after_it(tmp_path: Path) -> None:
    before = b"*.data filter=lfs\nm.data -filter\n"
    content = before + missing_lines(release("m.data"), before)
    assert content == before + b"m.data " + LFS
    assert tracked(tmp_path, content, ["m.data"]) == {"m.data"}


def test_attributes_in_folders_count_too() -> None:
    files = Files({"sub/.gitattributes": b"*.data filter=lfs\n", "sub/m.data": BINARY})
    assert missing_lines(files, b"") == b""


def test_attributes_in_folders_that_overrule_do_not_make_it_grow_for_ever() -> None:
    files = Files({"sub/.gitattributes": b"*.data -filter\n", "sub/m.data": BINARY})
    once = missing_lines(files, b"")
    assert once == b"sub/m.data " + LFS
    assert missing_lines(files, once) == b""


def test_packed_records_get_one_pattern_for_all_runs(tmp_path: Path) -> None:
    path = f".hubpolicy/evidence/{'a' * 64}.jsonl.gz"
    other = f".hubpolicy/evidence/{'b' * 64}.jsonl.gz"
    files = Files({"README.md": b"# x\n"}, {path: b"\x1f\x8b\x08\0", "model.sig": b"{}"})
    added = missing_lines(files, b"")
    assert added == b".hubpolicy/evidence/*.jsonl.gz " + LFS
    assert tracked(tmp_path, added, [path, other, "x.gz"]) == {path, other}
    assert missing_lines(files, DEFAULT) == b""


def test_the_user_s_own_attributes_are_not_the_hub_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "attributes").write_text("*.data filter=lfs\n")
    other = home / "attributes"
    other.write_text("*.data filter=lfs\n")
    (home / ".gitconfig").write_text(f"[core]\n\tattributesFile = {other}\n")
    template = home / "template" / "info"
    template.mkdir(parents=True)
    (template / "attributes").write_text("*.data filter=lfs\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    assert missing_lines(release("m.data"), b"") == b"m.data " + LFS


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", False),
        (b"plain", False),
        ("é" * 256, False),
        (b"x" + "é".encode() * 256, False),
        (b"xy" + "日".encode() * 171, False),
        (b"x" * 511 + b"\xf0", False),
        (b"\xff\xfe", True),
        (b"a\0b", True),
        (b"\x80abc", True),
        (b"abc\xc3(", True),
        (b"x" * 508 + b"\xf0\x9f\x98\x80", False),
        (b"\xe6" + b"x" * 10, True),
    ],
)
def test_binary_is_what_is_no_text_a_cut_character_apart(head: bytes | str, expected: bool) -> None:
    raw = head.encode() if isinstance(head, str) else head
    assert is_binary(raw[:512]) is expected


@given(st.text(max_size=300).map(str.encode), st.integers(0, 900))
def test_text_is_text_wherever_it_is_cut(content: bytes, at: int) -> None:
    head = content[: min(at, 512)]
    assert is_binary(head) is (b"\0" in head)


def test_a_folder_without_attributes_gets_the_hub_s_own(tmp_path: Path) -> None:
    (tmp_path / "m.data").write_bytes(BINARY)
    better = completed(FolderRelease(tmp_path), DEFAULT)
    assert better is not None
    assert better.content == DEFAULT + b"m.data " + LFS
    assert not (tmp_path / NAME).exists()
    (tmp_path / NAME).write_bytes(better.content)
    assert FolderRelease(tmp_path).manifest == better.manifest
    assert completed(FolderRelease(tmp_path), DEFAULT) is None


def test_an_empty_folder_stays_empty(tmp_path: Path) -> None:
    assert completed(FolderRelease(tmp_path), DEFAULT) is None


def test_complete_attributes_are_left_alone_whatever_they_are(tmp_path: Path) -> None:
    (tmp_path / "m.data").write_bytes(BINARY)
    (tmp_path / NAME).write_bytes(b"# mine\r\n*.data filter=lfs")
    assert completed(FolderRelease(tmp_path), DEFAULT) is None


def test_a_completed_release_reads_as_what_will_stand_there(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"# mine\n")
    (tmp_path / "m.data").write_bytes(BINARY)
    (tmp_path / "model.sig").write_bytes(b"{}")
    reader = FolderRelease(tmp_path)
    better = completed(reader, DEFAULT)
    assert better is not None
    assert better.read(NAME) == b"# mine\nm.data " + LFS
    assert better.head(NAME) == better.content[:512]
    assert (better.read("m.data"), better.head("m.data")) == (BINARY, BINARY)
    assert better.evidence_files() == reader.evidence_files()
    assert better.findings == reader.findings == ()
    assert [entry.path for entry in better.manifest.entries] == [NAME, "m.data"]


def test_what_the_release_s_own_gitignore_names_would_not_be_taken(tmp_path: Path) -> None:
    for path in ("a.log", "b.txt", "sub/c.log", "keep.log"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    assert ignored(FolderRelease(tmp_path)) == ()
    (tmp_path / ".gitignore").write_bytes(b"*.log\n!keep.log\n")
    assert ignored(FolderRelease(tmp_path)) == ("a.log", "sub/c.log")
    (tmp_path / ".gitignore").write_bytes(b"# nothing\n")
    assert ignored(FolderRelease(tmp_path)) == ()


@pytest.mark.parametrize(
    ("count", "lines"),
    [
        (10_000, []),
        (20_000, [b".hubpolicy/release.intoto.jsonl"]),
        (50_000, [b".hubpolicy/release.intoto.jsonl", b"model.sig"]),
    ],
)
def test_evidence_about_very_many_files_goes_by_lfs(count: int, lines: list[bytes]) -> None:
    """A release line of 50,000 files has 11 MB: the Hub would add a line of its own for it."""
    files = Files({f"notes/n{number}.md": b"" for number in range(count)})
    content = missing_lines(files, DEFAULT)
    assert content == b"".join(name + b" " + LFS for name in lines)
