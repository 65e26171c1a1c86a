"""The handle of an environment: it runs what is inside, and says what went wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from envs.handling import put, site_of

from pytest_envrepro.envs.hosting import HostEnvironment
from pytest_envrepro.envs.locked import LockEnvironment
from pytest_envrepro.errors import CommandFailed, CommandTimeout, EnvReproError, LockError
from pytest_envrepro.lockpins import pins_of, read_lock
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from envs.handling import Maker

    from pytest_envrepro.envs.virtualenv import VirtualEnvironment
    from pytest_envrepro.process import Completed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")


def refusal(function: Callable[..., object], *args: Any, **options: Any) -> str:
    """Give the words of a refusal."""
    with pytest.raises(EnvReproError) as caught:
        function(*args, **options)
    return str(caught.value)


class TestRun:
    """Programs, by their names, and what they are given."""

    def test_completed(self, maker: Maker) -> None:
        """The command as it was written, the status, the output, the time."""
        environment = maker.virtualenv()
        put(environment, "app", "1.0")

        done = environment.run("app", Path("some", "file"))

        assert done[:4] == (("app", "some/file"), 0, "this is app 1.0\n", "")
        assert 0 < done.seconds < 60
        assert environment.last == done

    def test_python(self, maker: Maker) -> None:
        """The environment's Python, not the one that it is made of nor the one that runs this."""
        environment = maker.virtualenv()

        done = environment.run_python("-c", "import sys; print(sys.prefix)")

        assert done.stdout == f"{environment.prefix}\n"
        assert done.argv[0] == "python"

    def test_by_its_path(self, maker: Maker) -> None:
        """A path is one of the environment's, also by a link to the environment."""
        environment = maker.virtualenv()
        put(environment, "app", "1.0")
        link = maker.folder / "link"
        link.symlink_to(environment.prefix)

        for path in (environment.scripts / "app", link / "bin" / "app"):
            assert environment.run(path).stdout == "this is app 1.0\n"
        assert environment.run("../bin/app", cwd=environment.prefix / "lib").stdout == "this is app 1.0\n"
        assert environment.run(environment.scripts / "python", "-c", "print(1)").stdout == "1\n"

    def test_input(self, maker: Maker) -> None:
        """A text for the standard input, however long; nothing unless given, and it need not be read."""
        environment = maker.virtualenv()
        count = "import sys; print(len(sys.stdin.read()))"

        assert environment.run_python("-c", count, input="é\n" * 500_000).stdout == "1000000\n"
        assert environment.run_python("-c", count).stdout == "0\n"
        assert environment.run_python("-c", "print(1)", input="x" * 10_000_000).stdout == "1\n"

    def test_output(self, maker: Maker) -> None:
        """Much of it, and what is no text, on both streams."""
        code = "import sys; sys.stdout.buffer.write(b'\\xff\\0a\\r\\n' * 300_000); sys.stderr.write('b' * 5_000_000)"

        done = maker.virtualenv().run_python("-c", code)

        assert done.stdout == "\ufffd\0a\n" * 300_000
        assert len(done.stderr) == 5_000_000

    def test_folder(self, maker: Maker) -> None:
        """It runs where it is told, relative to here."""
        environment = maker.virtualenv()
        show = "import os; print(os.getcwd())"

        assert environment.run_python("-c", show, cwd=maker.root).stdout == f"{maker.root}\n"
        assert refusal(environment.run_python, "-c", show, cwd="no/where") == "cwd='no/where' is no folder"

    def test_noted(self, maker: Maker) -> None:
        """Each command is told of, one that fails too; the last one is remembered."""
        noted: list[Completed] = []
        environment = maker.virtualenv(note=noted.append)

        environment.run_python("-c", "")
        environment.run_python("-c", "raise SystemExit(3)", check=False)

        assert [done.returncode for done in noted] == [0, 3]
        assert environment.last is noted[-1]


