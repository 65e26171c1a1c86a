"""Programs that are started: they end, and with them all that they have started."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_envrepro.childenv import for_tools, settings_of
from pytest_envrepro.process import Completed, NotStartedError, TimedOutError, run
from pytest_envrepro.programs import Programs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")


def python(code: str, cwd: Path, timeout: float = 30) -> tuple[int, str, str]:
    """Run some Python, and give its exit code and its streams."""
    done = run([sys.executable, "-c", code], cwd=cwd, environ={"ONE": "1"}, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def shell(code: str, cwd: Path, limit: int | None = None) -> None:
    """Let a shell do what takes longer than the second that it has: it has begun with that long before."""
    run(["/bin/sh", "-c", code], cwd=cwd, environ={"PATH": os.defpath}, timeout=1, limit=limit)


def test_streams(tmp_path: Path) -> None:
    """Standard output and error are apart, as text, and what is no UTF-8 does not end the session."""
    code = "import sys; sys.stdout.buffer.write(b'a\\r\\n\\xff'); sys.stderr.write('b'); sys.exit(3)"

    assert python(code, tmp_path) == (3, "a\n\ufffd", "b")


def test_surroundings(tmp_path: Path) -> None:
    """It has the variables that it is given and no others, no standard input, and the folder that is meant."""
    code = "import os, sys; print(sorted(set(os.environ) - {'LC_CTYPE'}), repr(sys.stdin.read()), os.getcwd())"

    assert python(code, tmp_path)[1] == f"['ONE'] '' {tmp_path}\n"


@pytest.mark.parametrize("name", ["nowhere/program", "folder"])
def test_no_program(tmp_path: Path, name: str) -> None:
    """What cannot be started is named, with the reason."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(NotStartedError, match=f"{name} cannot be started: (No such file|Permission denied)"):
        run([str(tmp_path / name)], cwd=tmp_path, environ={}, timeout=1)


def test_no_text(tmp_path: Path) -> None:
    """An argument that no program can be given is told as a program that cannot be started."""
    with pytest.raises(NotStartedError, match="cannot be started: embedded null byte"):
        run([sys.executable, "a\0b"], cwd=tmp_path, environ={}, timeout=1)


def test_timeout(tmp_path: Path) -> None:
    """What takes too long is ended with its children, and what it has written until then is known."""
    began = time.monotonic()

    with pytest.raises(TimedOutError, match="was ended after 1 seconds") as caught:
        shell("sleep 60 & echo $!; sleep 60", tmp_path)

    assert time.monotonic() - began < 10
    assert is_gone(int(caught.value.completed.stdout))


def test_background(tmp_path: Path) -> None:
    """What a program leaves running behind it, with its streams, is not waited for."""
    child = "import time; time.sleep(20)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)"
    began = time.monotonic()

    assert python(code, tmp_path) == (0, "", "")
    assert time.monotonic() - began < 10


def test_stubborn_child(tmp_path: Path) -> None:
    """A child that ignores being asked to end is made to, also where its parent has ended."""
    with pytest.raises(TimedOutError) as caught:
        shell("(trap '' TERM; exec sleep 60) & echo $!; sleep 60", tmp_path)

    assert is_gone(int(caught.value.completed.stdout))


def is_gone(process: int) -> bool:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path("/proc", str(process), "status")
        if status.exists() and "\tZ" in status.read_text():
            return True
        time.sleep(0.05)
    return False


def test_stubborn(tmp_path: Path) -> None:
    """What does not end when it is asked to is made to."""
    with pytest.raises(TimedOutError) as caught:
        shell("trap '' TERM; echo x; exec sleep 60", tmp_path)

    assert caught.value.completed.stdout == "x\n"


def test_variables_of_tools() -> None:
    """Tools see the user's indexes, credentials and proxies, and nothing that would send their results elsewhere."""
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}/bin"
    kept = {
        "PATH": "/bin",
        "HOME": "/home/joe",
        "PIP_INDEX_URL": "https://e.org",
        "UV_INDEX_COMPANY_PASSWORD": "secret",
        "https_proxy": "http://p",
        "SSL_CERT_FILE": "/ca",
        "NETRC": "/netrc",
        "TOKEN": "1",
    }
    dropped = {
        "PYTHONPATH": "/x",
        "VIRTUAL_ENV": "/v",
        "PIP_TARGET": "/t",
        "PIP_PREFIX": "/t",
        "PIP_USER": "1",
        "PIP_PYTHON": "python2",
        "UV_PYTHON": "3.8",
        "UV_SYSTEM_PYTHON": "1",
        "LD_PRELOAD": "/evil.so",
        "UV_PUBLISH_TOKEN": "secret",
        "PIP_PLATFORM": "win32",
        "OTHER_TOKEN": "1",
    }

    assert for_tools({**kept, **dropped}, besides=["TOKEN", "PYTHONPATH", "LD_PRELOAD"]) == {**kept, "PATH": path}


def test_variables_that_files_name() -> None:
    """A file's word passes no setting of a tool's that is not on its list: the tool would follow it, as it would the user's."""
    refused = (
        *("PDM_PROJECT", "PDM_LOCKFILE", "PIPENV_PIPFILE", "POETRY_HOME", "POETRY_VIRTUALENVS_PATH", "CONDA_PREFIX"),
        *("CONDARC_", "PIP_TARGET", "UV_PROJECT", "UV_PUBLISH_TOKEN", "WORKON_HOME", "VIRTUALENV_OVERRIDE_APP_DATA"),
    )
    kept = {"TOKEN": "1", "CONDARC_": "1", "POETRY_HTTP_BASIC_MINE_PASSWORD": "x", "PDM_PYPI_URL": "https://e.org"}
    environ = {**dict.fromkeys(refused, "/x"), **kept}

    assert for_tools(environ, besides=environ).keys() == {*kept, "PATH"}
    assert for_tools(environ).keys() == {"PATH"}


