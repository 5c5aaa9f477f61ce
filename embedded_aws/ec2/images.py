"""Images that exist, and the public parameters that name the newest ones.

MiniStack has four x86 images and two parameters. A head node's system is found through SSM's public parameters
(https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-ami.html), so each
supported system has an image per architecture here, by the paths its publisher uses.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2.request import Query, Record, RefusedError, Response, listed
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_ACTION_MAP"),
    ("services.ec2", "_STUB_AMIS"),
    ("services.ec2", "_stub_image_view"),
    ("services.ec2", "_image_view"),
    ("services.ec2", "_images"),
    ("services.ssm", "_PUBLIC_AMI_PARAMETERS"),
)

AMAZON, CANONICAL, DEBIAN = "137112412989", "099720109477", "136693071363"

IMAGES = (
    ("ami-0a1000000000000a1", "al2023-ami-2023.9.20261103.0-kernel-6.12-x86_64", AMAZON, "x86_64"),
    ("ami-0a1000000000000a2", "al2023-ami-2023.9.20261103.0-kernel-6.12-arm64", AMAZON, "arm64"),
    (
        "ami-0a2000000000000a1",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261101",
        CANONICAL,
        "x86_64",
    ),
    ("ami-0a2000000000000a2", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261101", CANONICAL, "arm64"),
    ("ami-0a3000000000000a1", "debian-12-amd64-20261102-2286", DEBIAN, "x86_64"),
    ("ami-0a3000000000000a2", "debian-12-arm64-20261102-2286", DEBIAN, "arm64"),
)
"""Id, name, owner, architecture."""

_CANONICAL = "/aws/service/canonical/ubuntu/server/24.04/stable/current"

PARAMETERS = {
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64": IMAGES[0][0],
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64": IMAGES[1][0],
    "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64": IMAGES[0][0],
    "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64": IMAGES[1][0],
    f"{_CANONICAL}/amd64/hvm/ebs-gp3/ami-id": IMAGES[2][0],
    f"{_CANONICAL}/arm64/hvm/ebs-gp3/ami-id": IMAGES[3][0],
    "/aws/service/debian/release/12/latest/amd64": IMAGES[4][0],
    "/aws/service/debian/release/12/latest/arm64": IMAGES[5][0],
    "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id": IMAGES[0][0],
    "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id": IMAGES[1][0],
}

ROOT_SIZE_GIB = 8


def install() -> None:
    """Add the images and the parameters; refuse ids that do not exist."""
    from ministack.services import ec2, ssm

    view, describe = ec2._stub_image_view, ec2._ACTION_MAP["DescribeImages"]
    architectures = {identifier: architecture for identifier, _, _, architecture in IMAGES}
    ec2._STUB_AMIS[:] = [stub for stub in ec2._STUB_AMIS if stub[0] not in architectures] + [
        (identifier, name, name, "", _root_device(owner), owner, "amazon" if owner == AMAZON else None)
        for identifier, name, owner, _ in IMAGES
    ]
    ssm._PUBLIC_AMI_PARAMETERS.update(PARAMETERS)

    def stub_image_view(identifier: str, *rest: Any) -> Record:
        return {**view(identifier, *rest), "Architecture": architectures.get(identifier, "x86_64")}

    def describe_images(query: Query) -> Response:
        try:
            for identifier in listed(query, "ImageId"):
                image(identifier)
        except RefusedError as refusal:
            return refusal.response()
        answer: Response = describe(query)
        return answer

    ec2._stub_image_view = stub_image_view
    ec2._ACTION_MAP["DescribeImages"] = describe_images


def image(identifier: str) -> Record:
    """What is known of an image: `ImageId`, `Architecture`, `RootDeviceName`, `VolumeSize` of the root in GiB.

    Raises:
        RefusedError: there is none of this id.
    """
    from ministack.services import ec2

    if not identifier.startswith("ami-"):
        raise RefusedError("InvalidAMIID.Malformed", f'Invalid id: "{identifier}" (expecting "ami-...")')
    registered = ec2._images.get(identifier)
    stubs = [stub for stub in ec2._STUB_AMIS if stub[0] == identifier]
    if registered is None and not stubs:
        raise RefusedError("InvalidAMIID.NotFound", f"The image id '[{identifier}]' does not exist")
    view: Record = ec2._image_view(registered) if registered else ec2._stub_image_view(*stubs[0])
    return {**view, "VolumeSize": ROOT_SIZE_GIB}


def _root_device(owner: str) -> str:
    return "/dev/sda1" if owner == CANONICAL else "/dev/xvda"
