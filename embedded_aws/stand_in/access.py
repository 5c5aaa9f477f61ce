"""Who may use a registry: the login, and what the build's role may read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Container

from embedded_aws.stand_in import registry
from embedded_aws.stand_in.images import Store
from embedded_aws.stand_in.names import Reference
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


def usable_caches(names: list[str], store: Store) -> list[str]:
    """Those of the images to take layers from that the build can read; like docker's, a build does without the others.

    Each is read with the role of the build, since pulling is what the engine does not ask ECR for.
    """
    usable = []
    for name in names:
        known = Reference.parse(name)
        problem = "no basic auth credentials" if known.host not in store.logins else registry.unreadable(known)
        if problem:
            say(f"WARNING: importing cache manifest from {name}: {problem}")
        else:
            say(f"importing cache manifest from {name}")
            usable.append(name)
    return usable
