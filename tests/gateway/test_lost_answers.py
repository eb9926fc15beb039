# SPDX-License-Identifier: Apache-2.0
"""The hub did it, and its answer was lost on the way, or a proxy before it gave up waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import pytest
from aiohttp.test_utils import make_mocked_request
from huggingface_hub import CommitOperationAdd, HfApi

from hubpolicy.adapters.hub import HubClient
from hubpolicy.domain.hub_request import Intent, Merge, Settings
from hubpolicy.domain.release import RepoId
from hubpolicy.errors import ServiceError
from hubpolicy.flows.gating import Permission
from hubpolicy.gateway import settings
from hubpolicy.gateway.docket import Aftermath, Docket, Ruling
from hubpolicy.gateway.office import Arrived, Office
from hubpolicy.gateway.passage import Asked, Before, Passage
from hubpolicy.gateway.records import Records
from tests.e2e.author import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubpolicy.adapters.lfs_store import LfsObjects
    from hubpolicy.cli.wiring import Seat
    from hubpolicy.demo.hub.process import HubProcess

pytestmark = [
    pytest.mark.parametrize("status", [0, 504]),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the client's own
]


def _nobody_judges() -> Seat:
    raise AssertionError


def _nobody_reads(repo: RepoId) -> LfsObjects:
    raise AssertionError(repo)


class Desk(NamedTuple):
    """Where a gateway looks at what came of a request."""

    api: HfApi
    hub: HubClient
    records: Records
    repo: RepoId

    def after(
        self, intent: Intent, permission: Permission, before: Before, status: int
    ) -> Aftermath:
        made = settings.Settings(self.repo.endpoint, self.repo.endpoint, TOKEN, "::1", 0)
        passage = Passage(self.records, self.hub, _nobody_judges, _nobody_reads)
        office = Office(made, self.records, passage)
        request = make_mocked_request("POST", f"/{self.repo.text}")
        arrived = Arrived(request, Asked(None, intent), request.path, None, 0)
        ruling = Ruling(permission, before)

        async def look() -> Aftermath:
            found = await Docket(office).answered(arrived, ruling, status, b"")
            await office.close()
            return found

        return asyncio.run(look())

    def told(self) -> list[str]:
        return [entry["did"] for _, entry, _ in self.records.log()]


@pytest.fixture
def desk(hub: HubProcess, repo: str, tmp_path: Path) -> Iterator[Desk]:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    records = Records(tmp_path / "gateway.sqlite3")
    namespace, name = repo.split("/")
    place = RepoId(namespace, name, endpoint=hub.endpoint)
    yield Desk(api, HubClient(hub.endpoint, TOKEN), records, place)
    records.close()


@pytest.mark.parametrize("merges", [True, False])
def test_a_merge_is_looked_at_if_main_went_on(desk: Desk, status: int, merges: bool) -> None:
    api, name = desk.api, desk.repo.text
    api.create_repo(name)
    note = [CommitOperationAdd("note.md", b"hi")]
    pull = api.create_commit(name, note, commit_message="x", create_pr=True)
    assert pull.pr_revision is not None
    assert pull.pr_num is not None
    permission = Permission(allowed=True, reason="", judged=desk.hub.listing(desk.repo, pull.oid))
    before = Before(main=str(api.repo_info(name).sha))
    api.upload_file(
        repo_id=name, path_in_repo="evil.py", path_or_fileobj=b"e", revision=pull.pr_revision
    )
    if merges:
        api.merge_pull_request(name, pull.pr_num)
    found = desk.after(Merge(desk.repo, pull.pr_num), permission, before, status)
    said = ["answered" if status else "unanswered"]
    assert found.incidents == merges
    assert desk.told() == [*said, *(["incident", "taken back"] if merges else [])]
    assert "evil.py" not in api.list_repo_files(name)


def test_what_must_not_stand_there_is_taken_back_where_no_log_can_be_written(
    desk: Desk, status: int
) -> None:
    api, name = desk.api, desk.repo.text
    api.create_repo(name, private=True)
    permission = Permission(allowed=True, reason="", refs=desk.hub.refs(desk.repo))
    api.upload_file(repo_id=name, path_in_repo="late.bin", path_or_fileobj=b"w")
    api.update_repo_settings(name, private=False)
    desk.records.close()
    intent = Settings(desk.repo, private=False, opens=False, others=())
    with pytest.raises(ServiceError, match="cannot write the log"):
        desk.after(intent, permission, Before(hidden=True), status)
    assert api.repo_info(name).private


@pytest.mark.parametrize("flips", [True, False])
def test_a_flip_is_looked_at_if_it_is_public_now(desk: Desk, status: int, flips: bool) -> None:
    api, name = desk.api, desk.repo.text
    api.create_repo(name, private=True)
    permission = Permission(allowed=True, reason="", refs=desk.hub.refs(desk.repo))
    api.upload_file(repo_id=name, path_in_repo="late.bin", path_or_fileobj=b"w")
    if flips:
        api.update_repo_settings(name, private=False)
    intent = Settings(desk.repo, private=False, opens=False, others=())
    found = desk.after(intent, permission, Before(hidden=True), status)
    assert found.incidents == flips
    assert ("private again" in found.moved) == flips
    assert api.repo_info(name).private
