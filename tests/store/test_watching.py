"""What is looked at again and again is watched instead, and nothing that is done there goes unseen."""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_envrepro.store.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_envrepro.store.store import Entry, Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="is done by inotify")

KEY = "c" * 64
MODULE = "lib/a/m.py"


def build(prefix: Path) -> dict[str, Any]:
    """Write a small environment."""
    (prefix / "bin").mkdir()
    (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python\n")
    for name in ("a", "b"):
        (prefix / "lib" / name).mkdir(parents=True)
        (prefix / "lib" / name / "m.py").write_text("x = 1\n")
    (prefix / "lib64").symlink_to("lib")
    return {}


@pytest.fixture
def others() -> set[int]:
    """Give the files by which other tests of this process are told what is done, if one has left some."""
    gc.collect()
    return {*watching()}


@pytest.fixture
def entry(store: Store, others: set[int]) -> Entry:  # noqa: ARG001  # Before there is one of ours.
    """Give an environment that was looked at for so long that it is watched."""
    return watched(store, store.get(KEY, build))


def watched(store: Store, entry: Entry) -> Entry:
    """Look at an environment until it is watched."""
    until = time.monotonic() + 20
    while not store.is_watched(entry):
        assert store.changes(entry) == ()
        assert time.monotonic() < until
    return entry


def told(store: Store, entry: Entry) -> list[str]:
    """Give what has changed, as people are told."""
    return [f"{change.path} {change.what}" for change in store.changes(entry)]


def append(path: Path) -> None:
    """Write at the end of a file, in place."""
    with path.open("a") as file:
        file.write("y = 2\n")


def by_memory(path: Path) -> None:
    """Write into a file by way of memory that is mapped to it."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:1] = b"z"


def by_renaming(path: Path) -> None:
    """Put another file in the place of one."""
    new = path.with_name("new")
    new.write_text("z = 1\n")
    new.replace(path)


def by_another_program(path: Path) -> None:
    """Have a program without Python write there."""
    subprocess.run(["dd", "of=" + str(path), "conv=notrunc"], input=b"z", check=True, capture_output=True)


def in_a_new_folder(path: Path) -> None:
    """Make a folder with a file in it."""
    (path.parent / "new" / "deep").mkdir(parents=True)
    (path.parent / "new" / "deep" / "it").touch()


def by_descriptor(path: Path) -> None:
    """Change the mode of a file that is open."""
    with path.open("rb") as file:
        os.fchmod(file.fileno(), 0o755)


def by_a_link(path: Path) -> None:
    """Give a file a second name, and write by that."""
    other = path.with_name("second")
    os.link(path, other)
    append(other)
    other.unlink()


def watching() -> list[int]:
    """Give the files by which this process is told what is done."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # That of the listing itself is closed by now.
            if "inotify" in os.readlink(f"/proc/self/fd/{name}"):
                found.append(int(name))
    return found


DONE: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "append": (append, [f"{MODULE} has 12 bytes and had 6"]),
    "memory": (by_memory, [f"{MODULE} has another content"]),
    "rename": (by_renaming, [f"{MODULE} has another content"]),
    "program": (by_another_program, [f"{MODULE} has another content"]),
    "truncate": (lambda path: os.truncate(path, 0), [f"{MODULE} has 0 bytes and had 6"]),
    "mode": (by_descriptor, [f"{MODULE} has the mode 755 and had 644"]),
    "time": (lambda path: os.utime(path, (1, 1)), [f"{MODULE} was written, with the content that it had"]),
    "second name": (by_a_link, [f"{MODULE} has 12 bytes and had 6"]),
    "gone": (Path.unlink, [f"{MODULE} is gone"]),
    "folder gone": (lambda path: shutil.rmtree(path.parent), ["lib/a is gone", f"{MODULE} is gone"]),
    "new": (lambda path: path.with_name("n.py").touch(), ["lib/a/n.py is new"]),
    "new folder": (in_a_new_folder, ["lib/a/new is new", "lib/a/new/deep is new", "lib/a/new/deep/it is new"]),
    "new link": (lambda path: path.with_name("n").symlink_to("m.py"), ["lib/a/n is new"]),
}


@pytest.mark.parametrize("how", DONE)
def test_what_is_done_is_seen(store: Store, entry: Entry, others: set[int], how: str) -> None:
    """Each change is told in the words of a look, and what is made right again is watched once more."""
    work, expected = DONE[how]

    work(entry.path / MODULE)

    assert told(store, entry) == expected
    assert {*watching()} <= others
    again = store.get(KEY, build)
    assert store.changes(again) == ()
    append(watched(store, again).path / MODULE)
    assert told(store, again) == [f"{MODULE} has 12 bytes and had 6"]


