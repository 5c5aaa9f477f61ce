"""Can a test have old images without waiting for them to grow old?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.support.ecr import MANIFEST
from tests.support.embedded import Account


def push(account: Account, number: int) -> None:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": f"sha256:{number:064x}"}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})
    account.client("ecr").put_image(repositoryName="images", imageManifest=manifest, imageTag=f"t{number}")


def ages(account: Account) -> dict[str, int]:
    details: list[dict[str, Any]] = account.client("ecr").describe_images(repositoryName="images")["imageDetails"]
    return {detail["imageTags"][0]: (datetime.now(UTC) - detail["imagePushedAt"]).days for detail in details}


def test_images_are_as_old_as_the_switch_said_when_they_were_pushed(account: Account) -> None:
    account.client("ecr").create_repository(repositoryName="images")
    account.server.call("POST", "/_shoal/image-age", {"days": 40})
    try:
        push(account, 1)
    finally:
        account.server.call("POST", "/_shoal/image-age", {"days": 0})
    push(account, 2)
    assert ages(account) == {"t1": 40, "t2": 0}
