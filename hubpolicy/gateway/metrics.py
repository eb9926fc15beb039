# SPDX-License-Identifier: Apache-2.0
"""Counters in Prometheus' text format (0.0.4). No label holds what people sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What happened since the start. Used by one event loop."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._denied: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._decisions = 0
        self.in_flight = 0
        self.incidents = 0
        self.hub_up = True

    def answered(self, intent: str, status: int) -> None:
        """One request ended."""
        self._requests[intent, f"{status // 100}xx"] += 1

    def denied(self, rule: str) -> None:
        """One request was not let through."""
        self._denied[rule or "none"] += 1

    def carried(self, direction: str, size: int) -> None:
        """Bytes of bodies, ``in`` or ``out``."""
        self._bytes[direction] += size

    def decided(self, seconds: float) -> None:
        """One judgement took so long."""
        self._decisions += 1
        self._seconds += seconds
        for bound in _BOUNDS:
            if seconds <= bound:
                self._buckets[bound] += 1

    def text(self) -> str:
        """Everything, one sample a line."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head(
            "hubpolicy_gateway_requests_total", "counter", "Requests by what they ask."
        )
        for (intent, status), count in sorted(self._requests.items()):
            labels = f'intent="{intent}",status="{status}"'
            yield f"hubpolicy_gateway_requests_total{{{labels}}} {count}"
        yield from _head("hubpolicy_gateway_denied_total", "counter", "Denied requests by rule.")
        for rule, count in sorted(self._denied.items()):
            yield f'hubpolicy_gateway_denied_total{{rule="{rule}"}} {count}'
        yield from _head("hubpolicy_gateway_body_bytes_total", "counter", "Bytes of bodies.")
        for direction, count in sorted(self._bytes.items()):
            yield f'hubpolicy_gateway_body_bytes_total{{direction="{direction}"}} {count}'
        name = "hubpolicy_gateway_decision_seconds"
        yield from _head(name, "histogram", "How long a judgement and its entry take.")
        for bound in _BOUNDS:
            yield f'{name}_bucket{{le="{bound}"}} {self._buckets[bound]}'
        yield f'{name}_bucket{{le="+Inf"}} {self._decisions}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {self._decisions}"
        for name, value, text in (
            ("hubpolicy_gateway_in_flight", self.in_flight, "Requests under way."),
            ("hubpolicy_gateway_incidents", self.incidents, "Trees that are not what was judged."),
            ("hubpolicy_gateway_hub_up", int(self.hub_up), "The hub answers and takes our token."),
        ):
            yield from _head(name, "gauge", text)
            yield f"{name} {value}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
