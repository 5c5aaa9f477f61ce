"""Does a buildspec run as CodeBuild runs it? The runner alone: a folder, a shell, no server."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedded_aws.builds.buildspec import BuildspecError, parse
from embedded_aws.builds.interruption import Interruption
from embedded_aws.builds.runner import Context, Reports, Runner
from embedded_aws.builds.shell import Shell
from embedded_aws.process import EmbeddedAws
from tests.support.embedded import ALLOW_ALL, Account
from tests.support.polling import until


@dataclass
class Build:
    """One run of a buildspec: what it said, and what became of its phases."""

    folder: Path
    text: str
    variables: dict[str, str] = field(default_factory=dict)
    interruption: Interruption = field(default_factory=Interruption)
    lines: list[str] = field(default_factory=list)
    phases: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, Context] = field(default_factory=dict)
    status: str = ""
    exported: list[dict[str, str]] = field(default_factory=list)

    def run(self, secret: tuple[str, ...] = ()) -> Build:
        """Run it to its end."""
        spec = parse(f"version: 0.2\n{self.text}")
        source, state = self.folder / "src", self.folder / "state"
        source.mkdir()
        state.mkdir()
        environment = {"PATH": "/usr/bin:/bin", "CODEBUILD_BUILD_SUCCEEDING": "1", **spec.variables, **self.variables}
        shell = Shell(spec.shell, source, state, environment, self.interruption)
        runner = Runner(spec, shell, self.interruption, Reports(self.lines.append, self._started, self._ended))
        self.status = runner.run()
        self.exported = runner.exported(secret)
        return self

    def _started(self, phase: str) -> None:
        self.phases[phase] = "IN_PROGRESS"

    def _ended(self, phase: str, status: str, context: Context) -> None:
        self.phases[phase], self.contexts[phase] = status, context

    @property
    def output(self) -> list[str]:
        """What the commands printed."""
        return [line for line in self.lines if not line.startswith("[Container]")]


def run(folder: Path, text: str, **variables: str) -> Build:
    """Run a buildspec."""
    return Build(folder, text, variables).run()


def test_all_four_phases_are_entered_even_those_without_commands(tmp_path: Path) -> None:
    build = run(tmp_path, "phases: {build: {commands: [echo hello]}}")
    assert build.phases == dict.fromkeys(("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"), "SUCCEEDED")


@pytest.mark.parametrize(
    ("commands", "output"),
    [
        ("[X=1, 'echo x=$X']", ["x=1"]),
        ("[export X=1, 'echo x=$X']", ["x=1"]),
        ("[\"X='a  b'\", 'echo \"$X\"']", ["a  b"]),
        ("[cd /usr, pwd]", ["/usr"]),
        ("['f() { echo f; }', 'f || echo functions do not last']", ["functions do not last"]),
        ('["false\\necho only the last status counts"]', ["only the last status counts"]),
        ("['echo to standard error >&2']", ["to standard error"]),
        ("['printf \"no newline at the end\"']", ["no newline at the end"]),
        ("['cat']", []),
        ("['X=1 true', 'echo x=$X']", ["x="]),
    ],
    ids=["plain", "exported", "quoted", "folder", "functions", "lines", "stderr", "unfinished", "stdin", "one-command"],
)
def test_what_one_command_leaves_to_the_next(tmp_path: Path, commands: str, output: list[str]) -> None:
    build = run(tmp_path, f"phases: {{build: {{commands: {commands}}}}}")
    assert [line for line in build.output if "not found" not in line] == output
    assert build.status == "SUCCEEDED"


def test_variables_and_folder_last_from_phase_to_phase(tmp_path: Path) -> None:
    build = run(tmp_path, "phases: {install: {commands: [X=1, cd /usr]}, post_build: {commands: ['echo $X $(pwd)']}}")
    assert build.output == ["1 /usr"]


@pytest.mark.parametrize(
    ("phases", "expected", "output"),
    [
        ("install: {commands: [exit 3]}, build: {commands: [echo b]}", {"INSTALL": "FAILED"}, []),
        (
            "pre_build: {commands: ['false']}, post_build: {commands: [echo p]}",
            {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"},
            [],
        ),
        (
            "build: {commands: [echo one, exit 7, echo never]},"
            " post_build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}",
            {"INSTALL": "SUCCEEDED", "PRE_BUILD": "SUCCEEDED", "BUILD": "FAILED", "POST_BUILD": "SUCCEEDED"},
            ["one", "0"],
        ),
        (
            "build: {on-failure: ABORT, commands: ['false']}, post_build: {commands: [echo p]}",
            {"INSTALL": "SUCCEEDED", "PRE_BUILD": "SUCCEEDED", "BUILD": "FAILED"},
            [],
        ),
        (
            "install: {on-failure: CONTINUE, commands: ['false']},"
            " build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}",
            {"INSTALL": "FAILED", "PRE_BUILD": "SUCCEEDED", "BUILD": "SUCCEEDED", "POST_BUILD": "SUCCEEDED"},
            ["0"],
        ),
        (
            "pre_build: {commands: ['false', echo never], finally: [echo finally]}",
            {"INSTALL": "SUCCEEDED", "PRE_BUILD": "FAILED"},
            ["finally"],
        ),
        (
            "build: {commands: [echo one], finally: ['false', echo never]}",
            {"INSTALL": "SUCCEEDED", "PRE_BUILD": "SUCCEEDED", "BUILD": "FAILED", "POST_BUILD": "SUCCEEDED"},
            ["one"],
        ),
    ],
    ids=["install", "pre-build", "build", "abort", "continue", "finally", "finally-fails"],
)
def test_what_follows_a_failed_command(
    tmp_path: Path, phases: str, expected: dict[str, str], output: list[str]
) -> None:
    build = run(tmp_path, f"phases: {{{phases}}}")
    assert (build.status, build.phases, build.output) == ("FAILED", expected, output)


def test_the_context_of_a_failed_phase_names_command_and_exit_status(tmp_path: Path) -> None:
    build = run(tmp_path, "phases: {build: {commands: [exit 7]}}")
    message = "Error while executing command: exit 7. Reason: exit status 7"
    assert build.contexts["BUILD"] == Context("COMMAND_EXECUTION_ERROR", message)


def test_the_log_tells_of_phases_and_commands_in_codebuilds_words(tmp_path: Path) -> None:
    build = run(tmp_path, "phases: {build: {commands: ['false']}}")
    log = "\n".join(build.lines)
    assert "Entering phase BUILD" in log
    assert "Running command false" in log
    assert "Command did not exit successfully false exit status 1" in log
    assert "Phase complete: BUILD State: FAILED" in log


def test_the_shell_is_sh_unless_the_buildspec_asks_for_bash(tmp_path: Path) -> None:
    bash = run(tmp_path, "env: {shell: bash}\nphases: {build: {commands: ['[[ 1 == 1 ]] && echo $BASH']}}")
    assert bash.output == ["/bin/bash"]


def test_given_variables_go_before_those_of_the_buildspec(tmp_path: Path) -> None:
    text = "env: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A $B']}}"
    assert run(tmp_path, text, B="given").output == ["spec given"]


def test_exported_variables_are_those_of_the_end_without_secrets_and_aws_ones(tmp_path: Path) -> None:
    text = (
        "env: {exported-variables: [URI, ABSENT, TOKEN, AWS_REGION]}\n"
        "phases: {build: {commands: [URI=one]}, post_build: {commands: [URI=two]}}"
    )
    build = Build(tmp_path, text, {"TOKEN": "secret", "AWS_REGION": "us-east-1"}).run(secret=("TOKEN",))
    assert build.exported == [{"name": "URI", "value": "two"}, {"name": "ABSENT", "value": ""}]


def test_a_process_left_in_the_background_does_not_hold_the_build(tmp_path: Path) -> None:
    build = run(tmp_path, "phases: {build: {commands: ['sleep 600 & echo $! > pid', cat pid, 'kill $(cat pid)']}}")
    assert build.status == "SUCCEEDED"


def _sleeping(folder: Path) -> tuple[Build, threading.Thread]:
    text = "phases: {build: {commands: ['echo asleep; sleep 600', echo never], finally: [echo never]}}"
    build = Build(folder, text)
    thread = threading.Thread(target=build.run)
    thread.start()
    until(lambda: build.output, what="the first line")
    return build, thread


def test_stopping_kills_what_runs_and_nothing_runs_after(tmp_path: Path) -> None:
    build, thread = _sleeping(tmp_path)

    build.interruption.stop()
    thread.join()

    assert (build.status, build.phases["BUILD"], build.output) == ("STOPPED", "STOPPED", ["asleep"])
    assert "POST_BUILD" not in build.phases


def test_a_build_that_takes_too_long_is_timed_out(tmp_path: Path) -> None:
    interruption = Interruption()
    build = Build(tmp_path, "phases: {build: {commands: [sleep 600]}}", interruption=interruption)

    with interruption.after(0.2 / 60):
        build.run()

    assert build.status == "TIMED_OUT"
    assert build.contexts["BUILD"].status_code == "BUILD_TIMED_OUT"


def test_a_build_that_was_stopped_before_it_began_runs_nothing(tmp_path: Path) -> None:
    build = Build(tmp_path, "phases: {build: {commands: [echo never]}}")
    build.interruption.stop()
    assert build.run().status == "STOPPED"
    assert build.output == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("version: 0.1\nphases: {}", "0.1"),
        ("phases: {}", "None"),
        ("version: 0.2", "phases"),
        ("version: 0.2\nphases: {deploy: {commands: []}}", "deploy"),
        ("version: 0.2\nphases: {build: {command: [a]}}", "command"),
        ("version: 0.2\nphases: {build: {commands: echo}}", "phases.build.commands"),
        ("version: 0.2\nphases: {build: {on-failure: RETRY}}", "RETRY"),
        ("version: 0.2\nphases: {build: {runtime-versions: {python: 3}}}", "runtime-versions"),
        ("version: 0.2\nenv: {shell: powershell.exe}\nphases: {}", "powershell"),
        ("version: 0.2\nartifacts: {files: [a]}\nphases: {}", "artifacts"),
        ("version: 0.2\nphases: {build: [", "parse"),
        ("just text", "mapping"),
    ],
)
def test_a_buildspec_that_is_wrong_or_not_offered_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(BuildspecError, match=named):
        parse(text)


def test_builds_end_with_the_server(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with EmbeddedAws(tmp_path / "state") as server:
        account = Account(server, "222222222222")
        account.client("codebuild").create_project(
            name="build",
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {}\n"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=account.role("build", ALLOW_ALL),
        )
        command = f"echo $$ > {pid_file}; exec sleep 600"
        spec = f"version: 0.2\nphases: {{build: {{commands: ['{command}']}}}}\n"
        account.client("codebuild").start_build(projectName="build", buildspecOverride=spec)
        pid = until(lambda: pid_file.exists() and pid_file.read_text().strip(), what="the command's process")
        account.close()

    until(lambda: not Path(f"/proc/{pid}").exists(), what="the end of the command's process")
