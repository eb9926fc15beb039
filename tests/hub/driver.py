"""Runs inside a client's interpreter: one JSON call per line in, one JSON answer per line out.

It uses the official huggingface_hub and the standard library only, so that the same tests drive the
newest 2.x and the newest 1.x.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import huggingface_hub
from huggingface_hub import HfApi


def plain(value: object) -> Any:
    """Return `value` as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name, None)) for f in dataclasses.fields(value)}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | Iterator):
        return [plain(item) for item in value]
    return str(value)


def decoded(value: Any) -> Any:
    """Return an argument; {"base64": …} stands for bytes, {"operation": …} for a commit operation."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    if isinstance(value, dict) and "operation" in value:
        arguments = {key: decoded(item) for key, item in value.items() if key != "operation"}
        return getattr(huggingface_hub, value["operation"])(**arguments)
    return value


def run(call: dict[str, Any]) -> Any:
    """Run one call and return its outcome."""
    arguments = {key: decoded(value) for key, value in call["arguments"].items()}
    if call["function"] == "snapshot_download":
        return huggingface_hub.snapshot_download(
            endpoint=call["endpoint"], token=call["token"], **arguments
        )
    api = HfApi(endpoint=call["endpoint"], token=call["token"])
    return plain(getattr(api, call["function"])(**arguments))


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        try:
            answer = {"value": run(json.loads(line))}
        except Exception as error:  # noqa: BLE001
            response = getattr(error, "response", None)
            answer = {
                "error": str(error),
                "types": [base.__name__ for base in type(error).__mro__],
                "status": getattr(response, "status_code", None),
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
