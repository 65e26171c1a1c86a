"""`pylock.toml` (PEP 751): locked again by the tool that wrote it, as far as it says which command that was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from natives import changed

if TYPE_CHECKING:
    from natives import Native

pytestmark = pytest.mark.requires_integration("network", "compilers")
of_uv = pytest.mark.parametrize("native", ["uv"], indirect=True)
of_pdm = pytest.mark.parametrize("native", ["pdm"], indirect=True)

_COMMAND = "pip compile --quiet --universal --format pylock.toml -o pylock.toml requirements.in"


def judge(native: Native, path: str = "pylock.toml") -> dict[str, Any]:
    """Run, and give what the report says of the check."""
    return native.project.judge("recompile", path, "--env-recompile")


def compiled(native: Native) -> None:
    """Have uv compile such a lock in the place of the project's own."""
    native.lock.unlink()
    native.project.write({"requirements.in": "flask\n"})
    native.compile(*_COMMAND.split())


@of_uv
def test_uv_compile(native: Native) -> None:
    """Uv writes its command at the head: what it compiles is known by that, and the old pins are preferred."""
    compiled(native)
    native.index.add("markupsafe", "3.0")

    assert judge(native)["outcome"] == "clean"


@of_uv
def test_uv_compile_drifted(native: Native) -> None:
    """An input has changed: told by both checks, and mended."""
    compiled(native)
    native.project.write({"requirements.in": "flask\nhttpx\n"})

    assert changed(judge(native)) == [("anyio", None, "4.0"), ("httpx", None, "1.0")]
    (finding,) = native.project.judge("lock", "pylock.toml")["findings"]
    assert (finding["code"], finding["package"], finding["fix"]) == (
        "missing-direct",
        "httpx",
        "uv pip compile --universal --format pylock.toml -o pylock.toml requirements.in",
    )
    assert native.told() == ["pylock.toml mended: anyio 4.0 is added, httpx 1.0 is added"]
    assert judge(native)["outcome"] == "clean"


@of_uv
def test_header_is_untrusted(native: Native) -> None:
    """Only options on the list are run from the comment."""
    compiled(native)
    native.edit("pylock.toml", "uv pip compile", "uv pip compile --cache-dir=/tmp/x")

    assert judge(native)["reason"] == (
        "the command in its header is not run: '--cache-dir=/tmp/x' is not on the list of what is run from a header; "
        "if it is meant, name it as 'command' in [[tool.envrepro.locks]]"
    )


@of_uv
@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        ("pip", "pip keeps no pins, and does not say what it was told"),
        ("pdm", "it was exported by pdm"),
        ("nobody", "pylock.toml does not say how it was made"),
    ],
)
def test_not_told(native: Native, tool: str, reason: str) -> None:
    """Other tools do not say what they were told."""
    compiled(native)
    text = native.project.path.joinpath("pylock.toml").read_text()
    text = re.sub(r"(?m)^#.*\n", "", text).replace('created-by = "uv"', f'created-by = "{tool}"')
    native.project.write({"pylock.toml": text})

    assert judge(native)["reason"] == f"{reason}: name the command in [[tool.envrepro.locks]]"


@of_uv
def test_command_of_the_table(native: Native) -> None:
    """A command of the table is run for a lock that does not tell its own."""
    compiled(native)
    text = re.sub(r"(?m)^#.*\n", "", native.project.path.joinpath("pylock.toml").read_text())
    table = (
        f'\n[[tool.envrepro.locks]]\npath = "pylock.toml"\ninputs = ["requirements.in"]\ncommand = "uv {_COMMAND}"\n'
    )
    project = native.project.path.joinpath("pyproject.toml").read_text()
    native.project.write({"pylock.toml": text, "pyproject.toml": project + table, "requirements.in": "flask\nhttpx\n"})

    assert changed(judge(native)) == [("anyio", None, "4.0"), ("httpx", None, "1.0")]


@of_pdm
def test_exported_by_a_command_of_the_table(native: Native) -> None:
    """A lock that pdm has exported does not tell how: the command of the table is run as it is, on a copy of all."""
    native.edit("pyproject.toml", '">=3.9"', '">=3.11"')
    native.compile()
    words = "export -f pylock -o pylock.toml"
    native.compile(*words.split())
    table = f'\n[[tool.envrepro.locks]]\npath = "pylock.toml"\ncommand = "pdm {words}"\n'
    native.project.write({"pyproject.toml": native.project.path.joinpath("pyproject.toml").read_text() + table})
    assert judge(native)["outcome"] == "clean"

    native.edit("pylock.toml", "2.0", "1.0")

    assert changed(judge(native)) == [("markupsafe", "1.0", "2.0")]


@of_pdm
@pytest.mark.parametrize("name", ["pylock.toml", "pylock.demo.toml"])
def test_pdm(native: Native, name: str) -> None:
    """PDM keeps its own lock in this form where it is told to."""
    native.lock.unlink()
    native.project.write({"pdm.toml": '[lock]\nformat = "pylock"\n'})
    native.compile("lock", "-L", name)
    native.index.add("markupsafe", "3.0")
    assert judge(native, name)["outcome"] == "clean"
    native.ask_for("httpx")

    assert changed(judge(native, name)) == [("anyio", None, "4.0"), ("httpx", None, "1.0")]
    assert native.told() == [f"{name} mended: anyio 4.0 is added, httpx 1.0 is added"]
    assert judge(native, name)["outcome"] == "clean"
