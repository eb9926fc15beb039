# SPDX-License-Identifier: Apache-2.0
"""How each write method of huggingface_hub is called in ``bench/write_paths.py``: values, no list.

Which methods there are is found by inspection (``write_methods.py``). HfApi's are called with the
value of each required parameter from PARAMETERS, and what EXTRA adds; the others by CALLS. What is
in no table cannot be called, and the bench says so and fails.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = "alice/elsewhere"
BUCKET = "acme/bucket"


class World(NamedTuple):
    """What a call may use: a repository with its head, and a folder of untested weights."""

    repo: str
    folder: Path
    endpoint: str
    token: str
    head: str

    @property
    def api(self) -> Any:
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=self.token)

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"


def additions(world: World) -> list[Any]:
    from huggingface_hub import CommitOperationAdd

    return [CommitOperationAdd("new/model.safetensors", str(world.weights))]


def lfs_file(_: World) -> list[Any]:
    from huggingface_hub.hf_api import LFSFileInfo

    return [LFSFileInfo(filename="a.bin", oid="0" * 64, size=1, fileOid="0" * 64, ref="main",
                        pushedAt="2026-01-01T00:00:00Z", pusher=None)]  # fmt: skip


def picture(world: World) -> Path:
    path = world.folder.parent / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    return path


def volume(world: World) -> list[Any]:
    from huggingface_hub import Volume

    return [Volume(type="model", source=world.repo, mount_path="/data")]


PARAMETERS: dict[str, Callable[[World], Any]] = {
    "accelerator": lambda _: "cpu",
    "additions": additions,
    "branch": lambda _: "dev",
    "bucket_id": lambda _: BUCKET,
    "collection_slug": lambda _: "acme/things-0123456789abcdef01234567",
    "command": lambda _: ["true"],
    "comment": lambda _: "hello",
    "comment_id": lambda _: "0123456789abcdef01234567",
    "commit_message": lambda _: "try",
    "delete_patterns": lambda _: ["*.safetensors"],
    "destination": lambda w: f"hf://{w.repo}/copied.safetensors",
    "discussion_num": lambda _: 1,
    "folder_path": lambda w: w.folder,
    "framework": lambda _: "pytorch",
    "from_id": lambda w: w.repo,
    "hardware": lambda _: "t4-medium",
    "image": lambda _: "python:3.12",
    "instance_size": lambda _: "x1",
    "instance_type": lambda _: "intel-icl",
    "item_id": lambda w: w.repo,
    "item_object_id": lambda _: "0123456789abcdef01234567",
    "item_type": lambda _: "model",
    "job_id": lambda _: "0123456789abcdef01234567",
    "key": lambda _: "NAME",
    "labels": lambda _: {"a": "b"},
    "lfs_files": lfs_file,
    "mount_path": lambda _: "/data",
    "name": lambda _: "endpoint-one",
    "new_content": lambda _: "changed",
    "new_status": lambda _: "open",
    "new_title": lambda _: "changed",
    "operations": additions,
    "path": lambda w: w.weights,
    "path_in_repo": lambda _: "model.safetensors",
    "path_or_fileobj": lambda w: w.weights,
    "private": lambda _: False,
    "region": lambda _: "us-east-1",
    "rejection_reason": lambda _: "no",
    "repo_id": lambda w: w.repo,
    "repo_type": lambda _: "model",
    "repository": lambda w: w.repo,
    "resource_group_id": lambda _: "0123456789abcdef01234567",
    "schedule": lambda _: "@daily",
    "scheduled_job_id": lambda _: "0123456789abcdef01234567",
    "script": lambda _: "print()",
    "sleep_time": lambda _: 3600,
    "source": lambda w: f"hf://{w.repo}/model.safetensors",
    "storage": lambda _: "small",
    "tag": lambda _: "v2",
    "title": lambda _: "a title",
    "to_id": lambda _: OTHER,
    "user": lambda _: "bob",
    "value": lambda _: "value",
    "vendor": lambda _: "aws",
    "volumes": volume,
    "watched": lambda _: [{"type": "user", "name": "alice"}],
    "webhook_id": lambda _: "0123456789abcdef01234567",
}

EXTRA: dict[str, Callable[[World], dict[str, Any]]] = {
    "accept_access_request": lambda _: {"user": "bob"},
    "cancel_access_request": lambda _: {"user": "bob"},
    "reject_access_request": lambda _: {"user": "bob"},
    "upload_attachment": lambda w: {"path": picture(w)},
    "batch_bucket_files": lambda w: {"add": [(str(w.weights), "model.safetensors")]},
    "change_discussion_status": lambda _: {"discussion_num": 1},
    "create_branch": lambda _: {"branch": "other"},
    "create_commit": lambda w: {"parent_commit": w.head},
    "create_inference_endpoint_from_catalog": lambda w: {"repo_id": w.repo, "namespace": "acme"},
    "create_repo": lambda w: {"repo_id": f"{w.repo}-new"},
    "create_tag": lambda _: {"tag": "v2"},
    "create_webhook": lambda _: {"url": "https://example.org/hook"},
    "delete_branch": lambda _: {"branch": "dev"},
    "delete_folder": lambda _: {"path_in_repo": "folder"},
    "delete_tag": lambda _: {"tag": "v1"},
    "duplicate_repo": lambda _: {"to_id": OTHER},
    "duplicate_space": lambda _: {"to_id": OTHER},
    "move_bucket": lambda _: {"from_id": BUCKET, "to_id": "acme/bucket2"},
    "run_uv_job": lambda _: {"script": "https://example.org/script.py"},
    "create_scheduled_uv_job": lambda _: {"script": "https://example.org/script.py"},
    "snapshot_download": lambda w: {"local_dir": w.folder.parent / "down"},
    "sync_job_volume": lambda w: {"source": w.folder, "namespace": "acme"},
    "update_bucket_settings": lambda _: {"private": False},
    "update_collection_metadata": lambda _: {"private": False},
    "update_inference_endpoint": lambda _: {"min_replica": 1},
    "update_job_expose": lambda _: {"expose_public": [80]},
    "update_repo_settings": lambda _: {"private": False},
    "update_webhook": lambda _: {"url": "https://example.org/hook"},
    "upload_large_folder": lambda _: {"num_workers": 1, "print_report": False},
}


def scheduler(world: World, **options: Any) -> Any:
    from huggingface_hub import CommitScheduler

    return CommitScheduler(
        repo_id=world.repo, folder_path=world.folder, every=600, hf_api=world.api, **options
    )


def bare_scheduler(world: World) -> Any:
    """One whose repository is there: the constructor would be stopped first."""
    from unittest import mock

    made_before = mock.Mock(return_value=_Url(world.repo))
    with mock.patch("huggingface_hub.hf_api.HfApi.create_repo", made_before):
        return scheduler(world)


class _Url(NamedTuple):
    repo_id: str


def writer(world: World) -> Any:
    """``HFSummaryWriter`` without tensorboard: its commits are the scheduler's."""
    return scheduler(world)


