"""By which address is a node reached, and which networks does Open MPI leave alone?"""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from shoal.image.context.shoal_job import ssh
from shoal.image.context.shoal_job.addresses import addresses, own_address
from shoal.image.context.shoal_job.machines import between_nodes, open_mpi
from shoal.image.context.shoal_job.problems import JobError


def test_a_node_is_reached_by_neither_its_loopback_nor_its_link_local_address() -> None:
    known = [IPv4Address("127.0.0.1"), IPv4Address("169.254.172.2"), IPv4Address("10.0.1.7")]
    assert own_address(known) == "10.0.1.7"


def test_a_node_without_an_address_says_so() -> None:
    with pytest.raises(JobError, match="no address that other nodes could reach") as caught:
        own_address([IPv4Address("127.0.0.1")])
    assert caught.value.code == 69


def test_the_addresses_of_a_machine_are_found() -> None:
    assert IPv4Address("127.0.0.1") in addresses()


@pytest.mark.parametrize(("link_local", "excluded"), [(True, "127.0.0.0/8,169.254.0.0/16"), (False, "127.0.0.0/8")])
def test_open_mpi_is_told_only_of_networks_that_are_there(link_local: bool, excluded: str) -> None:
    told = between_nodes(link_local=link_local)
    assert {told["OMPI_MCA_btl_tcp_if_exclude"], told["OMPI_MCA_oob_tcp_if_exclude"]} == {excluded}


def test_a_job_of_one_node_may_use_its_loopback() -> None:
    assert not [name for name in open_mpi(Path("/home/hostfile")) if "exclude" in name]


def test_a_user_without_a_name_cannot_use_ssh_and_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    with pytest.raises(JobError, match="user id 4000000000 is not in /etc/passwd"):
        ssh.folder()