@pytest.mark.parametrize("above", [0, 1])
def test_another_folder_in_its_place(store: Store, entry: Entry, above: int) -> None:
    """A folder that is moved away with all in it is not the one that is watched, at whatever height it was moved."""
    folder = [entry.path, entry.path.parent][above]
    moved = folder.with_name("moved")
    folder.rename(moved)
    shutil.copytree(moved, folder, symlinks=True)
    (entry.path / MODULE).write_text("z = 1\n")

    assert f"{MODULE} has another content" in told(store, entry)


def test_nobody_looks_where_nothing_was_done(store: Store, entry: Entry, tmp_path: Path) -> None:
    """What no one is told of, who looks closely sees: a file that has a second name elsewhere is written to by that."""
    os.link(entry.path / MODULE, tmp_path / "elsewhere")
    assert store.changes(entry) == ()  # Something was done, to its number of names: that one is looked at.
    watched(store, entry)
    append(tmp_path / "elsewhere")

    assert store.changes(entry) == ()
    assert [change.what for change in store.changes(entry, closely=True)] == ["has 12 bytes and had 6"]


def test_a_process_that_is_forked_takes_nothing_away(store: Store, entry: Entry) -> None:
    """What the one has been told of, the other one sees too."""
    append(entry.path / MODULE)
    child = os.fork()
    if not child:
        os._exit(17 if store.changes(entry) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    assert told(store, entry) == [f"{MODULE} has 12 bytes and had 6"]


_CLOSING = """
import ctypes, os, select, sys
from pathlib import Path
from pytest_envrepro.store.store import Store
from tests.store.test_watching import KEY, MODULE, append, build, told, watched, watching

def pipe():
    here, there = os.pipe()
    os.write(there, b"mine")
    return here

def inotify():
    file = ctypes.CDLL(None).inotify_init1(0)
    ctypes.CDLL(None).inotify_add_watch(file, os.fsencode(sys.argv[1]), 0xfff)
    return file

others = {
    "pipe": pipe, "inotify": inotify, "epoll": lambda: select.epoll().fileno(), "file": lambda: os.open("/dev/zero", 0),
    "eventfd": lambda: os.eventfd(1), "eventfd that waits for nobody": lambda: os.eventfd(0, os.EFD_NONBLOCK),
}
kept = select.epoll()
store = Store(Path(sys.argv[1]))
entry = watched(store, store.get(KEY, build))
(file,) = watching()
other = sys.argv[2]
if other == "nothing":
    os.close(file)
else:
    os.dup2(kept.fileno() if other == "epoll" else others[other](), file)
append(entry.path / MODULE)
if "looks" in sys.argv:
    print(told(store, entry))
store.close()
if other != "nothing":
    os.fstat(file)
"""


@pytest.mark.parametrize("then", ["looks", "ends"])
@pytest.mark.parametrize(
    "other", ["nothing", "pipe", "inotify", "epoll", "file", "eventfd", "eventfd that waits for nobody"]
)
def test_a_test_that_closes_what_it_finds(tmp_path: Path, other: str, then: str) -> None:
    """Where that is closed which tells, one looks; and what was opened in its place is left alone, and open."""
    argv = [sys.executable, "-W", "error", "-c", _CLOSING, str(tmp_path / "envs"), other, then]
    root = Path(__file__).parents[2]

    ran = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False, timeout=60)

    said = f"['{MODULE} has 12 bytes and had 6']\n" if then == "looks" else ""
    assert (ran.stdout, ran.stderr) == (said, "")


def test_it_stays_told(tmp_path: Path) -> None:
    """Who is interrupted after he has asked has taken nothing away: whoever asks next is told too."""
    watch = Watch(tmp_path, [""])
    assert watch.is_quiet()

    (tmp_path / "new").touch()

    assert [watch.is_quiet() for _ in range(3)] == [False] * 3
    watch.close()
    assert not watch.is_quiet()


def test_another_folder_by_that_path(tmp_path: Path) -> None:
    """Where a folder above was moved, and another one is in its place, nothing is told, and it is not quiet."""
    (tmp_path / "above" / "it").mkdir(parents=True)
    watch = Watch(tmp_path / "above" / "it", [""])
    (tmp_path / "above").rename(tmp_path / "moved")
    (tmp_path / "above" / "it").mkdir(parents=True)

    assert not watch.is_quiet()
    watch.close()


