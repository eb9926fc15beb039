"""Paths, modes and twins: every refusal by its own case, and nothing else refused."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubpolicy.core.paths import (
    path_findings,
    refuse_mode,
    refuse_path,
    refused_paths,
    tree_findings,
    twins,
)
from hubpolicy.core.rules import hp401

ZERO_WIDTH_NON_JOINER = "\u200c"
RIGHT_TO_LEFT_OVERRIDE = "\u202e"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (b"", "is empty"),
        (b"caf\xe9.bin", "is not UTF-8"),
        (b"\xed\xa0\x80", "is not UTF-8"),
        (b"/etc/passwd", "is absolute"),
        (b"C:/model.bin", "is absolute"),
        (b"c:model.bin", "is absolute"),
        (b"a\\b", "has a backslash"),
        (b"-", "begins with a dash"),
        (b"--check", "begins with a dash"),
        (b"a\nb", "has a control character"),
        (b"a\0b", "has a control character"),
        (b"a\x7fb", "has a control character"),
        ("a\x85b".encode(), "has a control character"),
        ("a\u2028b".encode(), "has a control character"),
        (f"{RIGHT_TO_LEFT_OVERRIDE}gnp.exe".encode(), "has a character that reverses"),
        (b"a//b", "has an empty part"),
        (b"a/", "has an empty part"),
        (b".", "has the part '.'"),
        (b"a/./b", "has the part '.'"),
        (b"..", "has the part '..'"),
        (b"a/../b", "has the part '..'"),
        (b"a/.. /b", "only dots and spaces"),
        (b"...", "only dots and spaces"),
        (b" ", "only dots and spaces"),
        (b".git", "'.git' on some file systems"),
        (b".git/config", "'.git' on some file systems"),
        (b"sub/.git/hooks/x", "'.git' on some file systems"),
        (b".GIT/config", "'.git' on some file systems"),
        (b".git /config", "'.git' on some file systems"),
        (b".git./config", "'.git' on some file systems"),
        (b".git::$INDEX_ALLOCATION/config", "'.git' on some file systems"),
        (b"git~1/config", "'.git' on some file systems"),
        (b"GIT~1", "'.git' on some file systems"),
        (f".g{ZERO_WIDTH_NON_JOINER}it/config".encode(), "'.git' on some file systems"),
        ("\ufeff.git/config".encode(), "'.git' on some file systems"),
        (b".HubPolicy/evil.py", "'.hubpolicy' on some file systems"),
        (b".hubpolicy./evil.py", "'.hubpolicy' on some file systems"),
        (b"Model.sig", "'model.sig' on some file systems"),
        (b"/".join([b"a"] * 33), "more than 32 parts"),
        ("/".join(["é"] * 33).encode(), "more than 32 parts"),
        (b"a" * 1025, "1024 bytes"),
        (f"model.si{ZERO_WIDTH_NON_JOINER}g".encode(), "'model.sig' on some file systems"),
    ],
)
def test_refused(path: bytes, reason: str) -> None:
    refusal = refuse_path(path)
    assert refusal is not None
    assert reason in refusal


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "a b/c  d.txt",
        "Übung/naïve.bin",
        "模型/権重.safetensors",
        "emoji 👩\u200d🔬.png",
        ".gitattributes",
        ".gitignore",
        "git",
        "git~2",
        ".github/workflows/x.yml",
        ".hubpolicy/release.intoto.jsonl",
        "sub/.hubpolicy/x",
        "model.sig",
        "sub/Model.sig",
        "..a",
        "a..",
        ".a.",
        "a/-rf",
        "ab:c",
        "'\"$(x)`",
        "/".join(["a"] * 32),
        "a" * 1024,
    ],
)
def test_accepted(path: str) -> None:
    assert refuse_path(path.encode()) is None


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_accepted_path_is_one_line_of_the_coreutils_recipe(path: str) -> None:
    # sha256sum escapes backslashes and newlines; find and cut take everything else as it is.
    if refuse_path(path.encode()) is None:
        assert not set(path) & set("\\\n\r\0")
        assert not {"", ".", ".."} & set(path.split("/"))
        assert ".git" not in path.lower().split("/")


PIECES = ["a", "B", "9", ".", "/", "-", "_", "git", "model.sig", "MODEL.SIG", " ", ":", "~1", "é"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_the_quick_answer_is_the_thorough_one(path: str) -> None:
    assert refuse_path(path.encode()) == hp401._refuse_slowly(path.encode())


@given(st.binary())
def test_only_utf8_is_accepted(path: bytes) -> None:
    if refuse_path(path) is None:
        assert path.decode("utf-8").encode("utf-8") == path


@pytest.mark.parametrize("mode", ["100644", "100755"])
def test_plain_modes(mode: str) -> None:
    assert refuse_mode(mode) is None


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("120000", "is a symbolic link"),
        ("160000", "is a submodule"),
        ("100664", "has mode '100664'"),
        ("0100644", "has mode '0100644'"),
        ("040000", "has mode '040000'"),
        ("", "has mode ''"),
    ],
)
def test_refused_modes(mode: str, reason: str) -> None:
    assert reason in (refuse_mode(mode) or "")


@pytest.mark.parametrize(
    ("paths", "pairs"),
    [
        (["a", "b"], ()),
        (["README.md", "readme.md"], (("README.md", "readme.md"),)),
        (["caf\u00e9", "cafe\u0301"], (("cafe\u0301", "caf\u00e9"),)),
        (["STRASSE", "straße"], (("STRASSE", "straße"),)),
        (["\u03a3", "\u03c2"], (("\u03a3", "\u03c2"),)),
        (["a", "a\u200d"], (("a", "a\u200d"),)),
        (["A/x", "a/y"], (("A", "a"),)),
        (["A/x", "a"], (("A", "a"),)),
        (["a", "a/x"], (("a", "a"),)),
        (["a", "a"], (("a", "a"),)),
        (["A", "a", "\uff41"], (("A", "a"),)),
        (["\u1e9e", "ss", "SS"], (("SS", "ss"), ("SS", "\u1e9e"))),
    ],
)
def test_twins(paths: list[str], pairs: tuple[tuple[str, str], ...]) -> None:
    assert twins(paths) == pairs


@given(st.lists(st.text("aAßſsSé\u0301e/İi", min_size=1), unique=True))
def test_without_twins_every_file_keeps_its_own_place(paths: list[str]) -> None:
    def folded(path: str) -> str:
        lowered = unicodedata.normalize("NFD", path).casefold()
        return unicodedata.normalize("NFC", lowered)

    if not twins(paths):
        assert len({folded(path) for path in paths}) == len(paths)


@given(st.lists(st.text("abAB/", min_size=1, max_size=4)))
def test_twins_do_not_depend_on_order(paths: list[str]) -> None:
    assert twins(paths) == twins(reversed(paths))


def test_findings_of_a_tree() -> None:
    findings = path_findings(
        (
            (b"ok.md", "100644"),
            (b"OK.md", "100644"),
            (b"link", "120000"),
            (b"caf\xe9", "100644"),
            (b".hubpolicy/x", "160000"),
        )
    )
    assert [(f.rule, f.location and f.location.path) for f in findings] == [
        ("HP401", "caf\\xe9"),
        ("HP402", "link"),
        ("HP402", ".hubpolicy/x"),
        ("HP403", "ok.md"),
    ]
    assert all(f.fix and f.effect == "failed" for f in findings)


def test_a_hostile_name_is_printed_escaped() -> None:
    (finding,) = path_findings([(b"\x1b[2J\n\xff" + RIGHT_TO_LEFT_OVERRIDE.encode(), "100644")])
    assert finding.message.isprintable()


def test_ten_thousand_twins_take_no_quadratic_time() -> None:
    assert len(twins(f"{'aA'[n % 2]}{n // 2}" for n in range(10_000))) == 5_000


def test_a_list_of_a_megabyte_does_not_become_gigabytes_of_folders() -> None:
    """Each of these has two thousand folders above it, and shares none with another."""
    paths = [f"{n}{'/a' * 2000}" for n in range(250)]
    tracemalloc.start()
    try:
        found = path_findings((path.encode(), "100644") for path in paths)
        same = tree_findings(paths, ["100644"] * len(paths), refused_paths(paths))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == same
    assert [finding.rule for finding in found] == ["HP401"] * 250
    assert peak < 50_000_000


def test_nobody_keeps_in_mind_what_is_refused_for_its_length() -> None:
    tracemalloc.start()
    try:
        for n in range(300):
            assert refuse_path(b"%d" % n + b"a" * 100_000) is not None
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 5_000_000


LEAN = "hubpolicy.core.paths, hubpolicy.core.filetypes, hubpolicy.core.lfs_pointer"
HEAVY = {"dataclasses", "inspect", "unicodedata", "asyncio", "subprocess", "threading", "numpy"}


def test_the_hooks_path_imports_nothing_heavy() -> None:
    program = f"import {LEAN}, hubpolicy.core.closure, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not HEAVY & set(done.stdout.decode().split())
