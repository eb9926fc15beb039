# SPDX-License-Identifier: Apache-2.0
"""Named attacks on a release: other bytes and files, evidence in other places, false words."""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING

from hubpolicy.core.evidence_files import records_path
from hubpolicy.core.line_files import RELEASE_FILE, approval_path
from hubpolicy.core.strictjson import BYTES_LIMIT
from hubpolicy.domain.manifest import MODEL_SIGNATURE, is_evidence_path
from tests.attacks import mutation_world as worlds
from tests.attacks.mutation_cases import (
    DOCUMENTS,
    Case,
    Control,
    always,
    edit,
)
from tests.attacks.mutation_times import (
    replays,
    revocations,
    rollbacks,
    same_person_twice,
    times,
)
from tests.attacks.mutation_world import LINES, MODEL, SIGNERS, good, make
from tests.golden.samples import sha

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.attacks.mutation_world import World

MIB = 1024 * 1024
_CHANGED = ("changed since the release was signed",)
_ADDED = ("not in the release",)
_ABSENT = ("absent here",)
_UNKNOWN = ("not a known kind", "not referenced", "no tested run")
_NAMES = ("twins", "listed twice", "expected a plain")


def model_files() -> Iterator[Case]:
    """Every file of the model changed, cut, emptied, removed, renamed, moved or no plain file."""
    for path, content in MODEL.items():
        for how, changed in (
            ("a bit flipped", bytes([content[0] ^ 1]) + content[1:]),
            ("the last bit flipped", content[:-1] + bytes([content[-1] ^ 1])),
            ("cut by one byte", content[:-1]),
            ("emptied", b""),
            ("a byte more", content + b"\n"),
            ("doubled", content * 2),
            ("another file's content", MODEL["config.json" if path != "config.json" else "README.md"]),
            ("an LFS pointer to itself", _pointer(content)),
        ):  # fmt: skip
            world = partial(good().putting, path, changed)
            yield Case("model files", f"{path}: {how}", world, path, _CHANGED)
        gone = good().without(path)
        yield Case("model files", f"{path}: removed", partial(_same, gone), path, _ABSENT)
        for how, name in (
            ("renamed", f"{path}.old"), ("in a folder", f"sub/{path}"), ("in upper case", path.upper()),
        ):  # fmt: skip
            if name != path:
                world = partial(gone.putting, name, content)
                yield Case("model files", f"{path}: {how}", world, path, _ABSENT)
        for how, mode in (
            ("a symbolic link", "120000"), ("a submodule", "160000"), ("a folder", "040000"),
            ("set-user-id", "104755"), ("group-writable", "100664"),
        ):  # fmt: skip
            world = partial(good()._replace, modes={path: mode})
            yield Case("model files", f"{path}: {how}", world, path, ("expected a plain file",))
    names = sorted(MODEL)
    for one, other in zip(names, names[1:] + names[:1], strict=True):
        swapped = good().putting(one, MODEL[other]).putting(other, MODEL[one])
        world = partial(_same, swapped)
        yield Case("model files", f"{one} and {other} exchanged", world, "", _CHANGED)


def added_files() -> Iterator[Case]:
    """A file more: empty, harmless, dangerous, hidden, or under a name that is another one."""
    for name in (
        "empty", "empty.txt", "NOTES.md", "__init__.py", "modeling_wizard.py", "pytorch_model.bin",
        "model-00002-of-00002.safetensors", "adapter_model.safetensors", "wizard.gguf", "x.pkl",
        "encoder/extra.json", "generation_config.json", "chat_template.jinja", "setup.py", ".env",
        "onnx/model.onnx", "model.onnx_data", "images/more.png", ".gitignore", "model.sig.bak",
        "sub/model.sig", "hubpolicy/release.intoto.jsonl", "handler.py", "tokenizer.model", "a/b/c/d",
    ):  # fmt: skip
        for how, content in (("empty", b""), ("with content", b"x")):
            world = partial(good().putting, name, content)
            yield Case("added files", f"{name} {how}", world, name, (*_ADDED, *_UNKNOWN))
    for name in (
        "README", "notes.txt", "model.safetensors", "evidence.jsonl", "release.intoto.jsonl.bak",
        "release.json", "config.json", "__init__.py", "approvals/x.jsonl", "approvals/x",
        f"approvals/{sha('x')}.json", f"approvals/{sha('x')[:-1]}.jsonl", f"policy/{sha('x')}.json",
        f"policy/{sha('x')}.toml", f"evidence/{sha('x')}.jsonl.gz", f"evidence/{sha('x')}.jsonl",
        f"evidence/{sha('x').upper()}.jsonl.gz", f"records/{sha('x')}.jsonl.gz", "model.sig",
        f"approvals/sub/{sha('x')}.jsonl", ".gitattributes", "policy.json", "root.json", "gate.json",
    ):  # fmt: skip
        for how, content in (("empty", b""), ("with content", b"{}")):
            world = partial(good().putting, f".hubpolicy/{name}", content)
            yield Case(
                "evidence folder", f"{name} {how}", world, ".hubpolicy/", (*_UNKNOWN, "not read")
            )


