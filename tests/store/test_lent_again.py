"""Private copies that were given back and are lent again: how many, to whom, and which of them are not."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock  # noqa: F401  # For a process of another user, who may not be able to read where it lies.
import pytest

from pytest_envrepro.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_envrepro.store.store import Entry

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")
ON_LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="is found by /proc")

ROOT = Path(__file__).parents[2]
KEY = "facade" * 10
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def build(prefix: Path) -> dict[str, Any]:
    """Write a small environment."""
    for name in ("bin", "lib", "lib/sub"):
        (prefix / name).mkdir()
    (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python\n")
    (prefix / "bin" / "tool").chmod(0o755)
    (prefix / "lib" / "m.py").write_text("x = 1\n")
    (prefix / "lib" / "sub" / "n.py").write_text("y = 1\n")
    (prefix / "lib64").symlink_to("lib")
    return {}


def seen(prefix: Path) -> dict[str, tuple[object, ...]]:
    """Tell all there is to see of a copy and of the folder that it lies in, but for its own path and its times."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (prefix.parent, prefix, *prefix.rglob("*")):
        status = path.lstat()
        content: object = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_text().replace(str(prefix), "PREFIX"), status.st_mtime_ns, status.st_nlink
        attributes = os.listxattr(path, follow_symlinks=False) if hasattr(os, "listxattr") else []
        found[os.path.relpath(path, prefix)] = (status.st_mode, status.st_uid, status.st_gid, attributes, content)
    return found | {"beside": (*sorted(os.listdir(prefix.parent)),)}


def number(prefix: Path) -> int:
    """Tell one copy from another, whatever its path is."""
    return prefix.parent.stat().st_ino


def lying(entry: Entry) -> set[int]:
    """Give the numbers of those that lie ready."""
    return {path.stat().st_ino for path in entry.path.with_name("spares").iterdir()}


def wait_for_what_is_made() -> None:
    """Wait until nothing is made in the background: it would be one more that lies ready."""
    ends = time.monotonic() + 30
    while any(thread.name == "pytest-envrepro makes ready" for thread in threading.enumerate()):
        assert time.monotonic() < ends
        time.sleep(0.01)


def holding(how: str) -> str:
    """Give a program that holds something of a copy, says so, and writes into it when it is told to."""
    return f"""
import contextlib, mmap, os, sys
{how}
print("holds", flush=True)
sys.stdin.readline()
with contextlib.suppress(OSError):  # What it holds may be deleted.
    write()
print("has written", flush=True)
sys.stdin.readline()
"""


_HOLDING = {
    "an open file": """
file = open("lib/m.py", "r+")
os.chdir("/")
def write(): file.write("x = 9\\n"); file.flush()
""",
    "an open folder": """
folder = os.open("lib", os.O_RDONLY)
os.chdir("/")
def write(): os.close(os.open("new.py", os.O_CREAT, dir_fd=folder))
""",
    "its current folder": """
os.chdir("lib")
def write(): open("m.py", "w").write("x = 9\\n")
""",
    "the copy as its current folder": """
def write(): open("lib/m.py", "w").write("x = 9\\n")
""",
    "memory": """
with open("lib/m.py", "r+b") as file:
    shared = mmap.mmap(file.fileno(), 0)
os.closerange(3, 64)  # It has a descriptor of its own.
os.chdir("/")
def write(): shared[:] = b"x = 9\\n"; shared.flush()
""",
    "an open file, and nobody who began it": """
if os.fork():
    os._exit(0)
os.setsid()
file = open("lib/m.py", "r+")
os.chdir("/")
def write(): file.write("x = 9\\n"); file.flush()
""",
}


