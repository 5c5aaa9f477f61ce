"""One embedded AWS with Shoal deployed into it, for every test of the life of clusters.

Each test uses a cluster of its own, so that they run in any order; and each is held to the grants that the checked-in
list says it uses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from embedded_aws.process import ROOT, EmbeddedAws, Server
from shoal_cli.life import grants
from tests.support import front_door
from tests.support.front_door import PREFIX, FrontDoor

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests in which a role must be refused."""
    config.addinivalue_line("markers", "refused(action): a role may be refused this action in this test")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded AWS; what a test sees of a build does not depend on the machine's container engine."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOAL_INSTANCES", "none")
        environment.setenv("SHOAL_ENGINE", "stand-in")
        with EmbeddedAws(tmp_path_factory.mktemp("life"), wait_scale=0.02) as running:
            environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
            yield running


@pytest.fixture(scope="session")
def shoal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    """Shoal, built and deployed by the SAM CLI, and a network for clusters."""
    return front_door.deployed(server, tmp_path_factory.getbasetemp() / "life0")


@pytest.fixture(scope="session")
def granted(shoal: FrontDoor) -> grants.Granted:
    """What the control plane's roles may do."""
    return grants.granted(shoal.client("iam"), PREFIX)


@pytest.fixture
def name() -> str:
    """The name of a cluster that no other test uses."""
    return f"life-{next(_numbers)}"


@pytest.fixture
def configure(shoal: FrontDoor) -> Callable[..., dict[str, Any]]:
    """A small configuration in the network that is there."""
    return lambda **changed: front_door.configuration(shoal.subnet, **changed)


@pytest.fixture(autouse=True)
def _listed_grants(request: pytest.FixtureRequest, shoal: FrontDoor, granted: grants.Granted) -> Iterator[None]:
    """Whoever is named in the list as the user of a grant has to use it, and nobody may be refused."""
    shoal.server.call("DELETE", "/_shoal/iam")
    yield
    shoal.server.call("DELETE", "/_shoal/faults")
    decisions = cast(dict[str, list[dict[str, Any]]], shoal.server.call("GET", "/_shoal/iam"))["decisions"]
    used = granted.used(decisions, PREFIX)
    listed = grants.used_elsewhere(ROOT / grants.LIST)
    mine = [grant for grant, test in listed.items() if test == request.node.nodeid]
    assert grants.by_holder(grants.unused(mine, used)) == [], "listed as used by this test, and not used"
    marker = request.node.get_closest_marker("refused")
    expected = [f": {action} on " for action in (marker.args if marker else ())]
    refused = [line for line in grants.denied(decisions) if not any(action in line for action in expected)]
    assert refused == []
