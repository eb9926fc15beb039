# SPDX-License-Identifier: Apache-2.0
"""HP110: a derived model names its base."""

from __future__ import annotations

import pytest

from hubpolicy.core.card.check import RepoFacts
from tests.unit.core.card.cards import TRANSFORMERS, found, judge, with_metadata

ADAPTER = RepoFacts(
    ("safetensors",), frozenset({"README.md", "adapter_model.safetensors"}), False, 1
)
GGUF = RepoFacts(("gguf",), frozenset({"README.md", "x.Q4_K_M.gguf"}), False, 1)


@pytest.mark.parametrize("base", ["acme/tern", "[acme/tern, gpt2]", "acme/T.e_r-n"])
def test_repositories_pass(base: str) -> None:
    assert judge(with_metadata(base_model=base)).findings == ()


@pytest.mark.parametrize(
    ("base", "fix"),
    [
        ("https://huggingface.co/acme/tern", "base_model: acme/tern"),
        ("https://huggingface.co/acme/tern/tree/main", "base_model: acme/tern"),
        ("the tern model", "base_model: org/name"),
        ("a/b/c", "base_model: org/name"),
        ("../tern", "base_model: org/name"),
        ("/home/anna/tern", "base_model: org/name"),
    ],
)
def test_a_base_that_is_no_repository_is_an_error(base: str, fix: str) -> None:
    (finding,) = judge(with_metadata(base_model=base)).findings
    assert (finding.rule, finding.severity.word, finding.fix) == ("HP110", "error", fix)


@pytest.mark.parametrize(
    ("facts", "severity"), [(ADAPTER, "error"), (GGUF, "warning"), (TRANSFORMERS, "")]
)
def test_files_that_are_made_from_another_model_need_a_base(
    facts: RepoFacts, severity: str
) -> None:
    lines = found(with_metadata(), "HP110", facts)
    assert [line.split()[1] for line in lines] == ([severity] if severity else [])
    assert found(with_metadata(base_model="acme/tern"), "HP110", facts) == []


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ("distilled", "is the text `distilled`, expected adapter, merge, quantized or finetune"),
        ("[merge]", "is a list, expected adapter, merge, quantized or finetune"),
    ],
)
def test_relations_are_a_closed_list(relation: str, message: str) -> None:
    card = with_metadata(base_model="acme/tern", base_model_relation=relation)
    assert [line.partition("error ")[2] for line in found(card, "HP110")] == [
        f"`base_model_relation` {message}"
    ]


def test_a_relation_needs_a_base() -> None:
    assert found(with_metadata(base_model_relation="finetune"), "HP110") == [
        "1:1 error `base_model_relation` is given without `base_model`"
    ]


@pytest.mark.parametrize(
    ("path", "tags", "plausible"),
    [
        ("model.safetensors", "[x]", False),
        ("model.safetensors", "[4-bit, x]", True),
        ("model.safetensors", "[awq]", True),
        ("model-int8.onnx", "[]", True),
        ("quantize_config.json", "[]", True),
        ("x/model.Q8_0.bin", "[]", True),
        ("intro.bin", "[unquantised]", False),
    ],
)
def test_quantised_models_show_it(path: str, tags: str, plausible: bool) -> None:
    facts = TRANSFORMERS._replace(paths=frozenset({"README.md", path}))
    card = with_metadata(base_model="a/b", base_model_relation="quantized", tags=tags)
    assert (found(card, "HP110", facts) == []) is plausible


def test_an_adapter_without_adapter_files_is_a_warning() -> None:
    card = with_metadata(base_model="a/b", base_model_relation="adapter")
    assert [line.split()[1] for line in found(card, "HP110")] == ["warning"]
    assert found(card, "HP110", ADAPTER) == []