@contextlib.contextmanager
def running(code: str, folder: Path) -> Iterator[Callable[[str], None]]:
    """Have a program run in a folder: what is given is said to it, after it has said that it is so far."""
    pipe = subprocess.PIPE
    left = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdin=pipe, stdout=pipe, text=True)
    assert left.stdin is not None
    assert left.stdout is not None
    answers = left.stdout

    def reach(point: str) -> None:
        if point != "holds":
            left.stdin.write("\n")  # type: ignore[union-attr]
            left.stdin.flush()  # type: ignore[union-attr]
        assert answers.readline() == f"{point}\n"

    try:
        reach("holds")
        yield reach
    finally:
        left.stdin.close()  # It ends with that, whoever it is by now.
        left.stdout.close()
        left.wait(30)


@ON_LINUX
@pytest.mark.parametrize("how", _HOLDING)
def test_what_a_program_holds_serves_nobody(store: Store, how: str) -> None:
    """What it writes after the next one was lent reaches neither that nor those that are lent later."""
    entry = store.get(KEY, build)
    used = store.private(entry, "mine")
    old = number(used)

    with running(holding(_HOLDING[how]), used) as reach:
        store.release(used)
        later = [store.private(entry, "mine") for _ in range(2)]
        before = [seen(each) for each in later]
        reach("has written")

        assert old not in map(number, later)
        assert [seen(each) for each in later] == before
    assert store.changes(entry) == ()


@ON_LINUX
def test_what_this_process_holds_serves_nobody(store: Store) -> None:
    """A test may leave a file open itself."""
    entry = store.get(KEY, build)
    used = store.private(entry, "mine")

    with (used / "lib" / "m.py").open("a") as file:
        store.release(used)
        again = store.private(entry, "mine")
        file.write("x = 9\n")

    assert (again / "lib" / "m.py").read_text() == "x = 1\n"


def test_a_program_that_holds_nothing(store: Store) -> None:
    """It knows a path that is gone: the copy serves the next, and its path is nobody's again."""
    entry = store.get(KEY, build)
    used = store.private(entry, "mine")
    old = number(used)
    code = f"""
import os
path = {str(used / "lib" / "m.py")!r}
open(path, "a").write("x = 2\\n")
os.chdir("/")
def write():
    open(path, "w")
"""

    with running(holding(code), used) as reach:
        store.release(used)
        again = store.private(entry, "mine")
        reach("has written")

        assert number(again) == old
        assert again != used
        assert not used.parent.exists()
        assert (again / "lib" / "m.py").read_text() == "x = 1\n"


_OUTSIDE = {
    "mode of the copy": "p.chmod(0o500)",
    "mode of the folder that it lies in": "p.parent.chmod(0o500)",
    "no rights to that": "p.parent.chmod(0)",
    "a file beside it": "(p.parent / 'notes').write_text('x')",
    "a folder beside it": "(p.parent / 'more').mkdir(); (p.parent / 'more' / 'x').touch()",
    "said to be kept": "(p.parent / 'kept').touch()",
    "modes of folders": "(p / 'lib' / 'sub').chmod(0o500); (p / 'lib').chmod(0o1770)",
    "no rights to a folder": "(p / 'lib').chmod(0)",
    "another name for a file": "os.link(m, f'{p.parents[2]}/{os.urandom(4).hex()}')",
    "another's file": "o = p.parents[2] / os.urandom(4).hex(); o.write_text('x = 1\\n'); m.unlink(); os.link(o, m)",
    "attribute of a file": "os.setxattr(m, 'user.note', b'x')",
    "attribute of a folder": "os.setxattr(p / 'lib' / 'sub', 'user.note', b'x')",
    "attribute of the copy": "os.setxattr(p, 'user.note', b'x')",
    "attribute of the folder that it lies in": "os.setxattr(p.parent, 'user.note', b'x')",
    "owner of a file": "os.chown(m, 12, 34)",
    "owner of a folder": "os.chown(p / 'lib', 12, 34)",
    "group of the copy": "os.chown(p, -1, 34)",
    "owner of all": "for f in (p.parent, p, *p.rglob('*')): os.lchown(f, 12, 34)",
    "times of folders": "os.utime(p / 'lib', (1, 1)); os.utime(p, (4 * 10**9, 4 * 10**9))",
    "a pipe": "m.unlink(); os.mkfifo(m)",
    "a name that is no text": "open(os.fsencode(p / 'lib') + b'/\\xff', 'w').close()",
    "a deep tree": "(p / '/'.join('d' * 200)).mkdir(parents=True)",
}


