"""A header's command is split and read, never run, and says which files and options a lock has to be compared with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from locks.reading import faults, pins, read, roots
from making import pip_compiled

from pytest_envrepro.locks.base import Declaration
from pytest_envrepro.locks.command import platform_variables, read_command, unknown_platform
from pytest_envrepro.locks.recipes import native_recipe

BIN = Path(sys.executable).parent


@pytest.mark.requires_integration("compilers")
def test_options_of_pip_tools() -> None:
    """No option of pip-compile swallows an input, and no value of one is taken for an input."""
    from piptools.scripts.compile import cli  # noqa: PLC0415  # The test says that it needs it.

    for option in cli.params:
        for name in (*option.opts, *option.secondary_opts):
            if name.startswith("-") and name not in ("--help", "-h", "--version"):
                value = "" if getattr(option, "is_flag", False) or getattr(option, "count", False) else " VALUE"

                assert read_command(f"pip-compile {name}{value} a.in").sources == ("a.in",), name


@pytest.mark.requires_integration("compilers")
def test_options_of_uv() -> None:
    """The same for every option that `uv pip compile --help` tells of."""
    help_ = subprocess.run([BIN / "uv", "pip", "compile", "--help"], capture_output=True, text=True, check=True).stdout
    options = re.findall(r"^ +(?:(-\w), )?(?:    )?(--[\w-]+)(?:\.\.\.)?( <\w+>)?", help_, re.MULTILINE)
    assert len(options) > 50
    for short, long, value in options:
        for name in filter(None, (short, long)):
            if name not in ("--help", "-h"):
                command = read_command(f"uv pip compile {name}{' VALUE' if value else ''} a.in")

                assert command.sources == ("a.in",), name


@pytest.mark.parametrize(
    "text",
    [
        "pip-compile; rm -rf ~ requirements.in",
        "pip-compile && curl example.org | sh",
        "`reboot`",
        "make lock > /dev/null",
        "pip-compile 'open",
        "rm -rf src tests",
        "make lock",
        "uv export && reboot",
    ],
)
def test_not_a_command(text: str) -> None:
    """What a shell would make more of is no command, tells no inputs, and nobody is told to run it."""
    command = read_command(text)

    assert (command.argv, command.sources, command.text, command.own) == ((), (), "", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pip-compile $(reboot)", "pip-compile '$(reboot)'"),
        ("pip-compile 'a b.in'", "pip-compile 'a b.in'"),
        ("uv pip compile -i https://me:secret@example.org a.in", "uv pip compile -i https://****@example.org a.in"),
        ("python3 -m piptools compile a.in", "python3 -m piptools compile a.in"),
        (r"pip-compile --output-file='requirements\prod.txt' requirements\prod.in", None),
    ],
)
def test_shown(text: str, shown: str | None) -> None:
    """A command is shown so that it can be pasted: nothing of it is the shell's, and nothing is a secret."""
    assert read_command(text).text == (
        shown or r"pip-compile '--output-file=requirements\prod.txt' 'requirements\prod.in'"
    )


@pytest.mark.parametrize("named", ["/etc/passwd", "../../x", "/dev/zero", "../x"])
@pytest.mark.parametrize("option", ["", "--constraint=", "-c "])
def test_outside(named: str, option: str) -> None:
    """A header that names a file outside of the project is not followed: the lock is unchecked, and says why."""
    command = f"pip-compile {option}{named} {'requirements.in' if option else ''}"
    files = {"requirements.txt": pip_compiled("flask==1\n", command), named: "secret\n"}

    lock = read({**files, "requirements.in": "flask\n"} if option else files)

    assert lock.unread == f"its header names {named}, which is not within this project"
    assert faults(lock) == []


def test_outside_of_a_part() -> None:
    """Where the project is a part of what the command ran in, the rest of that is outside."""
    files = {"b.txt": pip_compiled("flask==1\n", "pip-compile -o x/b.txt y/c.in"), "y/c.in": "flask\n"}

    assert read(files, "b.txt").unread == "its header names ../y/c.in, which is not within this project"


