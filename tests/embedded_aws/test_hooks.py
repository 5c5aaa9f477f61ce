"""Does the embedded AWS refuse a MiniStack that it was not written for?"""

from __future__ import annotations

import subprocess

from embedded_aws.process import ROOT

PYTHON = ROOT / ".tools/ministack/bin/python"


def _check(prelude: str, hooks: str = "[]") -> str:
    program = f"{prelude}\nfrom embedded_aws import hooks\nhooks.check({hooks})"
    return subprocess.run([PYTHON, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True).stderr


def test_another_version_is_refused_naming_both() -> None:
    prelude = "import importlib.metadata\nimportlib.metadata.version = lambda name: '9.9.9'"

    assert "MiniStack 9.9.9 is installed, the gaps are written for 1.5.33" in _check(prelude)


def test_every_missing_name_is_listed() -> None:
    stderr = _check("", "[('services.sts', 'gone'), ('core.lambda_runtime', 'ProvidedWorker.gone')]")

    assert "lacks core.lambda_runtime.ProvidedWorker.gone, services.sts.gone" in stderr


def test_names_that_are_there_pass() -> None:
    assert _check("", "[('services.sts', 'register_session')]") == ""
