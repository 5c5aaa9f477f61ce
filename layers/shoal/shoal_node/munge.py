"""The key by which the cluster's nodes know each other: made by the head node, handed on through the node table.

The item `secret#munge` is readable by the cluster's nodes alone, and is put once: a head node that is set up again
takes the key that is there, for its nodes have it too. It names the head node's version of Slurm as well.
"""

from __future__ import annotations

import base64
import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from shoal_node.aws import client
from shoal_node.contract import ComputeSettings, NodeSettings, Settings
from shoal_node.shell import run, write
from shoal_node.slurm.installation import slurm_version
from shoal_node.waiting import wait_for

log = logging.getLogger("shoal_node")

ITEM = "secret#munge"
KEY_FILE = Path("/etc/munge/munge.key")
MADE = Path("/var/lib/shoal/munge-key")
"""Written when the cluster's key is in place: what lies there before is the package's, or the image's."""
KEY_BYTES = 1024
"""The most that munge takes, https://github.com/dun/munge/blob/master/src/mungekey/mungekey.8.in"""
WAIT_SECONDS = 1800
"""How long a compute node waits for a head node that is being set up."""


@dataclass(frozen=True)
class Secret:
    """What the head node hands on."""

    key: bytes
    slurm_version: str


def make_key(settings: Settings) -> None:
    """Make the cluster's key, or take the one that there is, and say which Slurm the head node runs."""
    version = slurm_version("slurmctld")
    key = KEY_FILE.read_bytes() if MADE.exists() and KEY_FILE.exists() else secrets.token_bytes(KEY_BYTES)
    if not _put(settings, Secret(key, version)):
        client("dynamodb", settings.region).update_item(
            TableName=settings.table,
            Key={"pk": {"S": ITEM}},
            UpdateExpression="SET slurmVersion = :version",
            ExpressionAttributeValues={":version": {"S": version}},
        )
    _install(wait_for(lambda: _read(settings), "the cluster's munge key", 0))


def restore_key(settings: Settings) -> None:
    """Put the key that the cluster has back into the table, should the table have lost it."""
    if _read(settings) is None:
        _put(settings, Secret(KEY_FILE.read_bytes(), slurm_version("slurmctld")))


def _put(settings: Settings, secret: Secret) -> bool:
    """Hand a key on unless there is one; whether there was none."""
    table = client("dynamodb", settings.region)
    texts = {"pk": ITEM, "key": base64.b64encode(secret.key).decode(), "slurmVersion": secret.slurm_version}
    item = {name: {"S": text} for name, text in texts.items()}
    try:
        table.put_item(TableName=settings.table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except table.exceptions.ConditionalCheckFailedException:
        return False
    log.info("the cluster's munge key is in the node table")
    return True


def take_key(settings: ComputeSettings) -> Secret:
    """Take the cluster's key, waiting for the head node to have made it.

    Raises:
        NodeError: it made none within half an hour.
    """
    secret = wait_for(lambda: _read(settings), "a munge key of the head node", WAIT_SECONDS)
    _install(secret)
    return secret


def _read(settings: NodeSettings) -> Optional[Secret]:
    found: dict[str, Any] = client("dynamodb", settings.region).get_item(
        TableName=settings.table, Key={"pk": {"S": ITEM}}, ConsistentRead=True
    )
    if "Item" not in found:
        return None
    item = found["Item"]
    return Secret(base64.b64decode(item["key"]["S"]), item["slurmVersion"]["S"])


def _install(secret: Secret) -> None:
    """Put the key into place; munge was started with a key of its own when its package was installed."""
    if KEY_FILE.exists() and KEY_FILE.read_bytes() == secret.key:
        run("systemctl", "enable", "--now", "munge")
        return
    partial = KEY_FILE.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(secret.key)
    run("chown", "munge:munge", str(partial))
    partial.chmod(0o400)
    partial.replace(KEY_FILE)
    write(MADE, "in place\n")
    run("systemctl", "enable", "munge")
    run("systemctl", "restart", "munge")