def endpoint_object(world: World) -> Any:
    from huggingface_hub import InferenceEndpoint

    raw = {
        "name": "one", "type": "public",
        "status": {"state": "paused", "url": None, "createdAt": "2026-01-01T00:00:00Z",
                   "updatedAt": "2026-01-01T00:00:00Z"},
        "model": {"repository": world.repo, "framework": "pytorch", "revision": None, "task": None},
        "healthRoute": "/health",
    }  # fmt: skip
    return InferenceEndpoint.from_raw(raw, "acme", token=world.token, api=world.api)


def mixin(world: World) -> Any:
    from huggingface_hub import ModelHubMixin

    class Model(ModelHubMixin):
        def _save_pretrained(self, save_directory: Path) -> None:
            (save_directory / "model.safetensors").write_bytes(world.weights.read_bytes())

    return Model()


def learner(world: World) -> Any:
    class Learner:
        def export(self, name: Any) -> None:
            Path(str(name)).write_bytes(world.weights.read_bytes())

    return Learner()


def fastai(world: World) -> None:
    """With the check for fastai's own presence taken out: it does not change what is sent."""
    from unittest import mock

    from huggingface_hub import fastai_utils

    def save(_: Any, save_directory: Any, **__: Any) -> None:
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        (Path(save_directory) / "model.pkl").write_bytes(world.weights.read_bytes())

    with (
        mock.patch.object(fastai_utils, "_check_fastai_fastcore_versions"),
        mock.patch.object(fastai_utils, "_save_pretrained_fastai", save),
    ):
        fastai_utils.push_to_hub_fastai(
            learner=learner(world), repo_id=world.repo, token=world.token,
            api_endpoint=world.endpoint,
        )  # fmt: skip


def filesystem(world: World) -> Any:
    from huggingface_hub import HfFileSystem

    return HfFileSystem(endpoint=world.endpoint, token=world.token, skip_instance_cache=True)


def written(world: World) -> None:
    with filesystem(world).open(f"{world.repo}/by-fs.safetensors", "wb") as file:
        file.write(world.weights.read_bytes())


def batch_info(world: World, *, upload: bool) -> None:
    """As ``create_commit`` does it: ask for an address, then send the bytes there."""
    from huggingface_hub.lfs import UploadInfo, lfs_upload, post_lfs_batch_info

    info = UploadInfo.from_path(str(world.weights))
    actions, *_ = post_lfs_batch_info(
        [info], world.token, "model", world.repo, endpoint=world.endpoint
    )
    if upload:
        lfs_upload(additions(world)[0], actions[0], endpoint=world.endpoint)


