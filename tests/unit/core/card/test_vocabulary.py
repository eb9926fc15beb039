# SPDX-License-Identifier: Apache-2.0
"""The vendored vocabularies, and what happens to broken ones."""

from __future__ import annotations

import json

import pytest

from hubpolicy.assets import vocab
from hubpolicy.core.card.vocabulary import NAMES, ids_digest, parse_vocabularies
from hubpolicy.errors import ConfigError
from tests.unit.core.card.cards import vocabularies


def test_the_shipped_vocabularies_are_the_hub_s() -> None:
    found = vocabularies()
    assert len(found.licences) == 83
    assert {"apache-2.0", "openmdw-1.1", "llama4", "gemma", "other"} <= found.licences
    assert len(found.pipeline_tags) == 57
    assert {"text-generation", "any-to-any", "other"} <= found.pipeline_tags
    assert {"transformers", "sentence-transformers", "PaddleOCR", "gguf"} <= found.libraries
    assert {"en", "no", "multilingual", "code", "nds", "ger"} <= found.languages
    assert found.dated == "2026-03-21"


@pytest.mark.parametrize("name", NAMES)
def test_each_file_says_where_it_comes_from(name: str) -> None:
    document = json.loads(vocab.read()[name])
    assert {"about", "source", "source_digest", "date", "licence", "count", "sha256"} <= set(
        document
    )
    assert document["count"] == len(document["ids"].split())
    assert document["source"]
    assert document["licence"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Apache-2.0", "apache-2.0"),
        ("apache 2.0", "apache-2.0"),
        ("Apache License 2.0", "apache-2.0"),
        ("gpl3", "gpl-3.0"),
        ("llama-3.1", "llama3.1"),
        ("apache-2.O", "apache-2.0"),
        ("openrail++", "openrail++"),
        ("qwen-research", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_suggestions_for_licences(word: str, meant: str) -> None:
    found = vocabularies()
    assert found.suggest(word, found.licences) == meant


def test_a_former_name_is_suggested_only_where_it_belongs() -> None:
    found = vocabularies()
    assert found.suggest("english", found.languages) == "en"
    assert found.suggest("english", found.pipeline_tags) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"ids": 3, "sha256": "", "date": ""}',
        b'{"ids": "", "sha256": "", "date": ""}',
        b'{"ids": "mit", "sha256": "00", "date": "2026-01-01"}',
        b'{"ids": "mit", "ids": "mit", "sha256": "00", "date": "2026-01-01"}',
    ],
)
def test_a_broken_file_is_an_error_and_no_empty_vocabulary(content: bytes) -> None:
    with pytest.raises(ConfigError, match=r"licences\.json"):
        parse_vocabularies({**vocab.read(), "licences": content})


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"languages\.json"):
        parse_vocabularies({name: vocab.read()[name] for name in NAMES if name != "languages"})


def test_a_changed_id_does_not_fit_the_digest() -> None:
    broken = vocab.read()["licences"].replace(b"wtfpl", b"wtfp1")
    with pytest.raises(ConfigError, match="own digest"):
        parse_vocabularies({**vocab.read(), "licences": broken})


def test_the_digest_does_not_depend_on_order() -> None:
    assert ids_digest(["b", "a"]) == ids_digest(["a", "b"])
