# SPDX-License-Identifier: Apache-2.0
"""HP109: the library is named."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, vocabularies, with_metadata


@pytest.mark.parametrize(
    "library", ["transformers", "gguf", "timm", "PaddleOCR", "onnxruntime-genai"]
)
def test_known_libraries_pass(library: str) -> None:
    assert library in vocabularies().libraries
    assert judge(with_metadata(library_name=library)).findings == ()


@pytest.mark.parametrize(
    ("library", "fix"),
    [
        ("Transformers", "library_name: transformers"),
        ("sentence_transformers", "library_name: sentence-transformers"),
        ("scikit-learn", "library_name: sklearn"),
        ("brand-new-thing", "check the spelling; a new library may stay"),
    ],
)
def test_an_unknown_library_is_a_warning(library: str, fix: str) -> None:
    (finding,) = judge(with_metadata(library_name=library)).findings
    assert (finding.rule, finding.severity.word, finding.fix) == ("HP109", "warning", fix)


@pytest.mark.parametrize("library", [None, "", "[a]", "3"])
def test_no_library_is_an_error(library: str | None) -> None:
    (line,) = found(with_metadata(library_name=library), "HP109")
    assert " error " in line
