"""Set-up, before anything exists: which Python it takes, and the one line it stops with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import set_up
from tools.set_up import SetUpError, check_programs, find_python, main, make_environment

GOOD = "#!/bin/sh\necho 3 13\necho /opt/python3.13/bin/python3.13\n"
OLD = "#!/bin/sh\necho 3 12\necho /opt/python3.12/bin/python3.12\n"
SHIM = "#!/bin/sh\necho 'pyenv: version 3.13 is not installed' >&2\nexit 127\n"
FOUND = "/opt/python3.13/bin/python3.13"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with an old Python, without uv, pyenv or anything on PATH."""
    monkeypatch.setattr(set_up, "TOOLS", tmp_path / ".tools")
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "system/python3", OLD)))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("SHOAL_PYTHON", raising=False)
    monkeypatch.delenv("PYENV_ROOT", raising=False)


def uv(tmp_path: Path, text: str) -> None:
    program(tmp_path / ".tools/uv/bin/uv", text)


def test_the_python_that_is_named_is_taken_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHOAL_PYTHON", str(program(tmp_path / "mine", GOOD)))
    assert find_python() == FOUND


def test_a_shim_that_only_complains_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "shims/python3.13", SHIM)
    program(tmp_path / "bin/python3.13", GOOD)
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{tmp_path / 'bin'}")
    assert find_python() == FOUND


@pytest.mark.parametrize("text", [OLD, SHIM, "#!/bin/sh\n", "no program"])
def test_only_an_answer_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    program(tmp_path / "bin/python3.13", text)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    uv(tmp_path, "#!/bin/sh\nexit 1\n")
    with pytest.raises(SetUpError, match=r"^Python 3\.13 is missing: set SHOAL_PYTHON to one, put"):
        find_python()


def test_a_folder_of_that_name_is_no_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin/python3.13").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SHOAL_PYTHON", str(program(tmp_path / "mine", GOOD)))
    assert find_python() == FOUND


def test_pyenvs_versions_are_looked_at_without_its_shims(tmp_path: Path) -> None:
    program(tmp_path / "home/.pyenv/versions/3.13.2/bin/python3.13", GOOD)
    assert find_python() == FOUND


def test_uv_installs_one_when_there_is_none(tmp_path: Path) -> None:
    installed = program(tmp_path / "uv-python", GOOD)
    uv(tmp_path, f'#!/bin/sh\n[ "$2" = find ] && echo {installed}\nexit 0\n')
    assert find_python() == FOUND


def test_without_python_and_without_a_way_to_uv_the_ways_are_named_in_one_line() -> None:
    with pytest.raises(SetUpError) as stopped:
        find_python()
    assert str(stopped.value).startswith("Python 3.13 is missing: set SHOAL_PYTHON")
    assert "\n" not in str(stopped.value)


def test_a_python_that_cannot_make_environments_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuses = "#!/bin/sh\necho 'ensurepip is not available' >&2\nexit 1\n"
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "system/python3", refuses)))
    with pytest.raises(SetUpError, match=r"an environment for uv could not be made: ensurepip is not available$"):
        find_python()


def test_every_missing_program_is_named_in_one_line() -> None:
    with pytest.raises(SetUpError, match=r"^missing on this machine: git, make, node, npm; install"):
        check_programs("test")


def test_a_run_needs_no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("git", "make"):
        program(tmp_path / "bin" / name, "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    check_programs("run")


def test_set_up_stops_with_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["set_up.py", "run"])
    assert main() == 1
    assert capsys.readouterr().err == (
        "set-up: missing on this machine: git, make; install with the system's package manager\n"
    )


def making(tmp_path: Path, uv_text: str) -> tuple[str, Path, str, list[str], list[Path]]:
    """The arguments of `make_environment` with a uv that writes down how it was called."""
    fake = program(tmp_path / "uv", f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{uv_text}\n')
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("boto3==1\n")
    folder = tmp_path / "environment"
    folder.mkdir()
    return str(fake), folder, FOUND, ["-r", str(requirements)], [requirements]


def test_an_environment_is_made_once(tmp_path: Path) -> None:
    arguments = making(tmp_path, "exit 0")
    assert make_environment(*arguments)
    assert not make_environment(*arguments)
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


def test_an_environment_is_made_again_when_its_requirements_change(tmp_path: Path) -> None:
    arguments = making(tmp_path, "exit 0")
    make_environment(*arguments)
    (tmp_path / "requirements.txt").write_text("boto3==2\n")
    assert make_environment(*arguments)


def test_an_environment_is_made_again_for_another_python(tmp_path: Path) -> None:
    fake, folder, _, packages, inputs = making(tmp_path, "exit 0")
    make_environment(fake, folder, FOUND, packages, inputs)
    assert make_environment(fake, folder, "/other/python3.13", packages, inputs)


def test_a_network_that_is_not_there_is_named_in_one_line(tmp_path: Path) -> None:
    uv_text = '[ "$1" = pip ] || exit 0\necho Resolving >&2\necho "error: dns error" >&2\nexit 2'
    with pytest.raises(SetUpError, match=r"^environment could not be filled: error: dns error \(is the network reach"):
        make_environment(*making(tmp_path, uv_text))


def test_an_environment_that_could_not_be_filled_is_tried_again(tmp_path: Path) -> None:
    arguments = making(tmp_path, "exit 2")
    for _ in range(2):
        with pytest.raises(SetUpError):
            make_environment(*arguments)
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


@pytest.fixture
def own_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The interpreter of `.venv`, which makes what containers need."""
    monkeypatch.setattr(set_up, "ROOT", tmp_path)
    return tmp_path / ".venv/bin/python"


def test_what_containers_need_and_cannot_be_had_is_said_and_set_up_goes_on(
    own_python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(own_python, '#!/bin/sh\necho "no container engine: apt-get missing"\n')
    assert set_up.make_from_packages("embedded_aws.containers.packages")
    assert capsys.readouterr().out == "set-up: no container engine: apt-get missing\n"


def test_what_containers_need_and_is_there_is_not_talked_about(
    own_python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(own_python, "#!/bin/sh\n")
    assert not set_up.make_from_packages("embedded_aws.containers.packages")
    assert capsys.readouterr().out == ""


def test_a_crash_while_making_it_ends_set_up_with_its_last_line(own_python: Path) -> None:
    program(own_python, '#!/bin/sh\necho Traceback >&2\necho "OSError: no space left" >&2\nexit 1\n')
    with pytest.raises(SetUpError, match=r"^embedded_aws\.containers\.packages failed: OSError: no space left$"):
        set_up.make_from_packages("embedded_aws.containers.packages")
