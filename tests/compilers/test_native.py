"""Locks of whole projects: their own tools lock again on copies, and mend; what all of these tools have in common."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import toolshed
from natives import changed, without

if TYPE_CHECKING:
    from pathlib import Path

    from natives import Native
    from projects import Site

pytestmark = pytest.mark.requires_integration("network", "compilers")

# Those that lock again; pipenv only looks.
LOCKING = ("uv", "poetry", "pdm")
each = pytest.mark.parametrize("native", LOCKING, indirect=True)
every = pytest.mark.parametrize("native", [*LOCKING, "pipenv"], indirect=True)
# What a merge that has lost a package has lost with it: the line of what needs it.
EDGES = {
    "uv": ('    { name = "markupsafe" },\n',),
    "poetry": ('[package.dependencies]\nmarkupsafe = "*"\n',),
    "pdm": ('    "markupsafe",\n',),
}


def count_started(native: Native, monkeypatch: pytest.MonkeyPatch) -> int:
    """Look again, and count the programs that would have been started."""
    started: list[object] = []

    def counted(*args: Any, **_: Any) -> None:
        started.append(args)
        raise OSError("is counted alone")

    with monkeypatch.context() as context:
        context.setattr(subprocess, "Popen", counted)
        native.judge()
    return len(started)


def break_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody listen where the index was."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@each
def test_unchanged(native: Native) -> None:
    """A lock that its tool would write again is clean; the tool's version is told, though nothing asks it."""
    result = native.project.run("--env-recompile", "-v")

    lock, tool = re.escape(native.kind.lock), rf"{native.tool} \d+\.[\d.]+"
    found = [line for line in result.outlines if re.match(rf"envrepro: compiling {lock} with|{lock} +recompile ", line)]
    assert len(found) == 2
    assert re.match(rf"envrepro: compiling {lock} with {tool} ", found[0])
    assert re.match(rf"{lock} +recompile +clean +5 pins, as {tool} .*compiles them, ", found[1])


@every
def test_nothing_is_written(native: Native) -> None:
    """The tool works on copies: no file of the user's is another one, and no environment is made, here or at home."""
    native.ask_for("httpx")
    native.lock.touch()
    before = native.snapshot()

    assert native.judge()["outcome"] == "broken"

    assert native.snapshot() == before
    assert [path.name for path in (native.project.path / ".cache" / "work").iterdir()] == ["sweep.lock"]
    assert not list(native.home.rglob("pyvenv.cfg"))
    assert {path.name for path in native.home.iterdir()} <= {".cache", "uv-cache", ".local"}


@each
def test_drifted(native: Native) -> None:
    """A new requirement: it and what it needs would be pinned."""
    native.ask_for("httpx")

    check = native.judge()

    assert (check["outcome"], changed(check)) == ("broken", [("anyio", None, "4.0"), ("httpx", None, "1.0")])
    assert [finding["message"] for finding in check["findings"]] == [
        "compiled again, anyio 4.0 is added",
        "compiled again, httpx 1.0 is added",
    ]
    assert {finding["fix"] for finding in check["findings"]} == {
        {"uv": "uv lock", "poetry": "poetry lock", "pdm": "pdm lock --update-reuse"}[native.tool]
    }


@each
def test_no_longer_asked_for(native: Native) -> None:
    """What nobody asks for any more would be left out, with all that only it needed."""
    native.edit("pyproject.toml", '    "flask>=2",\n', "")

    assert [name for name, _, _ in changed(native.judge())] == ["click", "flask", "markupsafe", "werkzeug"]


@each
def test_newer_releases(native: Native) -> None:
    """A release that came after the lock is no drift: the old pins are preferred."""
    native.index.add("flask", "4.0")
    native.index.add("markupsafe", "3.0")

    assert native.judge()["outcome"] == "clean"


@each
@pytest.mark.parametrize("has_edge", [True, False], ids=["named", "forgotten"])
def test_transitive_gone(native: Native, has_edge: bool) -> None:  # noqa: FBT001  # As parametrized.
    """A package that a merge has lost, with what needs it or not: the tool's own check sees nothing of that."""
    edges = () if has_edge else EDGES[native.tool]
    native.lock.write_text(without(native.lock.read_text(), "markupsafe", edges))
    if not (native.tool == "uv" and has_edge):  # Which it then cannot read.
        assert native.is_up_to_date()

    if native.tool == "pdm" and not has_edge:  # Which believes what the lock says of packages.
        assert native.judge()["outcome"] == "clean"
        return
    assert changed(native.judge()) == [("markupsafe", None, "2.0")]
    assert native.told("--env-recompile") == [f"{native.kind.lock} mended: markupsafe 2.0 is added"]
    assert native.judge()["outcome"] == "clean"