def test_settings() -> None:
    """What changes the result is told; how something is fetched, and what is not passed on, is not."""
    environ = {"PIP_INDEX_URL": "a", "PIP_CERT": "/ca", "PIP_TARGET": "/t", "UV_INDEX": "b", "PIP_NO_BINARY": ":all:"}

    assert settings_of(environ, "pip") == {"PIP_INDEX_URL": "a", "PIP_NO_BINARY": ":all:"}
    assert settings_of(environ, "uv") == {"UV_INDEX": "b"}


def test_variables_of_tools_that_lock() -> None:
    """Of a tool's own variables, those for how indexes are reached; with relative paths as they are meant."""
    kept = {
        "POETRY_HTTP_BASIC_MINE_PASSWORD": "x",
        "PDM_PYPI_URL": "https://index.example",
        "PIPENV_PYPI_MIRROR": "https://index.example",
        "CONDA_SSL_VERIFY": "false",
    }
    dropped = (
        "POETRY_VIRTUALENVS_CREATE",
        "POETRY_HOME",
        "PDM_LOCKFILE",
        "PDM_PYTHON",
        "PIPENV_PIPFILE",
        "CONDA_PREFIX",
    )
    paths = {
        "POETRY_CACHE_DIR": "caches",
        "CONDA_PKGS_DIRS": "a,b",
        "MAMBA_ROOT_PREFIX": "mamba",
        "CONDA_EXE": "x/conda",
    }
    environ = {**kept, **dict.fromkeys(dropped, "x"), **paths, "MAMBA_EXE": "micromamba"}

    found = for_tools(environ, Path("/start"), of=["poetry", "pdm", "pipenv", "conda", "make"])

    assert found == {
        **kept,
        "POETRY_CACHE_DIR": "/start/caches",
        "CONDA_PKGS_DIRS": "/start/a,/start/b",
        "MAMBA_ROOT_PREFIX": "/start/mamba",
        "CONDA_EXE": "/start/x/conda",
        "MAMBA_EXE": "micromamba",  # Of that name, on PATH.
        "PATH": found["PATH"],
    }
    assert set(for_tools(environ, of=["pdm"])) == {"PDM_PYPI_URL", "PATH"}
    assert settings_of(environ, "poetry").keys() & kept.keys() == set()  # A credential does not change what is found.
    assert settings_of(kept, "pdm") == {"PDM_PYPI_URL": "https://index.example"}


def test_limit(tmp_path: Path) -> None:
    """One that writes more than is wanted is ended at once, with its children, and what is wanted of it is known."""
    code = f"trap '' TERM; while :; do printf {'x' * 99}; done"
    for stream, other, to in (("stdout", "stderr", ""), ("stderr", "stdout", " >&2")):
        done = run(["/bin/sh", "-c", code + to], cwd=tmp_path, environ={}, timeout=30, limit=5000)

        assert getattr(done, stream) == "x" * 5000
        assert getattr(done, other) == ""
        assert done.returncode == -signal.SIGKILL
        assert done.seconds < 2.5


def test_limit_and_timeout(tmp_path: Path) -> None:
    """One that writes less is not ended for it, but for its time; and one that ends is not waited for."""
    with pytest.raises(TimedOutError, match="was ended after 1 seconds") as caught:
        shell("echo 1; exec sleep 60", tmp_path, limit=50)

    assert caught.value.completed.stdout == "1\n"
    done = run([sys.executable, "-c", "print(1)"], cwd=tmp_path, environ={}, timeout=None, limit=50)
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_programs_that_end_together(tmp_path: Path) -> None:
    """Those that belong together are ended from another thread, and no further one is started; others go on."""
    code = "import pathlib, sys, time\npathlib.Path(sys.argv[1]).touch()\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    ours, theirs = Programs(), Programs()

    def work(programs: Programs, name: str) -> Completed:
        with programs.here():
            return run([sys.executable, "-c", code, name], cwd=tmp_path, environ={}, timeout=30)

    with ThreadPoolExecutor() as pool:
        mine, other = pool.submit(work, ours, "mine"), pool.submit(work, theirs, "other")
        while not ((tmp_path / "mine").exists() and (tmp_path / "other").exists()):
            time.sleep(0.01)
        ours.end()
        (tmp_path / "go").touch()

        assert mine.result().returncode == -signal.SIGTERM
        assert other.result().returncode == 0
        with pytest.raises(NotStartedError, match="is not started: this session ends"):
            pool.submit(work, ours, "late").result()


def test_forked(tmp_path: Path) -> None:
    """In a process that was forked off, what this one runs is none of its own, and a signal to it ends it alone."""
    code = (
        "import os, pathlib, signal, sys, threading, time\n"
        "from pytest_envrepro.process import run\n"
        "from pytest_envrepro.programs import watch_signals\n"
        "child = \"import pathlib, time\\npathlib.Path('running').touch()\\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)\"\n"
        "def work(): print(run([sys.executable, '-c', child], cwd=pathlib.Path.cwd(), environ={}, timeout=30).returncode)\n"
        "watch_signals()\n"
        "thread = threading.Thread(target=work)\n"
        "thread.start()\n"
        "while not os.path.exists('running'): time.sleep(0.01)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(30)\n"
        "print(os.WTERMSIG(os.waitpid(pid, 0)[1]), flush=True)\n"
        "pathlib.Path('go').touch()\n"
        "thread.join()\n"
    )

    assert python(code, tmp_path)[1].split() == [str(int(signal.SIGTERM)), "0"]
