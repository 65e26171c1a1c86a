"""`uv.lock`: what uv's locks of projects and workspaces have of their own."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from natives import changed

if TYPE_CHECKING:
    from natives import Native

pytestmark = [
    pytest.mark.requires_integration("compilers"),
    pytest.mark.parametrize("native", ["uv"], indirect=True),
]

_MEMBER = """
[project]
name = "{name}"
version = "1"
requires-python = ">=3.9"
dependencies = {dependencies}
"""
_BACKEND = """
import pathlib

def _metadata(folder):
    info = pathlib.Path(folder, "demo-1.dist-info")
    info.mkdir()
    needs = "".join(f"Requires-Dist: {each}\\n" for each in pathlib.Path("needs.txt").read_text().split())
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: demo\\nVersion: 1\\n{needs}")
    return info.name

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    return _metadata(folder)

get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
build_wheel = None
"""


def workspace(native: Native) -> None:
    """Make the project the root of a workspace, and lock that."""
    native.edit("pyproject.toml", '    "flask>=2",\n', '    "flask>=2",\n    "lib",\n')
    text = (native.project.path / "pyproject.toml").read_text()
    sources = '\n[tool.uv.sources]\nlib = { workspace = true }\n\n[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    native.project.write(
        {
            "pyproject.toml": text + sources,
            "packages/lib/pyproject.toml": _MEMBER.format(name="lib", dependencies='["anyio"]'),
            "packages/tool/pyproject.toml": _MEMBER.format(name="tool", dependencies='["markupsafe"]'),
            "packages/tool/README.md": "Nobody reads this to lock.",
        }
    )
    native.compile()


def test_workspace(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """All projects of a workspace are in the copy; nothing is built, and so the verdict is remembered."""
    workspace(native)
    assert native.judge()["outcome"] == "clean"
    monkeypatch.setattr("subprocess.Popen", None)
    assert native.judge()["outcome"] == "clean"


def test_member_has_changed(native: Native) -> None:
    """A project of a workspace asks for more: the lock at its root is mended."""
    workspace(native)
    native.edit("packages/lib/pyproject.toml", '["anyio"]', '["anyio", "httpx"]')

    assert changed(native.judge()) == [("httpx", None, "1.0")]
    assert native.told() == ["uv.lock mended: httpx 1.0 is added"]
    assert native.is_up_to_date()


def test_below_the_root(native: Native) -> None:
    """A project in a folder is locked in that folder of the copy."""
    files = ("pyproject.toml", "uv.lock")
    native.project.write({f"service/{name}": (native.project.path / name).read_bytes() for name in files})
    (native.project.path / "uv.lock").unlink()
    native.edit("service/pyproject.toml", '"flask>=2"', '"flask>=2", "httpx"')

    check = native.project.judge("recompile", "service/uv.lock", "--env-recompile")

    assert [name for name, _, _ in changed(check)] == ["anyio", "httpx"]
    assert {finding["fix"] for finding in check["findings"]} == {"uv lock --project service"}
    assert native.told() == ["service/uv.lock mended: anyio 4.0 is added, httpx 1.0 is added"]


def test_forks(native: Native) -> None:
    """Several pins of one name, each for some Pythons: none of them may go."""
    native.index.add("numpy", "1.0")
    native.index.add("numpy", "2.0")
    native.edit(
        "pyproject.toml",
        '    "flask>=2",\n',
        "    \"numpy<2; python_version < '3.10'\",\n    \"numpy>=2; python_version >= '3.10'\",\n",
    )
    native.compile()
    assert native.judge()["outcome"] == "clean"

    tables = re.split(r"(?m)^(?=\[\[package\]\])", native.lock.read_text())
    left = [table for table in tables if '\nname = "numpy"\nversion = "1.0"\n' not in table]
    native.lock.write_text("".join(left).replace('    { name = "numpy", version = "1.0"', '    { name = "nothing"'))

    (finding,) = native.judge()["findings"]
    assert (finding["package"], finding["actual"], finding["expected"][:5]) == ("numpy", finding["actual"], "1.0; ")


def test_build(native: Native) -> None:
    """A project that tells what it needs only when it is built is copied as a whole, and nothing is remembered."""
    native.edit("pyproject.toml", 'dependencies = [\n    "flask>=2",\n]', 'dynamic = ["dependencies"]')
    text = (native.project.path / "pyproject.toml").read_text()
    backend = '\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    native.project.write({"pyproject.toml": text + backend, "backend.py": _BACKEND, "needs.txt": "flask"})
    native.compile()
    assert native.judge()["outcome"] == "clean"
    native.project.write({"needs.txt": "flask httpx"})

    assert "httpx 1.0 is added" in native.judge()["reason"]


def test_python_outside(native: Native) -> None:
    """A project that this Python is not for: uv's own words."""
    native.edit("pyproject.toml", '">=3.9"', '">=3.98"')

    check = native.judge()

    assert check["outcome"] == "unchecked"
    assert "is incompatible with the project's Python requirement: `>=3.98`" in check["reason"]


def test_newer_schema(native: Native) -> None:
    """A lock that is not known is not locked again either."""
    native.edit("uv.lock", "version = 1\n", "version = 2\n")

    assert native.judge()["reason"] == "uv.lock has schema 2, and the latest that is known here is 1"


def test_program_of_unknown_version(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that no installer has put into an environment does not tell its version without being started."""
    program = native.project.path / "elsewhere" / "uv"
    native.project.write({"elsewhere/uv": "#!/bin/sh\necho error: no luck >&2\nexit 2\n"})
    program.chmod(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")
    monkeypatch.setenv("PATH", os.pathsep.join([str(program.parent), os.defpath]))
    monkeypatch.setattr("sys.executable", "/nowhere/python")

    assert native.judge()["reason"] == "the uv on PATH has failed: error: no luck"


def test_upgrades_of_the_table(native: Native) -> None:
    """A command of the table may upgrade to mend; for a second opinion it does not."""
    native.index.add("six", "1.17")
    native.ask_for("httpx")
    table = '\n[[tool.envrepro.locks]]\npath = "uv.lock"\ncommand = "uv lock --upgrade"\n'
    native.project.write({"pyproject.toml": (native.project.path / "pyproject.toml").read_text() + table})

    assert [name for name, _, _ in changed(native.judge())] == ["anyio", "httpx"]
    assert native.told() == ["uv.lock mended: anyio 4.0 is added, httpx 1.0 is added, six 1.16 -> 1.17"]
