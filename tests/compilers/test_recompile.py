"""`--env-recompile`: the real pip-tools and the real uv compile the lock again, on copies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import making
import pytest
from indexes import COMMANDS, DOWN, PYTHON, compile_lock, write

if TYPE_CHECKING:
    from pathlib import Path

    from indexes import Index
    from projects import Project

pytestmark = pytest.mark.requires_integration("compilers")


def recompile(project: Project, subject: str = "requirements.txt") -> dict[str, Any]:
    """Run, and give what the report says of the check."""
    return project.judge("recompile", subject, "--env-recompile")


def changed(check: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Give the findings of a check as (package, actual, expected)."""
    assert {finding["code"] for finding in check["findings"]} <= {"recompiled-differs"}
    return [(finding["package"], finding["actual"], finding["expected"]) for finding in check["findings"]]


def edit(project: Project, old: str, new: str, path: str = "requirements.txt") -> None:
    """Replace a text in a file."""
    text = (project.path / path).read_text()
    assert old in text
    (project.path / path).write_text(text.replace(old, new))


def drop(project: Project, name: str) -> None:
    """Cut a package out of the lock, as a bad merge does."""
    lines = (project.path / "requirements.txt").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((number for number in range(start + 1, len(lines)) if not lines[number].startswith(" ")), len(lines))
    (project.path / "requirements.txt").write_text("\n".join(lines[:start] + lines[end:]) + "\n")


def snapshot(project: Project) -> dict[str, bytes]:
    """Give the content of the user's files."""
    return {
        path.relative_to(project.path).as_posix(): path.read_bytes()
        for path in project.path.rglob("*")
        if path.is_file() and not {"caches", ".cache", ".pytest_cache", "__pycache__"}.intersection(path.parts)
    }


