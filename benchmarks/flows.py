"""Two ways to a job image: Shoal's, and ParallelCluster's as its package ships it.

Base image and packages are the same, so what differs is the flow alone: the order of the layers, the cache between
builds, and what an unchanged image costs.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.containers import base_images
from embedded_aws.containers.oci_layout import ARCHITECTURES
from embedded_aws.process import REGION, ROOT
from shoal.image.content import ContextFile, context_zip, read_context
from shoal.image.job_image import base_image

_PARALLELCLUSTER = ROOT / ".tools/pcluster/lib"
_BASE = f"public.ecr.aws/{base_images.DEBIAN}:{base_images.TAG}"
_PACKAGES = re.compile(r"^RUN yum update.*?(?<!\\)$", re.DOTALL | re.MULTILINE)
_LINE = b"\n# changed\n"


@dataclass(frozen=True)
class Flow:
    """A project, and how a build of it is started."""

    name: str
    context: Callable[[bool], bytes]
    """The build context as a zip archive; True: with one line more in a script."""
    project_variables: Callable[[str, str], Mapping[str, str]]
    """Variables of the project, from account and repository."""
    build_variables: Callable[[str, str, bool], Mapping[str, str]]
    """Variables of a build, from account, repository and whether a line was changed."""


def _shoal_context(changed: bool) -> bytes:
    return context_zip(_with_line(read_context(), "shoal-job", changed))


def _with_line(files: tuple[ContextFile, ...], path: str, changed: bool) -> list[ContextFile]:
    return [
        ContextFile(file.path, file.mode, file.data + _LINE) if changed and file.path == path else file
        for file in files
    ]


def _shoal_build(account: str, repository: str, changed: bool) -> dict[str, str]:
    host = f"{account}.dkr.ecr.{REGION}.amazonaws.com"
    return {
        "IMAGE_TAG": "changed" if changed else "first",
        "CACHE_IMAGE": f"{host}/{repository}-cache:layers",
        "DOCKERFILE": "Dockerfile",
        "PLATFORM": f"linux/{ARCHITECTURES[platform.machine()]}",
        "TARGET": "",
        "BUILD_ARGS": "BASE_IMAGE",
        "BASE_IMAGE": base_image("debian12"),
    }


def _parallelcluster_context(changed: bool) -> bytes:
    """What ParallelCluster uploads; base image and packages are those of Shoal's image, the rest is as it ships."""
    folder = next(_PARALLELCLUSTER.rglob("pcluster/resources/batch/docker"))
    packages = next(file for file in read_context() if file.path == "install-packages")
    dockerfile = (folder / "alinux2023/Dockerfile").read_text()
    dockerfile = re.sub(r"^FROM .*$", f"FROM {_BASE}", dockerfile, count=1, flags=re.MULTILINE)
    installed = "COPY install-packages /tmp/install-packages\nRUN sh /tmp/install-packages && mkdir -p /var/run/sshd"
    dockerfile, replaced = _PACKAGES.subn(installed, dockerfile)
    if replaced != 1:
        raise ValueError(f"{folder}/alinux2023/Dockerfile installs its packages in another way")
    files = (packages, ContextFile("debian12/Dockerfile", 0o644, dockerfile.encode()), *_shipped(folder))
    return context_zip(_with_line(files, "scripts/entrypoint.sh", changed))


def _shipped(folder: Path) -> list[ContextFile]:
    paths = [folder / name for name in ("buildspec.yml", "build-docker-images.sh", "upload-docker-images.sh")]
    paths += sorted((folder / "scripts").iterdir())
    return [
        ContextFile(str(path.relative_to(folder)), path.stat().st_mode & 0o777, path.read_bytes()) for path in paths
    ]


SHOAL = Flow(
    "Shoal",
    _shoal_context,
    lambda account, repository: {"REPOSITORY_URI": f"{account}.dkr.ecr.{REGION}.amazonaws.com/{repository}"},
    _shoal_build,
)
PARALLELCLUSTER = Flow(
    "ParallelCluster",
    _parallelcluster_context,
    lambda account, repository: {"AWS_REGION": REGION, "AWS_ACCOUNT_ID": account, "IMAGE_REPO_NAME": repository},
    lambda account, repository, changed: {"IMAGE": "debian12"},
)
