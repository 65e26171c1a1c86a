"""The table `[tool.envrepro]`: every fault is told at once, with its key path, and ends the session with 4."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from making import pip_compiled

from pytest_envrepro.config import Config, DeclaredLock, InstalledFrom, Waiver, read_config
from pytest_envrepro.deciding import resolve_strict
from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from projects import Project

pytestmark = pytest.mark.core

CODES = ("conflict", "extraneous", "missing-dependency", "stale-waiver")


def read(table: dict[str, Any]) -> Config:
    """Read a table of `pyproject.toml`."""
    return read_config(table, file="pyproject.toml", prefix="tool.envrepro.", codes=CODES)


def faults(table: dict[str, Any]) -> list[str]:
    """Give what is wrong with a table, line by line."""
    with pytest.raises(SettingsError) as caught:
        read(table)
    head, *lines = str(caught.value).splitlines()
    assert head == "pyproject.toml cannot be followed:"
    return [line.removeprefix("  tool.envrepro.") for line in lines]


def test_empty() -> None:
    """An empty table is all defaults."""
    assert read({}) == Config(file="pyproject.toml")


def test_every_key() -> None:
    """Every key, as docs/reference.md shows them."""
    waiver = {
        "code": "conflict",
        "package": "AWS_cli",
        "requires": "DocUtils",
        "reason": "works for us",
        "until": dt.date(2027, 3, 1),
        "marker": "python_version >= '3'",
    }
    table = {
        "strict": True,
        "installed": ["./requirements.txt", {"lock": "uv.lock", "groups": ["dev"], "extras": []}],
        "integrity": "full",
        "exclude": ["legacy/*"],
        "waivers": [waiver],
        "severity": {"extraneous": "ignore"},
        "locks": [{"path": "a\\b.txt", "inputs": ["b.in"], "command": "make lock"}, {"path": "c.txt"}],
    }

    assert read(table) == Config(
        strict=True,
        installed=(InstalledFrom(lock="requirements.txt"), InstalledFrom(lock="uv.lock", groups=("dev",), extras=())),
        integrity="full",
        exclude=("legacy/*",),
        waivers=(
            Waiver(
                code="conflict",
                package="aws-cli",
                requires="docutils",
                reason="works for us",
                until=dt.date(2027, 3, 1),
                marker="python_version >= '3'",
                place="tool.envrepro.waivers[0]",
            ),
        ),
        severity={"extraneous": "ignore"},
        locks=(DeclaredLock(path="a/b.txt", inputs=("b.in",), command="make lock"), DeclaredLock(path="c.txt")),
        file="pyproject.toml",
    )


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"strikt": True}, "strikt: unknown key (did you mean 'strict'?)"),
    (
        {"xyz": 1},
        (
            "xyz: unknown key (known: allow-missing, environments, exclude, installed, integrations, integrity, locks, "
            "severity, strict, waivers)"
        ),
    ),
    ({"strict": "yes"}, "strict: has to be true, false or \"auto\", not 'yes'"),
    ({"strict": 1}, 'strict: has to be true, false or "auto", not 1'),
    ({"integrity": "yes"}, "integrity: has to be true, false or \"full\", not 'yes'"),
    ({"integrity": 1}, 'integrity: has to be true, false or "full", not 1'),
    ({"integrety": True}, "integrety: unknown key (did you mean 'integrity'?)"),
    ({"exclude": "legacy"}, "exclude: has to be a list of strings, not a string ('legacy')"),
    ({"exclude": [1]}, "exclude: has to be a list of strings, not a list ([1])"),
    ({"installed": "a.txt"}, "installed: has to be a list of locks, not a string ('a.txt')"),
    ({"installed": [3]}, "installed[0]: has to be a string, not an integer (3)"),
    ({"installed": [{"lock": "a", "lok": "a"}]}, "installed[0].lok: unknown key (did you mean 'lock'?)"),
    ({"installed": [{}]}, "installed[0]: needs the key 'lock'"),
    (
        {"installed": [{"lock": "a", "groups": "b"}]},
        "installed[0].groups: has to be a list of strings, not a string ('b')",
    ),
    ({"installed": ["../a.txt"]}, "installed[0]: has to be a path below the root, not '../a.txt'"),
    ({"installed": ["/a.txt"]}, "installed[0]: has to be a path below the root, not '/a.txt'"),
    ({"installed": [""]}, "installed[0]: has to be a path below the root, not ''"),
    ({"allow-missing": "gpu"}, "allow-missing: has to be a list of strings, not a string ('gpu')"),
    ({"severity": []}, "severity: has to be a table, not a list ([])"),
    ({"severity": {"conflicts": "warn"}}, "severity.conflicts: unknown key (did you mean 'conflict'?)"),
    ({"severity": {"conflict": "fatal"}}, "severity.conflict: has to be one of error, warn, ignore, not 'fatal'"),
    ({"severity": {"conflict": ["warn"]}}, "severity.conflict: has to be one of error, warn, ignore, not ['warn']"),
    ({"locks": {"path": "a"}}, "locks: has to be a list of tables, not a table ({'path': 'a'})"),
    ({"locks": ["a"]}, "locks[0]: has to be a table, not a string ('a')"),
    ({"locks": [{}]}, "locks[0]: needs the key 'path'"),
    ({"locks": [{"path": True}]}, "locks[0].path: has to be a string, not a boolean (True)"),
    ({"locks": [{"path": "a", "input": []}]}, "locks[0].input: unknown key (did you mean 'inputs'?)"),
    ({"locks": [{"path": "a", "inputs": ["/b"]}]}, "locks[0].inputs[0]: has to be a path below the root, not '/b'"),
    ({"locks": [{"path": "a", "command": 1.5}]}, "locks[0].command: has to be a string, not a float (1.5)"),
]


@pytest.mark.parametrize(("table", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_fault(table: dict[str, Any], fault: str) -> None:
    """Each fault, in full."""
    assert faults(table) == [fault]


WAIVER = {"code": "conflict", "package": "a", "reason": "b"}
WAIVER_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"reason": ""}, "waivers[0]: needs the key 'reason'"),
    ({"reason": "  "}, "waivers[0]: needs the key 'reason'"),
    ({"code": "konflict"}, "waivers[0].code: unknown code 'konflict' (did you mean 'conflict'?)"),
    ({"code": "stale-waiver"}, "waivers[0].code: 'stale-waiver' is about waivers, and cannot be waived"),
    (
        {"until": "2027-03-01"},
        "waivers[0].until: has to be a date without quotes, such as 2027-03-01, not '2027-03-01'",
    ),
    (
        {"until": dt.datetime(2027, 3, 1)},  # noqa: DTZ001  # As TOML gives it.
        "waivers[0].until: has to be a date without quotes, such as 2027-03-01, not datetime.datetime(2027, 3, 1, 0, 0)",
    ),
    ({"untill": 1}, "waivers[0].untill: unknown key (did you mean 'until'?)"),
    ({"requires": 3}, "waivers[0].requires: has to be a string, not an integer (3)"),
]


@pytest.mark.parametrize(("change", "fault"), WAIVER_FAULTS, ids=[fault for _, fault in WAIVER_FAULTS])
def test_waiver_fault(change: dict[str, Any], fault: str) -> None:
    """Each fault of a waiver, in full."""
    assert faults({"waivers": [{**WAIVER, **change}]}) == [fault]


def test_waiver_marker() -> None:
    """A marker that is none is told with the words of its parser."""
    (fault,) = faults({"waivers": [{**WAIVER, "marker": "phase = moon"}]})

    assert fault.startswith("waivers[0].marker: the marker 'phase = moon' is not valid: ")


def test_all_at_once() -> None:
    """All faults are told, sorted."""
    table = {"strict": 1, "exclude": 2, "waivers": [{}], "a": 1}

    found = faults(table)

    assert found == sorted(found)
    assert [fault.partition(":")[0] for fault in found] == ["a", "exclude", "strict", *["waivers[0]"] * 3]


ENVIRONMENTS: dict[str, tuple[Any, list[str]]] = {
    "no table": (["client"], [": has to be a table of tables, not a list (['client'])"]),
    "no table within": ({"client": "3.12"}, [".client: has to be a table, not a string ('3.12')"]),
    "no name": ({"a b": {}}, [".a b: is no name: letters, digits, '-', '_' and '.'"]),
    "one name": ({"my-client": {}, "My_Client": {}}, [".My_Client: is the same name as 'my-client'"]),
    "unknown keys": (
        {"client": {"pyton": "3.12", "installer_args": [], "extend-python": "3", "name": "x"}},
        [
            ".client.extend-python: 'python' is no list: it replaces the one that it extends",
            ".client.installer_args: unknown key (did you mean 'installer-args'?)",
            ".client.name: is no setting: it is the name of the table, and in Python the first argument",
            ".client.pyton: unknown key (did you mean 'python'?)",
        ],
    ),
    "wrong values": (
        {
            "a": {"python": 3.12, "environment": {"PYTHONHOME": "/"}},
            "b": {"requirements": ["x", "-r y"], "files": {"/": "a"}},
        },
        [
            (
                ".a.environment.PYTHONHOME: cannot be set: each environment has its own, which keeps other Pythons and "
                "packages out"
            ),
            '.a.python: has to be a string with quotes, such as "3.12", not a float (3.12)',
            ".b.files: '/' has to be a path within the environment, such as 'etc/tool.ini'",
            (
                ".b.requirements[1]: '-r y' is not a requirement (PEP 508): Expected package name at the start of "
                "dependency specifier"
            ),
        ],
    ),
    "files of all kinds": (
        {
            "a": {"python": "", "files": {"/etc/x": "y", "bin/python": "z", "../a": "b", "/b": "c"}},
            "b": {"extends": "a"},
        },
        [
            ".a.files: '../a' has to be a path within the environment, such as 'etc/tool.ini'",
            ".a.files: '/b' has to be a path within the environment, such as 'etc/tool.ini'",
            ".a.files: '/etc/x' has to be a path within the environment, such as 'etc/tool.ini'",
            ".a.files: 'bin/python' is the environment's own",
            ".a.python: is empty",
        ],
    ),
    "a container": (
        {
            "client": {"project": "editable", "apt-packages": ["git"]},
            "execution": {"kind": "container", "extends": "client", "base-image": "a b"},
            "fast": {"extends": "execution", "kind": "virtualenv"},
        },
        [
            '.client.apt-packages: is for containers, and this is a virtualenv: write kind = "container", or leave it out',
            (
                ".client.project: 'editable' needs the source beside it, which a container has not: write \"wheel\" "
                "(kind = 'container' is from tool.envrepro.environments.execution in pyproject.toml)"
            ),
            ".execution.base-image: 'a b' is no image: write NAME:TAG, NAME@sha256:... or sha256:...",
        ],
    ),
    "extends what is not there": (
        {"client": {}, "server": {"extends": "cleint"}, "other": {"extends": "server"}},
        [".server.extends: there is no environment 'cleint' (did you mean 'client'?)"],
    ),
    "extends no name": (
        {"a": {"extends": ["b"]}},
        [".a.extends: has to be the name of an environment, not a list (['b'])"],
    ),
    "extends itself": ({"a": {"extends": "A"}}, [".a.extends: is a cycle: a -> a"]),
    "extend each other": (
        {"a": {"extends": "b"}, "c": {"extends": "d"}, "b": {"extends": "c"}, "d": {"extends": "b", "lock": "/"}},
        [".c.extends: is a cycle: c -> d -> b -> c", ".d.lock: has to be a path below the root, not '/'"],
    ),
    "extends a file": (
        {
            "a": {"requirements": "a.in"},
            "b": {"extends": "a"},
            "c": {"extends": "b", "extend-requirements": ["x"]},
            "d": {"extends": "c"},
        },
        [
            (
                ".c.extend-requirements: 'requirements' is the file 'a.in' (tool.envrepro.environments.a in "
                "pyproject.toml), and only a list can be extended: add to the file, or name another one that reads it "
                "with '-r'"
            )
        ],
    ),
}


class TestEnvironments:
    """The environments that are declared."""

    def test_read(self) -> None:
        """Each is there by its name, with where it stands; what it extends is not part of it."""
        environments = {
            "client": {"python": "3.12", "lock": "requirements.txt"},
            "Server": {"extends": "client", "extend-groups": ["server"], "required-integrations": ["not-there-yet"]},
        }

        found = read({"environments": environments}).environments

        assert {name: (layer.origin, layer.name) for name, layer in found.items()} == {
            name: (f"tool.envrepro.environments.{name} in pyproject.toml", None) for name in environments
        }
        assert {name: dict(layer.values) for name, layer in found.items()} == environments

    @pytest.mark.parametrize(("environments", "told"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
    def test_faults(self, environments: Any, told: list[str]) -> None:
        """All faults are told, each once and where it stands, whoever extends what is wrong."""
        assert faults({"environments": environments}) == [f"environments{fault}" for fault in told]


class TestStrict:
    """The command line, then the environment, then the table, then what a CI sets."""

    @pytest.mark.parametrize("typed", [True, False])
    def test_command_line(self, *, typed: bool) -> None:
        """What was typed wins over all."""
        environ = {"PYTEST_ENVREPRO_STRICT": str(not typed), "CI": "true"}

        assert resolve_strict(typed, environ, not typed) == (typed, False)

    @pytest.mark.parametrize(
        ("value", "strict"), [("1", True), (" TRUE ", True), ("yes", True), ("on", True), ("0", False), ("off", False)]
    )
    def test_environment(self, value: str, *, strict: bool) -> None:
        """The variable wins over the table."""
        assert resolve_strict(None, {"PYTEST_ENVREPRO_STRICT": value}, not strict) == (strict, False)

    def test_environment_asks_for_auto(self) -> None:
        """The variable may ask to look for a CI."""
        assert resolve_strict(None, {"PYTEST_ENVREPRO_STRICT": "auto", "CI": "1"}, False) == (True, True)

    def test_environment_is_none(self) -> None:
        """Another value is an error."""
        with pytest.raises(SettingsError) as caught:
            resolve_strict(None, {"PYTEST_ENVREPRO_STRICT": "maybe"}, "auto")

        assert str(caught.value) == "PYTEST_ENVREPRO_STRICT: has to be true, false or auto, not 'maybe'"

    @pytest.mark.parametrize("configured", [True, False])
    def test_table(self, *, configured: bool) -> None:
        """The table wins over what a CI sets; an empty variable says nothing."""
        environ = {"CI": "true", "PYTEST_ENVREPRO_STRICT": ""}

        assert resolve_strict(None, environ, configured) == (configured, False)

    @pytest.mark.parametrize(
        ("environ", "strict"),
        [
            ({}, False),
            ({"CI": "true"}, True),
            ({"CI": "1"}, True),
            ({"CI": ""}, False),
            ({"CI": "0"}, False),
            ({"CI": "False"}, False),
            ({"BUILD_NUMBER": "17"}, True),
            ({"CI": "false", "BUILD_NUMBER": "17"}, True),
        ],
    )
    def test_auto(self, environ: dict[str, str], *, strict: bool) -> None:
        """A CI sets `CI` or `BUILD_NUMBER`."""
        assert resolve_strict(None, environ, "auto") == (strict, True)


class TestSession:
    """Where the table stands, and how a session ends that cannot follow it."""

    LOCK = {"requirements.in": "", "requirements.txt": pip_compiled("")}  # noqa: RUF012  # Is only read.

    def run(self, project: Project, files: dict[str, str]) -> list[str]:
        """Run, and give the lines of the usage error."""
        project.write({**self.LOCK, **files})
        result = project.run()
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "Traceback" not in result.stdout.str() + result.stderr.str()
        return [line.removeprefix("ERROR: ") for line in result.stderr.lines if line]

    def test_pyproject(self, project: Project) -> None:
        """A fault in `pyproject.toml`."""
        assert self.run(project, {"pyproject.toml": "[tool.envrepro]\nstrikt = true\nexclude = 1\n"}) == [
            "pyproject.toml cannot be followed:",
            "  tool.envrepro.exclude: has to be a list of strings, not an integer (1)",
            "  tool.envrepro.strikt: unknown key (did you mean 'strict'?)",
        ]

    def test_own_file(self, project: Project) -> None:
        """A fault in `envrepro.toml`, whose keys stand at the top level."""
        assert self.run(project, {"envrepro.toml": "strikt = true\n"}) == [
            "envrepro.toml cannot be followed:",
            "  strikt: unknown key (did you mean 'strict'?)",
        ]

    def test_environments(self, project: Project) -> None:
        """Environments that cannot be made are told at the start, among all that is wrong, though no test asks for one."""
        table = """
            strikt = true
            [environments.client]
            python = "3.12"
            lok = "requirements.txt"
            [environments.server]
            extends = "cleint"
        """
        assert self.run(project, {"envrepro.toml": table, "test_it.py": "def test_one(): pass"}) == [
            "envrepro.toml cannot be followed:",
            "  environments.client.lok: unknown key (did you mean 'lock'?)",
            "  environments.server.extends: there is no environment 'cleint' (did you mean 'client'?)",
            "  strikt: unknown key (did you mean 'strict'?)",
        ]

    def test_both(self, project: Project) -> None:
        """Two tables are an error; a `pyproject.toml` without one is none."""
        files = {"envrepro.toml": "", "pyproject.toml": "[tool.envrepro]\n"}

        assert self.run(project, files) == [
            "both envrepro.toml and [tool.envrepro] in pyproject.toml configure this project: keep one of them"
        ]

        project.write({"pyproject.toml": ""})
        assert project.run().ret == 0

    def test_no_table(self, project: Project) -> None:
        """`envrepro` that is no table."""
        assert self.run(project, {"pyproject.toml": "[tool]\nenvrepro = 1\n"}) == [
            "pyproject.toml cannot be followed:",
            "  tool.envrepro: has to be a table",
        ]

    def test_bad_toml(self, project: Project) -> None:
        """A file that is no TOML is told with its line."""
        (line,) = self.run(project, {"envrepro.toml": 'strict = true\nexclude = ["a"\n'})

        assert line.startswith("envrepro.toml:")
        assert "is not valid TOML" in line

    def test_nested_toml(self, project: Project) -> None:
        """A file that is nested too deeply is no traceback."""
        (line,) = self.run(project, {"envrepro.toml": f"exclude = {'[' * 50_000}\n"})

        assert "is not valid TOML" in line

    def test_lock_that_does_not_exist(self, project: Project) -> None:
        """A lock that the table names has to be there."""
        assert self.run(project, {"envrepro.toml": 'installed = ["requirement.txt"]\n'}) == [
            "envrepro.toml names locks that cannot be used:",
            "  requirement.txt does not exist (did you mean 'requirements.txt'?)",
        ]