@each
def test_moved_to_another_group(native: Native) -> None:
    """A package that another part of the project asks for: the same version, for other installations."""
    native.edit("pyproject.toml", '    "six",\n', "")
    native.ask_for("six")

    check = native.judge()

    if native.tool != "uv":  # Which says of no package for which part it is.
        found = [(each["code"], each["package"], each["message"]) for each in native.judge("lock")["findings"]]
        told = f"not pinned in {native.kind.lock} for the project itself, but for 'dev'"
        assert ("missing-direct", "six", told) in found
    expected = {
        "uv": [],
        "poetry": [("six", "1.16 (dev)", "1.16 (main)")],
        "pdm": [("six", "1.16 (dev)", "1.16 (main)")],
    }
    assert changed(check) == expected[native.tool]


@each
def test_deleted_release(native: Native) -> None:
    """A pin that is gone from the index is not drift, whatever the tool takes in its place."""
    native.index.delete("markupsafe", "2.0")

    check = native.judge()

    if native.tool == "pdm":  # Which asks no index for a pin that it keeps.
        assert check["outcome"] == "clean"
    else:
        assert (check["outcome"], check["findings"]) == ("unchecked", [])
        assert "markupsafe" in check["reason"]


@each
def test_index_down(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that is down is neither drift nor clean: the tool's own words say what happened."""
    native.ask_for("httpx")
    break_index(monkeypatch)
    before = native.snapshot()

    check = native.judge()

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    words = {
        "uv": r"uv [\d.]+ has failed: error: Request failed .* Connection refused .*",
        "poetry": r"poetry [\d.]+ has failed: All attempts to connect to index\.example failed\. .*",
        "pdm": r"pdm [\d.]+ has failed: \[ConnectError\]: .* Connection refused",
    }
    assert re.fullmatch(words[native.tool], check["reason"])
    (line,) = native.told()
    assert re.match(f"{native.kind.lock} left as it was: {native.tool} ", line)
    assert native.snapshot() == before


@every
def test_offline(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a network starts no tool."""
    monkeypatch.setattr(subprocess, "Popen", None)

    check = native.judge("recompile", "--env-recompile", "--env-offline")

    assert check["outcome"] == "unchecked"
    assert re.fullmatch(rf"{native.tool} [\d.]+ .*would ask an index, and this session is offline", check["reason"])


@every
def test_tool_absent(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not installed is named, with the command that installs it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")
    hidden = "pytest_envrepro.envs.inventory.canonicalize_name"  # What hides a distribution is its name.
    monkeypatch.setattr(hidden, lambda name: "not-uv" if name == "uv" else name.lower())

    check = native.judge()

    assert (check["outcome"], check["reason"]) == (
        "unchecked",
        f"{native.tool} is not installed here, nor on PATH: pip install {native.tool}",
    )


@every
def test_remembered(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged lock of a project that states what it needs is not compiled again."""
    assert native.judge()["outcome"] == "clean"

    assert count_started(native, monkeypatch) == 0


@every
@pytest.mark.parametrize("what", ["input", "lock", "tool"])
def test_not_remembered(native: Native, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Each thing that the result depends on brings the tool back."""
    native.judge()
    if what == "input":
        native.ask_for("httpx")
    elif what == "lock":
        native.lock.write_text(f"{native.lock.read_text()}\n")
    else:
        program = native.project.path / "elsewhere" / native.tool
        native.project.write({f"elsewhere/{native.tool}": "#!/bin/sh\n"})
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")

    assert count_started(native, monkeypatch) == 1


@each
def test_mended(native: Native) -> None:
    """A broken lock is mended in place, the other pins stay, and the tool's own check then passes."""
    native.index.add("flask", "4.0")
    native.index.add("six", "1.17")
    native.ask_for("httpx")
    before = native.versions()

    assert native.told() == [f"{native.kind.lock} mended: anyio 4.0 is added, httpx 1.0 is added"]

    assert native.versions() == {**before, "anyio": "4.0", "httpx": "1.0"}
    assert native.is_up_to_date()
    assert native.judge("lock")["outcome"] == "clean"


@each
def test_stale_stamp_is_mended(native: Native) -> None:
    """A lock whose pins hold, but for its copy or hash of the inputs."""
    native.edit("pyproject.toml", '"flask>=2"', '"flask>=2.1"')
    assert not native.is_up_to_date()

    assert native.told() == [f"{native.kind.lock} mended: no pin has changed"]
    assert native.is_up_to_date()


@every
def test_variables_of_the_user(native: Native, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What would have a tool write elsewhere, take another Python, or leave the lock alone, does not reach it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("VIRTUAL_ENV", str(elsewhere))
    for name in ("UV_FROZEN", "UV_LOCKED", "PDM_FROZEN_LOCKFILE", "PDM_NO_LOCK", "PIPENV_SKIP_LOCK"):
        monkeypatch.setenv(name, "1")
    for name in ("POETRY_VIRTUALENVS_CREATE", "POETRY_VIRTUALENVS_IN_PROJECT", "PDM_USE_VENV", "PDM_VENV_IN_PROJECT"):
        monkeypatch.setenv(name, "true")
    for name in ("UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "PDM_PROJECT", "PDM_LOCKFILE", "POETRY_VIRTUALENVS_PATH"):
        monkeypatch.setenv(name, str(elsewhere))
    for name in ("UV_PYTHON", "PDM_PYTHON", "PIPENV_PYTHON", "PIPENV_DEFAULT_PYTHON_VERSION", "PIPENV_PIPFILE"):
        monkeypatch.setenv(name, str(elsewhere / "none"))

    assert native.judge()["outcome"] == "clean"
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("native", ["pdm"], indirect=True)
def test_variables_of_a_script(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that names the variable by which pdm finds a project does not have it work on the user's own."""
    text = (native.project.path / "pyproject.toml").read_text()
    script = '[tool.pdm.scripts]\nwhere = { shell = "echo $PDM_PROJECT ${PDM_PROJECT}" }\n'
    native.project.write({"pyproject.toml": f"{text}\n{script}"})
    native.ask_for("httpx")
    monkeypatch.setenv("PDM_PROJECT", str(native.project.path))
    before = native.snapshot()

    check = native.judge()

    assert (check["outcome"], native.snapshot() == before) == ("broken", True)


@pytest.mark.parametrize(
    ("native", "command"),
    [
        ("uv", "uv lock --upgrade"),
        ("uv", "uv lock -P markupsafe"),
        ("poetry", "poetry lock --regenerate"),
        ("pdm", "pdm lock"),
    ],
    indirect=["native"],
)
def test_command_that_upgrades(native: Native, command: str) -> None:
    """For a second opinion a command of the table keeps the pins, whatever option of it lets go of them; to mend, it is meant."""
    table = f'\n[[tool.envrepro.locks]]\npath = "{native.kind.lock}"\ncommand = "{command}"\n'
    text = (native.project.path / "pyproject.toml").read_text()
    native.project.write({"pyproject.toml": f"{text}{table}"})
    native.index.add("markupsafe", "3.0")

    assert native.judge()["outcome"] == "clean"
    native.ask_for("httpx")
    assert changed(native.judge()) == [("anyio", None, "4.0"), ("httpx", None, "1.0")]
    (line,) = native.told()
    added = f"{native.kind.lock} mended: anyio 4.0 is added, httpx 1.0 is added"
    refused = (
        "pdm.lock left as it was: its command would also change what nothing explains: markupsafe 2.0 -> 3.0. Is an index "
        "down, a release gone, or the lock of another platform or Python? If it is meant, run it by hand"
    )  # `pdm lock` lets go of pins without a word of that.
    assert line == (refused if native.tool == "pdm" else f"{added}, markupsafe 2.0 -> 3.0")


@pytest.mark.parametrize("native", ["pdm"], indirect=True)
def test_command_that_runs_another(native: Native) -> None:
    """Of `pdm run` it is not known what it reads: all is copied, and nothing is remembered."""
    script = "import pathlib; pathlib.Path('pdm.lock').write_text(pathlib.Path('made/pdm.lock').read_text())"
    table = '[[tool.envrepro.locks]]\npath = "pdm.lock"\ncommand = "pdm run lock"\n'
    text = (native.project.path / "pyproject.toml").read_text()
    scripts = '[tool.pdm.scripts]\nlock = "python make.py"\n'
    native.project.write({"pyproject.toml": f"{text}\n{table}\n{scripts}", "make.py": script})
    native.project.write({"made/pdm.lock": native.lock.read_text()})

    assert native.judge()["outcome"] == "clean"
    native.project.write({"made/pdm.lock": without(native.lock.read_text(), "six")})
    assert "six 1.16 is left out" in native.judge()["reason"]
    assert not (native.home / ".local").exists()


@pytest.mark.parametrize("native", ["uv"], indirect=True)
def test_program_by_itself(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is none of an environment is known by its file; a script in its place may start anything."""
    folder, real = native.project.path / "elsewhere", toolshed.program("uv")
    folder.mkdir()
    shutil.copy(real, folder / "uv")
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.defpath]))
    monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")
    assert native.judge()["outcome"] == "clean"
    assert count_started(native, monkeypatch) == 0

    (folder / "uv").write_text(f'#!/bin/sh\nexec {real} "$@"\n')

    assert native.judge()["outcome"] == "clean"
    assert count_started(native, monkeypatch) == 1


@pytest.mark.parametrize("native", ["uv"], indirect=True)
def test_installed_here(native: Native, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tool of this environment is another one as soon as something is installed there: it may be what it rests on."""
    installed = tmp_path / "site-packages"
    installed.mkdir()
    folders = {"scripts": os.path.dirname(toolshed.program("uv")), "purelib": str(installed)}
    monkeypatch.setattr("sysconfig.get_path", folders.__getitem__)
    native.judge()
    assert count_started(native, monkeypatch) == 0

    os.utime(installed, (0, 0))

    assert count_started(native, monkeypatch) == 1


@each
def test_command_of_the_table(native: Native) -> None:
    """A command of the table stands for the tool's own."""
    command = {"uv": "uv lock", "poetry": "poetry lock", "pdm": "pdm lock --update-reuse"}[native.tool]
    table = f'\n[[tool.envrepro.locks]]\npath = "{native.kind.lock}"\ncommand = "{command} --no-such-option"\n'
    text = (native.project.path / "pyproject.toml").read_text()
    native.project.write({"pyproject.toml": f"{text}{table}"})

    check = native.judge()

    assert check["outcome"] == "unchecked"
    assert "--no-such-option" in check["reason"]


@pytest.mark.parametrize("native", ["uv"], indirect=True)
def test_only_what_is_named(native: Native) -> None:
    """Who names a lock's check has that lock mended, and what it rests on; no other file is written."""
    native.compile("export", "--quiet", "--no-dev", "-o", "requirements.txt")
    native.compile("export", "--quiet", "--no-dev", "-o", "other.txt")
    native.ask_for("httpx")
    other = native.project.path / "other.txt"
    before = other.read_text()

    lines = native.told("requirements.txt::lock")

    assert [line.partition(" ")[0] for line in lines] == ["uv.lock", "requirements.txt"]
    assert other.read_text() == before


@pytest.mark.parametrize(
    ("native", "command"), [("uv", "uv lock --upgrade-package demo"), ("pdm", "pdm lock")], indirect=["native"]
)
def test_command_for_a_hole(native: Native, site: Site, command: str) -> None:
    """The command that is told for a package that is gone with all that named it does bring it back."""
    native.lock.write_text(without(native.lock.read_text(), "markupsafe", EDGES[native.tool]))
    site.add("werkzeug", "3.0", ("markupsafe",))

    check = native.judge("lock", "--env-lock")

    assert {(each["code"], each["fix"]) for each in check["findings"]} == {("missing-transitive", command)}
    native.compile(*command.split()[1:])
    assert native.versions()["markupsafe"] == "2.0"


@pytest.mark.parametrize("native", ["pdm"], indirect=True)
def test_not_mended(native: Native, site: Site) -> None:
    """A command that changes no pin of a broken lock has not mended it, and that is said."""
    native.lock.write_text(without(native.lock.read_text(), "markupsafe", EDGES[native.tool]))
    site.add("werkzeug", "3.0", ("markupsafe",))

    (told,) = native.told()
    assert told == (
        "pdm.lock left as it was: its command changes no pin of it, and it is broken still: `pdm lock` resolves anew, and "
        "may upgrade"
    )
