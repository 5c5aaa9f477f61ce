"""The proxy of this machine, for what a build or a job downloads: kept out of every image.

https://docs.docker.com/engine/cli/proxy/ - the client hands the variables to builds, where they are in no layer and
in no key of the cache, and to containers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

_NEVER = "127.0.0.1,localhost"
"""The embedded AWS is always reached directly."""


def client_configuration(environment: Mapping[str, str]) -> dict[str, Any]:
    """The `config.json` of Docker's client.

    Args:
        environment: a process's variables; where they name no proxy, apt's own counts.
    """
    http = _named(environment, "http_proxy") or _of_apt("http")
    https = _named(environment, "https_proxy") or _of_apt("https")
    if not (http or https):
        return {}
    never = ",".join(filter(None, [_named(environment, "no_proxy"), _NEVER]))
    settings = {"httpProxy": http, "httpsProxy": https, "noProxy": never}
    return {"proxies": {"default": {name: value for name, value in settings.items() if value}}}


def _named(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _of_apt(scheme: str) -> str:
    option = f"Acquire::{scheme}::Proxy"
    try:
        told = subprocess.run(
            ["apt-config", "dump", "--format", "%v", option], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    value = told.stdout.strip()
    return "" if value == "DIRECT" else value