def paths() -> Iterator[Case]:
    """Names that mean something else on another machine, and names that are one name twice."""
    for name in (
        "/etc/passwd", "../up", "a/../b", "./a", "a/./b", "a//b", "a/", "..", ".", "-rf", "C:x", "a\\b",
        "a\nb", "a\x00b", "a\x7f", "\x1b[2J", ".git/hooks/pre-push", "sub/.git/config", ".GIT/config",
        ".git./x", "git~1/x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/config", "a\u202egpj.exe",
        "a\u2028b", "\udcff.txt", ".HubPolicy/x", ".hubpolicy./x", "MODEL.SIG", "Model.sig",
        "model.sig ", "model.si\u200dg", "x/... /y", "\ufeff.git/config",
    ):  # fmt: skip
        world = partial(good().putting, name, b"x")
        why = "expected a plain relative POSIX path"
        yield Case("paths", repr(name), world, "HP401", (why,))
    for name in (
        "readme.md", "README.MD", "Config.json", "MODEL.SAFETENSORS", "ENCODER/config.json",
        "encoder/Config.json", "images/two words e\u0301.png", "IMAGES/two words é.png",
        "toKenizer.json", "con\ufb01g.json", "config.json/x", "README.md/x", "readme.m\u217e",
    ):  # fmt: skip
        world = partial(good().putting, name, b"x")
        words = _NAMES if name != "readme.m\u217e" else (*_NAMES, *_ADDED)
        yield Case("paths", f"twin {name!r}", world, "", words)


def evidence_tree() -> Iterator[Case | Control]:
    """Evidence files dropped, emptied, cut, doubled or linked."""
    files = good().files
    for path in sorted(p for p in files if is_evidence_path(p)):
        named_by_digest = path.startswith((".hubpolicy/policy/", ".hubpolicy/evidence/"))
        gone = good().without(path)
        if named_by_digest:
            yield Control(
                f"{path}: dropped", partial(_same, gone), "a copy for audits; its digest is signed"
            )
        else:
            lack = ("not at hand", "no release attestation")
            yield Case("evidence files", f"{path}: dropped", partial(_same, gone), "", lack)
        for how, content in (
            ("emptied", b""), ("cut", files[path][:-9]), ("of zeros", b"\0" * 99), ("doubled", files[path] * 2),
        ):  # fmt: skip
            world = partial(good().putting, path, content)
            words = (
                "does not hold",
                "strict JSON",
                "again",
                "approvals in",
                "not gzip",
                "truncated",
            )
            yield Case("evidence files", f"{path}: {how}", world, path, words)
        for how, mode in (("a symbolic link", "120000"), ("a submodule", "160000")):
            world = partial(good()._replace, modes={path: mode})
            yield Case("evidence files", f"{path}: {how}", world, path, ("expected a plain file",))


def large_files() -> Iterator[Case]:
    """More than anybody needs: bytes, lines, white space, what unpacks to more."""
    release = good().files[RELEASE_FILE]
    spaces = b" " * (65 * MIB)
    lines = release.splitlines()
    approval = next(path for path in good().files if "approvals/" in path)
    for how, path, content in (
        ("65 MiB of spaces after it", RELEASE_FILE, release + spaces),
        ("65 MiB in one line", RELEASE_FILE, b'{"a":"' + b"x" * (65 * MIB) + b'"}\n'),
        ("65 MiB of empty lines", RELEASE_FILE, release + b"\n" * (65 * MIB)),
        ("5,000 empty lines", RELEASE_FILE, release + b"\n" * 5000),
        ("5,000 spaces in a line", RELEASE_FILE, release[:-1] + b" " * 5000 + b"\n"),
        ("5,000 tabs in a line", RELEASE_FILE, b"\t" * 5000 + release),
        ("an approval of 65 MiB", approval, good().files[approval] + spaces),
        ("a model.sig of 65 MiB", MODEL_SIGNATURE, good().files[MODEL_SIGNATURE] + spaces),
        ("two lines joined by a carriage return", RELEASE_FILE, b"\r".join(lines)),
    ):
        world = partial(good().putting, path, content)
        words = ("not read", "expected at most", "strict JSON")
        yield Case("large files", how, world, path, words)
    for name, (place, _, _) in DOCUMENTS.items():
        world = partial(make, wrap={name: lambda raw: raw + b" " * (5 * MIB)})
        yield Case("large files", f"{name} of 5 MiB", world, place, ("expected at most",))
    policy = next(path for path in good().files if "policy/" in path)
    world = partial(good().putting, policy, good().files[policy] + b" " * BYTES_LIMIT)
    yield Case("large files", "the policy's copy of 64 MiB", world, policy, ("expected at most",))
    bomb = gzip.compress(b"\0" * (410 * MIB), compresslevel=1, mtime=0)
    digest = hashlib.sha256(worlds.RECORDS).hexdigest()
    world = partial(good().putting, records_path(digest), bomb)
    yield Case(
        "large files", "records that unpack to 410 MiB", world, records_path(digest), ("larger",)
    )


