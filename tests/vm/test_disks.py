"""Does a real kernel show volumes, arrays and the instance's own disks as the node's steps mean them?"""

from __future__ import annotations

import re

import pytest

from tests.vm.conftest import Found
from tests.vm.guest.layout import GROWN, MEBIBYTE, SIZES, STORES, VOLUMES

STARTS = pytest.mark.parametrize("start", ["first", "again"])


def test_an_empty_volume_is_formatted_and_open_to_all(found: Found) -> None:
    facts = found.at("first", "volumes")
    assert facts["kept"]["data"] is None
    assert facts["first"]["data"].startswith("/dev/nvme")
    assert facts["modes"]["data"] == "0o1777"


def test_a_volume_with_a_file_system_is_mounted_as_it_is(found: Found) -> None:
    facts = found.at("first", "volumes")
    assert facts["kept"]["old"] == "written before old was attached"
    assert facts["modes"]["old"] == "0o755"


@STARTS
def test_a_disk_with_data_that_are_no_file_system_is_refused_and_left_alone(found: Found, start: str) -> None:
    facts = found.at(start, "foreign")
    assert "holds data, but no file system that could be mounted; it is left as it is" in facts["refused"]
    assert facts["unchanged"]


@STARTS
@pytest.mark.parametrize(("name", "level"), [("fast", "raid0"), ("safe", "raid1")])
def test_an_array_has_its_level_and_all_of_its_disks(found: Found, start: str, name: str, level: str) -> None:
    detail = found.at(start, "volumes")["arrays"][name]
    assert re.search(rf"Raid Level : {level}$", detail, re.MULTILINE)
    assert len(re.findall(r"active sync\s+/dev/nvme", detail)) == 2


def test_a_mirror_holds_as_much_as_one_disk_and_a_stripe_as_much_as_both(found: Found) -> None:
    arrays = found.at("first", "volumes")["arrays"]
    sizes = {name: int(re.findall(r"Array Size : (\d+)", arrays[name])[0]) * 1024 for name in ("fast", "safe")}
    assert sizes["safe"] < SIZES[5] < sizes["fast"] < 2 * SIZES[3]


@STARTS
def test_setting_up_again_mounts_and_formats_nothing_anew(found: Found, start: str) -> None:
    facts = found.at(start, "volumes")
    assert facts["second"] == facts["first"]


def test_a_restart_mounts_every_volume_and_array_before_the_node_is_set_up(found: Found) -> None:
    assert set(found.at("first", "volumes")["before"].values()) == {""}
    before = found.at("again", "volumes")["before"]
    assert set(before) == {volume.name for volume in VOLUMES}
    assert all(before.values()), before


def test_a_restart_keeps_what_was_written(found: Found) -> None:
    kept = found.at("again", "volumes")["kept"]
    assert kept == {
        "data": "written on data",
        "old": "written before old was attached",
        "fast": "written on fast",
        "safe": "written on safe",
    }


def test_a_larger_volume_gives_its_file_system_more(found: Found) -> None:
    assert found.at("first", "volumes")["bytes"] < SIZES[1]
    assert GROWN - 16 * MEBIBYTE < found.at("again", "volumes")["bytes"] < GROWN


@STARTS
def test_the_instances_own_disks_are_one_striped_volume_that_all_may_write_to(found: Found, start: str) -> None:
    facts = found.at(start, "scratch")
    assert facts["disks"] == STORES
    now = facts["now"]
    assert now["source"] == "/dev/mapper/shoal--scratch-scratch"
    assert f" striped {STORES} 128 " in now["table"]
    assert now["stripes"] == [str(STORES), "64.00k"]
    assert now["mode"] == "0o1777"


def test_scratch_outlives_a_restart_but_not_a_stop(found: Found) -> None:
    facts = found.at("again", "scratch")
    assert facts["now"]["kept"] == "written on scratch"
    assert facts["emptied"]["kept"] is None
    assert facts["emptied"]["stripes"] == [str(STORES), "64.00k"]
