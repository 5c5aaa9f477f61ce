"""Make the environments that `make run`, `make test` and others need; runs before any of them exists.

Standard library only, Python 3.8 and later, because it is the first thing to run. Each environment is made once and
again only when its requirements or its Python change.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
UV = "uv==0.9.30"
NODE_PACKAGE = "asl-validator@4.0.0"
IS_ONLINE = " (is the network reachable?)"
NO_PYTHON = "Python 3.13 is missing: set SHOAL_PYTHON to one, put python3.13 on PATH, or install it with pyenv or uv"

LEVELS = {"run": {"run"}, "test": {"run", "test"}, "bench": {"run", "test", "bench"}, "vm": {"run", "vm"}}
"""What each level of set-up has."""

# environment, requirements file, needed for: run | test | bench
ENVIRONMENTS = (
    ("ministack", "embedded_aws/requirements.txt", "run"),
    ("sam", "tools/requirements/sam.txt", "run"),
    ("awscli", "tools/requirements/awscli.txt", "run"),
    ("lint", "tools/requirements/lint.txt", "test"),
    ("pcluster", "tools/requirements/parallelcluster.txt", "test"),
    ("awsbatch", "tools/requirements/awsbatch.txt", "test"),
    ("pcluster2", "tools/requirements/parallelcluster2.txt", "bench"),
)


class SetUpError(Exception):
    """Something is missing that set-up cannot provide; one line says what and how to get it."""


def find_python() -> str:
    """The absolute path of a Python 3.13, found by running candidates.

    Candidates are `$SHOAL_PYTHON`, this interpreter, every `python3.13` on PATH and pyenv's versions: a shim may
    be on PATH and answer with an error, so only an answer counts. The last resort is `uv python install`.
    """
    candidates = [os.environ.get("SHOAL_PYTHON", ""), sys.executable]
    candidates += [str(Path(folder) / "python3.13") for folder in os.environ.get("PATH", "").split(os.pathsep)]
    for root in (os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")):
        found_by_pyenv = Path(root).glob("versions/3.13.*/bin/python3.13") if root else ()
        candidates += sorted(map(str, found_by_pyenv), reverse=True)
    for candidate in candidates:
        found = _answers(candidate)
        if found:
            return found
    return _installed_python()


def _answers(candidate: str) -> str | None:
    if not candidate or not Path(candidate).is_file():
        return None
    question = "import sys; print(*sys.version_info[:2]); print(sys._base_executable)"
    try:
        told = subprocess.run([candidate, "-c", question], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = told.stdout.splitlines()
    return lines[1] if told.returncode == 0 and lines and lines[0] == "3 13" else None


def _installed_python() -> str:
    try:
        uv = make_uv(sys.executable)
    except SetUpError as error:
        raise SetUpError(f"{NO_PYTHON}; {error}") from error
    subprocess.run([uv, "python", "install", "3.13"], capture_output=True, check=False)
    told = subprocess.run([uv, "python", "find", "3.13"], capture_output=True, text=True, check=False)
    found = _answers(told.stdout.strip())
    if found:
        return found
    raise SetUpError(NO_PYTHON)


def make_uv(python: str) -> str:
    """The path of uv in an environment of its own; the system's pip may refuse to install anything."""
    uv = TOOLS / "uv" / "bin" / "uv"
    if not uv.exists():
        _quietly([python, "-m", "venv", "--clear", str(TOOLS / "uv")], "an environment for uv could not be made")
        _quietly([str(TOOLS / "uv/bin/pip"), "install", "-q", UV], "uv could not be installed from PyPI", IS_ONLINE)
    return str(uv)


def _quietly(command: list[str], problem: str, hint: str = "") -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SetUpError(f"{problem}: {error.strerror}: {command[0]}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise SetUpError(f"{problem}: {last.strip()}{hint}")


def make_environment(uv: str, folder: Path, python: str, arguments: list[str], inputs: list[Path]) -> bool:
    """Make an environment unless it is there with the same inputs; whether anything was done."""
    identity = hashlib.sha256("\0".join([python, *arguments, *(path.read_text() for path in inputs)]).encode())
    stamp = folder / "shoal-stamp"
    if stamp.exists() and stamp.read_text() == identity.hexdigest():
        return False
    _quietly([uv, "venv", "--quiet", "--clear", "--python", python, str(folder)], f"{folder.name} could not be made")
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *arguments]
    _quietly(install, f"{folder.name} could not be filled", IS_ONLINE)
    stamp.write_text(identity.hexdigest())
    return True


