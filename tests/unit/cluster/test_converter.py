"""A 2.x INI file, turned into YAML by ParallelCluster's own converter, is a configuration for Shoal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from shoal.cluster.configuration import load
from tests.support.mistakes import only_problem
from tests.support.parallelcluster import PYTHON

VERSION_2 = """
[global]
cluster_template = default
[aws]
aws_region_name = us-east-1
[cluster default]
key_name = key
base_os = alinux2
scheduler = awsbatch
master_instance_type = t3.micro
compute_instance_type = c5.large
min_vcpus = 0
desired_vcpus = 2
max_vcpus = 20
cluster_type = spot
spot_bid_percentage = 80
vpc_settings = public
ebs_settings = data
raid_settings = fast
s3_read_resource = arn:aws:s3:::genomes/*
tags = {"project": "genomes"}
[vpc public]
vpc_id = vpc-12345678
master_subnet_id = subnet-12345678
compute_subnet_id = subnet-23456789
[ebs data]
shared_dir = /data
volume_type = gp3
volume_size = 50
[raid fast]
shared_dir = /fast
raid_type = 0
num_of_raid_volumes = 2
"""


def converted(folder: Path) -> str:
    """The YAML that the converter makes of the INI file."""
    source, target = folder / "config.ini", folder / "cluster.yaml"
    source.write_text(VERSION_2)
    command = [str(PYTHON.with_name("pcluster3-config-converter")), "-c", str(source), "-o", str(target)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"})
    return target.read_text()


def test_a_file_of_version_2_loads_once_its_system_is_changed(tmp_path: Path) -> None:
    text = converted(tmp_path)
    problem = only_problem(text)
    assert (problem.path, problem.suggestion) == ("Image.Os", "write alinux2023, or debian12")
    cluster = load(text.replace("alinux2", "alinux2023"))
    (queue,) = cluster.scheduling.aws_batch_queues
    assert queue.capacity_type == "SPOT"
    assert queue.compute_resources[0].spot_bid_percentage == 80
    assert [storage.mount_point for storage in cluster.shared_storage] == ["/data", "/fast"]
    assert cluster.head_node.iam.s3_access[0].bucket_name == "genomes"