def use(used: Path, how: str) -> None:
    """Do something in a copy, or skip where it cannot be done here."""
    code = _OUTSIDE[how]
    if "chown" in code and not IS_ROOT:
        pytest.skip("needs the superuser")
    if "xattr" in code and not hasattr(os, "setxattr"):
        pytest.skip("needs attributes of files")
    try:
        exec(code, {"p": used, "m": used / "lib" / "m.py", "os": os})  # noqa: S102  # Are ours.
    except OSError as error:
        if "xattr" not in code:
            raise
        pytest.skip(f"the disk has no attributes: {error}")


@pytest.mark.parametrize("how", _OUTSIDE)
def test_nothing_is_left_of_it(store: Store, how: str) -> None:
    """Neither in the next copy nor beside it, also where a spare was made ready before the tests."""
    entry = store.get(KEY, build)
    fresh = seen(store.private(entry, "fresh"))
    for _ in range(2):
        used = store.private(entry, "mine")
        use(used, how)
        store.release(used)

        assert seen(store.private(entry, "mine")) == fresh
        store.prepare(entry)
    assert store.changes(entry) == ()


def test_one_copy_serves_many(store: Store) -> None:
    """Whatever each of them does, no other is made, and no path is given twice."""
    entry = store.get(KEY, build)
    used = store.private(entry, "mine")
    as_new, numbers, paths = seen(used), {number(used)}, {used}
    uses = ["mode of the copy", "a file beside it", "modes of folders", "another name for a file", "a pipe"]
    for how in uses:
        use(used, how)
        store.release(used)
        used = store.private(entry, "mine")
        numbers.add(number(used))
        paths.add(used)

        assert seen(used) == as_new
    assert len(numbers) == 1
    assert len(paths) == 1 + len(uses)


def test_as_many_as_were_in_use(store: Store) -> None:
    """Four for each of the sessions that use an environment, and eight in all cases, lie ready afterwards."""
    entry = store.get(KEY, build)
    sessions = [Store(store.folder) for _ in range(3)]
    assert all(session.find(KEY) is not None for session in sessions)
    used = [(session, session.private(entry, "it")) for session in (store, *sessions) for _ in range(5)]
    wait_for_what_is_made()

    for session, path in used:
        session.release(path)
    ready = lying(entry)
    again = [session.private(entry, "it") for session, _ in used[: len(ready)]]

    assert len(ready) == 4 * (1 + len(sessions))
    assert {number(path) for path in again} == ready
    for session in sessions:
        session.close()


def test_eight_for_one_session(store: Store) -> None:
    """What it had in use beyond that is deleted."""
    entry = store.get(KEY, build)
    used = [store.private(entry, "it") for _ in range(10)]

    for path in used:
        store.release(path)

    assert len(lying(entry)) == 8
    assert not any(path.exists() for path in used)


def test_another_that_is_better(store: Store) -> None:
    """Where so much was done in one that a new copy is as fast, the next that lies ready is lent."""
    entry = store.get(KEY, build)
    used = [store.private(entry, "it") for _ in range(8)]
    for path in used[1:]:
        for index in range(2_001):
            (path / "lib" / f"{index}.py").touch()
    wait_for_what_is_made()

    for path in used:
        store.release(path)
    ready = lying(entry)
    again = store.private(entry, "it")

    assert number(again) in ready
    assert not list((again / "lib").glob("[0-9]*"))


