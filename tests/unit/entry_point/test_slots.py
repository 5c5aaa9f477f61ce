"""How many processes does a node run?"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from shoal.image.context.shoal_job.problems import JobError
from shoal.image.context.shoal_job.slots import slots


class Agent(BaseHTTPRequestHandler):
    """Answers as the ECS agent does."""

    container: Any = None

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.container).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def agent() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Agent) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v4/1"
        server.shutdown()


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    return tmp_path


def test_a_job_has_the_vcpus_that_ecs_says(agent: str, cgroups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Agent, "container", {"Limits": {"CPU": 4096, "Memory": 512}})
    assert slots({"ECS_CONTAINER_METADATA_URI_V4": agent}, cgroups) == 4


def test_a_number_that_the_user_gives_wins(agent: str, cgroups: Path) -> None:
    assert slots({"SHOAL_SLOTS": "7", "ECS_CONTAINER_METADATA_URI_V4": agent}, cgroups) == 7


@pytest.mark.parametrize("answer", [{}, {"Limits": {}}, {"Limits": {"CPU": None}}, []])
def test_an_answer_without_vcpus_leaves_it_to_the_limit(
    agent: str, cgroups: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Agent, "container", answer)
    (cgroups / "cpu.max").write_text("200000 100000\n")
    assert slots({"ECS_CONTAINER_METADATA_URI_V4": agent}, cgroups) == 2


def test_an_agent_that_does_not_answer_leaves_it_to_the_limit(cgroups: Path) -> None:
    (cgroups / "cpu.max").write_text("300000 100000\n")
    assert slots({"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1:1/"}, cgroups) == 3


@pytest.mark.parametrize(("quota", "expected"), [("200000", 2), ("150000", 2), ("50000", 1)])
def test_a_limit_of_the_older_control_groups_counts(cgroups: Path, quota: str, expected: int) -> None:
    (cgroups / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    assert slots({}, cgroups) == expected


@pytest.mark.parametrize(("name", "text"), [("cpu.max", "max 100000"), ("cpu/cpu.cfs_quota_us", "-1"), (None, "")])
def test_without_a_limit_every_core_counts(cgroups: Path, name: str | None, text: str) -> None:
    if name:
        (cgroups / name).write_text(f"{text}\n")
    assert slots({}, cgroups) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("value", ["0", "-2", "many", ""])
def test_a_number_of_slots_that_is_none_is_refused(value: str, cgroups: Path) -> None:
    with pytest.raises(JobError, match=f"SHOAL_SLOTS is '{value}'; write a whole number from 1"):
        slots({"SHOAL_SLOTS": value}, cgroups)