def carded(world: World, *, update: bool) -> None:
    """Without the question whether the card is valid: 1.x asks the public Hub about it."""
    from unittest import mock

    from huggingface_hub import ModelCard, metadata_update

    with mock.patch("huggingface_hub.repocard.RepoCard.validate"):
        if update:
            metadata_update(
                world.repo, {"license": "apache-2.0"}, overwrite=True, token=world.token
            )
        else:
            ModelCard("---\nlicense: mit\n---\n# Model\n").push_to_hub(
                world.repo, token=world.token
            )


def sandbox(world: World, method: str) -> None:
    from huggingface_hub import Sandbox, SandboxPool

    options: dict[str, Any] = {"namespace": "acme", "token": world.token, "start_timeout": 1.0}
    if method == "Sandbox.create":
        Sandbox.create(**options)
        return
    from unittest import mock

    # As if no job ran yet: the local hub has no jobs, and the client looks first.
    with mock.patch("huggingface_hub.hf_api.HfApi.list_jobs", return_value=()):
        pool = SandboxPool(warm_up=1, **options)
        if method == "SandboxPool.create":
            pool.create()
        elif method == "SandboxPool.warm":
            pool.warm()
        else:
            pool.close()


def synced(world: World) -> None:
    """As if the bucket were there and empty: the local hub has none, and the client looks first."""
    from unittest import mock

    with mock.patch("huggingface_hub.hf_api.HfApi.list_bucket_tree", return_value=()):
        world.api.sync_bucket(source=str(world.folder), dest=f"hf://buckets/{BUCKET}")


CALLS: dict[str, Callable[[World], object]] = {
    "CommitScheduler.__init__": lambda w: scheduler(w).stop(),
    "CommitScheduler.__exit__": lambda w: bare_scheduler(w).__exit__(None, None, None),
    "CommitScheduler.push_to_hub": lambda w: bare_scheduler(w).push_to_hub(),
    "CommitScheduler.trigger": lambda w: bare_scheduler(w).trigger().result(),
    "HFSummaryWriter.__init__": writer,
    "HFSummaryWriter.__exit__": lambda w: bare_scheduler(w).trigger().result(),
    "HfFileSystem._rm": lambda w: filesystem(w)._rm(  # noqa: SLF001 - fsspec calls it
        f"{w.repo}/model.safetensors"),
    "HfFileSystem.cp_file": lambda w: filesystem(w).cp_file(f"{w.repo}/model.safetensors",
                                                            f"{w.repo}/copied.safetensors"),
    "HfFileSystem.rm": lambda w: filesystem(w).rm(f"{w.repo}/model.safetensors"),
    "HfFileSystemFile._upload_chunk": written,
    "InferenceEndpoint.delete": lambda w: endpoint_object(w).delete(),
    "InferenceEndpoint.pause": lambda w: endpoint_object(w).pause(),
    "InferenceEndpoint.resume": lambda w: endpoint_object(w).resume(),
    "InferenceEndpoint.scale_to_zero": lambda w: endpoint_object(w).scale_to_zero(),
    "InferenceEndpoint.update": lambda w: endpoint_object(w).update(min_replica=1),
    "ModelHubMixin.push_to_hub": lambda w: mixin(w).push_to_hub(w.repo, token=w.token),
    "ModelHubMixin.save_pretrained": lambda w: mixin(w).save_pretrained(
        w.folder.parent / "saved", repo_id=w.repo, push_to_hub=True, token=w.token),
    "RepoCard.push_to_hub": lambda w: carded(w, update=False),
    "HfApi.sync_bucket": synced,
    "Sandbox.create": lambda w: sandbox(w, "Sandbox.create"),
    "SandboxPool.__exit__": lambda w: sandbox(w, "SandboxPool.__exit__"),
    "SandboxPool.__init__": lambda w: sandbox(w, "SandboxPool.__init__"),
    "SandboxPool.close": lambda w: sandbox(w, "SandboxPool.close"),
    "SandboxPool.create": lambda w: sandbox(w, "SandboxPool.create"),
    "SandboxPool.warm": lambda w: sandbox(w, "SandboxPool.warm"),
    "lfs_upload": lambda w: batch_info(w, upload=True),
    "metadata_update": lambda w: carded(w, update=True),
    "post_lfs_batch_info": lambda w: batch_info(w, upload=False),
    "push_to_hub_fastai": fastai,
}  # fmt: skip


def call(name: str, world: World) -> None:
    """Call the method once, as somebody would who wants to publish untested weights.

    Raises:
        LookupError: a required parameter has no value here: the method cannot be tried.

    """
    if name in CALLS:
        CALLS[name](world)
        return
    kind, _, method = name.partition(".")
    if kind != "HfApi":
        raise LookupError(name)
    function = getattr(world.api, method)
    required = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    ]
    missing = [each for each in required if each not in PARAMETERS]
    if missing:
        raise LookupError(f"{name}({', '.join(missing)})")
    arguments = {each: PARAMETERS[each](world) for each in required}
    extra = EXTRA[method](world) if method in EXTRA else {}
    function(**(arguments | extra))