def misplaced() -> Iterator[Case]:
    """Good evidence where other evidence belongs."""
    made = worlds.payloads()
    bundle = {name: worlds.bundled(made[name], who) for name, who in SIGNERS.items()}
    release = good().files[RELEASE_FILE]
    for name in LINES:
        path = approval_path(hashlib.sha256(made[name]).hexdigest())
        world = partial(good().putting, path, bundle[name] + b"\n")
        yield Case(
            "misplaced", f"{name} among the approvals", world, path, ("expected approvals in",)
        )
        world = partial(good().putting, MODEL_SIGNATURE, bundle[name])
        yield Case("misplaced", f"{name} as model.sig", world, MODEL_SIGNATURE, ("predicate type",))
    for name in ("approval", "approval of sue"):
        world = partial(good().putting, RELEASE_FILE, bundle[name] + b"\n" + release)
        yield Case(
            "misplaced", f"{name} in the release file", world, RELEASE_FILE, ("expected approvals",)
        )
        digest = hashlib.sha256(made[name]).hexdigest()
        moved = good().without(approval_path(digest)).putting(approval_path(sha("x")), bundle[name])
        world = partial(_same, moved)
        yield Case(
            "misplaced", f"{name} under another name", world, "", ("expected the file's name",)
        )
        again = good().putting(approval_path(digest), (bundle[name] + b"\n") * 2)
        yield Case("misplaced", f"{name} twice in its file", partial(_same, again), "", ("again",))
    world = partial(good().putting, RELEASE_FILE, release + bundle[MODEL_SIGNATURE] + b"\n")
    yield Case("misplaced", "model.sig as a line", world, RELEASE_FILE, ("predicate type",))
    trusted = {"root 1": good().roots[0], "policy": good().policy, "state": good().state}
    for name, raw in trusted.items():
        world = partial(good().putting, RELEASE_FILE, release + raw + b"\n")
        yield Case(
            "misplaced", f"{name} as a line", world, RELEASE_FILE, ("mediaType", "unknown field")
        )
        for other, (place, _, _) in DOCUMENTS.items():
            if other != name and {name, other} != {"root 1", "root 2"}:
                world = partial(make, wrap={other: always(raw)})
                yield Case(
                    "misplaced", f"{name} in place of {other}", world, place, ("payloadType",)
                )


def ignored_paths() -> Iterator[Case]:
    """A ``model.sig`` that asks to leave out what its own verifier would then not look at."""
    payload = json.loads(worlds.payloads()[MODEL_SIGNATURE])
    for name in (
        "model.safetensors", "config.json", "README.md", "encoder", "encoder/model.onnx", ".", "", "*",
        "**", "..", "/", "images", ".git/", "./model.sig", "MODEL.SIG", ".cache", "__pycache__",
    ):  # fmt: skip
        for how in ("beside the fixed set", "alone"):
            ignored = (
                payload["predicate"]["serialization"]["ignore_paths"] if how != "alone" else []
            )
            kept = [
                item for item in payload["predicate"]["resources"]
                if name not in (".", "", "*", "**", "/") and not _is_under(item["name"], name)
            ]  # fmt: skip
            resources = kept or payload["predicate"]["resources"][:1]
            root = hashlib.sha256(
                b"".join(bytes.fromhex(r["digest"]) for r in resources)
            ).hexdigest()
            raw = edit(
                MODEL_SIGNATURE,
                ("predicate.serialization.ignore_paths", sorted([*ignored, name])),
                ("predicate.resources", resources),
                ("subject.0.digest.sha256", root),
            )
            world = partial(make, {MODEL_SIGNATURE: raw})
            case = f"{name!r} {how}"
            yield Case(
                "ignore_paths", case, world, MODEL_SIGNATURE, ("none beyond", "ignore_paths")
            )


def _same(world: World) -> World:
    return world


def _pointer(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    ).encode()


def _is_under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


LIES: tuple[Callable[[], Iterator[Case | Control]], ...] = (
    model_files, added_files, paths, evidence_tree, large_files, misplaced, ignored_paths, replays,
    rollbacks, times, revocations, same_person_twice,
)  # fmt: skip
