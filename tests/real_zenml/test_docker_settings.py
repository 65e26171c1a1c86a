"""ZenML's own `DockerSettings`, converted to settings of ours, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pytest_envrepro

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.requires_integration("zenml")

ROOT = Path(pytest_envrepro.__file__).parents[1]  # The checkout, or where it is installed: what is tested.
_PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
out, sys.stdout = sys.stdout, sys.stderr
sys.path.insert(0, sys.argv[1])
from zenml.config import DockerSettings
from pytest_envrepro import Settings, SettingsError
from pytest_envrepro.zenmlsettings import FIELDS

def told(*given):
    try:
        return Settings.from_zenml(*(DockerSettings(**each) for each in given)).explain().splitlines()
    except SettingsError as error:
        return str(error).splitlines()

json.dump([sorted(DockerSettings.model_fields), sorted(FIELDS), [told(*each) for each in json.load(sys.stdin)]], out)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str], Mapping[str, list[str]]]:
    """Give the fields of ZenML's model, those that we know, and what each of the cases comes to."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(ROOT)],
        env={
            **kept,
            "HOME": str(home),
            "ZENML_CONFIG_PATH": str(home / "zenml"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "PYTHONUTF8": "1",
        },
        input=json.dumps([given for given, _ in CASES.values()]),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    theirs, ours, told = json.loads(done.stdout)
    return theirs, ours, dict(zip(CASES, told, strict=True))


KIND = 'kind = "container"'
Case = tuple[list[dict[str, Any]], list[str]]
CASES: dict[str, Case] = {
    "nothing": ([{}], [KIND]),
    "enumerations and models": (
        [
            {
                "parent_image": "python:3.12",
                "python_package_installer": "pip",
                "build_config": {"build_options": {"pull": True, "buildargs": {"A": "1"}, "platform": "linux/amd64"}},
            }
        ],
        [
            KIND,
            'base-image = "python:3.12"',
            'pull = "always"',
            'platform = "linux/amd64"',
            'build-environment.A = "1"',
            'installer = "pip"',
        ],
    ),
    "a step over a pipeline": (
        [
            {"apt_packages": ["git"], "environment": {"a": 1}, "requirements": ["x==1"], "user": "me"},
            {"apt_packages": ["jq"], "runtime_environment": {"b": "2"}, "user": None},
        ],
        [
            KIND,
            'apt-packages = ["jq"]',
            'requirements = ["x==1"]',
            'build-environment.a = "1"',
            'environment.a = "1"',
            'environment.b = "2"',
            'user = "me"',
        ],
    ),
    "deprecated ones": (
        [{"source_files": "ignore", "replicate_local_python_environment": "pip_freeze"}],
        [KIND, "replicate-local = true"],
    ),
    "what cannot be kept": (
        [{"install_stack_requirements": True, "dockerignore": "a"}],
        [
            "ZenML's DockerSettings cannot be followed:",
            "  dockerignore: has no counterpart: put a .dockerignore into the context",
            "  install_stack_requirements: there is no stack here: name what it needs in required_integrations, and set this to False or not at all",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_converted(said: tuple[list[str], list[str], Mapping[str, list[str]]], case: str) -> None:
    """What ZenML's own model holds, with its defaults, validators and deprecations, comes to what it says."""
    assert [line.partition("  # ")[0].rstrip() for line in said[2][case]] == CASES[case][1]


def test_all_fields(said: tuple[list[str], list[str], Mapping[str, list[str]]]) -> None:
    """We know every field of the ZenML that is installed, and none that it does not have."""
    theirs, ours, _ = said

    assert sorted({*theirs} - {"warn_about_plain_text_secrets"}) == ours
