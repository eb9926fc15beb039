# SPDX-License-Identifier: Apache-2.0
"""Any JSON document, read at the places that the policy names (JSON Pointer, RFC 6901)."""

from __future__ import annotations

from typing import Any

from hubpolicy.core.foreign_readings import Reading, count, moment, number, refuse
from hubpolicy.core.strictjson import parse


class MappedJson:
    """One parsed file."""

    def __init__(self, raw: bytes, where: str) -> None:
        self._where = where
        self._document: Any = parse(raw, what=where, exact=True)

    def reading(self, source: dict[str, str]) -> Reading:
        """Key ``pointer`` for the number, and ``samples`` for how many answers are behind it."""
        value = number(self._at(source["pointer"]), self._place(source["pointer"]))
        if "samples" not in source:
            return Reading(value)
        return Reading(value, count(self._at(source["samples"]), self._place(source["samples"])))

    def measured_on(self, pointer: str) -> str:
        """What stands at the pointer."""
        return moment(self._at(pointer), self._place(pointer))

    def _at(self, pointer: str) -> Any:
        """What stands there; null and absent are the same here."""
        value = self._document
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, list):
                fits = key.isascii() and key.isdigit() and str(int(key)) == key
                value = value[int(key)] if fits and int(key) < len(value) else None
            elif isinstance(value, dict):
                value = value.get(key)
            else:
                value = None
        if value is None:
            refuse(None, "a value", self._place(pointer))
        return value

    def _place(self, pointer: str) -> str:
        return f"{pointer!r} of {self._where}"
