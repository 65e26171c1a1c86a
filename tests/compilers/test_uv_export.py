"""Locks that uv exported from a uv.lock: exported again on copies, and mended after the lock that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from natives import changed

if TYPE_CHECKING:
    from natives import Native

pytestmark = [
    pytest.mark.requires_integration("network", "compilers"),
    pytest.mark.parametrize("native", ["uv"], indirect=True),
]

each_form = pytest.mark.parametrize("name", ["requirements.txt", "pylock.toml"])


def export(native: Native, name: str, *words: str) -> None:
    """Export as a person would."""
    form = ("--format", "pylock.toml") if name.startswith("pylock") else ()
    native.compile("export", "--quiet", "--no-dev", *form, "-o", name, *words)


@each_form
def test_unchanged(native: Native, name: str) -> None:
    """What uv would write again is clean by both checks, and is told with the tool."""
    export(native, name)

    native.project.run("--env-recompile")

    checks = native.project.report()["checks"]
    found = {(check["subject"], check["check"]): (check["outcome"], check["reason"]) for check in checks}
    assert found[name, "lock"] == found[name, "recompile"] == ("clean", None)


@each_form
def test_locked(native: Native, name: str) -> None:
    """An export that wanted its uv.lock to be up to date: it is taken as it is, since its own check tells whether it is."""
    export(native, name, "--locked")
    native.ask_for("httpx")

    check = native.project.judge("recompile", name, "--env-recompile")

    assert (check["outcome"], check["reason"]) == ("clean", None)


@each_form
def test_mended_after_its_parent(native: Native, name: str) -> None:
    """The input has changed: the uv.lock is mended first, and then what was exported from it, which shows drift only then."""
    export(native, name)
    native.ask_for("httpx")

    lines = native.told()

    assert lines == [
        "uv.lock mended: anyio 4.0 is added, httpx 1.0 is added",
        f"{name} mended: anyio 4.0 is added, httpx 1.0 is added",
    ]
    assert native.project.judge("lock", name)["outcome"] == native.judge("lock")["outcome"] == "clean"


@each_form
def test_drifted(native: Native, name: str) -> None:
    """A package that is gone from the export alone is in what uv writes."""
    export(native, name)
    path = native.project.path / name
    before = path.read_text()
    native.edit(name, "2.0", "1.0")

    check = native.project.judge("recompile", name, "--env-recompile")

    assert changed(check) == [("markupsafe", "1.0", "2.0")]
    assert native.told() == [f"{name} mended: markupsafe 1.0 -> 2.0"]
    assert path.read_text() == before


def test_header_is_untrusted(native: Native) -> None:
    """A header that says more than uv's options for exports is not run."""
    export(native, "requirements.txt")
    native.edit("requirements.txt", "uv export", "uv export --cache-dir /tmp/x")

    check = native.project.judge("recompile", "requirements.txt", "--env-recompile")

    assert check["outcome"] == "unchecked"
    assert check["reason"] == (
        "the command in its header is not run: '--cache-dir' is not on the list of what is run from a header; if it is "
        "meant, name it as 'command' in [[tool.envrepro.locks]]"
    )


def test_command_in_the_table(native: Native) -> None:
    """A command of the table is run as it is, on a copy of the project."""
    export(native, "requirements.txt", "--no-header")
    native.edit(
        "pyproject.toml",
        "[tool.pytest.ini_options]",
        '[[tool.envrepro.locks]]\npath = "requirements.txt"\n'
        'command = "uv export -q --frozen --no-dev --no-header -o requirements.txt"\n[tool.pytest.ini_options]',
    )
    native.edit("requirements.txt", "2.0", "1.0")

    assert native.told() == ["requirements.txt mended: markupsafe 1.0 -> 2.0"]