@pytest.mark.parametrize(
    ("path", "command", "inputs", "fix"),
    [
        ("requirements.txt", "pip-compile", ("requirements.in",), "pip-compile"),
        ("requirements.txt", "pip-compile requirements.in", ("requirements.in",), "pip-compile requirements.in"),
        ("a/requirements.txt", "pip-compile", ("a/requirements.in",), "cd a && pip-compile"),
        ("a/b.txt", "pip-compile b.in", ("a/b.in",), "cd a && pip-compile b.in"),
        ("a/b.txt", "pip-compile a/b.in", ("a/b.in",), "pip-compile a/b.in"),
        ("c/a/b.txt", "pip-compile -o a/b.txt a/b.in", ("c/a/b.in",), "cd c && pip-compile -o a/b.txt a/b.in"),
        ("b.txt", "pip-compile -o x/b.txt x/b.in", ("b.in",), "pip-compile -o x/b.txt x/b.in"),
        (
            "b.txt",
            "pip-compile -o /home/me/b.txt /home/me/b.in",
            ("b.in",),
            "pip-compile -o /home/me/b.txt /home/me/b.in",
        ),
        ("b.txt", "pip-compile --output-file=./b.txt ./b.in", ("b.in",), "pip-compile --output-file=./b.txt ./b.in"),
        ("new.txt", "pip-compile --output-file=old.txt b.in", ("b.in",), "pip-compile --output-file=new.txt b.in"),
        ("b.txt", "uv pip compile b.in", ("b.in",), "uv pip compile b.in --output-file=b.txt"),
        (
            "a/b.txt",
            r"pip-compile '--output-file=a\b.txt' 'a\b.in'",
            ("a/b.in",),
            r"pip-compile '--output-file=a\b.txt' 'a\b.in'",
        ),
        ("b.txt", "rm -rf src tests", ("b.in",), "pip-compile --output-file=b.txt b.in"),
        ("b.txt", "make; lock", ("b.in",), "pip-compile --output-file=b.txt b.in"),
    ],
)
def test_paths(path: str, command: str, inputs: tuple[str, ...], fix: str) -> None:
    """The folder that a command ran in is known by its output, and the command to run now by that folder."""
    sources = ("requirements.in", "a/requirements.in", "b.in", "a/b.in", "c/a/b.in")
    files = {**dict.fromkeys(sources, "flask\n"), path: pip_compiled("flask==1\n", command)}

    lock = read(files, path)

    assert (lock.inputs, lock.fix) == (inputs, fix)


def test_default_of_a_project() -> None:
    """Without an input, pip-compile takes what there is, in its order."""
    files = {"pyproject.toml": "[project]\nname='x'\ndependencies=['flask']\n"}

    lock = read({**files, "requirements.txt": pip_compiled("flask==1\n", "pip-compile")})

    assert roots(lock) == ["pyproject.toml:3 flask"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("pip-compile -o requirements.txt -", "it was compiled from standard input"),
        (
            "pip-compile https://me:x@example.org/a.in",
            "its header names https://****@example.org/a.in, which is not opened",
        ),
        ("make lock", "its inputs were not found: name them in [[tool.envrepro.locks]]"),
        ("uv pip compile script.py", "script.py is a script (PEP 723): its requirements cannot be read yet"),
    ],
)
def test_unknown_inputs(command: str, reason: str) -> None:
    """Inputs that cannot be known make a lock unchecked, with the reason."""
    assert read({"requirements.txt": pip_compiled("flask==1\n", command)}).unread == reason


def test_table_before_header() -> None:
    """The table's word stands before the header's: its inputs, and its command for reading and for mending."""
    files = {"requirements.txt": pip_compiled("flask==1\n"), "requirements.in": "a\n", "x.in": "b\n", "c.txt": "c<1\n"}

    lock = read(files, inputs=("x.in",), command="uv pip compile -c c.txt x.in -o requirements.txt")

    assert (roots(lock), lock.tool) == (["x.in:1 b"], "pip-compile")
    assert [str(root.requirement) for root in lock.constraints] == ["c<1"]
    assert lock.fix == "uv pip compile -c c.txt x.in -o requirements.txt"


def test_own_command_in_table() -> None:
    """A command of the user's own is what mends the lock; what the header says of the compilation stays true."""
    header = "pip-compile --constraint=c.txt --output-file=requirements.txt requirements.in"
    files = {"requirements.txt": pip_compiled("flask==1\n", header), "requirements.in": "a\n", "c.txt": "c<1\n"}

    lock = read(files, command="make lock && true")

    assert [str(root.requirement) for root in lock.constraints] == ["c<1"]
    assert lock.fix == "make lock && true"


