"""Who may use a registry: the login, and what the build's role may read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Container, Iterable

from embedded_aws.stand_in import registry
from embedded_aws.stand_in.images import Store
from embedded_aws.stand_in.names import Reference, is_of_an_account
from embedded_aws.stand_in.telling import DockerError, say


def login(options: argparse.Namespace, store: Store) -> None:
    """Take the password that ECR gave, and no other."""
    password = options.password or sys.stdin.read().strip()
    if options.username != "AWS" or not password or password != registry.password():
        where = f"https://{options.registry}/v2/"
        raise DockerError(f"Error response from daemon: login attempt to {where} failed with status: 401 Unauthorized")
    store.logins.append(options.registry.removeprefix("https://"))
    say("Login Succeeded")


def logout(options: argparse.Namespace, store: Store) -> None:
    """Forget the password."""
    store.logins = [known for known in store.logins if known != options.registry]
    say(f"Removing login credentials for {options.registry}")


def begin_push(name: str, known: Container[str], store: Store) -> Reference:
    """Say where a push goes, and read it.

    Args:
        name: the image, as the build calls it.
        known: the names of what the build has made.
        store: the logins.

    Raises:
        DockerError: there is no such image, or no login to its registry.
    """
    image = Reference.parse(name)
    say(f"The push refers to repository [{image.host}/{image.repository}]")
    if name not in known:
        raise DockerError(f"An image does not exist locally with the tag: {name}")
    if image.host not in store.logins:
        raise DockerError("no basic auth credentials")
    return image


def check_base_images(names: Iterable[str], store: Store) -> None:
    """A build reads its base images in ECR with its own role.

    Raises:
        DockerError: it may not, or there is no such image.
    """
    for name in filter(is_of_an_account, names):
        problem = _unreadable(name, store)
        if problem:
            raise DockerError(f"ERROR: failed to solve: {name}: {problem}")


def _unreadable(name: str, store: Store) -> str | None:
    known = Reference.parse(name)
    return registry.unreadable(known) if known.host in store.logins else "no basic auth credentials"


def usable_caches(names: list[str], store: Store) -> list[str]:
    """Those of the images to take layers from that the build can read; like docker's, a build does without the others.

    Each is read with the role of the build, since pulling is what the engine does not ask ECR for.
    """
    usable = []
    for name in names:
        problem = _unreadable(name, store)
        if problem:
            say(f"WARNING: importing cache manifest from {name}: {problem}")
        else:
            say(f"importing cache manifest from {name}")
            usable.append(name)
    return usable
