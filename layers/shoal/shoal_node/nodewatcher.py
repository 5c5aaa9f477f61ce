"""nodewatcher, on every compute node: ends its own instance once that has been idle for long enough."""

from __future__ import annotations

import logging
import threading
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Optional

from botocore.exceptions import BotoCoreError, ClientError

from shoal_node import daemon, groups
from shoal_node.aws import current_metadata, instance_id, metadata
from shoal_node.contract import SETTINGS_FILE, ComputeSettings, read_settings
from shoal_node.fleet import SHARED_FLEET_FILE, ComputeResource, Fleet
from shoal_node.hosts import copy_hosts
from shoal_node.idle import IDLE_REASON, LEAVING_REASON, REMOVED, Limits, Next, Seen, Step, is_awaited, step
from shoal_node.shell import NodeError
from shoal_node.slurm import nodes, queue
from shoal_node.slurm.commands import SlurmError

log = logging.getLogger("shoal_node")

PAUSE = 5.0
"""Seconds; AWS advises to look for a Spot interruption every five."""
WARNINGS = {
    "spot/instance-action": "Spot interruption",
    "events/recommendations/rebalance": "Spot rebalance recommendation",
}
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"""


class Watcher:
    """One node, and what is remembered of it between two looks."""

    def __init__(self, fleet: Fleet, resource: ComputeResource, instance: str, name: str) -> None:
        self._fleet = fleet
        self._resource = resource
        self._instance = instance
        self._name = name
        self._limits = Limits(fleet.idle_seconds, resource.min_count)
        self._removed = False
        self._decisions = daemon.Decisions()
        self._idle_since: Optional[float] = None
        self._protected: Optional[bool] = None
        self._ended = False

    def follow(self, fleet: Fleet) -> None:
        """Go by another configuration from now on."""
        resource = fleet.resource(self._resource.queue, self._resource.name)
        self._removed = resource is None
        self._limits = Limits(fleet.idle_seconds, resource.min_count if resource else 0)

    def look(self, leaving: Callable[[], Optional[str]]) -> None:
        """Look at Slurm, at the group and at what AWS warns of, once, and do what that means."""
        if self._ended:
            return
        seen = self._see(leaving())
        told = step(seen, self._idle_since, self._limits)
        self._idle_since = told.idle_since
        if told.next is not Next.KEEP:
            self._decisions.tell(time.time(), self._name, told.next.value, told.why)
            self._do(told, seen.leaving)
        if seen.jobs is not None:
            self._protect(seen.jobs > 0)

    def _see(self, leaving: Optional[str]) -> Seen:
        node, jobs, desired = None, None, None
        try:
            node = nodes.node(self._name)
            jobs = len(queue.jobs_on(self._name)) if node else None
        except SlurmError as error:
            log.warning("Slurm does not tell of this node: %s", error)
        try:
            group = groups.groups(self._fleet).get(self._resource.group)
            desired = group.desired if group else None
        except (BotoCoreError, ClientError) as error:
            log.warning("Auto Scaling does not tell of this group: %s", error)
        awaited = node is not None and is_awaited(node.extra, time.time())
        return Seen(time.monotonic(), node, jobs, desired, leaving, awaited, self._removed)

    def _do(self, told: Step, leaving: Optional[str]) -> None:
        if told.next is Next.DRAIN:
            why = REMOVED if self._removed else leaving
            nodes.drain(self._name, f"{LEAVING_REASON}: {why}" if why else IDLE_REASON)
        elif told.next is Next.RESUME:
            nodes.resume(self._name)
        elif told.next is Next.REQUEUE:
            for job in queue.jobs_on(self._name):
                queue.requeue(job)
        elif groups.end(self._fleet, self._instance, fewer=True):
            self._ended = True
        else:
            self._stay_or_be_replaced(leaving is not None or self._removed)

    def _stay_or_be_replaced(self, must_go: bool) -> None:
        """The group wants no fewer: another node was quicker. One that AWS takes away is replaced."""
        if must_go:
            self._ended = groups.end(self._fleet, self._instance, fewer=False)
        else:
            nodes.resume(self._name)
            self._idle_since = None

    def _protect(self, busy: bool) -> None:
        if self._protected is not busy:
            groups.protect(self._fleet, self._resource.group, self._instance, busy)
            self._protected = busy


def warning() -> Optional[str]:
    """What AWS warns of in the instance's metadata, if it does."""
    for path, name in WARNINGS.items():
        try:
            current_metadata(path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                log.warning("the instance's metadata: %s", error)
            continue
        return name
    return None


class FleetFile:
    """The fleet in a file that the head node writes: read again when that has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: Optional[tuple[int, int, int]] = None

    def changed(self) -> Optional[Fleet]:
        """The fleet if the file is another than at the last look; one that cannot be read is passed over.

        Raises:
            OSError: there is no such file.
        """
        told = self._path.stat()
        stamp = (told.st_ino, told.st_size, told.st_mtime_ns)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            return Fleet.from_json(self._path.read_text())
        except ValueError as error:
            log.warning("%s is not followed: %s", self._path, error)
            return None


def watch(stop: threading.Event, seconds: float = PAUSE) -> None:
    """Run on this instance until `stop` is set, looking every so many seconds."""
    file = FleetFile(Path(SHARED_FLEET_FILE))
    told: list[Fleet] = []
    own: list[Watcher] = []

    def look() -> None:
        fleet = file.changed()
        if fleet:
            told[:] = [fleet]
        if not told:
            raise NodeError(f"{SHARED_FLEET_FILE} cannot be read")
        if not own:
            own.append(_own(told[0]))
        if fleet:
            own[0].follow(fleet)
        copy_hosts()
        own[0].look(warning)

    daemon.run("nodewatcher", look, seconds, stop)


def _own(fleet: Fleet) -> Watcher:
    group = groups.group_of(fleet, instance_id())
    if group is None:
        raise NodeError(f"{instance_id()} is in none of the cluster's groups")
    resource = fleet.resource_of_group(group) or _left(group)
    return Watcher(fleet, resource, instance_id(), resource.node_name(metadata("local-ipv4")))


def _left(group: str) -> ComputeResource:
    """This node's compute resource where it left the configuration before this daemon began: it has to go as well."""
    settings = read_settings(Path(SETTINGS_FILE).read_text())
    if not isinstance(settings, ComputeSettings):
        raise NodeError(f"{SETTINGS_FILE} is a head node's")
    return ComputeResource(settings.queue, settings.compute_resource, group, cpus=0, memory=0, max_count=0)
