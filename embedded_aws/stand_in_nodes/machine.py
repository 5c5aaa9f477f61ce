"""An instance that a stand-in acts for: its settings from its user data, its role, and whether it runs."""

from __future__ import annotations

import base64
import binascii
import contextvars
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded_aws import clients
from embedded_aws.ec2 import profiles
from embedded_aws.hooks import Hook
from embedded_aws.instances import life
from embedded_aws.process import ROOT

if TYPE_CHECKING:
    from shoal_node.contract import NodeSettings

HOOKS: tuple[Hook, ...] = (
    *profiles.HOOKS,
    ("services.ec2", "_instances"),
)

NODE_PACKAGE = ROOT / "layers" / "shoal"
_SETTINGS = re.compile(r"<<'END_OF_SETTINGS'\n(.*?)\nEND_OF_SETTINGS\n", re.DOTALL)


class EndedError(Exception):
    """The instance does not run any more, and so nothing on it."""


@dataclass(frozen=True)
class Machine:
    """One instance."""

    instance_id: str
    role: str
    """ARN of its profile's role."""
    settings: NodeSettings

    @property
    def state(self) -> str:
        """EC2's name of it; `terminated` for one that is gone."""
        from ministack.services import ec2

        return str((ec2._instances.get(self.instance_id) or {"State": {"Name": "terminated"}})["State"]["Name"])

    @property
    def address(self) -> str:
        """Its private address."""
        from ministack.services import ec2

        return str(ec2._instances[self.instance_id]["PrivateIpAddress"])

    def client(self, service: str) -> Any:
        """A client with the credentials of the instance, which an instance that does not run cannot use."""
        client = clients.role_client(service, self.role, self.instance_id)
        client.meta.events.register("before-call", lambda **_: _refuse_ended(self), unique_id="shoal-ended")
        return client


def _refuse_ended(machine: Machine) -> None:
    if machine.state not in ("pending", "running"):
        raise EndedError(machine.instance_id)


def find(instance_id: str) -> Machine | None:
    """An instance that has settings of the node package, and that nothing else boots; None for any other."""
    from ministack.services import ec2

    record = ec2._instances.get(instance_id) or {}
    settings = _settings(str(record.get("UserData") or ""))
    role = profiles.role_arn(str((record.get("IamInstanceProfile") or {}).get("Arn", "")))
    if settings is None or not role or life.boots(instance_id):
        return None
    return Machine(instance_id, role, settings)


def _settings(user_data: str) -> NodeSettings | None:
    make_importable()
    from shoal_node.contract import read_settings

    try:
        text = base64.b64decode(user_data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = user_data
    given = _SETTINGS.search(text)
    try:
        return read_settings(given[1]) if given else None
    except ValueError:
        return None


def make_importable() -> None:
    """Let the server import the node package, which is no part of its own environment."""
    if str(NODE_PACKAGE) not in sys.path:
        sys.path.append(str(NODE_PACKAGE))


def run(machine: Machine, work: Callable[[], object]) -> None:
    """Do something in a thread of its own, in the account and Region of the request, until the instance ends."""

    def guarded() -> None:
        try:
            work()
        except EndedError:
            return

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(guarded,), name=machine.instance_id, daemon=True).start()
