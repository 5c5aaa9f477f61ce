"""Do the settings arrive on the node as the control plane gave them?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.user_data import head_node_script
from shoal_node.contract import SETTINGS_FILE, Disk, FileSystem, NodePackage, Settings, Volume, efs_mount

texts = st.text(max_size=20)
disks = st.lists(st.builds(Disk, texts, texts), max_size=3).map(tuple)
settings = st.builds(
    Settings,
    cluster_name=texts,
    stack_name=texts,
    logical_id=texts,
    region=texts,
    url_suffix=texts,
    node_package=st.builds(NodePackage, texts, texts, st.none() | texts),
    volumes=st.lists(st.builds(Volume, texts, texts, disks, st.none() | st.integers(0, 1)), max_size=3).map(tuple),
    file_systems=st.lists(st.builds(FileSystem, texts, texts, texts), max_size=2).map(tuple),
    scratch_dir=texts,
    log_group=st.none() | texts,
    rotate_logs=st.booleans(),
)


def told(script: str) -> str:
    """What a shell writes into the settings file."""
    lines = script.split("\n")
    begin = lines.index(f"cat > {SETTINGS_FILE} <<'END_OF_SETTINGS'")
    return "\n".join(lines[begin + 1 : lines.index("END_OF_SETTINGS", begin + 1)])


@given(settings)
def test_settings_survive_the_user_data_whatever_characters_they_hold(given_settings: Settings) -> None:
    script = head_node_script(given_settings)
    assert Settings.from_json(told(script)) == given_settings


def test_a_reference_of_the_template_stands_in_quotes() -> None:
    disk = Disk({"Ref": "Volume"}, "/dev/sdf")
    script = head_node_script(plain(volumes=(Volume("a", "/a", (disk,)),)))
    text = "".join(part if isinstance(part, str) else "vol-1" for part in script["Fn::Join"][1])
    assert Settings.from_json(told(text)).volumes[0].disks[0].volume_id == "vol-1"


def test_settings_of_another_version_are_refused_in_one_line() -> None:
    values = plain().as_dict() | {"unheard_of": 1}
    with pytest.raises(ValueError, match="another version of the node package"):
        Settings.from_json(json.dumps(values))


def test_home_is_exported_unless_it_is_a_file_system() -> None:
    assert plain().exported_directories == ("/home",)
    assert plain(file_systems=(FileSystem("h", "/home", "fs-1"),)).exported_directories == ()
    assert plain(volumes=(Volume("h", "/home", ()),)).exported_directories == ("/home",)


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
