"""ZenML's DockerSettings as ours: every field, by mappings and by objects that are as ZenML's, without ZenML."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from test_settings import refusal

from pytest_envrepro import Settings

pytestmark = pytest.mark.core

# Of ZenML 0.98: all fields, those that are deprecated too.
FIELDS = {
    *("parent_image", "image_tag", "dockerfile", "build_context_root", "parent_image_build_config", "skip_build"),
    *("prevent_build_reuse", "target_repository", "python_package_installer"),
    *("python_package_installer_cache_mount", "python_package_installer_args"),
    *("disable_automatic_requirements_detection", "replicate_local_python_environment", "pyproject_path"),
    *("pyproject_export_command", "requirements", "required_integrations", "install_stack_requirements"),
    *("install_deployment_requirements", "local_project_install_command", "apt_packages", "environment"),
    *("runtime_environment", "user", "build_config", "allow_including_files_in_images"),
    *("allow_download_from_code_repository", "allow_download_from_artifact_store", "build_options", "dockerignore"),
    *("copy_files", "copy_global_config", "source_files", "required_hub_plugins"),
}


class Installer(Enum):
    """As ZenML's `PythonPackageInstaller`."""

    UV = "uv"


class Model:
    """As a model of pydantic's: attributes for all fields, and which of them were set."""

    def __init__(self, **given: Any) -> None:
        defaults = dict.fromkeys(FIELDS) | {"install_stack_requirements": True, "apt_packages": []}
        vars(self).update({**defaults, **given})
        self.model_fields_set = set(given)


CONVERTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"parent_image": "a:1", "skip_build": True}, {"base_image": "a:1", "skip_build": True}),
    ({"parent_image": "a:1", "dockerfile": "D", "build_context_root": "c"}, {"dockerfile": "D", "context": "c"}),
    (
        {"requirements": "r.txt", "apt_packages": ["git"], "user": "me"},
        {"requirements": "r.txt", "apt_packages": ["git"], "user": "me"},
    ),
    (
        {"requirements": ["a"], "required_integrations": ["s3", "pytorch"]},
        {"requirements": ["a"], "required_integrations": ["zenml:s3", "zenml:pytorch"]},
    ),
    (
        {"environment": {"a": "$'\"", "N": 1}, "runtime_environment": {"N": 2, "M": True}},
        {"build_environment": {"a": "$'\"", "N": "1"}, "environment": {"a": "$'\"", "N": "2", "M": "True"}},
    ),
    (
        {
            "python_package_installer": Installer.UV,
            "python_package_installer_args": {"no-binary": ":all:", "pre": None},
        },
        {"installer": "uv", "installer_args": ["--no-binary=:all:", "--pre"]},
    ),
    ({"replicate_local_python_environment": True}, {"replicate_local": True}),
    ({"replicate_local_python_environment": "uv_freeze"}, {"replicate_local": True}),
    ({"replicate_local_python_environment": ["a", "b c"]}, {"replicate_local": ["a", "b c"]}),
    ({"replicate_local_python_environment": False}, {}),
    (
        {"pyproject_path": "sub/pyproject.toml", "pyproject_export_command": ["uv export --project {directory}"]},
        {"replicate_local": ["uv", "export", "--project", "sub"]},
    ),
    ({"local_project_install_command": "pip  install ."}, {"project": "wheel"}),
    (
        {
            "build_config": {
                "build_options": {"pull": True, "build_args": {"A": 1}, "platform": "linux/arm64", "rm": True}
            }
        },
        {"pull": "always", "build_environment": {"A": "1"}, "platform": "linux/arm64"},
    ),
    (
        {"parent_image_build_config": {"build_options": {"buildargs": {"A": "1"}}, "dockerignore": None}},
        {"build_environment": {"A": "1"}},
    ),
    ({"build_options": {"pull": True, "nocache": True}}, {"pull": "always"}),
    ({"disable_automatic_requirements_detection": False, "requirements": ["a"]}, {"requirements": ["a"]}),
    ({"install_stack_requirements": False, "install_deployment_requirements": False}, {}),
    (
        {
            **dict.fromkeys(("image_tag", "target_repository", "python_package_installer_cache_mount"), "x"),
            **dict.fromkeys(("prevent_build_reuse", "copy_files", "copy_global_config"), True),
            **dict.fromkeys(("allow_including_files_in_images", "allow_download_from_code_repository"), True),
            "allow_download_from_artifact_store": True,
            "source_files": "include",
            "required_hub_plugins": [],
        },
        {},
    ),
]


