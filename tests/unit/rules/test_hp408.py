"""HP408: neither tested nor inert."""

from __future__ import annotations

import pytest

from hubpolicy.core.filetypes import MIB
from hubpolicy.core.rules import hp408

NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("path", "size", "head", "words"),
    [
        ("notes.txt", 5, None, "notes.txt is of no known type"),
        ("config.json", 5, None, "config.json is read by model loaders"),
        ("README.md", MIB + 1, None, f"has {MIB + 1} bytes, expected at most {MIB}"),
        ("logo.png", 5, b"hello", "logo.png does not hold what its name says"),
    ],
)
def test_found(path: str, size: int, head: bytes | None, words: str) -> None:
    heads = {path: head} if head else {}
    (finding,) = hp408.check({path: size}, heads, NOTHING, NOTHING)
    assert (finding.rule, finding.effect) == ("HP408", "failed")
    assert words in finding.message
    assert finding.fix.startswith("make" if size > MIB else "remove")
    only = frozenset({path})
    assert hp408.check({path: size}, heads, only, NOTHING) == ()
    listed = hp408.check({path: size}, heads, NOTHING, only)
    assert bool(listed) == (path == "config.json")


@pytest.mark.parametrize(
    "path", ["chat_template.jinja", "tokenizer.json", "generation_config.json", "merges.txt"]
)
def test_no_list_spares_what_loaders_read(path: str) -> None:
    (finding,) = hp408.check({path: 5}, {}, NOTHING, frozenset({path}))
    assert "is read by model loaders" in finding.message
    assert "allowed" not in finding.fix
    assert hp408.check({path: 5}, {}, frozenset({path}), NOTHING) == ()


@pytest.mark.parametrize("path", ["Modelfile", "template", "system", "params"])
def test_what_only_ollama_reads_is_covered_by_no_run_of_ours_and_may_be_listed(path: str) -> None:
    (finding,) = hp408.check({path: 5}, {}, NOTHING, NOTHING)
    assert "is of no known type" in finding.message
    assert hp408.check({path: 5}, {}, NOTHING, frozenset({path})) == ()


@pytest.mark.parametrize("path", [".husky/pre-push", ".githooks/pre-push", ".lefthook/pre-push/a"])
def test_a_script_of_a_hook_tool_is_code_and_may_be_listed(path: str) -> None:
    """Programs are not in the closed table (DESIGN.md, "Bytes"); settings of these tools are."""
    (finding,) = hp408.check({path: 5}, {}, NOTHING, NOTHING)
    assert "is a script that git starts" in finding.message
    assert finding.fix.startswith(f"allowed = ['{path}'] under [files] in the policy")
    assert hp408.check({path: 5}, {}, NOTHING, frozenset({path})) == ()
    assert hp408.check({"lefthook.yml": 5, ".husky/README.md": 5}, {}, NOTHING, NOTHING) == ()


@pytest.mark.parametrize("path", ["README.md", "m.safetensors", "m.bin", "m.py"])
def test_inert_files_and_those_with_a_rule_of_their_own_are_not_found(path: str) -> None:
    assert hp408.check({path: 5}, {}, NOTHING, NOTHING) == ()
