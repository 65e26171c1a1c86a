"""`--env-fix`: the recorded commands of the broken locks, on copies; the results are put in place whole, or not at all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from borrowing import is_gone
from indexes import COMMANDS, DOWN, compile_lock, write

if TYPE_CHECKING:
    from pathlib import Path

    from indexes import Index
    from projects import Project

# Writes half of a lock, says that it does, and then takes its time.
_SLOW = """
import os, pathlib, sys, time
pathlib.Path("requirements.txt").write_text("click==")
pathlib.Path(sys.argv[1], "started").write_text(str(os.getpid()))
time.sleep(60)
"""

pytestmark = pytest.mark.requires_integration("compilers")


def locks(project: Project) -> dict[str, bytes]:
    """Give the user's files."""
    others = {"caches", ".cache", ".pytest_cache", "__pycache__", "index"}
    return {
        path.relative_to(project.path).as_posix(): path.read_bytes()
        for path in project.path.rglob("*")
        if path.is_file() and not others.intersection(path.parts) and path.name not in {"report.json", "started"}
    }


def told(project: Project, *args: str) -> list[str]:
    """Run, and give what the terminal says of mended locks."""
    lines: list[str] = project.run("--env-fix", *args).stdout.lines
    return [line for line in lines if " mended: " in line or " left as it was: " in line]


def test_mended(locked: Project, tool: str) -> None:
    """The lock is what its own command makes of it, byte by byte; the session's verdict is that of the second look."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    assert told(locked) == ["requirements.txt mended: anyio 4.0 is added, httpx 1.0 is added"]
    mended = (locked.path / "requirements.txt").read_bytes()

    assert locked.judge("lock")["outcome"] == "clean"
    compile_lock(locked, COMMANDS[tool])
    assert (locked.path / "requirements.txt").read_bytes() == mended


def test_never_installs(locked: Project, tool: str) -> None:
    """What the environment now lacks is told, with the command that installs it."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})

    check = locked.judge("installed", "requirements.txt", "--env-fix")

    missing = {
        finding["package"]: finding["fix"] for finding in check["findings"] if finding["code"] == "not-installed"
    }
    command = {"uv": "uv pip install -r requirements.txt", "pip-compile": "pip install -r requirements.txt"}[tool]
    assert missing["httpx"] == missing["anyio"] == command


def test_only_the_broken_ones(locked: Project, tool: str, index: Index) -> None:
    """A lock that is not broken is not touched, also where its command would change it."""
    write(locked, {"other.in": "click\n"})
    compile_lock(locked, COMMANDS[tool].replace("requirements.in", "other.in").replace("requirements.txt", "other.txt"))
    other = (locked.path / "other.txt").read_bytes()
    index.delete("click", "8.0")
    index.add("click", "8.1")
    write(locked, {"requirements.in": "flask\nclick>=8.1\n"})

    result = locked.run("--env-fix", "-v")

    assert str(result.stdout).count("envrepro: mending requirements.txt") == 1
    assert "envrepro: mending other.txt" not in str(result.stdout)
    assert (locked.path / "other.txt").read_bytes() == other


def test_layers(locked: Project, tool: str) -> None:
    """Lower layers first; a layer that was true until the one below it changed is mended too."""
    write(
        locked,
        {"dev.in": "-c requirements.txt\nflask\n", "a.in": "-c dev.txt\nflask\n", "requirements.in": "flask<3\n"},
    )
    compile_lock(locked, COMMANDS[tool])
    for name in ("dev", "a"):
        command = COMMANDS[tool].replace("requirements.in", f"{name}.in").replace("requirements.txt", f"{name}.txt")
        compile_lock(locked, command)
    write(locked, {"requirements.in": "flask>=3\n"})

    assert [line.partition(" ")[0] for line in told(locked)] == ["requirements.txt", "dev.txt", "a.txt"]
    assert {locked.judge("lock", f"{name}.txt")["outcome"] for name in ("requirements", "dev", "a")} == {"clean"}