@pytest.mark.parametrize(("fields", "expected"), CONVERTED, ids=[str(sorted(fields)) for fields, _ in CONVERTED])
def test_converted(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each field, of a mapping and of an object, and what it comes to."""
    wanted = Settings(**{"kind": "container", **expected})

    assert Settings.from_zenml(fields) == wanted
    assert Settings.from_zenml(Model(**fields)) == wanted


REFUSED: list[tuple[Any, str]] = [
    ({"parent_imag": "a"}, "parent_imag: is no field of ZenML's DockerSettings (did you mean 'parent_image'?)"),
    (
        {"disable_automatic_requirements_detection": False},
        'disable_automatic_requirements_detection: nothing is looked for here: name the file, as in requirements="requirements.txt"',
    ),
    (
        {"install_stack_requirements": True},
        "install_stack_requirements: there is no stack here: name what it needs in required_integrations, and set this to False or not at all",
    ),
    (
        {"pyproject_path": "pyproject.toml"},
        (
            "pyproject_path: without a pyproject_export_command ZenML tries two: name the lock itself "
            '(lock = "uv.lock" or "poetry.lock"), whose hashes an export would drop'
        ),
    ),
    (
        {"pyproject_path": "a", "pyproject_export_command": ["a"], "replicate_local_python_environment": True},
        "pyproject_path: stands beside replicate_local_python_environment: keep one of the two",
    ),
    (
        {"local_project_install_command": "pip install -e . && rm -rf x"},
        (
            'local_project_install_command: runs beside a copy of the source, which there is none of: write project="wheel" '
            "beside it, and further commands in run=[...]"
        ),
    ),
    (
        {"python_package_installer": "conda"},
        "python_package_installer: 'conda' is not known: it may be 'pip' or 'uv'",
    ),
    ({"dockerignore": "a"}, "dockerignore: has no counterpart: put a .dockerignore into the context"),
    (
        {"build_config": {"dockerignore": "a"}},
        "build_config.dockerignore: has no counterpart: put a .dockerignore into the context",
    ),
    (
        {"build_config": {"build_options": {"shm_size": 1}}},
        "build_config.build_options.shm_size: has no counterpart: leave it out",
    ),
    ({"required_hub_plugins": ["a"]}, "required_hub_plugins: ZenML's hub is gone: name their requirements"),
    ({"environment": ["A=1"]}, "environment: has to be a mapping of variables, not a list (['A=1'])"),
    ({"build_config": 3}, "build_config: has to be a mapping, not an integer (3)"),
    (
        {"build_config": {"build_options": {"build_args": ["A=1"]}}},
        "build_config.build_options.build_args: has to be a mapping, not a list (['A=1'])",
    ),
]


@pytest.mark.parametrize(("fields", "fault"), REFUSED, ids=[fault for _, fault in REFUSED])
def test_refused(fields: Any, fault: str) -> None:
    """What cannot be kept is told, with what to write in its place."""
    assert refusal(lambda: Settings.from_zenml(fields)) == ["ZenML's DockerSettings cannot be followed:", f"  {fault}"]


class Plain:
    """As somebody writes one by hand: what holds for all stands in the class."""

    parent_image = "a:1"
    apt_packages = ("git",)
    _own = 1

    def __init__(self) -> None:
        self.user = "me"

    def method(self) -> None:
        """Do nothing: it is no field."""

    @property
    def further(self) -> str:
        """Give what is no field either."""
        return ""


class Closer(Plain):
    """One of the same with another value."""

    parent_image = "b:2"


class Misspelled(Plain):
    """One with a field that there is none of."""

    parent_images = "b:2"


def test_fields_of_a_class() -> None:
    """What stands in the class of an object counts, what its own class says first; a wrong name is told."""
    settings = Settings.from_zenml(Closer())

    assert settings == Settings(kind="container", base_image="b:2", apt_packages=["git"], user="me")
    assert refusal(lambda: Settings.from_zenml(Misspelled())) == [
        "ZenML's DockerSettings cannot be followed:",
        "  parent_images: is no field of ZenML's DockerSettings (did you mean 'parent_image'?)",
    ]


def test_values_are_judged_as_ours() -> None:
    """A value that we refuse is told by the name that it has here, with where it came from."""
    assert refusal(lambda: Settings.from_zenml({"apt_packages": ["a;id"]}))[1:] == [
        "  ZenML's DockerSettings: apt_packages[0]: 'a;id' is not the name of a Debian package: NAME:ARCH=VERSION"
    ]


@pytest.mark.parametrize("given", [3, "a", None, ["a"], Settings])
def test_neither(given: Any) -> None:
    """What is no such thing is told."""
    (said,) = refusal(lambda: Settings.from_zenml(given))

    assert said.startswith("ZenML's DockerSettings: have to be a mapping, or an object with their fields, not ")


class TestSteps:
    """The settings of a step over those of its pipeline."""

    PIPELINE = Model(apt_packages=["git"], environment={"A": "1", "B": "1"}, parent_image="a:1", user="me")
    STEP = Model(apt_packages=["curl"], environment={"B": "2"}, user=None)

    def test_as_zenml_does(self) -> None:
        """Only what was set counts, mappings are merged, lists replaced, and None changes nothing."""
        variables = {"A": "1", "B": "2"}

        assert Settings.from_zenml(self.PIPELINE, self.STEP) == Settings(
            kind="container",
            base_image="a:1",
            user="me",
            apt_packages=["curl"],
            environment=variables,
            build_environment=variables,
        )

    def test_run_time_wins(self) -> None:
        """A pipeline's variable for run time is not undone by a step's for the build, as in ZenML."""
        settings = Settings.from_zenml({"runtime_environment": {"A": "1"}}, {"environment": {"A": "2"}})

        assert (settings.build_environment, settings.environment) == ({"A": "2"}, {"A": "1"})

    def test_ours_over_it(self) -> None:
        """Further settings are a layer of their own."""
        settings = Settings.from_zenml(self.PIPELINE, name="step", extend_apt_packages=["jq"], python="3.12")

        assert (settings.name, settings.apt_packages, settings.python) == ("step", ("git", "jq"), "3.12")
        assert settings.origins["apt-packages[1]"] == "Settings.from_zenml(...)"

    def test_nothing_is_changed(self) -> None:
        """What was given is as it was."""
        pipeline: dict[str, Any] = {"environment": {"A": "1"}}
        Settings.from_zenml(pipeline, {"environment": {"B": "1"}})

        assert pipeline == {"environment": {"A": "1"}}


class TestPage:
    """`docs/containers.md` has the table."""

    PAGE = (Path(__file__).parent.parent / "docs" / "containers.md").read_text(encoding="utf-8")
    SECTION = PAGE.partition("\n## From ZenML\n")[2].partition("\n## ")[0]

    def test_fields(self) -> None:
        """Every field of ZenML's has a row, and no other has."""
        first = [row.split("|")[1] for row in re.findall(r"^\| `.*$", self.SECTION, re.MULTILINE)]

        assert sorted(name for cell in first for name in re.findall(r"`(\w+)`", cell)) == sorted(FIELDS)

    def test_example(self) -> None:
        """The example comes to what is shown."""
        (code,) = re.findall(r"^```python\n(.*?)^```$", self.SECTION, re.MULTILINE | re.DOTALL)
        (shown,) = re.findall(r"^```text\n(.*?)\n```$", self.SECTION, re.MULTILINE | re.DOTALL)
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102  # The page's own example.

        assert names["SETTINGS"].explain() == shown
