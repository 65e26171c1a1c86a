"""ZenML's `DockerSettings` as settings of a container: by their fields, without importing ZenML.

The fields and their defaults are ZenML 0.98's (`zenml.config.docker_settings`).
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_envrepro.errors import SettingsError
from pytest_envrepro.values import did_you_mean, kind_of
from pytest_envrepro.zenmlfields import ORIGIN, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What means nothing here, whatever it says: where images go, how code gets into them, and caches.
_IGNORED = frozenset(
    {
        *("image_tag", "target_repository", "prevent_build_reuse", "python_package_installer_cache_mount"),
        *("allow_including_files_in_images", "allow_download_from_code_repository"),
        *("allow_download_from_artifact_store", "copy_files", "copy_global_config", "source_files"),
    }
)
_INSTALLERS = ("pip", "uv")
_BUILDS = ("build_config", "parent_image_build_config")
_IGNORED_OPTIONS = frozenset({"rm", "forcerm", "no_cache", "nocache", "cache_from", "cachefrom", "labels", "quiet"})
_PROJECT_COMMANDS = frozenset(
    f"{installer} install {option}."
    for installer in ("pip", "uv pip", "python -m pip")
    for option in ("", "--no-deps ", "--no-cache-dir ")
)
FIELDS = (
    *("parent_image", "dockerfile", "build_context_root", "skip_build", "python_package_installer"),
    *("python_package_installer_args", "disable_automatic_requirements_detection"),
    *("replicate_local_python_environment", "pyproject_path", "pyproject_export_command", "requirements"),
    *("required_integrations", "install_stack_requirements", "install_deployment_requirements"),
    *("local_project_install_command", "apt_packages", "environment", "runtime_environment", "user"),
    *("build_options", "dockerignore", "required_hub_plugins", *_BUILDS, *_IGNORED),
)


class _Noted(NamedTuple):
    """What is wrong with a field, and what to write."""

    field: str
    message: str


def converted(docker_settings: Any, *steps: Any) -> dict[str, Any]:
    """Give the settings of a container, in `snake_case`, that say what ZenML's say.

    Args:
        docker_settings: a mapping or an object; steps: what goes over it, the closest last: as of `fields_of`.

    Raises:
        SettingsError: a field cannot be kept; all of them are told, each with what to write in its place.
    """
    noted: list[_Noted] = []
    found = {"kind": "container", **dict(_Converter(fields_of(docker_settings, *steps), noted).pairs())}
    if noted:
        lines = sorted(f"  {each.field}: {each.message}" for each in noted)
        raise SettingsError("\n".join([f"{ORIGIN} cannot be followed:", *lines]))
    return found


class _Converter:
    """Converts fields one after the other.

    Args:
        fields: what was set, and is not None.
        noted: where what cannot be kept is noted.
    """

    def __init__(self, fields: Mapping[str, Any], noted: list[_Noted]) -> None:
        self._fields = fields
        self._noted = noted

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Give keys of ours, each with its value."""
        for name in self._fields:
            if name not in FIELDS:
                self._fault(name, f"is no field of ZenML's DockerSettings{did_you_mean(name, FIELDS)}")
        yield from self._same()
        yield from self._base()
        yield from self._replicated()
        yield from self._installer()
        yield from self._variables()
        yield from self._own_project()
        self._refuse()

    def _fault(self, field: str, message: str) -> None:
        self._noted.append(_Noted(field, message))

    def _get(self, name: str, wanted: type | tuple[type, ...], words: str) -> Any:
        """Give a field that was set and is of a type; None else."""
        value = self._fields.get(name)
        if value is None or isinstance(value, wanted):
            return value
        self._fault(name, f"has to be {words}, not {kind_of(value)}")
        return None

    def _same(self) -> Iterator[tuple[str, Any]]:
        """Convert what has another name here, at most."""
        for name, key in (
            ("skip_build", "skip_build"),
            ("requirements", "requirements"),
            ("apt_packages", "apt_packages"),
            ("user", "user"),
        ):
            if name in self._fields:
                yield key, self._fields[name]
        names = self._get("required_integrations", list, "a list of names")
        if names:
            yield "required_integrations", [f"zenml:{name}" for name in names]

    def _base(self) -> Iterator[tuple[str, Any]]:
        if "dockerfile" in self._fields:  # ZenML too leaves `parent_image` aside then.
            yield "dockerfile", self._fields["dockerfile"]
            if "build_context_root" in self._fields:
                yield "context", self._fields["build_context_root"]
        elif "parent_image" in self._fields:
            yield "base_image", self._fields["parent_image"]

    def _replicated(self) -> Iterator[tuple[str, Any]]:
        value = self._fields.get("replicate_local_python_environment")
        if value in ("pip_freeze", "uv_freeze"):
            value = True
        elif value == "poetry_export":
            value = ["poetry", "export", "--format=requirements.txt"]
        if value:
            yield "replicate_local", value
        pyproject = self._get("pyproject_path", str, "a path")
        command = self._get("pyproject_export_command", list, "a list of words")
        if pyproject is None:
            return
        if value:
            self._fault("pyproject_path", "stands beside replicate_local_python_environment: keep one of the two")
        elif not command:
            advice = 'name the lock itself (lock = "uv.lock" or "poetry.lock"), whose hashes an export would drop'
            self._fault("pyproject_path", f"without a pyproject_export_command ZenML tries two: {advice}")
        else:
            folder = pyproject.rpartition("/")[0] or "."
            words = command if len(command) > 1 else shlex.split(command[0])
            yield "replicate_local", [str(word).replace("{directory}", folder) for word in words]

    def _installer(self) -> Iterator[tuple[str, Any]]:
        installer = self._get("python_package_installer", str, "'pip' or 'uv'")
        if installer in _INSTALLERS:
            yield "installer", installer
        elif installer is not None:
            known = " or ".join(map(repr, _INSTALLERS))
            self._fault("python_package_installer", f"{installer!r} is not known: it may be {known}")
        options = self._get("python_package_installer_args", dict, "a mapping")
        if options:
            yield (
                "installer_args",
                [f"--{name}" if value is None else f"--{name}={value}" for name, value in options.items()],
            )

    def _variables(self) -> Iterator[tuple[str, Any]]:
        """Convert variables: those from before the installation are there when programs run, too."""
        early = self._texts("environment")
        late = {**early, **self._texts("runtime_environment")}
        for name in _BUILDS:
            early.update(self._build(name, self._get(name, dict, "a mapping") or {}))
        options = self._get("build_options", dict, "a mapping")
        if options:
            early.update(self._build("build_config", {"build_options": options}))
        if early:
            yield "build_environment", early
        if late:
            yield "environment", late
        yield from self._building(options or {})

    def _building(self, deprecated: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Convert the options of builds that decide what is built.

        Args:
            deprecated: those of the field `build_options`.
        """
        options = [deprecated, *map(self._options, _BUILDS)]
        if any(each.get("pull") for each in options):
            yield "pull", "always"
        platforms = {str(each["platform"]) for each in options if each.get("platform")}
        if len(platforms) > 1:
            self._fault("build_config", f"is for {' and '.join(sorted(platforms))}: one environment has one platform")
        elif platforms:
            yield "platform", platforms.pop()

    def _options(self, name: str) -> Mapping[str, Any]:
        config = self._fields.get(name)
        options = config.get("build_options") if isinstance(config, dict) else None
        return options if isinstance(options, dict) else {}

    def _build(self, field: str, config: Mapping[str, Any]) -> dict[str, str]:
        """Give the arguments of a build, which are variables here; note what its options cannot have."""
        for name, value in config.items():
            if name == "dockerignore" and value is not None:
                self._fault(f"{field}.dockerignore", "has no counterpart: put a .dockerignore into the context")
            elif name not in {"dockerignore", "build_options"}:
                self._fault(f"{field}.{name}", "has no counterpart: leave it out")
        options = config.get("build_options")
        if options is not None and not isinstance(options, dict):
            self._fault(f"{field}.build_options", f"has to be a mapping, not {kind_of(options)}")
            return {}
        arguments = {"build_args", "buildargs"}
        for name in (options or {}).keys() - _IGNORED_OPTIONS - arguments - {"pull", "platform"}:
            self._fault(f"{field}.build_options.{name}", "has no counterpart: leave it out")
        found: dict[str, str] = {}
        for name in sorted(arguments):
            given = (options or {}).get(name) or {}
            if isinstance(given, dict):
                found |= {str(argument): _text(value) for argument, value in given.items()}
            else:
                self._fault(f"{field}.build_options.{name}", f"has to be a mapping, not {kind_of(given)}")
        return found

    def _texts(self, name: str) -> dict[str, str]:
        given = self._get(name, dict, "a mapping of variables") or {}
        return {str(variable): _text(value) for variable, value in given.items()}

    def _own_project(self) -> Iterator[tuple[str, Any]]:
        command = self._get("local_project_install_command", str, "a command")
        if command is None:
            return
        if " ".join(command.split()) in _PROJECT_COMMANDS:
            yield "project", "wheel"
        else:
            advice = 'write project="wheel" beside it, and further commands in run=[...]'
            self._fault(
                "local_project_install_command", f"runs beside a copy of the source, which there is none of: {advice}"
            )

    def _refuse(self) -> None:
        """Note what cannot be kept."""
        if self._fields.get("disable_automatic_requirements_detection") is False and not any(
            self._fields.get(name) for name in ("requirements", "pyproject_path", "replicate_local_python_environment")
        ):
            advice = 'name the file, as in requirements="requirements.txt"'
            self._fault("disable_automatic_requirements_detection", f"nothing is looked for here: {advice}")
        for name in ("install_stack_requirements", "install_deployment_requirements"):
            if self._fields.get(name) is True:
                advice = "name what it needs in required_integrations, and set this to False or not at all"
                self._fault(name, f"there is no stack here: {advice}")
        if self._fields.get("required_hub_plugins"):
            self._fault("required_hub_plugins", "ZenML's hub is gone: name their requirements")
        if self._fields.get("dockerignore") is not None:
            self._fault("dockerignore", "has no counterpart: put a .dockerignore into the context")


def _text(value: Any) -> str:
    """Give the value of a variable as ZenML writes it."""
    return value if isinstance(value, str) else str(value)
