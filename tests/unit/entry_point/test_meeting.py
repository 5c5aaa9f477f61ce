"""Do the nodes of a job find each other, and is it told which one did not come?"""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.image.context.shoal_job import meeting
from shoal.image.context.shoal_job.job import Job
from shoal.image.context.shoal_job.meeting import Clock, Note, gather, join_meeting, main_key, open_meeting
from shoal.image.context.shoal_job.problems import JobError

PLACE = "s3://bucket/jobs/rendezvous/6f6d/1/"


def job(node: int, nodes: int = 3) -> Job:
    return Job(Path("/home"), Path("/home/6f6d"), "", nodes=nodes, node=node, meeting=PLACE, patience=60.0)


class Bucket:
    """S3 in memory, with time that passes when somebody waits; what comes later comes at its time."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.later: dict[float, tuple[str, str]] = {}
        self.time = 0.0
        self.looks = 0
        self.clock = Clock(lambda: self.time, self.pause)

    def pause(self, seconds: float) -> None:
        self.time += seconds
        for when in [when for when in self.later if when <= self.time]:
            url, text = self.later.pop(when)
            self.objects[url] = text

    def put(self, url: str, text: str) -> None:
        self.objects[url] = text

    def fetch(self, url: str, folder: Path, only: str) -> None:
        self.looks += 1
        for name, text in self.objects.items():
            if name.startswith(url) and Path(name).match(only):
                (folder / name.removeprefix(url)).write_text(text)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr(meeting, "put", made.put)
    monkeypatch.setattr(meeting, "fetch", made.fetch)
    return made


def test_a_node_reads_the_key_of_the_main_node(bucket: Bucket, tmp_path: Path) -> None:
    open_meeting(job(0), "ssh-ed25519 AAAA shoal-job")

    assert main_key(job(1), tmp_path, bucket.clock) == "ssh-ed25519 AAAA shoal-job"


def test_the_main_node_knows_what_every_other_one_said(bucket: Bucket, tmp_path: Path) -> None:
    notes = {node: Note(f"10.0.0.{node}", node, f"key of {node}") for node in (1, 2)}
    for node, note in notes.items():
        join_meeting(job(node), note)

    assert gather(job(0), tmp_path, bucket.clock) == notes
    assert bucket.looks == 1


def test_a_node_that_comes_late_is_waited_for(bucket: Bucket, tmp_path: Path) -> None:
    join_meeting(job(1), Note("10.0.0.1", 1, "key"))
    bucket.later[50.0] = (f"{PLACE}node-2.json", '{"address": "10.0.0.2", "slots": 2, "public_key": "key"}')

    assert gather(job(0), tmp_path, bucket.clock)[2] == Note("10.0.0.2", 2, "key")


def test_a_node_that_never_comes_is_named(bucket: Bucket, tmp_path: Path) -> None:
    join_meeting(job(1), Note("10.0.0.1", 1, "key"))

    with pytest.raises(JobError) as caught:
        gather(job(0), tmp_path, bucket.clock)

    assert caught.value.code == 69
    assert str(caught.value) == (
        "node 2 of 3 did not appear within 60 s (SHOAL_NODES_TIMEOUT); look at the log of that node"
    )
    assert bucket.time == pytest.approx(60, abs=2)


def test_all_nodes_that_never_come_are_named(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"^nodes 1, 2 of 3 did not appear within 60 s .* look at the log of each$"):
        gather(job(0), tmp_path, bucket.clock)


def test_a_main_node_that_never_comes_is_told(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"^the main node, node 0, did not appear within 60 s"):
        main_key(job(2), tmp_path, bucket.clock)
