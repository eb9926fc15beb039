"""Export a transformers folder to onnxruntime-genai's format and remove what only describes this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KEPT = (
    "genai_config.json",
    "model.onnx",
    "model.onnx.data",
    "tokenizer.json",
    "tokenizer_config.json",
)
LOCAL_KEYS = frozenset({"is_local", "local_files_only", "name_or_path", "_name_or_path"})


def build(source: Path, out: Path, cache: Path) -> None:
    """Run the genai model builder, int8 weights for the CPU, offline."""
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    options = [
        "-i",
        str(source),
        "-o",
        str(out),
        "-p",
        "int8",
        "-e",
        "cpu",
        "-c",
        str(cache),
    ]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *options],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        message = f"the model builder ended with {done.returncode}:\n{done.stderr[-4000:]}"
        raise RuntimeError(message)


def clean(path: Path) -> None:
    """Rewrite a JSON file without the keys that name this machine, keys sorted."""
    content = json.loads(path.read_text(encoding="utf-8"))
    kept = {key: value for key, value in content.items() if key not in LOCAL_KEYS}
    path.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def export(source: Path, out: Path) -> None:
    """Write the five files of a genai folder to `out`, replacing it."""
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(scratch) / "built"
        build(source.resolve(), built, Path(scratch) / "cache")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for name in KEPT:
            shutil.copyfile(built / name, out / name)
    for name in ("genai_config.json", "tokenizer_config.json"):
        clean(out / name)