@pytest.mark.parametrize(
    ("options", "universal", "python", "platform"),
    [
        ("--universal", True, None, None),
        ("--python-version 3.9 --python-platform windows", False, "3.9", "windows"),
        ("-p 3.12", False, "3.12", None),
        ("-p pypy", False, None, None),
    ],
)
def test_target(options: str, universal: bool, python: str | None, platform: str | None) -> None:  # noqa: FBT001
    """A lock of uv may be for another Python and another platform."""
    header = f"# This file was autogenerated by uv via the following command:\n#    uv pip compile {options} a.in\n"

    target = read({"a.txt": f"{header}flask==1\n", "a.in": "flask\n"}, "a.txt").target

    assert (target.universal, target.python, target.platform) == (universal, python, platform)


def test_platforms() -> None:
    """The platforms of uv are known by their words."""
    assert dict(platform_variables("x86_64-pc-windows-msvc"))["sys_platform"] == "win32"
    assert dict(platform_variables("aarch64-apple-darwin"))["platform_system"] == "Darwin"
    assert platform_variables("plan9") == ()


@pytest.mark.parametrize(
    ("platform", "machine"),
    [
        ("aarch64-unknown-linux-gnu", "aarch64"),
        ("x86_64-manylinux_2_28", "x86_64"),
        ("linux", "x86_64"),
        ("macos", "arm64"),
        ("aarch64-apple-darwin", "arm64"),
        ("x86_64-pc-windows-msvc", "AMD64"),
        ("wasm32-pyodide2024", None),
        ("aarch64-linux-android", None),
    ],
)
def test_machines(platform: str, machine: str | None) -> None:
    """A platform tells its machine, and an unknown one that it is unknown."""
    assert dict(platform_variables(platform)).get("platform_machine") == machine
    assert (unknown_platform(platform) is None) == (machine is not None)


@pytest.mark.parametrize(
    ("header", "tool", "python"),
    [
        ("# This file is autogenerated by pip-compile\n# To update, run:\n#\n#    pip-compile a.in\n", "pip-compile", None),
        ("# This file is autogenerated by pip-compile with python 3.9\n# To update, run:\n#\n#    pip-compile a.in\n", "pip-compile", "3.9"),
        ("# This file is autogenerated by pip-compile with Python 3.12\n# by the following command:\n#\n#    pip-compile a.in\n", "pip-compile", "3.12"),
        ("# This file was autogenerated by uv via the following command:\n#    uv pip compile a.in\n", "uv", None),
        ("# flask\n", None, None),
    ],
)  # fmt: skip
def test_headers(header: str, tool: str | None, python: str | None) -> None:
    """The headers of all versions of the compilers are known, also behind somebody's own words."""
    lock = read({"x.txt": f"# Ours.\n\n#\n{header}#\nflask==1\n", "a.in": "flask\n"}, "x.txt")

    assert (lock.tool, lock.target.python) == (tool, python)
    assert lock.inputs == (("a.in",) if tool else ())
    assert lock.target.line == (4 if tool else None)
    assert pins(lock) == {"flask": "==1"}


@pytest.mark.parametrize(
    ("tool", "argv", "told", "expected"),
    [
        ("poetry", "poetry lock", "poetry lock --regenerate", "poetry"),
        ("poetry", "poetry lock", "poetry -C . lock", None),
        ("poetry", "poetry lock", "poetry run make lock", None),
        ("poetry", "poetry lock", "poetry update --lock", None),
        ("pdm", "pdm lock --update-reuse", "pdm lock", "pdm"),
        ("pdm", "pdm lock --update-reuse", "pdm run lock", None),
        ("pipenv", "pipenv upgrade --dev", "pipenv lock", "pipenv"),
        ("pipenv", "pipenv upgrade --dev", "pipenv upgrade --dev flask", "pipenv"),
        ("pipenv", "pipenv upgrade --dev", "pipenv run make lock", None),
        ("conda-lock", "conda-lock lock --check-input-hash", "conda-lock lock -f a.yml", "conda-lock"),
        ("conda-lock", "conda-lock lock --check-input-hash", "conda-lock -f a.yml -p linux-64", None),
        ("uv lock", "uv lock", "uv lock --upgrade", "uv lock"),
        ("uv lock", "uv lock", "uv run make lock", None),
    ],
)
def test_command_of_a_tool(tool: str, argv: str, told: str, expected: str | None) -> None:
    """A command of the table is that of a tool where it begins as the tool locks; else what it does is its own affair."""
    recipe, why = native_recipe("sub/it.lock", tool, tuple(argv.split()), Declaration(command=told))

    assert recipe is not None
    assert (recipe.tool, recipe.argv, recipe.folder, recipe.is_trusted) == (expected, tuple(told.split()), "", True)
    assert why == ""
