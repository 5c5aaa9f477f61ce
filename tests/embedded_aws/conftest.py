"""One embedded AWS for all tests of a process, and a fresh account for each test."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded_aws.process import EmbeddedAws, Server
from tests.support.embedded import Account


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server; a Wait state or a pause between retries takes a fiftieth of its time."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOAL_ENGINE", "stand-in")  # what a test sees of a build does not depend on the machine
        environment.setenv("SHOAL_INSTANCES", "none")
        with EmbeddedAws(tmp_path_factory.mktemp("embedded-aws"), wait_scale=0.02) as running:
            yield running


@pytest.fixture
def account(server: Server) -> Iterator[Account]:
    """An account that no other test uses."""
    fresh = Account(server, f"{random.SystemRandom().randrange(10**11, 10**12)}")
    yield fresh
    fresh.close()


@pytest.fixture
def aws(account: Account) -> Callable[[str], Any]:
    """Clients of that account, by boto3's name of the service."""
    return account.client
