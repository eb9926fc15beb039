# SPDX-License-Identifier: Apache-2.0
"""Runs under one line of huggingface_hub: calls methods by name, says how they end.

    python bench/write_driver.py < questions      one JSON document per line

Started by ``bench/write_paths.py``. The guard, if there is one, is the interpreter's own.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import huggingface_hub
import huggingface_hub.constants as constants

from bench.write_arguments import World, call

DENIED = "UploadDeniedError"


def main() -> None:
    endpoint = os.environ["HF_ENDPOINT"]
    constants.INFERENCE_ENDPOINTS_ENDPOINT = f"{endpoint}/inference-endpoints"
    constants.INFERENCE_CATALOG_ENDPOINT = f"{endpoint}/inference-catalog"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    about = {"version": huggingface_hub.__version__, "file": huggingface_hub.__file__}
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        world = World(question["repo"], Path(question["folder"]), endpoint, os.environ["HF_TOKEN"],
                      question["head"])  # fmt: skip
        faulthandler.dump_traceback_later(90, exit=True)
        print(json.dumps(tried(question["name"], world)), file=answers, flush=True)
        faulthandler.cancel_dump_traceback_later()


def tried(name: str, world: World) -> dict[str, Any]:
    """``ending``: done, denied, error, or not tried; ``said``: the last line of the error."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            call(name, world)
    except LookupError as error:
        if type(error) is LookupError:
            return {"ending": "not tried", "said": str(error)}
        return _ended(error)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the answer
        return _ended(error)
    return {"ending": "done", "said": ""}


def _ended(error: BaseException) -> dict[str, Any]:
    chain, seen = error, []
    while chain is not None and chain not in seen:
        seen.append(chain)
        chain = chain.__cause__ or chain.__context__  # type: ignore[assignment]
    denied = [each for each in seen if type(each).__name__ == DENIED]
    text = str(denied[0] if denied else error)
    return {"ending": "denied" if denied else "error", "said": f"{type(error).__name__}: {text}"}


if __name__ == "__main__":
    main()
