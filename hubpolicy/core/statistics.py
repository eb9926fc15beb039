# SPDX-License-Identifier: Apache-2.0
"""The one-sided exact binomial bounds (Clopper and Pearson, Biometrika 26, 1934).

All decisions are made in integers: a rate is a ratio, ``P(X <= hits)`` a sum of products, and it
is compared with ``1 - confidence`` without rounding. Floats only guess where to look, or draw a
picture. On the hook's path: standard library only, and little of that.
"""

from __future__ import annotations

from itertools import count
from math import exp, gcd, lgamma, log, log1p

from hubpolicy.errors import MalformedError

MAX_TRIALS = 100_000
DIGITS = 6
STEPS: int = 10**DIGITS
"""Bounds are counted in millionths."""
_MAX_DIGITS = 12

LAST_ATTEMPT = 100
"""Alpha is halved for each attempt up to this one; a policy cannot allow more."""

Ratio = tuple[int, int]
"""Numerator and denominator, in lowest terms."""


def parse_ratio(text: str, most: int = _MAX_DIGITS) -> Ratio:
    """A plain decimal such as ``"0.02"`` as an exact ratio; no sign, exponent or blanks.

    Raises:
        MalformedError: anything else, or more than ``most`` digits on one side of the point.

    """
    whole, point, part = text.partition(".") if isinstance(text, str) else ("", "", "")
    digits_ok = whole.isdigit() and whole.isascii() and len(whole) <= _MAX_DIGITS
    if point:
        digits_ok = digits_ok and part.isdigit() and part.isascii() and len(part) <= most
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
    return _within(hits, n, _limit(limit), alpha_of(confidence))


def upper_bound(hits: int, n: int, confidence: str) -> str:
    """The bound, rounded up to six digits, so that it never reads better than it is.

    ``upper_bound(...) <= limit`` agrees with :func:`within` for limits of up to six digits.
    No trials, or only hits, show nothing: the bound is 1.
    """
    return format_steps(upper_steps(hits, n, alpha_of(confidence)))


def lower_bound(hits: int, n: int, confidence: str) -> str:
    """The one-sided lower bound, rounded down to six digits; 0 without trials or hits."""
    return format_steps(lower_steps(hits, n, alpha_of(confidence)))


def upper_steps(hits: int, n: int, alpha: Ratio) -> int:
    """The smallest rate, in millionths, at which so few hits are no likelier than ``alpha``."""
    _refuse_counts(hits, n)
    if hits == n:
        return STEPS
    if 2 * hits > n:
        return STEPS - lower_steps(n - hits, n, alpha)
    guess = _guess(hits, n, alpha[0] / alpha[1])
    inside = _within(hits, n, (guess, STEPS), alpha)
    # From the guess on in the one direction in which the edge lies: 1 is within, and 0 never is.
    steps = count(guess - 1, -1) if inside else count(guess + 1)
    edge = next(step for step in steps if _within(hits, n, (step, STEPS), alpha) is not inside)
    return edge + 1 if inside else edge


def lower_steps(hits: int, n: int, alpha: Ratio) -> int:
    """The largest rate, in millionths, at which so many hits are no likelier than ``alpha``."""
    _refuse_counts(hits, n)
    if hits == 0:
        return 0
    if 2 * hits > n:
        return STEPS - upper_steps(n - hits, n, alpha)
    guess = _guess(hits - 1, n, 1 - alpha[0] / alpha[1])
    inside = _beyond(hits, n, guess, alpha)
    # The same the other way round: 0 is always beyond, and no rate above the share of hits is.
    steps = count(guess + 1) if inside else count(guess - 1, -1)
    edge = next(step for step in steps if _beyond(hits, n, step, alpha) is not inside)
    return edge - 1 if inside else edge


def max_hits(n: int, limit: str, confidence: str) -> int:
    """Most hits among ``n`` that still pass; -1 if not even zero hits show the limit."""
    _refuse_counts(0, n)
    ratio, alpha = _limit(limit), alpha_of(confidence)
    low, high = -1, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _within(middle, n, ratio, alpha):
            low = middle
        else:
            high = middle
    return low


