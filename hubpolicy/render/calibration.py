# SPDX-License-Identifier: Apache-2.0
"""A calibration plot as SVG: what the scorer says against what people say."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubpolicy.core.labelled import Bin, ScorerEvaluation

SIDE, MARGIN = 360, 48
_SIZE = SIDE + 2 * MARGIN


def render_calibration(found: ScorerEvaluation, title: str) -> str:
    """One self-contained picture: bins with exact 95 % intervals, and the line of a perfect one."""
    ticks = "".join(_tick(step / 5) for step in range(6))
    points = "".join(_point(one) for one in found.bins)
    line = " ".join(f"{_x(one.mean):.1f},{_y(_rate(one)):.1f}" for one in found.bins)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" '
        f'width="{_SIZE}" height="{_SIZE}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#fff"/>\n'
        f'<text x="{_SIZE / 2}" y="20" text-anchor="middle" font-weight="bold">'
        f"{escape(title)}</text>\n"
        f'<text x="{_SIZE / 2}" y="38" text-anchor="middle">ROC-AUC {found.auc:.4f}, '
        f"{found.texts} texts</text>\n"
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" '
        f'stroke="#888"/>\n{ticks}'
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#bbb" '
        f'stroke-dasharray="4 4"/>\n'
        f'<polyline points="{line}" fill="none" stroke="#0b6"/>\n{points}'
        f'<text x="{_SIZE / 2}" y="{_SIZE - 8}" text-anchor="middle">mean score</text>\n'
        f'<text x="14" y="{_SIZE / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {_SIZE / 2})">share labelled toxic</text>\n</svg>\n'
    )


def _point(one: Bin) -> str:
    x, low, high = _x(one.mean), _y(float(one.toxic.low)), _y(float(one.toxic.high))
    label = f"{one.toxic.hits} of {one.toxic.n} toxic, mean score {one.mean:.3f}"
    return (
        f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="#0b6"/>'
        f'<circle cx="{x:.1f}" cy="{_y(_rate(one)):.1f}" r="4" fill="#0b6">'
        f"<title>{label}</title></circle>\n"
    )


def _tick(value: float) -> str:
    return (
        f'<text x="{_x(value):.1f}" y="{_y(0) + 16}" text-anchor="middle">{value:.1f}</text>'
        f'<text x="{MARGIN - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:.1f}</text>\n'
    )


def _rate(one: Bin) -> float:
    return one.toxic.hits / one.toxic.n


def _x(value: float) -> float:
    return MARGIN + SIDE * value


def _y(value: float) -> float:
    return MARGIN + SIDE * (1 - value)