def test_index_down(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tool fails the lock stays as it was, and broken; the tool's own words say why."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    before = locks(locked)
    monkeypatch.setenv("PIP_INDEX_URL", DOWN)
    monkeypatch.setenv("UV_DEFAULT_INDEX", DOWN)

    (line,) = told(locked)

    assert line.startswith("requirements.txt left as it was: ")
    assert re.search(r"127\.0\.0\.1(:|', port=)9|from versions: none", line)
    assert locks(locked) == before
    assert locked.judge("lock")["outcome"] == "broken"


def test_older_pins(locked: Project, index: Index) -> None:
    """A tool that would put older pins in the place of those that are gone is not followed."""
    index.delete("markupsafe", "2.0")
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    before = locks(locked)

    (line,) = told(locked)

    assert line.startswith(
        "requirements.txt left as it was: its command would also change what nothing explains: markupsafe 2.0 -> 1.0"
    )
    assert line.endswith(
        ". Is an index down, a release gone, or the lock of another platform or Python? If it is meant, run it by hand"
    )
    assert locks(locked) == before


def test_no_command(project: Project, index: Index) -> None:  # noqa: ARG001  # The index is used.
    """A lock that does not say how it was compiled is left alone, with a word on how to say it."""
    write(project, {"requirements.in": "click\n", "requirements.txt": "flask==3.0\n"})

    assert told(project) == [
        (
            "requirements.txt left as it was: it does not say how it was compiled: "
            "name the command in [[tool.envrepro.locks]]"
        )
    ]


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_permissions_and_links(locked: Project) -> None:
    """A lock's permissions stay, and a link stays a link."""
    (locked.path / "real").mkdir()
    lock = locked.path / "requirements.txt"
    lock.rename(locked.path / "real" / "lock.data")
    lock.symlink_to("real/lock.data")
    os.chmod(locked.path / "real" / "lock.data", 0o640)
    write(locked, {"requirements.in": "flask\nhttpx\n"})

    assert len(told(locked)) == 1
    assert lock.is_symlink()
    assert lock.stat().st_mode & 0o777 == 0o640
    assert "httpx==1.0" in lock.read_text()


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_read_only(locked: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that may not be written is left as it was, with the reason."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    monkeypatch.setattr("os.access", lambda *_: False)  # The superuser may write everything.

    assert told(locked) == ["requirements.txt left as it was: it is read-only"]


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_lists(locked: Project) -> None:
    """A session that only lists its tests mends nothing."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    before = locks(locked)

    locked.pytester.runpytest_inprocess("--env-fix", "--co")

    assert locks(locked) == before


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_workers(locked: Project) -> None:
    """Under pytest-xdist the locks are mended once, before the workers look."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    locked.pytester.makepyfile(test_it="def test_it(): pass")

    result = locked.pytester.runpytest_inprocess("--env-fix", "-n2", "-p", "no:randomly")

    assert str(result.stdout).count("envrepro: mending") == 1
    result.stdout.fnmatch_lines(["requirements.txt * lock * clean *", "requirements.txt mended: *"])


def own(project: Project, script: str, *words: str) -> None:
    """Write a project whose lock is compiled by a script of its own, and is broken."""
    command = " ".join([sys.executable, "tools/lock.py", *words])
    table = f'[tool.envrepro]\nexclude = ["caches/*"]\n[[tool.envrepro.locks]]\npath = "requirements.txt"\ncommand = "{command}"\n'
    project.write(
        {
            "pyproject.toml": f"[tool.pytest.ini_options]\n{table}",
            "requirements.in": "click\nhttpx\n",
            "requirements.txt": "click==8.0\n",
            "tools/lock.py": script,
        }
    )


def test_own_command(project: Project) -> None:
    """A command of the project's own, in the table, runs in a copy of the whole project."""
    own(project, "open('requirements.txt', 'a').write('httpx==1.0\\n'); open('canary', 'w').write('')")

    assert told(project) == ["requirements.txt mended: httpx 1.0 is added"]
    assert (project.path / "requirements.txt").read_text() == "click==8.0\nhttpx==1.0\n"
    assert not (project.path / "canary").exists()


def test_own_command_fails(project: Project) -> None:
    """What a command writes before it fails counts for nothing."""
    own(project, "import sys; open('requirements.txt', 'w').write('x'); sys.exit('error: no luck')")
    before = locks(project)

    assert told(project) == [f"requirements.txt left as it was: '{sys.executable}' has failed: error: no luck"]
    assert locks(project) == before


def test_nonsense(project: Project) -> None:
    """What is no lock is not put in the place of one."""
    own(project, "open('requirements.txt', 'w').write('<<<<<<< ours\\n=======\\n>>>>>>> theirs\\n')")
    before = locks(project)

    (line,) = told(project)

    assert line.startswith("requirements.txt left as it was: what its command has written cannot be read: ")
    assert locks(project) == before


def test_own_command_does_nothing(project: Project) -> None:
    """A command that ends well and writes nothing has not mended anything."""
    own(project, "print('nothing to be done')")

    assert told(project) == [
        f"requirements.txt left as it was: '{sys.executable}' has not written requirements.txt: nothing to be done"
    ]


def test_own_command_by_time(project: Project) -> None:
    """For make and its like, the lock of the copy is older than what it is made of."""
    script = (
        "import os\n"
        "if os.path.getmtime('requirements.txt') < os.path.getmtime('requirements.in'):\n"
        "    open('requirements.txt', 'a').write('httpx==1.0\\n')\n"
    )
    own(project, script)
    os.utime(project.path / "requirements.in", (1, 1))

    assert told(project) == ["requirements.txt mended: httpx 1.0 is added"]


def test_changed_meanwhile(project: Project) -> None:
    """What somebody edits while the tool runs is not lost."""
    own(
        project, "import sys; open(sys.argv[1], 'a').write('# mine'); open('requirements.txt', 'a').write('httpx==1.0')"
    )
    command = f"{sys.executable} tools/lock.py {project.path.parent}/{project.path.name}/requirements.in"
    text = (project.path / "pyproject.toml").read_text().replace(f"{sys.executable} tools/lock.py", command)
    # A path of the project is the copy's; by another name it is the project's own.
    (project.path.parent / "other-name").symlink_to(project.path)
    text = text.replace(f"{project.path.name}/requirements.in", "other-name/requirements.in")
    text = text.replace(f"{project.path.parent}/{project.path.name}/other-name", f"{project.path.parent}/other-name")
    project.write({"pyproject.toml": text})

    assert told(project) == ["requirements.txt left as it was: it, or what it is compiled from, was changed meanwhile"]


def table(project: Project, command: str) -> None:
    """Name the command of the lock in the table."""
    text = (project.path / "pyproject.toml").read_text()
    text += f'\n[[tool.envrepro.locks]]\npath = "requirements.txt"\ncommand = "{command}"\n'
    project.write({"pyproject.toml": text})


def test_older_pins_by_the_table(locked: Project, index: Index, tool: str) -> None:
    """That the table names a command does not make its result right: older pins are not followed either."""
    index.delete("markupsafe", "2.0")
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    table(locked, COMMANDS[tool])

    (line,) = told(locked)

    assert "would also change what nothing explains: markupsafe 2.0 -> 1.0" in line


def test_upgrades_by_the_table(locked: Project, index: Index, tool: str) -> None:
    """A command of the table that upgrades is meant to."""
    index.add("markupsafe", "3.0")
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    table(locked, f"{COMMANDS[tool]} --upgrade")

    (line,) = told(locked)

    assert line == "requirements.txt mended: anyio 4.0 is added, httpx 1.0 is added, markupsafe 2.0 -> 3.0"


def test_absolute_paths_in_the_table(locked: Project, tool: str) -> None:
    """A command of the table that names files by absolute paths works on the copy too."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    table(locked, COMMANDS[tool].replace("requirements.", f"{locked.path}/requirements."))
    before = locks(locked)

    assert locked.judge("recompile", "requirements.txt", "--env-recompile")["outcome"] == "broken"
    assert locks(locked) == before


@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_lock_of_another_python(locked: Project, index: Index) -> None:
    """A lock of another Python, which uv's header does not name, is not turned into one of this."""
    index.add("tomli", "2.0")
    write(locked, {"requirements.in": "flask\ntomli; python_version < '3.9'\n"})
    compile_lock(locked, f"{COMMANDS['uv']} --python-version 3.8")
    text = (locked.path / "requirements.txt").read_text().replace(" --python-version 3.8", "")
    write(locked, {"requirements.in": "flask\ntomli; python_version < '3.9'\nhttpx\n", "requirements.txt": text})
    before = locks(locked)

    (line,) = told(locked)

    assert "tomli 2.0 is left out" in line
    assert locks(locked) == before


def test_hashes_lost(locked: Project) -> None:
    """A command that would take the hashes away is not followed."""
    text = (locked.path / "requirements.txt").read_text().replace("--generate-hashes ", "")
    write(locked, {"requirements.in": "flask\nhttpx\n", "requirements.txt": text})

    (line,) = told(locked)

    assert "blinker 1.0 -> 1.0 without 1 of its hashes" in line


def test_project_below(project: Project, index: Index, tool: str) -> None:  # noqa: ARG001  # The index is used.
    """A folder of the project stands in the lock as it would if the command had run here."""
    write(project, {"libs/foo/pyproject.toml": '[project]\nname = "foo"\nversion = "1"\ndependencies = ["click"]\n'})
    setup = "from setuptools import setup\nsetup(name='foo', version='1', install_requires=['click'])\n"
    (project.path / "libs/foo/pyproject.toml").unlink()
    project.write({"libs/foo/setup.py": setup, "requirements.in": "-e ./libs/foo\nclick\n"})
    command = COMMANDS[tool].replace("--generate-hashes ", "") + " --no-build-isolation"
    compile_lock(project, command)
    by_hand = (project.path / "requirements.txt").read_text()
    project.write({"requirements.in": "-e ./libs/foo\nclick\nhttpx\n"})

    (line,) = told(project)

    assert line.startswith("requirements.txt mended: ")
    mended = (project.path / "requirements.txt").read_text()
    assert ".cache" not in mended
    assert [line for line in mended.splitlines() if "foo" in line and "via" not in line and "#" not in line] == [
        line for line in by_hand.splitlines() if "foo" in line and "via" not in line and "#" not in line
    ]


def start(project: Project) -> subprocess.Popen[bytes]:
    """Begin a session that mends, in a process of its own."""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "--env-fix",
        "--env-report=report.json",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.Popen(argv, cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def started(project: Project) -> int:
    """Wait until the slow script runs, and give its process."""
    file = project.path / "started"
    deadline = time.monotonic() + 30
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(file.read_text())


def start_slow(project: Project) -> tuple[dict[str, bytes], subprocess.Popen[bytes], int]:
    """Begin a session whose tool has written half of the lock; give the user's files, the session, and its tool."""
    own(project, _SLOW, str(project.path))
    before = locks(project)
    session = start(project)
    return before, session, started(project)


def work(project: Project) -> list[Path]:
    """Give what lies in the folder of copies."""
    return [path for path in (project.path / ".cache" / "work").iterdir() if path.name != "sweep.lock"]


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal there")
def test_interrupted(project: Project) -> None:
    """Ctrl-C ends the tool, leaves the tree as it was and no copy behind."""
    before, session, tool = start_slow(project)
    session.send_signal(signal.SIGINT)
    session.communicate(timeout=30)

    assert session.returncode == 2
    assert is_gone(tool)
    assert project.report()["verdict"] == "unchecked"
    assert locks(project) == before
    assert work(project) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_ended(project: Project, number: str) -> None:
    """A session that is told to end, as by a CI that is cancelled, ends its tool, and leaves the tree as it was."""
    before, session, tool = start_slow(project)
    session.send_signal(getattr(signal, number))
    session.communicate(timeout=30)

    assert session.returncode == -getattr(signal, number)
    assert is_gone(tool)
    assert locks(project) == before


@pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")
def test_two_sessions(project: Project) -> None:
    """Two sessions that mend at once: one mends, the other finds it mended."""
    own(project, "import time; time.sleep(2); open('requirements.txt', 'a').write('httpx==1.0\\n')")
    sessions = [start(project), start(project)]
    outputs = [session.communicate(timeout=60)[0].decode() for session in sessions]

    assert sum("requirements.txt mended: httpx 1.0 is added" in output for output in outputs) == 1
    assert (project.path / "requirements.txt").read_text() == "click==8.0\nhttpx==1.0\n"
    assert not any("left as it was" in output for output in outputs)


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
def test_killed(project: Project) -> None:
    """`kill -9` leaves the tree as it was; the copy that stays behind is swept by the next session that compiles."""
    before, session, tool = start_slow(project)
    session.kill()
    session.communicate()
    os.kill(tool, signal.SIGKILL)

    assert locks(project) == before
    assert len(work(project)) == 2
    (project.path / "started").unlink()
    project.write({"tools/lock.py": "open('requirements.txt', 'a').write('httpx==1.0\\n')"})
    assert told(project) == ["requirements.txt mended: httpx 1.0 is added"]
    assert work(project) == []


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
@pytest.mark.parametrize("tool", ["uv"], indirect=True)
def test_killed_at_any_moment(locked: Project) -> None:
    """Whenever the session is killed: the tree is as it was, or mended, and nothing lies beside it."""
    write(locked, {"requirements.in": "flask\nhttpx\n"})
    before = locks(locked)
    session = start(locked)
    began = time.monotonic()
    session.communicate()
    whole = time.monotonic() - began
    after = locks(locked)
    assert before != after

    seen = []
    for part in range(8):
        write(locked, {"requirements.txt": before["requirements.txt"].decode()})
        session = start(locked)
        time.sleep(whole * (0.5 + part * 0.07))
        session.kill()
        session.communicate()
        seen.append(locks(locked))
    assert [each for each in seen if each not in (before, after)] == []