_LENDING = """
import os, sys, time
from pathlib import Path
from pytest_envrepro.store.store import Store

store = Store(Path(sys.argv[1]))
entry = store.get(sys.argv[2], lambda prefix: sys.exit("is built already"))
for turn in range(int(sys.argv[3])):
    path = store.private(entry, "it")
    module = path / "lib" / "m.py"
    tree = sorted(str(each.relative_to(path)) for each in path.rglob("*"))
    assert tree == ["bin", "bin/tool", "lib", "lib/m.py", "lib/sub", "lib/sub/n.py", "lib64"], tree
    assert module.read_text() == "x = 1\\n", module.read_text()
    module.write_text(f"x = {os.getpid()}\\n")
    (path / "lib" / "sub" / "n.py").unlink()
    (path / "new").touch()
    time.sleep(0.01)
    assert module.read_text() == f"x = {os.getpid()}\\n", module.read_text()
    print(path, path.parent.stat().st_ino, flush=True)
    store.release(path)
store.close()
"""


def lending(store: Store, turns: int) -> subprocess.Popen[str]:
    """Start a session that has so many copies, one after the other, and changes each."""
    argv = [sys.executable, "-c", _LENDING, str(store.folder), KEY, str(turns)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_sessions_at_once(store: Store) -> None:
    """Nobody has another's, at any moment, nor what another has done; and few are made beyond one for each."""
    entry = store.get(KEY, build)
    sessions = [lending(store, 15) for _ in range(8)]

    ended = [session.communicate(timeout=120) for session in sessions]

    assert [errors for _, errors in ended] == [""] * 8
    paths, numbers = zip(*[line.rsplit(" ", 1) for told, _ in ended for line in told.splitlines()], strict=True)
    assert len(set(paths)) == len(paths) == 8 * 15
    assert len(set(numbers)) <= 2 * 8
    assert os.listdir(store.folder / "at") == [entry.path.parent.name]


def test_killed_at_any_moment(store: Store) -> None:
    """What a session was at that was killed is swept, and what the next one is lent is as it was made."""
    entry = store.get(KEY, build)
    fresh = seen(store.private(entry, "fresh"))
    store.close()
    for turn in range(12):
        session = lending(store, 10_000)
        assert session.stdout is not None
        session.stdout.readline()
        time.sleep(turn / 500)
        session.send_signal(signal.SIGKILL)
        session.communicate(timeout=30)

        later = Store(store.folder)
        later.sweep()
        assert os.listdir(store.folder / "at") == [entry.path.parent.name]
        assert seen(later.private(entry, "it")) == fresh
        later.close()


def test_what_lies_ready_is_cleaned(store: Store) -> None:
    """With its environment, once no session uses that."""
    entry = store.get(KEY, build)
    for path in [store.private(entry, "it") for _ in range(3)]:
        store.release(path)
    store.close()

    later = Store(store.folder)

    assert later.clean()[0] == 1
    assert os.listdir(store.folder / "at") == os.listdir(store.folder / "trash") == []


@pytest.mark.skipif(not IS_ROOT, reason="only the superuser can become another")
@pytest.mark.parametrize("how", [how for how, code in _OUTSIDE.items() if "chown" not in code])
def test_as_an_ordinary_user(how: str) -> None:
    """Who may not do everything gives the next test the same, and nothing stays behind."""
    folder = Path("/tmp", f"envrepro-test-{os.urandom(4).hex()}")  # noqa: S108  # Every user can reach it.
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            store = Store(folder / "envs")
            entry = store.get(KEY, build)
            fresh = seen(store.private(entry, "fresh"))
            used = store.private(entry, "mine")
            use(used, how)
            store.release(used)
            is_so = seen(store.private(entry, "mine")) == fresh
            store.close()
            store.clean()
            code = 0 if is_so and not os.listdir(folder / "envs" / "at") else 2
        os._exit(code)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        shutil.rmtree(folder)
