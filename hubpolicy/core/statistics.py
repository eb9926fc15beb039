# SPDX-License-Identifier: Apache-2.0
"""The one-sided exact binomial upper bound (Clopper and Pearson, Biometrika 26, 1934).

All decisions are made in integers: a rate is a ratio, ``P(X <= hits)`` a sum of products, and it
is compared with ``1 - confidence`` without rounding. Floats only guess where to look, or draw a
picture. On the hook's path: standard library only, and little of that.
"""

from __future__ import annotations

from math import exp, gcd, lgamma, log, log1p

from hubpolicy.errors import MalformedError

MAX_TRIALS = 100_000
DIGITS = 6
_SCALE: int = 10**DIGITS
_MAX_DIGITS = 12

Ratio = tuple[int, int]
"""Numerator and denominator, in lowest terms."""


def parse_ratio(text: str) -> Ratio:
    """A plain decimal such as ``"0.02"`` as an exact ratio; no sign, exponent or blanks.

    Raises:
        MalformedError: anything else, or more than 12 digits on one side of the point.

    """
    whole, point, part = text.partition(".") if isinstance(text, str) else ("", "", "")
    digits_ok = whole.isdigit() and whole.isascii() and len(whole) <= _MAX_DIGITS
    if point:
        digits_ok = digits_ok and part.isdigit() and part.isascii() and len(part) <= _MAX_DIGITS
    if not digits_ok:
        message = f"got {text!r}, expected a plain decimal string such as '0.02'"
        raise MalformedError(message)
    scale = 10 ** len(part)
    value = int(whole + part)
    common = gcd(value, scale)
    return value // common, scale // common


def within(hits: int, n: int, limit: str, confidence: str) -> bool:
    """True if the upper bound of ``hits`` among ``n`` is at most ``limit``, decided exactly.

    That holds exactly when at the rate ``limit`` so few hits are rarer than ``1 - confidence``.

    Raises:
        MalformedError: impossible counts, a limit outside (0, 1], confidence outside (0.5, 1).

    """
    _refuse_counts(hits, n)
    return _within(hits, n, _limit(limit), _alpha(confidence))


def upper_bound(hits: int, n: int, confidence: str) -> str:
    """The bound, rounded up to six digits, so that it never reads better than it is.

    ``upper_bound(...) <= limit`` agrees with :func:`within` for limits of up to six digits.
    No trials, or only hits, show nothing: the bound is 1.
    """
    _refuse_counts(hits, n)
    alpha = _alpha(confidence)
    if hits == n:
        return _decimal(_SCALE)
    step = _guess(hits, n, alpha[0] / alpha[1])
    while not _within(hits, n, (step, _SCALE), alpha):
        step += 1
    while step > 1 and _within(hits, n, (step - 1, _SCALE), alpha):
        step -= 1
    return _decimal(step)


def max_hits(n: int, limit: str, confidence: str) -> int:
    """Most hits among ``n`` that still pass; -1 if not even zero hits show the limit."""
    _refuse_counts(0, n)
    ratio, alpha = _limit(limit), _alpha(confidence)
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _within(middle, n, ratio, alpha):
            low = middle
        else:
            high = middle
    return low


def power(rate: str, n: int, limit: str, confidence: str) -> float:
    """How often (0 to 1) a model whose true rate is ``rate`` passes. A picture, not a decision."""
    most = max_hits(n, limit, confidence)
    numerator, denominator = parse_ratio(rate)
    if most < 0:
        return 0.0
    if numerator == 0:
        return 1.0
    if numerator >= denominator:
        return 0.0
    return _tail(most, n, numerator / denominator)


def _within(hits: int, n: int, limit: Ratio, alpha: Ratio) -> bool:
    numerator, denominator = limit
    if numerator >= denominator:
        return True
    # The median of a binomial is at most ceil(n * rate), so this many hits are no rarer than 1/2.
    if hits * denominator >= n * numerator:
        return False
    rest = denominator - numerator
    # total / denominator**n <= alpha, with every term an exact integer.
    term: int = rest**n
    total: int = term
    ceiling: int = alpha[0] * denominator**n // alpha[1]
    for i in range(hits):
        if total > ceiling:
            return False
        term = term * ((n - i) * numerator) // ((i + 1) * rest)
        total += term
    return total <= ceiling


def _guess(hits: int, n: int, alpha: float) -> int:
    low, high = hits / n, 1.0
    while high - low > 1e-8:
        middle = (low + high) / 2
        if _tail(hits, n, middle) > alpha:
            low = middle
        else:
            high = middle
    return min(max(int(high * _SCALE), 1), _SCALE)


def _tail(hits: int, n: int, rate: float) -> float:
    """P(X <= hits) in floats, relative error about 1e-10."""
    if rate >= 1.0:
        return 1.0 if hits >= n else 0.0
    odds = log(rate) - log1p(-rate)
    base = n * log1p(-rate) + lgamma(n + 1)
    logs = [base + i * odds - lgamma(i + 1) - lgamma(n - i + 1) for i in range(hits + 1)]
    top = max(logs)
    return min(1.0, exp(top) * sum(exp(value - top) for value in logs))


def _limit(text: str) -> Ratio:
    numerator, denominator = parse_ratio(text)
    if not 0 < numerator <= denominator:
        message = f"got limit {text!r}, expected a decimal above 0 and at most 1"
        raise MalformedError(message)
    return numerator, denominator


def _alpha(confidence: str) -> Ratio:
    numerator, denominator = parse_ratio(confidence)
    if not denominator < 2 * numerator < 2 * denominator:
        message = f"got confidence {confidence!r}, expected a decimal above 0.5 and below 1"
        raise MalformedError(message)
    return denominator - numerator, denominator


def _refuse_counts(hits: int, n: int) -> None:
    if not 0 <= hits <= n <= MAX_TRIALS:
        message = f"got {hits} hits among {n}, expected 0 <= hits <= n <= {MAX_TRIALS}"
        raise MalformedError(message)


def _decimal(step: int) -> str:
    text = f"{step // _SCALE}.{step % _SCALE:0{DIGITS}d}".rstrip("0")
    return text.rstrip(".")