class TestFailure:
    """A program that fails, in words."""

    def test_message(self, maker: Maker) -> None:
        """The command, where it ran, its status, and both streams."""
        code = "import sys; print('out'); sys.exit('bad thing')"

        with pytest.raises(CommandFailed) as caught:
            maker.virtualenv().run_python("-c", code)

        assert str(caught.value) == (
            "python -c \"import sys; print('out'); sys.exit('bad thing')\" in environment 'client' ended with 1\n"
            "standard output:\nout\nstandard error:\nbad thing"
        )
        assert caught.value.completed.stdout == "out\n"

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            pytest.param("raise SystemExit(3)", "ended with 3, and wrote nothing", id="nothing written"),
            pytest.param(
                "import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV, and wrote nothing", id="a crash"
            ),
            pytest.param(
                "import os; os.kill(os.getpid(), 40)", "was ended by signal 40, and wrote nothing", id="a signal"
            ),
        ],
    )
    def test_endings(self, maker: Maker, code: str, message: str) -> None:
        """Other ways to end."""
        environment = maker.virtualenv(None)

        assert refusal(environment.run_python, "-c", code) == f"python -c '{code}' in the virtualenv 01234567 {message}"
        assert environment.run_python("-c", code, check=False).returncode not in (0, 1)

    def test_much_output(self, maker: Maker) -> None:
        """Of much output the end is shown, and all of it can be had."""
        code = "for i in range(2000): print(i)\nraise SystemExit(1)"

        with pytest.raises(CommandFailed) as caught:
            maker.virtualenv().run_python("-c", code)

        lines = str(caught.value).splitlines()
        end = lines.index("standard output, the end of 2,000 lines, 8,889 characters (all: .completed.stdout):")
        assert lines[end + 1 :] == [str(number) for number in range(1960, 2000)]
        assert caught.value.completed.stdout.startswith("0\n1\n")

    def test_one_long_line(self, maker: Maker) -> None:
        """A line without an end does not flood the report either, nor does a command."""
        code = f"print('x' * 10_000_000); raise SystemExit(1)  # {'y' * 100_000}"

        assert len(refusal(maker.virtualenv().run_python, "-c", code)) < 8000

    def test_timeout(self, maker: Maker) -> None:
        """What takes too long is ended, with all that it has left running, and what it wrote until then is told."""
        code = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "print(child.pid, flush=True)\ntime.sleep(60)"
        )
        environment = maker.virtualenv()
        began = time.monotonic()

        with pytest.raises(CommandTimeout) as caught:
            environment.run_python("-c", code, timeout=1)

        assert time.monotonic() - began < 20
        assert is_gone(int(caught.value.completed.stdout))
        assert " in environment 'client' took longer than timeout=1 seconds, and was ended with" in str(caught.value)
        assert str(caught.value).endswith(f"standard output:\n{caught.value.completed.stdout.strip()}")
        assert environment.last == caught.value.completed

    def test_interrupt(self, maker: Maker) -> None:
        """Ctrl-C ends the program and its children, and goes on to whoever runs this."""
        environment = maker.virtualenv()
        child = maker.folder / "child"
        sleep = "import time; time.sleep(60)"
        program = (
            "import os, signal, subprocess, sys, time\n"
            f"child = subprocess.Popen([sys.executable, '-c', {sleep!r}])\n"
            f"open({str(child)!r}, 'w').write(str(child.pid))\n"
            f"os.kill(int(sys.argv[1]), signal.SIGINT)\ntime.sleep(60)"
        )
        before = signal.signal(signal.SIGINT, signal.default_int_handler)

        try:
            with pytest.raises(KeyboardInterrupt):
                environment.run_python("-c", program, str(os.getpid()))
        finally:
            signal.signal(signal.SIGINT, before)

        assert is_gone(int(child.read_text()))


def is_gone(process: int) -> bool:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        shown = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
        ).stdout
        if not shown.strip() or shown.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