def make_node_tools() -> bool:
    """Install the state machine validator, which only npm has."""
    target = TOOLS / "node"
    stamp = target / "shoal-stamp"
    if stamp.exists() and stamp.read_text() == NODE_PACKAGE:
        return False
    target.mkdir(parents=True, exist_ok=True)
    _quietly(
        ["npm", "install", "--prefix", str(target), "--no-audit", "--no-fund", "--no-package-lock", NODE_PACKAGE],
        "asl-validator could not be installed from npm",
        IS_ONLINE,
    )
    stamp.write_text(NODE_PACKAGE)
    return True


def install_debian_packages(requirements: str) -> bool:
    """Install what tests need of the system; only root on Debian can."""
    lines = (ROOT / requirements).read_text().splitlines()
    listed = [line.split("#")[0].strip() for line in lines]
    missing = [name for name in listed if name and name not in _installed_debian_packages()]
    if not missing:
        return False
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetUpError(f"tests need these Debian packages, and root to install them: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *missing]
    for command in (["apt-get", "-qq", "update"], install):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise SetUpError(f"{' '.join(missing)} could not be installed by apt-get: {last}{IS_ONLINE}")
    return True


def _installed_debian_packages() -> set[str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${Status}\n"]
    if not shutil.which(query[0]):
        return set()
    told = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return {line.split()[0] for line in told.splitlines() if line.endswith("ok installed")}


def make_from_packages(module: str) -> bool:
    """Make something from Debian's packages; where that cannot be, one line says so and set-up goes on."""
    command = [str(ROOT / ".venv/bin/python"), "-m", module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetUpError(f"{module} failed: {done.stderr.strip().splitlines()[-1]}")
    for line in done.stdout.splitlines():
        print(f"set-up: {line}", flush=True)
    return bool(done.stdout)


def check_programs(level: str) -> None:
    """Name what is missing on the machine, in one line."""
    needed = ["git", "make"] + (["node", "npm"] if "test" in LEVELS[level] else [])
    missing = [name for name in needed if not shutil.which(name)]
    if missing:
        raise SetUpError(f"missing on this machine: {', '.join(missing)}; install with the system's package manager")


def set_up(level: str) -> None:
    """Make everything that a level needs, saying what takes time."""
    check_programs(level)
    python = find_python()
    uv = make_uv(python)
    own = ["-e", ".", "--group", "dev"]
    inputs = [ROOT / name for name in ("pyproject.toml", "layers/shoal/requirements.txt", "shoal_cli/requirements.txt")]
    steps: list[tuple[str, Callable[[], bool]]] = [
        (".venv", partial(make_environment, uv, ROOT / ".venv", python, own, inputs))
    ]
    for name, requirements, needed_for in ENVIRONMENTS:
        if needed_for in LEVELS[level]:
            path = ROOT / requirements
            steps.append((name, partial(make_environment, uv, TOOLS / name, python, ["-r", str(path)], [path])))
    steps += [
        ("container engine", partial(make_from_packages, "embedded_aws.containers.packages")),
        ("base image", partial(make_from_packages, "embedded_aws.containers.base_images")),
        ("instances", partial(make_from_packages, "embedded_aws.instances.root_image")),
    ]
    if "test" in LEVELS[level]:
        debian = "tools/requirements/debian.txt"
        steps += [
            ("asl-validator", make_node_tools),
            ("Debian packages", partial(install_debian_packages, debian)),
        ]
    if "vm" in LEVELS[level]:
        steps += [
            ("emulator", partial(install_debian_packages, "tools/requirements/vm.txt")),
            ("emulated machine", partial(make_from_packages, "tests.vm.image")),
        ]
    for name, step in steps:
        began = time.monotonic()
        if step():
            print(f"set-up: {name} ({time.monotonic() - began:.0f} s)", flush=True)
    (TOOLS / "python").write_text(python + "\n")


def main() -> int:
    """Set up for a level; 0 when everything is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=list(LEVELS))
    try:
        set_up(parser.parse_args().level)
    except SetUpError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
