"""Does a real NFS server give a compute node what the head node exports?"""

from __future__ import annotations

import pytest

from tests.vm.conftest import Found
from tests.vm.guest.layout import HEAD, settings

STARTS = pytest.mark.parametrize("start", ["first", "again"])


@STARTS
def test_every_exported_directory_is_mounted_by_the_kernel(found: Found, start: str) -> None:
    facts = found.at(start, "nfs")
    assert facts["mounted"] == {directory: f"{HEAD}:{directory}" for directory in settings().exported_directories}
    assert facts["kinds"] == ["nfs"]


@STARTS
def test_a_compute_node_reads_volumes_and_homes(found: Found, start: str) -> None:
    facts = found.at(start, "nfs")
    assert (facts["read"], facts["home"]) == ("written on data", "written at home")


@STARTS
def test_what_root_writes_on_a_compute_node_is_roots_on_the_head_node(found: Found, start: str) -> None:
    facts = found.at(start, "nfs")
    assert (facts["written"], facts["owner"]) == ("written by the client", 0)


@STARTS
def test_the_server_has_version_4_and_takes_reserved_ports_only(found: Found, start: str) -> None:
    facts = found.at(start, "nfs")
    assert "+4.1" in facts["server"]
    assert "insecure" not in facts["exports"]
    assert facts["exports"].count("secure") == len(settings().exported_directories)


@STARTS
def test_mounting_twice_leaves_one_entry_for_each_directory(found: Found, start: str) -> None:
    lines = [line for line in found.at(start, "nfs")["fstab"].splitlines() if line.startswith(HEAD)]
    assert len(lines) == len(settings().exported_directories)
