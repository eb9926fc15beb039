# SPDX-License-Identifier: Apache-2.0
"""Patterns of foreign schemas: those that could run away are refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubpolicy.core.card.patterns import SUBJECT_LIMIT, refusal

ALLOWED = [
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$",
    r"^https://.+$",
    r"^\d{4}-\d{2}-\d{2}$",
    r"(ab)*c",
    r"(?:abc){3}",
    r"[+*?{}()|]{3}",
    r"\(\?",
    r"a*?b+?",
    r"^(low|medium|high)$",
    r"((a))*",
    r"]",
]
REFUSED = {
    "(a+)+$": "repeats a group that matches in several ways",
    "(a*)*": "repeats a group that matches in several ways",
    "(a|a)*$": "repeats a group that matches in several ways",
    "(a|b)+": "repeats a group that matches in several ways",
    "(a?){30}": "repeats a group that matches in several ways",
    "(x(a+))*": "repeats a group that matches in several ways",
    "(a{1,9}){1,9}": "repeats a group that matches in several ways",
    "a*b*c*": "has more than 2 repetitions of open length",
    "a?b?c?d?e?f?g?": "has more than 6 options",
    "(?=a)": "uses look-around, flags or named groups",
    "(?i)a": "uses look-around, flags or named groups",
    "(?P<x>a)": "uses look-around, flags or named groups",
    r"(a)\1": "uses a back-reference",
    "[": "is not a regular expression",
    "a" * 513: "is longer than 512 characters",
    "a{99999999999}": "is not a regular expression",
}


@pytest.mark.parametrize("pattern", ALLOWED)
def test_ordinary_patterns_are_allowed(pattern: str) -> None:
    assert refusal(pattern) is None


@pytest.mark.parametrize(("pattern", "why"), REFUSED.items())
def test_dangerous_patterns_are_refused_with_a_reason(pattern: str, why: str) -> None:
    assert refusal(pattern) == why


@given(st.lists(st.sampled_from([*"ab()|*+?", "a{0,9}", "[ab]", "(?:"]), max_size=14).map("".join))
@settings(max_examples=300, deadline=None)
def test_whatever_is_allowed_ends_soon(pattern: str) -> None:
    if refusal(pattern) is not None:
        return
    begin = time.process_time()
    re.search(pattern + "c", "a" * (SUBJECT_LIMIT // 2) + "b" * (SUBJECT_LIMIT // 2))
    assert time.process_time() - begin < 5
