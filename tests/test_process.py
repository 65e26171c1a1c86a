"""Programs that are started: they end, and with them all that they have started."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pytest_envrepro.childenv import for_tools, settings_of
from pytest_envrepro.process import NotStartedError, TimedOutError, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")


def python(code: str, cwd: Path, timeout: float = 30) -> tuple[int, str, str]:
    """Run some Python, and give its exit code and its streams."""
    done = run([sys.executable, "-c", code], cwd=cwd, environ={"ONE": "1"}, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


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
    child = "import time; time.sleep(60)"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    began = time.monotonic()

    with pytest.raises(TimedOutError, match="was ended after 1 seconds") as caught:
        python(code, tmp_path, timeout=1)

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
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )

    with pytest.raises(TimedOutError) as caught:
        python(code, tmp_path, timeout=2)

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
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"

    with pytest.raises(TimedOutError) as caught:
        python(code, tmp_path, timeout=1)

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


def test_settings() -> None:
    """What changes the result is told; how something is fetched, and what is not passed on, is not."""
    environ = {"PIP_INDEX_URL": "a", "PIP_CERT": "/ca", "PIP_TARGET": "/t", "UV_INDEX": "b", "PIP_NO_BINARY": ":all:"}

    assert settings_of(environ, "pip") == {"PIP_INDEX_URL": "a", "PIP_NO_BINARY": ":all:"}
    assert settings_of(environ, "uv") == {"UV_INDEX": "b"}


def test_limit(tmp_path: Path) -> None:
    """One that writes more than is wanted is ended at once, with its children, and what is wanted of it is known."""
    code = "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: sys.{}.write('x' * 99)"
    for stream, other in (("stdout", "stderr"), ("stderr", "stdout")):
        done = run([sys.executable, "-c", code.format(stream)], cwd=tmp_path, environ={}, timeout=30, limit=5000)

        assert getattr(done, stream) == "x" * 5000
        assert getattr(done, other) == ""
        assert done.returncode == -signal.SIGKILL
        assert done.seconds < 2.5


def test_limit_and_timeout(tmp_path: Path) -> None:
    """One that writes less is not ended for it, but for its time; and one that ends is not waited for."""
    with pytest.raises(TimedOutError, match="was ended after 1 seconds") as caught:
        run(
            [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"],
            cwd=tmp_path,
            environ={},
            timeout=1,
            limit=50,
        )

    assert caught.value.completed.stdout == "1\n"
    done = run([sys.executable, "-c", "print(1)"], cwd=tmp_path, environ={}, timeout=None, limit=50)
    assert (done.returncode, done.stdout) == (0, "1\n")