def count_started(project: Project, monkeypatch: pytest.MonkeyPatch, *, really: bool = True) -> int:
    """Compile again, and count the programs that are started, or would have been."""
    started: list[object] = []
    start = subprocess.Popen

    def counted(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(args)
        if not really:
            raise OSError("is counted alone")
        return start(*args, **options)

    with monkeypatch.context() as context:
        context.setattr(subprocess, "Popen", counted)
        recompile(project)
    return len(started)


def test_in_sync(locked: Project, tool: str) -> None:
    """A lock that its tool would write again is clean; the terminal says what compiled it, and with which settings."""
    result = locked.run("--env-recompile", "-v")

    version = {"pip-compile": "pip-tools *", "uv": "uv *"}[tool]
    named = {"pip-compile": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}[tool]
    result.stdout.fnmatch_lines(
        [
            f"*envrepro: compiling requirements.txt with {version} ...",
            f"requirements.txt * recompile * clean * 5 pins, as {version}(with {named}) compiles them, *",
        ]
    )


def test_nothing_is_written(locked: Project) -> None:
    """The tool works on copies: the user's files stay as they are, whatever it makes of them."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    locked.run("--env-recompile")
    before = snapshot(locked)

    assert changed(recompile(locked))
    assert snapshot(locked).keys() == before.keys()
    assert {name for name, data in snapshot(locked).items() if data != before[name]} <= {"report.json"}
    assert [path.name for path in (locked.path / ".cache" / "work").iterdir()] == ["sweep.lock"]


def test_drifted(locked: Project) -> None:
    """A new input: it and what it needs would be pinned, at the lines of the lock that the user knows."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})

    check = recompile(locked)

    assert (check["outcome"], changed(check)) == ("broken", [("anyio", None, "4.0"), ("httpx", None, "1.0")])
    assert [finding["message"] for finding in check["findings"]] == [
        "compiled again, anyio 4.0 is added",
        "compiled again, httpx 1.0 is added",
    ]


def test_drifted_version(locked: Project, tool: str) -> None:
    """An input that the pin violates: the new pin, and what it brings with it."""
    write(locked, {"requirements.in": "flask<3\n"})
    compile_lock(locked, COMMANDS[tool])
    write(locked, {"requirements.in": "flask>=3\n"})

    assert changed(recompile(locked)) == [("blinker", None, "1.0"), ("flask", "2.0", "3.0")]


def test_drifted_removal(locked: Project) -> None:
    """What nobody asks for any more would be left out, with all that only it needed."""
    write(locked, {"requirements.in": "click\n"})

    names = [name for name, _, _ in changed(recompile(locked))]

    assert names == ["blinker", "flask", "markupsafe", "werkzeug"]


def test_newer_releases(locked: Project, index: Index) -> None:
    """A release that came after the lock is no drift: the old pins are preferred."""
    index.add("flask", "4.0")
    index.add("markupsafe", "3.0")

    assert recompile(locked)["outcome"] == "clean"


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_written_otherwise(locked: Project) -> None:
    """Order, comments, names, markers' quotes, line ends and options mean nothing."""
    text = (locked.path / "requirements.txt").read_text()
    text = text.replace("markupsafe==", "MarkupSafe==").replace("    # via flask\n", "")
    write(locked, {"requirements.txt": (text + "\n--prefer-binary\n").replace("\n", "\r\n")})

    assert recompile(locked)["outcome"] == "clean"


def test_hole(locked: Project) -> None:
    """What a merge has lost, where nothing is installed that tells who needs it: a hole, or a lock of another machine."""
    drop(locked, "markupsafe")

    check = recompile(locked)

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert check["reason"] == (
        "compiled again, markupsafe 2.0 is added, which the pins need here: the lock has a hole, or was compiled on "
        "another platform or Python; install it, and the check 'lock' can tell"
    )


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_hole_of_a_universal_lock(locked: Project, tool: str) -> None:
    """A universal lock is of no machine: what its pins need and it has not is drift."""
    compile_lock(locked, f"{COMMANDS[tool]} --universal")
    drop(locked, "markupsafe")

    assert changed(recompile(locked)) == [("markupsafe", None, "2.0")]


def test_index_down(locked: Project, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """An index that is down is neither drift nor clean: the tool's own words say what happened."""
    monkeypatch.setenv("PIP_INDEX_URL", DOWN)
    monkeypatch.setenv("UV_DEFAULT_INDEX", DOWN)

    check = recompile(locked)

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    name = {"pip-compile": "pip-tools", "uv": "uv"}[tool]
    assert check["reason"].startswith(f"{name} ")
    assert " has failed: " in check["reason"]
    assert re.search(r"127\.0\.0\.1(:|', port=)9|from versions: none", check["reason"])


@pytest.mark.parametrize("tool", ["pip-compile"], indirect=True)
def test_second_index_alive(locked: Project, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip-compile writes older pins and ends with 0 where the first of two indexes is down: that is no drift."""
    index.delete("markupsafe", "2.0")
    monkeypatch.setenv("PIP_INDEX_URL", DOWN)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.url)

    check = recompile(locked)

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert check["reason"].startswith("compiled again, markupsafe 2.0 -> 1.0 (pip-tools says: ")
    assert "Discarding markupsafe==2.0" in check["reason"]
    assert check["reason"].endswith(
        ": nothing in the inputs explains it, so that a release may be gone, an index may be down, "
        "or the lock may be of another platform or Python"
    )


def test_deleted(locked: Project, index: Index) -> None:
    """A pin that is gone from the index is not drift, whatever the tool takes in its place."""
    index.delete("markupsafe", "2.0")

    check = recompile(locked)

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert "markupsafe" in check["reason"]


def test_deleted_beside_drift(locked: Project, index: Index) -> None:
    """What the inputs explain is drift also where something else cannot be explained; and that is told beside it."""
    index.delete("markupsafe", "2.0")
    write(locked, {"requirements.in": "flask\nhttpx\n"})

    check = recompile(locked)

    assert (check["outcome"], changed(check)) == ("broken", [("anyio", None, "4.0"), ("httpx", None, "1.0")])
    assert "markupsafe 2.0 -> 1.0" in check["reason"]


def test_yanked(locked: Project, index: Index) -> None:
    """A pin that was yanked keeps working, and both tools keep it."""
    index.yank("markupsafe", "2.0")

    check = recompile(locked)

    assert check["outcome"] in ("clean", "unchecked")
    assert check["findings"] == []


@pytest.mark.parametrize("tool", ["pip-compile"], indirect=True)
def test_wrong_python(locked: Project) -> None:
    """pip-compile compiles for the Python that runs it: a lock for another one is unchecked."""
    edit(locked, f"with Python {PYTHON}", "with Python 3.7")

    check = recompile(locked)

    assert (check["outcome"], check["reason"]) == (
        "unchecked",
        (
            f"it was compiled with Python 3.7, this is {'.'.join(map(str, sys.version_info[:3]))}, and pip-compile compiles "
            "for the Python that runs it: run this session with Python 3.7"
        ),
    )


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_other_python(project: Project, index: Index, tool: str) -> None:
    """Uv compiles for the Python that the command names."""
    index.add("tomli", "2.0")
    write(project, {"requirements.in": "click\ntomli; python_version < '3.9'\n"})
    command = f"{COMMANDS[tool]} --python-version 3.8"
    compile_lock(project, command)

    assert "tomli==2.0" in (project.path / "requirements.txt").read_text()
    assert recompile(project)["outcome"] == "clean"


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_universal(project: Project, index: Index, tool: str) -> None:
    """A universal lock, with several pins of one name."""
    index.add("numpy", "1.0")
    index.add("numpy", "2.0")
    write(project, {"requirements.in": "numpy<2; sys_platform == 'win32'\nnumpy>=2; sys_platform != 'win32'\n"})
    compile_lock(project, f"{COMMANDS[tool]} --universal")

    assert recompile(project)["outcome"] == "clean"


def test_tool_absent(locked: Project, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """A tool that is not installed is named, with the command that installs it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")
    versions = "pytest_envrepro.envs.inventory.canonicalize_name"  # What hides a distribution is its name.
    monkeypatch.setattr(versions, lambda name: f"not-{name}" if name in ("pip_tools", "uv") else name.lower())

    assert (
        recompile(locked)["reason"]
        == {
            "pip-compile": "pip-tools is not installed here: pip install pip-tools",
            "uv": "uv is not installed here, nor on PATH: pip install uv",
        }[tool]
    )


def test_settings_of_the_project(locked: Project, tool: str) -> None:
    """What stands in the tool's own settings, and not in the header, is honoured and told."""
    settings = {
        "pip-compile": '[tool.pip-tools]\nunsafe-package = ["click"]\n',
        "uv": '[tool.uv]\nexclude-dependencies = ["click"]\n',
    }[tool]
    text = (locked.path / "pyproject.toml").read_text()
    write(locked, {"pyproject.toml": text + settings})
    compile_lock(locked, COMMANDS[tool])

    assert "\nclick==" not in (locked.path / "requirements.txt").read_text()
    result = locked.run("--env-recompile", "-v")
    result.stdout.fnmatch_lines(["requirements.txt * recompile * clean * (with pyproject.toml, *) compiles them, *"])


@pytest.mark.parametrize("tool", ["pip-compile"], indirect=True)
def test_settings_of_pip(locked: Project, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pip's own configuration is honoured, and told."""
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nindex-url = {index.url}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))

    result = locked.run("--env-recompile", "-v")

    result.stdout.fnmatch_lines(["requirements.txt * recompile * clean *, as pip-tools * (with *pip.conf*) compiles *"])


def test_variables_of_files(locked: Project, monkeypatch: pytest.MonkeyPatch, index: Index, tool: str) -> None:
    """A variable that an input names reaches the tool; others of the session do not."""
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("OUR_INDEX", index.url)
    # Of pip, which would write elsewhere, and of Python, which would load something else.
    monkeypatch.setenv("PIP_TARGET", str(locked.path / "elsewhere"))
    monkeypatch.setenv("UV_PYTHON", "/nowhere/python")
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    write(locked, {"requirements.in": "--index-url ${OUR_INDEX}\nflask\n"})
    command = COMMANDS[tool]
    compile_lock(locked, command, {"PIP_TARGET": "", "UV_PYTHON": sys.executable})

    assert recompile(locked)["outcome"] == "clean"
    assert not (locked.path / "elsewhere").exists()


def test_project_as_input(project: Project, index: Index, tool: str) -> None:  # noqa: ARG001  # The index is used.
    """A `pyproject.toml` is an input, with the extras that the command names."""
    text = '[project]\nname = "it"\nversion = "1"\ndependencies = ["click"]\n[project.optional-dependencies]\nweb = ["flask"]\n'
    write(project, {"it.py": ""})
    (project.path / "pyproject.toml").write_text(text + '[tool.envrepro]\nexclude = ["caches/*"]\n')
    (project.path / "pytest.ini").write_text("[pytest]\n")
    compile_lock(project, COMMANDS[tool].replace("requirements.in", "--extra=web pyproject.toml"))

    assert recompile(project)["outcome"] == "clean"


def test_layers(locked: Project, tool: str) -> None:
    """A lock that rests on another is compiled with that beside it."""
    write(locked, {"dev.in": "-c requirements.txt\nhttpx\nmarkupsafe\n"})
    compile_lock(locked, COMMANDS[tool].replace("requirements.in", "dev.in").replace("requirements.txt", "dev.txt"))

    assert recompile(locked, "dev.txt")["outcome"] == "clean"


def test_folder(project: Project, index: Index, tool: str) -> None:  # noqa: ARG001  # The index is used.
    """A command that ran in a folder of the project runs in that folder of the copy."""
    write(project, {"requirements/base.in": "flask\n", "requirements/more.in": "click\n"})
    project.write({"requirements/base.in": "-r more.in\nflask\n"})
    words = COMMANDS[tool].replace("requirements.txt", "base.txt").replace("requirements.in", "base.in")
    inside = type(project)(project.pytester)
    inside.path = project.path / "requirements"
    compile_lock(inside, words)

    assert recompile(project, "requirements/base.txt")["outcome"] == "clean"


def test_spaces_and_quotes(project: Project, index: Index, tool: str) -> None:  # noqa: ARG001  # The index is used.
    """Paths with spaces and quotes."""
    write(project, {"my locks/it's.in": "click\n"})
    program = {"uv": "uv pip compile", "pip-compile": "pip-compile --no-emit-index-url"}[tool]
    command = f"{program} '--output-file=my locks/it'\"'\"'s.txt' 'my locks/it'\"'\"'s.in'"
    header = {
        "uv": f"# This file was autogenerated by uv via the following command:\n#    {command}\n",
        "pip-compile": making.pip_compiled("", command),
    }[tool]
    write(project, {"my locks/it's.txt": f"{header}click==8.0\n"})

    assert recompile(project, "my locks/it's.txt")["outcome"] == "clean"


def test_remembered(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged lock is not compiled again: not even where no index could be asked."""
    first = recompile(locked)
    monkeypatch.setattr(subprocess, "Popen", None)

    assert {**recompile(locked), "seconds": 0} == {**first, "seconds": 0}


@pytest.mark.parametrize("what", ["input", "lock", "index", "settings", "constraints"])
def test_not_remembered(locked: Project, monkeypatch: pytest.MonkeyPatch, tool: str, what: str) -> None:
    """Each thing that the result depends on brings the tool back."""
    bound = locked.path / "caches" / "bound.txt"
    bound.parent.mkdir(exist_ok=True)
    bound.write_text("click<9\n")
    monkeypatch.setenv({"pip-compile": "PIP_CONSTRAINT", "uv": "UV_CONSTRAINT"}[tool], str(bound))
    recompile(locked)
    if what == "input":
        write(locked, {"requirements.in": "flask\nclick\n"})
    elif what == "lock":
        edit(locked, "    # via flask", "    # via flask and me")
    elif what == "index":
        name = {"pip-compile": "PIP_EXTRA_INDEX_URL", "uv": "UV_INDEX"}[tool]
        monkeypatch.setenv(name, (locked.path / "index").as_uri())
    elif what == "constraints":
        bound.write_text("click<10\n")
    elif what == "settings":
        text = (locked.path / "pyproject.toml").read_text()
        write(locked, {"pyproject.toml": f"{text}[tool.other]\nx = 1\n"})
    assert count_started(locked, monkeypatch, really=False) == 1


def test_failure_is_not_remembered(locked: Project, index: Index) -> None:
    """What could not be judged is tried again."""
    os.rename(index.path, index.path.with_name("away"))
    assert recompile(locked)["outcome"] == "unchecked"
    os.rename(index.path.with_name("away"), index.path)

    assert recompile(locked)["outcome"] == "clean"


def test_not_asked(locked: Project) -> None:
    """Without the option nothing is compiled."""
    locked.run()

    assert {check["check"] for check in locked.report()["checks"]} == {"lock", "installed", "conflicts"}


def test_implies_the_check_of_locks(locked: Project) -> None:
    """The option is enough by itself, also under pytest-xdist: the workers compile nothing."""
    locked.pytester.makepyfile(test_it="def test_it(): pass")

    result = locked.pytester.runpytest_inprocess("--env-recompile", "-n2", "-p", "no:randomly")

    result.stdout.fnmatch_lines(["requirements.txt * recompile * clean *"])
    assert str(result.stdout).count("envrepro: compiling") == 1


def test_written_in_other_numbers(locked: Project) -> None:
    """8.0.0 is 8.0."""
    edit(locked, "click==8.0", "click==8.0.0")

    assert recompile(locked)["outcome"] == "clean"


def test_gone_beside_a_change(locked: Project, index: Index, tool: str) -> None:
    """An older pin next to one that has to change is not explained by that."""
    write(locked, {"requirements.in": "flask<3\nwerkzeug<3\n"})
    compile_lock(locked, COMMANDS[tool])
    index.delete("markupsafe", "2.0")
    write(locked, {"requirements.in": "flask>=3\n"})

    check = recompile(locked)

    assert [name for name, _, _ in changed(check)] == ["blinker", "flask", "werkzeug"]
    assert "markupsafe 2.0 -> 1.0" in check["reason"]


@pytest.mark.parametrize("tool", ["pip-compile"], indirect=True)
def test_nothing_written(locked: Project) -> None:
    """A tool that ends well and writes nothing has not compiled: no old copy passes for a new lock."""
    text = (locked.path / "pyproject.toml").read_text()
    write(locked, {"pyproject.toml": f"{text}[tool.pip-tools]\ndry-run = true\n", "requirements.in": "flask\nhttpx\n"})

    check = recompile(locked)

    assert (check["outcome"], check["findings"]) == ("unchecked", [])
    assert " has not written requirements.txt: " in check["reason"]


def test_settings_files_of_one_name(
    locked: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tool: str
) -> None:
    """Each of several settings files of one name brings the tool back."""
    name, variable = {"pip-compile": ("pip/pip.conf", "PIP_CONFIG_FILE"), "uv": ("uv/uv.toml", "")}[tool]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "machine"))
    files = [tmp_path / "user" / name, tmp_path / "machine" / name]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("")
    if variable:
        monkeypatch.delenv(variable)
    recompile(locked)
    for file in files:
        file.write_text("\n# Something else.\n")
        assert count_started(locked, monkeypatch) == 1


def test_paths_in_variables(locked: Project, monkeypatch: pytest.MonkeyPatch, tool: str) -> None:
    """A relative path in a variable is relative to where the user is, and not to the copy."""
    (locked.path / "caches" / "bound.txt").write_text("click<8\n")
    monkeypatch.setenv({"pip-compile": "PIP_CONSTRAINT", "uv": "UV_CONSTRAINT"}[tool], "caches/bound.txt")

    check = recompile(locked)

    assert "File not found" not in (check["reason"] or "")
    assert "No such file" not in (check["reason"] or "")


def test_file_at_a_url(locked: Project, tool: str) -> None:
    """What is read from a URL may change: no verdict is remembered."""
    bound = locked.path / "caches" / "bound.txt"
    bound.write_text("markupsafe<9\n")
    write(locked, {"requirements.in": f"-c {bound.as_uri()}\nflask\n"})
    compile_lock(locked, COMMANDS[tool])
    assert recompile(locked)["outcome"] == "clean"
    bound.write_text("markupsafe<2\n")

    assert recompile(locked)["outcome"] == "unchecked"


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_settings_above(locked: Project) -> None:
    """What uv finds above the project counts, and what lies above the copy does not."""
    inner = type(locked)(locked.pytester)
    inner.path = locked.path / "inner"
    inner.path.mkdir()
    for name in ("requirements.in", "requirements.txt"):
        (inner.path / name).write_bytes((locked.path / name).read_bytes())
    (inner.path / "pytest.ini").write_text("[pytest]\n")
    (locked.path / "uv.toml").write_text('constraint-dependencies = ["markupsafe<2"]\n')
    inner.pytester.chdir()
    os.chdir(inner.path)

    inner.run("--env-recompile", "--rootdir", str(inner.path))

    check = next(each for each in inner.report()["checks"] if each["check"] == "recompile")
    assert "markupsafe 2.0 -> 1.0" in check["reason"]


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_files_of_options(locked: Project) -> None:
    """A file that an option names is beside the copy too."""
    write(locked, {"bounds/build.txt": "setuptools<99\n"})
    compile_lock(locked, f"{COMMANDS['uv']} --build-constraint bounds/build.txt")

    assert recompile(locked)["outcome"] == "clean"


@pytest.mark.parametrize("tool", ["pip-compile"], indirect=True)
def test_linked_folder(locked: Project, tool: str) -> None:
    """A link to a folder of the project leads to the folder of the copy."""
    (locked.path / "src" / "wheels").mkdir(parents=True)
    making.wheel(locked.path / "src" / "wheels", "local", "1.0")
    (locked.path / "wheels").symlink_to("src/wheels")
    write(locked, {"requirements.in": "flask\nlocal\n"})
    compile_lock(locked, f"{COMMANDS[tool]} --find-links wheels")

    assert recompile(locked)["outcome"] == "clean"