class TestNoProgram:
    """What is not inside does not run, wherever else it is."""

    def test_misspelled(self, maker: Maker) -> None:
        """With what may have been meant."""
        environment = maker.virtualenv()
        put(environment, "flask", "3.0")

        assert refusal(environment.run, "falsk") == (
            "there is no program 'falsk' in environment 'client' (did you mean 'flask'?); name the package that provides it "
            "in its requirements, or use install() of a throwaway environment"
        )

    def test_what_there_is(self, maker: Maker) -> None:
        """All that there is, but for what is for shells; of much, some."""
        environment = maker.virtualenv(is_private=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"

        assert f"(known: python, python3, python{version}); name the package" in refusal(environment.run, "zzz")
        assert refusal(environment.run, "zzz").endswith("in its requirements, or use install('zzz')")
        assert "there is no program 'activate' in" in refusal(environment.run, "activate")
        for number in range(20):
            (environment.scripts / f"a{number}").write_text("")
            (environment.scripts / f"a{number}").chmod(0o755)
        assert re.search(r"\(known: a0, (\w+, ){11}and 11 more\)", refusal(environment.run, "zzz"))

    def test_outside(self, maker: Maker) -> None:
        """A program that this machine has, and the environment has not."""
        environment = maker.virtualenv()

        message = refusal(environment.run, "sh", "-c", "true")

        assert re.search(r"; /\S*/sh is outside, and run\(\) starts what is inside alone; ", message)
        assert environment.last is None

    @pytest.mark.parametrize("name", ["pip", "pip3", "uv"])
    def test_installers(self, maker: Maker, name: str) -> None:
        """An installer is in no environment that does not ask for it."""
        shared, private = maker.virtualenv("one"), maker.virtualenv("two", is_private=True)

        assert refusal(shared.run, name, "list") == (
            f"there is no {name} in environment 'one': name {name.rstrip('3')} in its requirements to have it; "
            "install() of a throwaway environment needs none"
        )
        assert refusal(private.run, name).endswith("in its requirements to have it; install() needs none")

    def test_path_outside(self, maker: Maker) -> None:
        """A path that leads out, whatever it looks like; its words say how to run what lies there."""
        environment = maker.virtualenv()
        place = f"is outside of environment 'client' ({environment.prefix}), and run() starts what is inside: "

        assert refusal(environment.run, "/bin/sh") == f"/bin/sh {place}subprocess.run() is for all else"
        assert refusal(environment.run, "./x.py") == f"./x.py {place}run_python('./x.py') gives it to its Python"
        sneaky = f"{environment.scripts}/../../x"
        assert refusal(environment.run, sneaky) == f"{sneaky} {place}subprocess.run() is for all else"
        beside = f"{environment.prefix}2/bin/python"
        assert "is outside of" in refusal(environment.run, beside)

    def test_not_startable(self, maker: Maker) -> None:
        """A file that may not be run, one that is not there, and a script of a Python that is not there."""
        environment = maker.virtualenv()
        (environment.scripts / "plain").write_text("")
        (environment.scripts / "old").write_text("#!/gone/python\n")
        (environment.scripts / "old").chmod(0o755)
        bin_ = environment.scripts

        assert refusal(environment.run, "plain") == f"{bin_}/plain cannot be started: Permission denied"
        assert refusal(environment.run, f"{bin_}/no") == f"{bin_}/no cannot be started: No such file or directory"
        assert refusal(environment.run, "old") == (
            f"{bin_}/old cannot be started: No such file or directory (its first line names /gone/python)"
        )

    def test_gone(self, maker: Maker) -> None:
        """An environment that has ended."""
        environment = maker.virtualenv()
        environment.prefix.rename(maker.folder / "away")

        assert refusal(environment.run_python, "-c", "") == (
            f"environment 'client' is gone: it ended with the test that it was made for ({environment.prefix})"
        )

    @pytest.mark.parametrize(
        ("words", "options", "message"),
        [
            ((), {}, "run() needs the name of a program"),
            (("",), {}, "run() needs the name of a program, not an empty string"),
            ((["pip", "list"],), {}, "run() takes each word by itself: run('pip', 'list')"),
            (("pip list",), {}, "run() takes each word by itself, and uses no shell: run('pip', 'list')"),
            (("pip", 3), {}, "run() takes strings and paths, not 3"),
            (("pip", b"x"), {}, "run() takes strings and paths, not b'x'"),
            (("python",), {"env": {"PORT": 1}}, "env: the value of PORT has to be a string, not 1"),
        ],
    )
    def test_words(self, maker: Maker, words: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
        """What is no command."""
        with pytest.raises(TypeError) as caught:
            maker.virtualenv().run(*words, **options)

        assert str(caught.value) == message


class TestInstall:
    """What may be changed."""

    def test_private(self, maker: Maker) -> None:
        """A private environment hands over to what installs."""
        asked: list[tuple[str, ...]] = []
        environment = maker.virtualenv(is_private=True, install=asked.append)

        environment.install("flask>=3", "click")

        assert asked == [("flask>=3", "click")]
        with pytest.raises(TypeError, match=re.escape("install() takes requirements: install('flask>=3', 'click')")):
            environment.install()

    def test_options(self, maker: Maker) -> None:
        """What is an option to the installer is no requirement: it would go past all that is refused in settings."""
        never: Callable[..., None] = lambda _: pytest.fail("is never called")  # noqa: E731  # It is typed so.
        environment = maker.virtualenv(is_private=True, install=never)

        assert refusal(environment.install, "flask", " -r /etc/passwd") == (
            "install() takes requirements, and no options: ' -r /etc/passwd'"
        )

    def test_shared(self, maker: Maker) -> None:
        """A shared one is not changed; the words name both ways to have what is wanted."""
        never: Callable[..., None] = lambda _: pytest.fail("is never called")  # noqa: E731  # It is typed so.

        assert refusal(maker.virtualenv(install=never).install, "flask", "click") == (
            "environment 'client' is shared with other tests and is not changed: name flask, click in its requirements, or "
            "install into one of the test's own, which throwaway_venv and environments.throwaway('client') give"
        )
        assert "environments.throwaway(...) give" in refusal(maker.virtualenv(None).install, "flask")


def test_titles(maker: Maker) -> None:
    """What it is called: by its name, or by its kind and key."""
    named, unnamed = maker.virtualenv(), maker.virtualenv(None)

    assert (named.title, named.label, repr(named)) == ("client", "environment 'client'", "<environment 'client'>")
    assert (unnamed.title, unnamed.label) == ("virtualenv 01234567", "the virtualenv 01234567")
    assert (named.kind, named.key, named.settings) == ("virtualenv", "0123456789abcdef", None)


def test_host(maker: Maker) -> None:
    """The environment that runs pytest: read, run as any other, and never changed."""
    host = HostEnvironment(root=maker.root, scratch=maker.folder / "scratch", judge=maker.judge)
    show = "import os, sys; print(sys.prefix, os.getcwd(), 'VIRTUAL_ENV' in os.environ)"

    assert (host.kind, host.name, host.key[:7]) == ("host", "host", "sha256:")
    assert host.run_python("-c", show).stdout == f"{sys.prefix} {maker.folder}/scratch/work False\n"
    assert host.run("pytest", "--version").stdout.startswith("pytest ")
    assert host.inventory()["pytest"].version == pytest.__version__
    assert "pytest/__init__.py" in {file.path for file in host.inventory()["pytest"].files}
    assert refusal(host.install, "x") == (
        "the environment that runs pytest is not changed: install x into one of the test's own, which throwaway_venv and "
        "environments.throwaway(...) give"
    )


class TestLock:
    """A lock, read as an environment."""

    def read(self, maker: Maker, environment: VirtualEnvironment, body: str) -> LockEnvironment:
        """Write a lock, and read it for the Python of an environment."""
        maker.write({"requirements.txt": body})
        lock = read_lock(Session(maker.root, configured_by=None, environ={}), "requirements.txt", "a test")
        choose = partial(pins_of, lock, parts=None, root=maker.root)
        return LockEnvironment(lock=lock, interpreter=environment.python.interpreter, judge=maker.judge, choose=choose)

    def test_inventory(self, maker: Maker) -> None:
        """The pins that apply to the Python, pip too where it is named; of a URL the source alone is compared."""
        environment = maker.virtualenv()
        body = (
            "a==1.0\nb==2 ; python_version < '3'\npip==24.0\n"
            "c @ git+https://e.org/c.git@main\nd @ https://e.org/d-1.0.whl --hash=sha256:" + "a" * 64 + "\n"
        )
        lock = self.read(maker, environment, body)
        put(environment, "a", "1.0.0")
        put(environment, "pip", "24.0")
        vcs = {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "main"}
        put(environment, "c", "3.1", direct_url={"url": "https://e.org/c.git", "vcs_info": vcs})
        info = {"hashes": {"sha256": "a" * 64}}
        put(environment, "d", "1.0", direct_url={"url": "https://e.org/d-1.0.whl", "archive_info": info})

        assert {name: str(package) for name, package in lock.inventory().items()} == {
            "a": "1.0",
            "c": "from git+https://e.org/c.git@main",
            "d": f"from https://e.org/d-1.0.whl sha256:{'a' * 12}",
            "pip": "24.0",
        }
        assert lock.inventory() == environment.inventory()

    def test_changes(self, maker: Maker) -> None:
        """What is not the same: another version, another branch, another archive, nothing."""
        environment = maker.virtualenv()
        body = (
            f"a==1.0\nc @ git+https://e.org/c.git@main\nd @ https://e.org/d.whl --hash=sha256:{'a' * 64}\npip==24.0\n"
        )
        lock = self.read(maker, environment, body)
        put(environment, "a", "1.1")
        vcs = {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "dev"}
        put(environment, "c", "3.1", direct_url={"url": "https://e.org/c.git", "vcs_info": vcs})
        info = {"hashes": {"sha256": "b" * 64}}
        put(environment, "d", "1.0", direct_url={"url": "https://e.org/d.whl", "archive_info": info})

        assert lock.inventory().explain(environment.inventory())[1:] == [
            "package  requirements.txt                              client",
            "a        1.0                                           1.1",
            "c        from git+https://e.org/c.git@main             3.1 from git+https://e.org/c.git@cccccccccccc",
            f"d        from https://e.org/d.whl sha256:{'a' * 12}  1.0 from https://e.org/d.whl sha256:{'b' * 12}",
            "pip      24.0                                          -",
            "4 of 4 packages differ",
        ]

    def test_refusals(self, maker: Maker) -> None:
        """What a lock cannot do, and what to do instead."""
        environment = maker.virtualenv()
        lock = self.read(maker, environment, "a==1.0\n")
        told = "the lock requirements.txt is only read, and holds no program: "

        assert refusal(lock.run, "pytest", "-q") == f"{told}pytest -q has to run in an environment of it"
        assert refusal(lock.run_python, "x.py") == f"{told}python x.py has to run in an environment of it"
        assert refusal(lock.call, test_titles) == f"{told}test_titles has to run in an environment of it"
        assert refusal(lock.install, "b") == (
            "the lock requirements.txt is only read: name b in its input, and compile it again"
        )
        assert refusal(lock.assert_intact) == "the lock requirements.txt has no files that could have been changed"
        assert refusal(lock.assert_no_conflicts) == (
            "the lock requirements.txt does not tell what its packages need: `pytest --env-lock` checks it"
        )
        assert refusal(environment.diff, lock, "files") == (
            "the lock requirements.txt has no files and no system to compare: leave depth='packages'"
        )

    def test_unknown(self, maker: Maker) -> None:
        """A lock whose pins are not known is no environment."""
        environment = maker.virtualenv()

        with pytest.raises(LockError, match=r"^requirements.txt:2: does not name one version$"):
            self.read(maker, environment, "a==1.0\nb>=1\n")
        with pytest.raises(LockError, match=r"^requirements.txt:1: "):
            self.read(maker, environment, "<<<<<<< ours\na==1.0\n=======\na==2\n>>>>>>> theirs\n")


def test_site_packages_of_both_kinds(maker: Maker) -> None:
    """The folder that packages are read from is the one that they are imported from."""
    environment = maker.virtualenv()
    put(environment, "app", "1.0")

    shown = environment.run_python("-c", "import app; print(app.__file__)").stdout

    assert Path(shown.strip()).parent == site_of(environment)
