"""Settings of environments: what each key takes, how layers merge, and where each value came from."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pytest_envrepro
from pytest_envrepro import Settings, SettingsError, matrix
from pytest_envrepro.config import read_config
from pytest_envrepro.settings import Layer, merge
from pytest_envrepro.tables import load_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.core

CLASS = "@pytest.mark.environment on TestIt"
TEST = "@pytest.mark.environment on test_one"


def refusal(make: Callable[[], object]) -> list[str]:
    """Give the lines of a SettingsError."""
    with pytest.raises(SettingsError) as caught:
        make()
    return str(caught.value).splitlines()


def make(given: Mapping[str, Any]) -> Settings:
    """Make settings as a caller does who has no types."""
    return Settings(**given)


def table(**environments: Mapping[str, Any]) -> dict[str, Layer]:
    """Give environments as the table declares them."""
    return {name: Layer(f"environments.{name} in envrepro.toml", values) for name, values in environments.items()}


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "virtualenv"}, {"kind": "virtualenv"}),
    ({"python": ">=3.9,<3.12"}, {"python": ">=3.9,<3.12"}),
    ({"python": None, "lock": None}, {"python": None, "lock": None}),
    ({"lock": "./locks\\a.txt"}, {"lock": "locks/a.txt"}),
    ({"lock": Path("locks") / "a.txt"}, {"lock": "locks/a.txt"}),
    (
        {"requirements": ["a>=1", "b[x] ; python_version < '3'"]},
        {"requirements": ("a>=1", "b[x] ; python_version < '3'")},
    ),
    ({"requirements": ("a @ https://host/a.whl",)}, {"requirements": ("a @ https://host/a.whl",)}),
    ({"requirements": "requirements/dev.in"}, {"requirements": "requirements/dev.in"}),
    ({"constraints": ["a<2"]}, {"constraints": ("a<2",)}),
    ({"constraints": Path("c.txt")}, {"constraints": "c.txt"}),
    ({"resolution": "lowest-direct"}, {"resolution": "lowest-direct"}),
    ({}, {"resolution": "highest"}),
    ({"groups": ["test"], "extras": ("pg",)}, {"groups": ("test",), "extras": ("pg",)}),
    ({"required_integrations": ["pg"]}, {"required_integrations": ("pg",)}),
    ({"project": True}, {"project": "wheel"}),
    ({"project": "editable"}, {"project": "editable"}),
    ({"project": False}, {"project": False}),
    ({"replicate_local": True}, {"replicate_local": True}),
    ({"replicate_local": "poetry export --only 'a b'"}, {"replicate_local": ("poetry", "export", "--only", "a b")}),
    ({"replicate_local": "grep '|' a\\'b"}, {"replicate_local": ("grep", "|", "a'b")}),
    ({"replicate_local": ["pip", "freeze"]}, {"replicate_local": ("pip", "freeze")}),
    ({"environment": {"PYTHONHASHSEED": "0", "A": ""}}, {"environment": {"A": "", "PYTHONHASHSEED": "0"}}),
    ({"installer": "uv", "installer_args": ["--no-binary", ":all:"]}, {"installer_args": ("--no-binary", ":all:")}),
    ({"files": {"./etc//a.ini": "./conf/a.ini"}}, {"files": {"etc/a.ini": "conf/a.ini"}}),
    ({"files": {"etc/a.ini": Path("a.ini")}}, {"files": {"etc/a.ini": "a.ini"}}),
]


@pytest.mark.parametrize(("given", "expected"), ACCEPTED, ids=[str(given) for given, _ in ACCEPTED])
def test_accepted(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """What each key takes, and what it comes to."""
    settings = make(given)

    assert {key: getattr(settings, key) for key in expected} == expected


KNOWN = (
    "apt_packages, apt_snapshot, base_image, build_environment, builder, ca_bundle, compose, constraints, context, "
    "dockerfile, "
    "environment, extends, extras, files, groups, installer, installer_args, kind, limits, lock, network, platform, "
    "project, pull, python, replicate_local, required_integrations, requirements, resolution, run, skip_build, user, "
    "workdir"
)
OWN = "each environment has its own, which keeps other Pythons and packages out"
BY_PIP = "in a container pip chooses versions unless it is told otherwise"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"pyton": "3"}, "pyton: unknown key (did you mean 'python'?)"),
    ({"instaler_args": []}, "instaler_args: unknown key (did you mean 'installer_args'?)"),
    ({"instaler-args": []}, "instaler-args: unknown key (did you mean 'installer-args'?)"),
    (
        {"resolution": "low"},
        "resolution: 'low' is not known: it may be 'highest', 'lowest' or 'lowest-direct' (did you mean 'lowest'?)",
    ),
    (
        {"resolution": "lowest", "installer": "pip"},
        "resolution: 'lowest' is what uv can choose, and pip cannot: write installer = \"uv\"",
    ),
    (
        {"resolution": "lowest-direct", "kind": "container"},
        f"resolution: 'lowest-direct' is what uv can choose, and {BY_PIP}: write installer = \"uv\" beside it",
    ),
    (
        {"resolution": "lowest", "installer_args": ["--resolution=highest"]},
        "resolution: stands in installer-args too, as '--resolution': say it once",
    ),
    ({"zzz": 1}, f"zzz: unknown key (known: {KNOWN})"),
    ({"extends": "client"}, "extends: Settings(...) stand alone: tables and markers can extend others"),
    ({"extend_groups": ["a"]}, "extend_groups: Settings(...) stand alone: tables and markers can extend others"),
    ({"installer_args": [], "installer-args": []}, "installer-args: stands there twice, with '-' and with '_'"),
    ({"kind": "container", "image": "a"}, "image: unknown key (did you mean 'base_image'?)"),
    ({"kind": "conda"}, "kind: 'conda' is not known: it may be 'virtualenv' or 'container'"),
    (
        {"kind": "contaner"},
        "kind: 'contaner' is not known: it may be 'virtualenv' or 'container' (did you mean 'container'?)",
    ),
    ({"kind": None}, "kind: has to be 'virtualenv' or 'container', not None"),
    ({"dependency_groups": ["a"]}, "dependency_groups: unknown key (did you mean 'groups'?)"),
    ({"python": 3.1}, 'python: has to be a string with quotes, such as "3.12", not a float (3.1)'),
    ({"python": " "}, "python: is empty"),
    (
        {"python": ">=3.9<3.12"},
        (
            "python: '>=3.9<3.12' is no Python on any machine: it may be a version (3.12), a range (>=3.9,<3.12), "
            "cpython3.12, pypy, 3.13t, a path, .python-version, or a name of pyenv's"
        ),
    ),
    (
        {"python": "~=3"},
        (
            "python: '~=3' is no Python on any machine: it may be a version (3.12), a range (>=3.9,<3.12), "
            "cpython3.12, pypy, 3.13t, a path, .python-version, or a name of pyenv's"
        ),
    ),
    ({"python": ["3.12"]}, "python: has to be a string, not a list (['3.12'])"),
    ({"lock": "../a.txt"}, "lock: has to be a path below the root, not '../a.txt'"),
    ({"lock": Path("/a.txt")}, "lock: has to be a path below the root, not '/a.txt'"),
    ({"lock": ""}, "lock: has to be a path below the root, not ''"),
    (
        {"requirements": 3},
        "requirements: has to be a list of requirements, or the path of a file with some, not an integer (3)",
    ),
    ({"requirements": [3]}, "requirements: has to be a list of strings, not a list ([3])"),
    (
        {"requirements": "a>=1"},
        "requirements: a string is the path of a file; requirements stand in a list: ['a>=1']",
    ),
    ({"requirements": "/a.txt"}, "requirements: has to be a path below the root, not '/a.txt'"),
    (
        {"requirements": ["a", f"https://me:pw@host/{51 * '('}"]},
        f"requirements[1]: 'https://****@host/{51 * '('}' is not a requirement (PEP 508): it is nested too deeply",
    ),
    ({"constraints": ["a[x]<2"]}, "constraints[0]: 'a[x]<2' has extras, which a constraint cannot ask for"),
    ({"constraints": "../c.txt"}, "constraints: has to be a path below the root, not '../c.txt'"),
    ({"groups": "test"}, "groups: has to be a list of strings, not a string ('test')"),
    ({"groups": {"test"}}, "groups: has to be a list of strings, not {'test'}"),
    ({"extras": ["a", " "]}, "extras[1]: is empty"),
    ({"required_integrations": None}, "required_integrations: has to be a list of strings, not None"),
    (
        {"project": "egg"},
        "project: has to be 'wheel', 'editable', true (a wheel) or false, not a string ('egg')",
    ),
    (
        {"project": ["wheel"]},
        "project: has to be 'wheel', 'editable', true (a wheel) or false, not a list (['wheel'])",
    ),
    ({"replicate_local": "a 'b"}, "replicate_local: cannot be split into words: no closing quotation"),
    ({"replicate_local": ""}, "replicate_local: is an empty command"),
    (
        {"replicate_local": "pip freeze | grep click"},
        (
            "replicate_local: has the word '|', which is a shell's, and no shell runs it: write "
            '["sh", "-c", "pip freeze | grep click"]'
        ),
    ),
    (
        {"replicate_local": "cd a && pip freeze"},
        (
            "replicate_local: has the word '&&', which is a shell's, and no shell runs it: write "
            '["sh", "-c", "cd a && pip freeze"]'
        ),
    ),
    ({"replicate_local": []}, "replicate_local: is an empty command"),
    ({"replicate_local": [1]}, "replicate_local: has to be true, false or a command, not a list ([1])"),
    ({"environment": ["A=1"]}, "environment: has to be a table of variables, not a list (['A=1'])"),
    ({"environment": {"A": 1234}}, "environment.A: has to be a string, not an integer"),
    ({"environment": {"A=B": "1"}}, "environment: 'A=B' is not the name of a variable, such as PGHOST"),
    ({"environment": {"": "1"}}, "environment: '' is not the name of a variable, such as PGHOST"),
    ({"environment": {"A": "1\0"}}, "environment.A: has a NUL in it, which no variable can hold"),
    ({"environment": {"PYTHONHOME": "/"}}, f"environment.PYTHONHOME: cannot be set: {OWN}"),
    ({"environment": {"VIRTUAL_ENV": "/"}}, f"environment.VIRTUAL_ENV: cannot be set: {OWN}"),
    (
        {"environment": {"PythonPath": "src"}},
        f'environment.PythonPath: cannot be set: {OWN}; project = "editable" has tests see the source as it is',
    ),
    (
        {"environment": {"PATH": "/bin"}},
        "environment.PATH: cannot be set: it is set for each command: the programs of the environment, then those of the system",
    ),
    ({"installer": "conda"}, "installer: 'conda' is not known: it may be 'auto', 'pip' or 'uv'"),
    ({"installer": "uvx"}, "installer: 'uvx' is not known: it may be 'auto', 'pip' or 'uv' (did you mean 'uv'?)"),
    ({"installer_args": "--pre"}, "installer_args: has to be a list of strings, not a string ('--pre')"),
    ({"files": []}, "files: has to be a table of paths, not a list ([])"),
    ({"files": {"../a": "a"}}, "files: '../a' has to be a path within the environment, such as 'etc/tool.ini'"),
    ({"files": {"/a": "a"}}, "files: '/a' has to be a path within the environment, such as 'etc/tool.ini'"),
    ({"files": {"C:/a": "a"}}, "files: 'C:/a' has to be a path within the environment, such as 'etc/tool.ini'"),
    ({"files": {".": "a"}}, "files: '.' has to be a path within the environment, such as 'etc/tool.ini'"),
    ({"files": {"bin/python3.12": "a"}}, "files: 'bin/python3.12' is the environment's own"),
    ({"files": {"./pyvenv.cfg": "a"}}, "files: './pyvenv.cfg' is the environment's own"),
    ({"files": {"a": "a", "./a": "b"}}, "files: 'a' is there under another spelling too"),
    ({"files": {"a": "/etc/passwd"}}, "files.\"a\": has to be a path below the root, not '/etc/passwd'"),
    ({"files": {1: "a"}}, "files: 1 has to be a string"),
    ({"name": 3}, "name: has to be a string, not an integer (3)"),
    (
        {"python": matrix("3.9", "3.12")},
        "python: is matrix('3.9', '3.12'), and an environment has one value: a matrix stands in a test's marker",
    ),
    (
        {"groups": ["a", matrix("b", "c")]},
        "groups: holds a matrix: it stands for a whole value, as in groups=matrix(..., ...)",
    ),
    (
        {"environment": {"A": matrix("b", "c")}},
        "environment: holds a matrix: it stands for a whole value, as in environment=matrix(..., ...)",
    ),
]


@pytest.mark.parametrize(("given", "fault"), REFUSED, ids=[fault for _, fault in REFUSED])
def test_refused(given: dict[str, Any], fault: str) -> None:
    """Each fault, in full."""
    assert refusal(lambda: make(given)) == ["the settings of an environment cannot be followed:", f"  {fault}"]


def test_all_faults_at_once() -> None:
    """All faults are told, sorted."""
    assert refusal(lambda: make({"pyton": "3", "lock": "/a", "groups": 1, "environment": {"PATH": "", "A": 1}})) == [
        "the settings of an environment cannot be followed:",
        "  environment.A: has to be a string, not an integer",
        "  environment.PATH: cannot be set: it is set for each command: the programs of the environment, then those of the system",
        "  groups: has to be a list of strings, not an integer (1)",
        "  lock: has to be a path below the root, not '/a'",
        "  pyton: unknown key (did you mean 'python'?)",
    ]


class TestValue:
    """Settings are a value."""

    def test_does_not_change(self) -> None:
        """Nothing that was given can change it afterwards, nor can it be changed itself."""
        groups, variables = ["a"], {"A": "1"}
        settings = Settings(groups=groups, environment=variables)
        groups.append("b")
        variables["A"] = "2"

        assert (settings.groups, settings.environment) == (("a",), {"A": "1"})
        with pytest.raises(TypeError):
            settings.environment["A"] = "2"  # type: ignore[index]  # Is what is tried.
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.python = "3"  # type: ignore[misc]  # The same.

    def test_equal(self) -> None:
        """Two are equal by their values, wherever those came from, and in whatever order they were written."""
        written = Settings(python="3.12", environment={"A": "1", "B": "2"})
        merged = merge([Layer(TEST, {"environment": {"B": "2", "A": "1"}, "python": "3.12"})], {})

        assert written == merged
        assert hash(written) == hash(merged)
        assert written.explain() != merged.explain()
        assert written != dataclasses.replace(written, python="3.11")

    def test_shown(self) -> None:
        """What is shown is what was set, without credentials."""
        settings = Settings(
            name="client",
            requirements=["a @ https://me:pw@host/a.whl"],
            environment={"DB": "pg://me:pw@host", "API_TOKEN": "t0p", "PORT": "1"},
            installer_args=["--index-url=https://me:pw@host/simple"],
        )

        assert repr(settings) == (
            "Settings(name='client', requirements=('a @ https://****@host/a.whl',), "
            "environment={'API_TOKEN': '****', 'DB': '****', 'PORT': '1'}, "
            "installer_args=('--index-url=https://****@host/simple',))"
        )
        assert settings.explain().splitlines() == [
            'requirements = ["a @ https://****@host/a.whl"]             # Settings(...)',
            'environment.API_TOKEN = "****"                             # Settings(...)',
            'environment.DB = "****"                                    # Settings(...)',
            'environment.PORT = "1"                                     # Settings(...)',
            'installer-args = ["--index-url=https://****@host/simple"]  # Settings(...)',
        ]
        assert settings.environment["API_TOKEN"] == "t0p"  # noqa: S105  # A made-up one.

    def test_one_long_line(self) -> None:
        """Where values come from stands in a column, and a value that is too long for it moves its own alone."""
        settings = Settings(python="3.12", requirements=["a" * 80])

        assert settings.explain().splitlines() == [
            'python = "3.12"  # Settings(...)',
            f'requirements = ["{"a" * 80}"]  # Settings(...)',
        ]

    def test_shown_variables(self) -> None:
        """Of variables, what stands in the table is shown; of what a marker or a call says, only short words and numbers."""
        table = Layer("tool.envrepro.environments.client in pyproject.toml", {"environment": {"URL": "a://me:pw@b/c"}})
        call = {
            "environment": {"MODE": "fast", "PORT": "8080", "EMPTY": "", "SIGN": "a1", "LONG": "correcthorsebattery"}
        }
        settings = merge([Layer("x", {}, "client"), Layer("environments.get(...)", call)], {"client": table})

        assert {line.split("  #")[0].rstrip() for line in settings.explain().splitlines()} == {
            'environment.URL = "a://****@b/c"',
            'environment.MODE = "fast"',
            'environment.PORT = "8080"',
            'environment.EMPTY = ""',
            'environment.SIGN = "****"',
            'environment.LONG = "****"',
        }

    def test_title(self) -> None:
        """What differs from the named environment in its Python is told from it."""
        named = {"client": Layer("tool.envrepro.environments.client in pyproject.toml", {"python": "3.12"})}
        client = Layer("test_it", {}, "client")

        assert merge([client], named).title == "client"
        assert merge([client, Layer("test_it", {"python": "3.9"})], named).title == "client (3.9)"

    def test_name_of_the_closest(self) -> None:
        """Where an environment is laid over another one, it is called by the name whose settings win."""
        named = {"client": Layer("c", {"python": "3.12"}), "server": Layer("s", {"python": "3.9"})}

        merged = merge([Layer("module", {}, "client"), Layer("test_it", {"extends": "Server"})], named)

        assert (merged.name, merged.python) == ("server", "3.9")
        assert Settings(python="3.9").title is None


Case = tuple[list[dict[str, Any]], dict[str, Any]]
# Layers, the farthest first, and what they come to.
MERGED: dict[str, Case] = {
    "nothing": ([], {}),
    "values replace": ([{"python": "3.9", "lock": "a.txt"}, {"python": "3.12"}], {"python": "3.12", "lock": "a.txt"}),
    "none is a value": ([{"lock": "a.txt"}, {"lock": None}], {"lock": None}),
    "a default is a value": (
        [{"project": "wheel", "installer": "uv"}, {"project": False}],
        {"project": False, "installer": "uv"},
    ),
    "lists replace": ([{"groups": ["a", "b"]}, {"groups": ["c"]}], {"groups": ("c",)}),
    "empty lists replace": ([{"groups": ["a"]}, {"groups": []}], {"groups": ()}),
    "a list replaces a file": ([{"requirements": "a.in"}, {"requirements": ["b"]}], {"requirements": ("b",)}),
    "a file replaces a list": ([{"requirements": ["b"]}, {"requirements": "a.in"}], {"requirements": "a.in"}),
    "a command replaces a command": (
        [{"replicate_local": "a b"}, {"replicate_local": ["c"]}],
        {"replicate_local": ("c",)},
    ),
    "extending appends": ([{"groups": ["a"]}, {"extend_groups": ["b", "a"]}], {"groups": ("a", "b", "a")}),
    "extending nothing": ([{"extend-groups": ["b"]}], {"groups": ("b",)}),
    "extending twice": (
        [{"extras": ["a"]}, {"extend_extras": ["b"]}, {"extend_extras": ["c"]}],
        {"extras": ("a", "b", "c")},
    ),
    "replacing what was extended": (
        [{"extras": ["a"]}, {"extend_extras": ["b"]}, {"extras": ["c"]}],
        {"extras": ("c",)},
    ),
    "setting and extending in one": (
        [{"extras": ["a"]}, {"extend_extras": ["c"], "extras": ["b"]}],
        {"extras": ("b", "c")},
    ),
    "extending after a file was replaced": (
        [{"requirements": "a.in"}, {"requirements": ["b"], "extend_requirements": ["c"]}],
        {"requirements": ("b", "c")},
    ),
    "extending every list": (
        [
            {key: ["a"] for key in ("requirements", "constraints", "groups", "extras", "required-integrations")},
            {f"extend-{key}": ["b"] for key in ("requirements", "constraints", "groups", "extras")},
            {"extend_required_integrations": ["b"], "extend_installer_args": ["--pre"]},
        ],
        {
            **dict.fromkeys(("requirements", "constraints", "groups", "extras", "required_integrations"), ("a", "b")),
            "installer_args": ("--pre",),
        },
    ),
    "mappings merge": (
        [
            {"environment": {"A": "1", "B": "1"}, "files": {"a": "x"}},
            {"environment": {"B": "2"}, "files": {"./a": "y", "b": "z"}},
        ],
        {"environment": {"A": "1", "B": "2"}, "files": {"a": "y", "b": "z"}},
    ),
    "empty mappings add nothing": ([{"environment": {"A": "1"}}, {"environment": {}}], {"environment": {"A": "1"}}),
    "both spellings": ([{"installer-args": ["--pre"]}, {"installer_args": []}], {"installer_args": ()}),
}


@pytest.mark.parametrize(("layers", "expected"), MERGED.values(), ids=MERGED)
def test_merged(layers: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    """What is closer replaces or adds to what is farther, key by key."""
    merged = merge([Layer(f"layer {index}", values) for index, values in enumerate(layers)], {})

    assert merged == make(expected)


NAMED = table(
    base={"python": "3.9", "groups": ["base"], "environment": {"A": "base"}},
    client={"extends": "base", "extend-groups": ["client"], "lock": "a.txt"},
    Far_Server={"extends": "client", "extend-groups": ["server"], "environment": {"B": "server"}},
    other={"python": "3.8"},
)
# The same with names: (name, values), and the name of what they come to.
FROM_NAMES: dict[str, tuple[list[tuple[str | None, dict[str, Any]]], str | None, dict[str, Any]]] = {
    "by name": ([("other", {})], "other", {"python": "3.8"}),
    "by name, with a setting": (
        [("client", {"python": "3.12"})],
        "client",
        {"python": "3.12", "groups": ("base", "client"), "lock": "a.txt", "environment": {"A": "base"}},
    ),
    "names are compared as those of packages": (
        [("far.SERVER", {})],
        "Far_Server",
        {
            "python": "3.9",
            "groups": ("base", "client", "server"),
            "lock": "a.txt",
            "environment": {"A": "base", "B": "server"},
        },
    ),
    "a closer name starts afresh": ([("client", {"extras": ["x"]}), ("other", {})], "other", {"python": "3.8"}),
    "a name starts afresh from settings": (
        [(None, {"extras": ["x"]}), ("other", {"lock": "b.txt"})],
        "other",
        {"python": "3.8", "lock": "b.txt"},
    ),
    "a closer setting keeps the name": (
        [("other", {"extras": ["x"]}), (None, {"extend-extras": ["y"]})],
        "other",
        {"python": "3.8", "extras": ("x", "y")},
    ),
    "extends does not start afresh": (
        [(None, {"extras": ["x"], "python": "3.12"}), (None, {"extends": "other", "lock": "b.txt"})],
        None,
        {"python": "3.8", "extras": ("x",), "lock": "b.txt"},
    ),
    "the same name again": (
        [("client", {"extend-groups": ["x"]}), ("client", {})],
        "client",
        {"python": "3.9", "groups": ("base", "client"), "lock": "a.txt", "environment": {"A": "base"}},
    ),
}


@pytest.mark.parametrize(("layers", "name", "expected"), FROM_NAMES.values(), ids=FROM_NAMES)
def test_merged_from_names(
    layers: list[tuple[str | None, dict[str, Any]]], name: str | None, expected: dict[str, Any]
) -> None:
    """A name brings what the table declares, with all that it extends, and nothing of farther layers."""
    merged = merge([Layer(f"layer {index}", values, name) for index, (name, values) in enumerate(layers)], NAMED)

    assert merged == make({"name": name, **expected})


CYCLE = table(a={"extends": "b"}, b={"extends": "c"}, c={"extends": "b"})
WRONG: dict[str, tuple[list[Layer], Mapping[str, Layer], list[str]]] = {
    "unknown name": (
        [Layer(TEST, {}, "clint")],
        NAMED,
        [
            "the settings of the environment 'clint' cannot be followed:",
            f"  {TEST}: there is no environment 'clint' (did you mean 'client'?)",
        ],
    ),
    "no names at all": (
        [Layer(TEST, {}, "client")],
        {},
        [
            "the settings of the environment 'client' cannot be followed:",
            f"  {TEST}: there is no environment 'client' (there are none)",
        ],
    ),
    "no name": (
        [Layer(TEST, {}, 3)],  # type: ignore[arg-type]  # What a marker may hold.
        NAMED,
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: has to be the name of an environment, not an integer (3)",
        ],
    ),
    "a matrix of names": (
        [Layer(TEST, {}, matrix("client", "other"))],  # type: ignore[arg-type]  # The same.
        NAMED,
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: has to be the name of an environment, not matrix('client', 'other')",
        ],
    ),
    "unknown in extends": (
        [Layer(TEST, {"extends": "bas"})],
        NAMED,
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: extends: there is no environment 'bas' (did you mean 'base'?)",
        ],
    ),
    "a name and extends": (
        [Layer(TEST, {"extends": "base"}, "client")],
        NAMED,
        [
            "the settings of the environment 'client' cannot be followed:",
            f"  {TEST}: extends: stands beside a name: an environment begins with one of the two",
        ],
    ),
    "a name among settings": (
        [Layer(TEST, {"name": "client"})],
        NAMED,
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: name: is no setting: it is the name of the table, and in Python the first argument",
        ],
    ),
    "a cycle": (
        [Layer(TEST, {}, "a")],
        CYCLE,
        [
            "the settings of the environment 'a' cannot be followed:",
            "  environments.b in envrepro.toml: extends: is a cycle: b -> c -> b",
        ],
    ),
    "the same cycle": (
        [Layer(TEST, {}, "c")],
        CYCLE,
        [
            "the settings of the environment 'c' cannot be followed:",
            "  environments.b in envrepro.toml: extends: is a cycle: b -> c -> b",
        ],
    ),
    "extending a file": (
        [
            Layer(CLASS, {"requirements": "a.in", "constraints": "c.txt"}),
            Layer(TEST, {"extend_requirements": ["b"], "extend-constraints": ["c"]}),
        ],
        {},
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: extend-constraints: 'constraints' is the file 'c.txt' ({CLASS}), and only a list can be extended: add to the file, or name another one that reads it with '-r'",
            f"  {TEST}: extend-requirements: 'requirements' is the file 'a.in' ({CLASS}), and only a list can be extended: add to the file, or name another one that reads it with '-r'",
        ],
    ),
    "extending by a file": (
        [Layer(TEST, {"extend_requirements": "b.in"})],
        {},
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: extend_requirements: has to be a list of strings, not a string ('b.in')",
        ],
    ),
    "extending what is no list": (
        [Layer(TEST, {"extend_python": "3", "extend_environment": {}, "extend_lok": "a"})],
        {},
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: extend_environment: 'environment' is merged key by key, and needs no 'extend-'",
            f"  {TEST}: extend_lok: unknown key (did you mean 'extends'?)",
            f"  {TEST}: extend_python: 'python' is no list: it replaces the one that it extends",
        ],
    ),
    "a matrix that is left": (
        [Layer(TEST, {"lock": matrix("a.txt", "b.txt")})],
        {},
        [
            "the settings of an environment cannot be followed:",
            f"  {TEST}: lock: is matrix('a.txt', 'b.txt'), and an environment has one value: a matrix stands in a test's marker",
        ],
    ),
    "what does not count is judged too": (
        [Layer(CLASS, {"pyton": "3", "environment": {"A": 1}}), Layer(TEST, {"lock": 3}, "base")],
        NAMED,
        [
            "the settings of the environment 'base' cannot be followed:",
            f"  {CLASS}: environment.A: has to be a string, not an integer",
            f"  {CLASS}: pyton: unknown key (did you mean 'python'?)",
            f"  {TEST}: lock: has to be a string, not an integer (3)",
        ],
    ),
}


@pytest.mark.parametrize(("layers", "named", "said"), WRONG.values(), ids=WRONG)
def test_not_merged(layers: list[Layer], named: Mapping[str, Layer], said: list[str]) -> None:
    """What cannot be merged is told with the place of each fault."""
    assert refusal(lambda: merge(layers, named)) == said


class TestExplain:
    """Each value that was set is told with the place that it came from."""

    def test_default(self) -> None:
        """Where nothing was set, there is nothing to tell."""
        assert Settings().explain() == "all settings are the default"
        assert set(Settings().origins.values()) == {"default"}

    def test_layers(self) -> None:
        """Lists and mappings that came from several places are told part by part, as they would stand in a table."""
        merged = merge(
            [
                Layer(CLASS, {"installer": "auto", "files": {"etc/a b.ini": "a.ini"}}, "far-server"),
                Layer(TEST, {"python": None, "environment": {"A": "test"}, "extras": [], "project": "wheel"}),
            ],
            NAMED,
        )

        server, client, base = (f"environments.{name} in envrepro.toml" for name in ("Far_Server", "client", "base"))
        assert [tuple(re.split(" +# ", line)) for line in merged.explain().splitlines()] == [
            ("python = (none)", TEST),
            ('lock = "a.txt"', client),
            ('groups = ["base"]', base),
            ('extend-groups = ["client"]', client),
            ('extend-groups = ["server"]', server),
            ("extras = []", TEST),
            ('project = "wheel"', TEST),
            ('environment.A = "test"', TEST),
            ('environment.B = "server"', server),
            ('installer = "auto"', CLASS),
            ('files."etc/a b.ini" = "a.ini"', CLASS),
        ]
        assert merged.origins["groups"] == f"{base}, extended by {client}, extended by {server}"
        assert merged.origins["groups[1]"] == client
        assert merged.origins["environment"] == f"{server} and {TEST}"
        assert merged.origins["environment.B"] == server
        assert merged.origins["constraints"] == "default"

    def test_replaced(self) -> None:
        """What was changed by hand does not claim to come from elsewhere."""
        merged = merge([Layer(TEST, {"python": "3.12"})], {})

        assert dataclasses.replace(merged, python="3.9").explain() == 'python = "3.9"  # Settings(...)'


POOL: dict[str, list[Any]] = {
    "python": ["3.9", "3.12", None],
    "lock": ["a.txt", "b.txt"],
    "installer": ["auto", "pip", "uv"],
    "project": [False, True, "editable"],
    "groups": [[], ["a"], ["b", "c"]],
    "extend-groups": [["d"], ["e", "a"]],
    "environment": [{}, {"A": "1"}, {"B": "2", "A": "3"}],
}


@pytest.mark.parametrize("seed", range(100))
def test_any_layers(seed: int) -> None:
    """However the keys of a layer are ordered, the outcome is the same, and every value has the layer that set it last."""
    dice = random.Random(seed)  # noqa: S311  # Is no secret.
    layers = [
        {key: dice.choice(POOL[key]) for key in dice.sample(sorted(POOL), dice.randint(0, len(POOL)))}
        for _ in range(dice.randint(0, 5))
    ]
    shuffled = [dict(dice.sample(sorted(layer.items(), key=str), len(layer))) for layer in layers]

    merged, again = (
        merge([Layer(f"layer {index}", values) for index, values in enumerate(each)], {}) for each in (layers, shuffled)
    )

    assert merged == again
    assert merged.explain() == again.explain()
    told = [re.split(" = | +# ", line) for line in merged.explain().splitlines() if " # " in line]
    origins = {key: origin for key, _, origin in told}
    for key in ("python", "lock", "installer", "project"):
        setting = [index for index, layer in enumerate(layers) if key in layer]
        assert origins.get(key) == (f"layer {setting[-1]}" if setting else None)
    for name in ("A", "B"):
        setting = [index for index, layer in enumerate(layers) if name in layer.get("environment", {})]
        assert origins.get(f"environment.{name}") == (f"layer {setting[-1]}" if setting else None)
    groups: list[tuple[str, str]] = []
    for index, layer in enumerate(layers):
        groups = [
            *([] if "groups" in layer else groups),
            *((each, f"layer {index}") for each in layer.get("groups", [])),
        ]
        groups += [(each, f"layer {index}") for each in layer.get("extend-groups", [])]
    listed = [(each, origin) for key, value, origin in told if "groups" in key for each in json.loads(value)]
    assert listed == groups
    assert not groups or merged.origins["groups"].split(", extended by ") == list(
        dict.fromkeys(origin for _, origin in groups)
    )
    # Whatever is not the default has a line.
    for key in POOL.keys() - {"extend-groups"}:
        if getattr(merged, key) != getattr(Settings(), key):
            assert any(line.startswith((key, f"extend-{key}")) for line, _, _ in told)


class TestMatrix:
    """The word that parametrises a test."""

    def test_values(self) -> None:
        """It holds its values, and shows itself as it is written."""
        assert matrix("3.9", "3.12").values == ("3.9", "3.12")
        assert repr(matrix("3.9", None)) == "matrix('3.9', None)"
        assert matrix(["a"]) == matrix(["a"])

    def test_refused(self) -> None:
        """One without values, and one within another, are errors where they are written."""
        assert refusal(matrix) == ["matrix() needs at least one value"]
        assert refusal(lambda: matrix("a", matrix("b"))) == [
            "matrix('a', matrix('b')): a matrix cannot hold another one; write all values side by side"
        ]


class TestNames:
    """What the package exports, and what that costs a session that has no use for it."""

    def test_all_exist(self) -> None:
        """Every public name can be had, and others are an error as anywhere."""
        assert all(getattr(pytest_envrepro, name) is not None for name in pytest_envrepro.__all__)
        with pytest.raises(AttributeError, match="module 'pytest_envrepro' has no attribute 'Setings'"):
            pytest_envrepro.Setings  # noqa: B018  # Is what is tried.

    def test_plugin_does_not_load_them(self) -> None:
        """Importing the plugin imports no settings; asking for the name does."""
        code = (
            "import sys, pytest_envrepro.plugin as _;"
            "print(sorted(name for name in sys.modules if name.startswith('pytest_envrepro.settings')));"
            "from pytest_envrepro import Settings;"
            "print(sorted(name for name in sys.modules if name.startswith('pytest_envrepro.settings')))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert done.stdout.splitlines() == ["[]", "['pytest_envrepro.settings']"]


# Their page is docs/containers.md.
OF_CONTAINERS = {
    *(
        "apt-packages",
        "apt-snapshot",
        "base-image",
        "build-environment",
        "builder",
        "ca-bundle",
        "context",
        "dockerfile",
    ),
    *("limits", "network", "platform", "pull", "run", "skip-build", "user", "workdir"),
}


class TestPage:
    """`docs/environments.md` says what is there."""

    WHOLE = (Path(__file__).parent.parent / "docs" / "environments.md").read_text(encoding="utf-8")
    PAGE = WHOLE.partition("\n## Settings\n")[2].partition("\n## ")[0]

    def declared(self) -> Mapping[str, Layer]:
        """Read the table that the page shows."""
        (shown,) = re.findall(r"^```toml\n(.*?)^```$", self.PAGE, re.MULTILINE | re.DOTALL)
        whole = load_toml("a page", shown)["tool"]["envrepro"]
        return read_config(whole, file="pyproject.toml", prefix="tool.envrepro.", codes=()).environments

    def test_keys(self) -> None:
        """The table of keys has every key of a table, and no other."""
        section = self.PAGE.partition("\n### ")[0]

        told = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)

        assert sorted(told) == sorted({*Settings().origins, "extends"} - OF_CONTAINERS)

    def test_examples(self) -> None:
        """Every example in the table of keys is accepted."""
        for key, examples in re.findall(r"^\| `([a-z-]+)` \| [^|]* \| [^|]* \| ([^|]*) \|", self.PAGE, re.MULTILINE):
            for example in re.findall(r"`([^`]*)`", examples):
                tables = load_toml("a page", f"environments.it.{key} = {example}\nenvironments.client = {{}}\n")
                found = read_config(tables, file="envrepro.toml", prefix="", codes=()).environments
                merged = merge([Layer("a test", {}, "it")], found)
                assert key == "extends" or merged.origins[key] == found["it"].origin

    def test_how_layers_merge(self) -> None:
        """The keys that can be extended, and those that merge, are those of the page."""
        section = self.PAGE.partition("\n### Layers\n")[2].partition("\n### ")[0]
        rows = re.findall(r"^\| (`.*`) \| (.*) \|$", section, re.MULTILINE)
        for key, words in [(key, words) for keys, words in rows for key in re.findall(r"`([a-z-]+)`", keys)]:
            attribute, extending = key.replace("-", "_"), {f"extend-{key}": ["b"]}
            if "appended" in words:
                assert getattr(merge([Layer("", {key: ["a"]}), Layer("", extending)], {}), attribute) == ("a", "b")
            elif "merged" in words:
                one, other = ("file", "scope") if key == "compose" else ("A", "B")
                merged = merge([Layer("", {key: {one: "a"}}), Layer("", {key: {other: "worker"}})], {})
                assert getattr(merged, attribute) == {one: "a", other: "worker"}
            else:
                assert f"'{key}' is no list: it replaces" in "".join(
                    refusal(partial(merge, [Layer("", extending)], {}))
                )
        told = [key for keys, _ in rows for key in re.findall(r"`([a-z-]+)`", keys)]
        assert sorted(told) == sorted(set(Settings().origins) - OF_CONTAINERS)

    def test_explained(self) -> None:
        """What `explain()` is shown to say of the test is what it says."""
        (said,) = re.findall(r"^```text\n(.*?)\n```$", self.PAGE, re.MULTILINE | re.DOTALL)
        code, _ = re.findall(r"^```python\n(.*?)^```$", self.PAGE, re.MULTILINE | re.DOTALL)
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102  # The page's own example.
        marked = [("TestServer", names["TestServer"]), ("test_starts", names["TestServer"].test_starts)]
        layers = [
            Layer(f"@pytest.mark.environment on {name}", mark.kwargs, *mark.args)
            for name, each in marked
            for mark in each.pytestmark
        ]

        assert merge(layers, self.declared()).explain() == said
