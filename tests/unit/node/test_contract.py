"""Do the settings arrive on the node as the control plane gave them?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.user_data import node_script
from shoal_node.contract import (
    SETTINGS_FILE,
    SLURM,
    Action,
    Actions,
    ComputeSettings,
    Disk,
    FileSystem,
    NodePackage,
    NodeSettings,
    Settings,
    Volume,
    efs_mount,
    read_settings,
)
from shoal_node.fleet import ComputeResource, Fleet, Partition

texts = st.text(max_size=20)
disks = st.lists(st.builds(Disk, texts, texts), max_size=3).map(tuple)
file_systems = st.lists(st.builds(FileSystem, texts, texts, texts), max_size=2).map(tuple)
scripts = st.lists(st.builds(Action, texts, st.lists(texts, max_size=2).map(tuple)), max_size=2).map(tuple)
both: dict[str, Any] = {
    "cluster_name": texts,
    "stack_name": texts,
    "region": texts,
    "url_suffix": texts,
    "node_package": st.builds(NodePackage, texts, texts, st.none() | texts),
    "file_systems": file_systems,
    "scratch_dir": texts,
    "log_group": st.none() | texts,
    "rotate_logs": st.booleans(),
    "actions": st.builds(Actions, scripts, scripts),
}
head_settings = st.builds(
    Settings,
    logical_id=texts,
    volumes=st.lists(st.builds(Volume, texts, texts, disks, st.none() | st.integers(0, 1)), max_size=3).map(tuple),
    kind=texts,
    table=st.none() | texts,
    **both,
)
compute_settings = st.builds(
    ComputeSettings,
    table=texts,
    queue_url=texts,
    queue=texts,
    compute_resource=texts,
    group=texts,
    head_address=texts,
    mounts=st.lists(texts, max_size=2).map(tuple),
    gpus=st.integers(0, 8),
    efa=st.booleans(),
    **both,
)


def told(script: str) -> str:
    """What a shell writes into the settings file."""
    lines = script.split("\n")
    begin = lines.index(f"cat > {SETTINGS_FILE} <<'END_OF_SETTINGS'")
    return "\n".join(lines[begin + 1 : lines.index("END_OF_SETTINGS", begin + 1)])


@given(head_settings | compute_settings)
def test_settings_survive_the_user_data_whatever_characters_they_hold(given_settings: NodeSettings) -> None:
    script = node_script(given_settings)
    assert read_settings(told(script)) == given_settings


def test_a_reference_of_the_template_stands_in_quotes() -> None:
    disk = Disk({"Ref": "Volume"}, "/dev/sdf")
    script = node_script(plain(volumes=(Volume("a", "/a", (disk,)),)))
    text = "".join(part if isinstance(part, str) else "vol-1" for part in script["Fn::Join"][1])
    read = read_settings(told(text))
    assert isinstance(read, Settings)
    assert read.volumes[0].disks[0].volume_id == "vol-1"


@pytest.mark.parametrize("strange", [{"unheard_of": 1}, {"node": "login"}, {"actions": None}, {"node_package": []}])
def test_settings_of_another_version_are_refused_in_one_line(strange: dict[str, Any]) -> None:
    values = plain().as_dict() | strange
    with pytest.raises(ValueError, match="another version of the node package"):
        read_settings(json.dumps(values))


def test_home_is_exported_unless_it_is_a_file_system() -> None:
    assert plain().exported_directories == ("/home",)
    assert plain(file_systems=(FileSystem("h", "/home", "fs-1"),)).exported_directories == ()
    assert plain(volumes=(Volume("h", "/home", ()),)).exported_directories == ("/home",)


def test_the_head_node_of_a_slurm_cluster_exports_what_its_nodes_share() -> None:
    assert plain(kind=SLURM).exported_directories == ("/home", "/opt/shoal")


fleets = st.builds(
    Fleet,
    cluster_name=texts,
    region=texts,
    queue_url=texts,
    table=texts,
    resources=st.lists(
        st.builds(
            ComputeResource,
            texts,
            texts,
            texts,
            st.integers(),
            st.integers(),
            st.integers(),
            custom_settings=st.lists(texts, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    memory_is_consumable=st.booleans(),
    endpoint_url=st.none() | texts,
    queues=st.lists(st.builds(Partition, texts, st.booleans(), st.booleans()), max_size=2).map(tuple),
    custom_settings=st.lists(texts, max_size=2).map(tuple),
    on_node_updated=scripts,
)


@given(fleets)
def test_a_fleet_survives_the_way_to_the_nodes(fleet: Fleet) -> None:
    assert Fleet.from_json(fleet.to_json()) == fleet


def everything_in(value: Any) -> list[Any]:
    """The values in a JSON value."""
    if isinstance(value, dict):
        return [inner for item in value.values() for inner in everything_in(item)]
    if isinstance(value, (list, tuple)):
        return [inner for item in value for inner in everything_in(item)]
    return [value]


def as_text(value: Any) -> Any:
    """A value with its numbers and booleans as text."""
    if isinstance(value, dict):
        return {name: as_text(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_text(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)


@given(fleets)
def test_a_fleet_survives_a_stack_that_makes_text_of_its_numbers(fleet: Fleet) -> None:
    assert Fleet.from_dict(as_text(fleet.as_dict())) == fleet


@given(fleets)
def test_a_fleet_holds_no_null_which_cloudformation_would_refuse(fleet: Fleet) -> None:
    assert None not in everything_in(fleet.as_dict())


@pytest.mark.parametrize("strange", ['{"unheard_of": 1}', "[]", '{"resources": 1}'])
def test_a_fleet_of_another_version_is_refused_in_one_line(strange: str) -> None:
    with pytest.raises(ValueError, match="another version of the node package"):
        Fleet.from_json(strange)


@pytest.mark.parametrize(
    ("system", "mount"),
    [
        ({}, ("fs-1.efs.eu-west-1.amazonaws.com:/", "nfs4")),
        ({"tls": True}, ("fs-1:/", "efs")),
        ({"tls": True, "iam": True}, ("fs-1:/", "efs")),
        ({"tls": True, "access_point_id": "fsap-1"}, ("fs-1:/", "efs")),
    ],
)
def test_a_file_system_is_mounted_by_plain_nfs_unless_it_needs_more(system: Any, mount: tuple[str, str]) -> None:
    source, kind, options = efs_mount(FileSystem("f", "/f", "fs-1", **system), "eu-west-1", "amazonaws.com")
    assert (source, kind) == mount
    assert ("tls" in options, "iam" in options) == (bool(system), "iam" in system)
    assert ("accesspoint=fsap-1" in options) == ("access_point_id" in system)


def plain(**overrides: Any) -> Settings:
    fields: dict[str, Any] = {
        "cluster_name": "genomics",
        "stack_name": "shoal-cluster-genomics",
        "logical_id": "HeadNode",
        "region": "eu-west-1",
        "url_suffix": "amazonaws.com",
        "node_package": NodePackage("bucket", "key", None),
        "volumes": (),
        "file_systems": (),
        "scratch_dir": "/scratch",
        "log_group": None,
        "rotate_logs": True,
    }
    return Settings(**(fields | overrides))