def alpha_of(confidence: str) -> Ratio:
    """``1 - confidence``, the chance of a false pass, exactly.

    Raises:
        MalformedError: no decimal above 0.5 and below 1.

    """
    numerator, denominator = parse_ratio(confidence, _MAX_DIGITS + LAST_ATTEMPT)
    if not denominator < 2 * numerator < 2 * denominator:
        message = f"got confidence {confidence!r}, expected a decimal above 0.5 and below 1"
        raise MalformedError(message)
    return denominator - numerator, denominator


def spend(confidence: str, attempt: int) -> str:
    """The confidence at which the ``attempt``-th run (1, 2, ...) is judged: alpha / 2**attempt.

    1/2 + 1/4 + 1/8 + ... stays under 1: however often a bad model is tried, the chance that one
    of its runs passes is at most ``1 - confidence``. An exact decimal, such as "0.975" after
    "0.95". It does not depend on how many attempts a policy allows, so that allowing fewer never
    lets more pass.

    Raises:
        MalformedError: no confidence inside (0.5, 1), an attempt below 1.

    """
    alpha_of(confidence)
    if attempt < 1:
        message = f"got attempt {attempt}, expected 1 or more"
        raise MalformedError(message)
    halvings = min(attempt, LAST_ATTEMPT)
    part = confidence.partition(".")[2]
    places = len(part) + halvings
    alpha = (10 ** len(part) - int(part)) * 5**halvings
    return f"0.{10**places - alpha:0{places}d}".rstrip("0")


def format_steps(step: int) -> str:
    """Millionths (0 to ``STEPS``) as a decimal string without needless zeros."""
    text = f"{step // STEPS}.{step % STEPS:0{DIGITS}d}".rstrip("0")
    return text.rstrip(".")


def power(rate: str, n: int, limit: str, confidence: str) -> float:
    """How often (0 to 1) a model whose true rate is ``rate`` passes. A picture, not a decision."""
    numerator, denominator = parse_ratio(rate)
    return pass_chance(max_hits(n, limit, confidence), n, numerator / denominator)


def pass_chance(most: int, n: int, rate: float) -> float:
    """P(X <= most) among ``n`` at ``rate``; 0 where ``most`` is -1, since nothing passes."""
    if most < 0:
        return 0.0
    if most >= n or rate <= 0:
        return 1.0
    return 0.0 if rate >= 1 else _tail(_log_ways(most, n), n, rate)


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


def _beyond(hits: int, n: int, step: int, alpha: Ratio) -> bool:
    """P(X >= hits) <= alpha at ``step`` millionths, from the exact sum of the other terms."""
    rest = STEPS - step
    term: int = rest**n
    total: int = term
    for i in range(hits - 1):
        term = term * ((n - i) * step) // ((i + 1) * rest)
        total += term
    whole: int = STEPS**n
    return (whole - total) * alpha[1] <= alpha[0] * whole


def _guess(hits: int, n: int, alpha: float) -> int:
    """About where P(X <= hits) falls to ``alpha``, in millionths; exact sums start from there."""
    ways = _log_ways(hits, n)
    low, high = 0.0, 1.0
    while high - low > 1e-8:
        middle = (low + high) / 2
        if _tail(ways, n, middle) > alpha:
            low = middle
        else:
            high = middle
    return min(max(round(high * STEPS), 1), STEPS)


def _log_ways(hits: int, n: int) -> tuple[float, ...]:
    """The logarithm of n over i, for i = 0 to ``hits``."""
    return tuple(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) for i in range(hits + 1))


def _tail(ways: tuple[float, ...], n: int, rate: float) -> float:
    """P(X < len(ways)) for a rate inside (0, 1), in floats; relative error about 1e-10."""
    odds, base = log(rate) - log1p(-rate), n * log1p(-rate)
    logs = [base + i * odds + way for i, way in enumerate(ways)]
    top = max(logs)
    return min(1.0, exp(top) * sum(exp(value - top) for value in logs))


def _limit(text: str) -> Ratio:
    numerator, denominator = parse_ratio(text)
    if not 0 < numerator <= denominator:
        message = f"got limit {text!r}, expected a decimal above 0 and at most 1"
        raise MalformedError(message)
    return numerator, denominator


def _refuse_counts(hits: int, n: int) -> None:
    if not 0 <= hits <= n <= MAX_TRIALS:
        message = f"got {hits} hits among {n}, expected 0 <= hits <= n <= {MAX_TRIALS}"
        raise MalformedError(message)