def test_a_link_is_no_folder(tmp_path: Path, others: set[int]) -> None:
    """Who asks for a folder is not given another one that a link leads to."""
    (tmp_path / "it").mkdir()
    (tmp_path / "link").symlink_to("it")

    with pytest.raises(OSError, match="Not a directory"):
        Watch(tmp_path, ["", "link/"])
    assert {*watching()} <= others


def test_its_manifest_is_gone(store: Store, entry: Entry) -> None:
    """What lies beside an environment and tells what it was is looked at each time."""
    (entry.path.parent / "manifest").unlink()

    assert told(store, entry) == [". is gone"]


def test_a_few_at_once(store: Store, others: set[int]) -> None:
    """Of many environments the last four are watched: a user may have few such files, and others need some."""
    entries = [watched(store, store.get(f"{number}" * 64, build)) for number in range(6)]

    assert [store.is_watched(each) for each in entries] == [False, False, True, True, True, True]
    assert len({*watching()} - others) == 4
    assert not any(store.is_unseen(each) for each in entries)
    for each in entries[2:]:
        assert store.changes(each) == ()
        assert store.is_unseen(each)
    watched(store, store.get("6" * 64, build))
    assert not store.is_watched(entries[2])
    assert store.is_unseen(entries[2])  # Nobody has looked at it since: at the end somebody has to.
    for each in entries:
        append(each.path / MODULE)
        assert told(store, each) == [f"{MODULE} has 12 bytes and had 6"]


@pytest.mark.parametrize("limit", ["max_inotify_watches", "max_inotify_instances"])
def test_where_no_more_may_be_had(tmp_path: Path, limit: str) -> None:
    """A user who has no watches left has every file looked at."""
    script = (
        f"echo 1 > /proc/sys/user/{limit} && exec "
        f'"{sys.executable}" -c "$1" "{tmp_path}/envs" {2 if "watches" in limit else 1}'
    )
    looking = (
        "import ctypes, sys; from pathlib import Path; from pytest_envrepro.store.store import Store\n"
        "from tests.store.test_watching import KEY, append, build, told, MODULE\n"
        "held = ctypes.CDLL(None).inotify_init1(0) if sys.argv[2] == '1' else 0\n"
        "store = Store(Path(sys.argv[1])); entry = store.get(KEY, build)\n"
        "for _ in range(1000): assert not store.changes(entry)\n"
        "print(store.is_watched(entry)); append(entry.path / MODULE); print(told(store, entry)); store.close()\n"
    )
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", looking]

    ran = subprocess.run(argv, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    if "unshare" in ran.stderr or "/proc/sys/user" in ran.stderr:
        pytest.skip(ran.stderr.strip())
    assert (ran.stdout, ran.stderr) == (f"False\n['{MODULE} has 12 bytes and had 6']\n", "")


def test_others_have_some_left(store: Store) -> None:
    """An environment of more folders than a thirty-second of what a user may watch is looked at: editors watch too."""
    most = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text()) // 32
    if most > 20_000:
        pytest.skip(f"{most} folders take too long to make")

    def build_many(prefix: Path, count: int = most) -> dict[str, Any]:
        for number in range(count):
            (prefix / str(number)).mkdir()
        return {}

    entry = store.get(KEY, build_many)  # With the environment's own folder, one more than that.
    for _ in range(4):
        assert store.changes(entry) == ()
    assert not store.is_watched(entry)
    (entry.path / "7").rmdir()
    assert told(store, entry) == ["7 is gone"]

    watched(store, store.get("d" * 64, lambda prefix: build_many(prefix, most - 1)))


def test_nothing_stays_open(store: Store, entry: Entry, others: set[int]) -> None:
    """What is opened to watch is closed with the store, and once what is watched has changed."""
    assert len({*watching()} - others) == 1

    append(entry.path / MODULE)
    assert store.changes(entry)
    assert len({*watching()} - others) == 0

    watched(store, store.get(KEY, build))
    assert len({*watching()} - others) == 1
    store.close()
    assert len({*watching()} - others) == 0


def test_each_thread_sees_it(store: Store, entry: Entry) -> None:
    """Of several threads that look at once, none is told that all is well by what another one has just taken note of."""
    for _ in range(20):
        barrier = threading.Barrier(8)
        seen: list[int] = []

        def look(of: Entry, barrier: threading.Barrier = barrier, seen: list[int] = seen) -> None:
            barrier.wait()
            seen.append(len(store.changes(of)))

        append(entry.path / MODULE)
        threads = [threading.Thread(target=look, args=(entry,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert seen == [1] * 8
        entry = watched(store, store.get(KEY, build))
