# SPDX-License-Identifier: Apache-2.0
"""HP116: the card holds no credential."""

from __future__ import annotations

import pytest

from tests.unit.core.card.cards import found, judge, with_metadata

# Put together here so that no scanner takes this file for a leak.
TOKENS = {
    "a Hugging Face token": "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567"[:34],
    "a GitHub token": "ghp_" + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "an AWS access key": "AKIA" + "ABCDEFGHIJ234567",
    "an API key": "sk-" + "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "a private key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
}


@pytest.mark.parametrize(("what", "token"), TOKENS.items())
def test_a_credential_is_found_even_in_code_and_never_repeated(what: str, token: str) -> None:
    card = with_metadata() + f'\n```python\nlogin("{token}")\n```\n'
    (finding,) = [each for each in judge(card).findings if each.rule == "HP116"]
    assert finding.message == f"README.md holds what looks like {what}"
    assert token not in str(finding)
    assert finding.location is not None
    assert (finding.location.line, finding.location.column) == (with_metadata().count("\n") + 3, 8)


def test_metadata_and_comments_are_searched_too() -> None:
    token = TOKENS["a Hugging Face token"]
    assert len(found(with_metadata(owner=token) + f"\n<!-- {token} -->", "HP116")) == 2


def test_a_card_whose_front_matter_cannot_be_read_is_searched() -> None:
    assert len(found(f"# Tern\n\n{TOKENS['an AWS access key']}\n", "HP116")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "hf_" + "Ab1" * 5,
        "xhf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567",
        "-----BEGIN PUBLIC KEY-----",
        "ghp_token",
        "task-specific-fine-tuning-of-large-models",
    ],
)
def test_examples_and_ordinary_words_are_left_alone(text: str) -> None:
    assert found(with_metadata() + f"\n{text}\n", "HP116") == []
