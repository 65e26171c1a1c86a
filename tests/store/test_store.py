"""The store: one build for all, nothing half made, what has changed is found and healed, what is in use stays."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock  # noqa: F401  # For processes of another user, who may not be able to read where it lies.
import pytest

from pytest_envrepro.errors import BuildError
from pytest_envrepro.store import manifest
from pytest_envrepro.store.entries import Entry, write
from pytest_envrepro.store.looking import scan
from pytest_envrepro.store.manifest import Change
from pytest_envrepro.store.store import Damaged, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="is written for POSIX")

ROOT = Path(__file__).parents[2]
KEY = "c0ffee" * 10
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

# A session of its own: builds, or finds, and says what it did; each build leaves a file beside the store.
_SESSION = """
import json, os, sys, time
from pathlib import Path
from pytest_envrepro.store import manifest
from pytest_envrepro.store.store import Store

folder, how = Path(sys.argv[1]), sys.argv[2]

def build(prefix):
    (folder.parent / "builds").mkdir(exist_ok=True)
    (folder.parent / "builds" / str(os.getpid())).touch()
    if "unlocked" in how:
        for lock in (folder / "locks").glob("*.lock"):
            lock.unlink(missing_ok=True)
        end = time.monotonic() + 30
        while len(os.listdir(folder.parent / "builds")) < 2 and time.monotonic() < end:
            time.sleep(0.01)  # Until another one builds too.
    (prefix / "bin").mkdir()
    (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python\\n")
    (prefix / "m.py").write_text("x = 1\\n")
    os.utime(prefix / "m.py", ns=(10**9, 10**9))
    time.sleep(0.3)
    if "stuck" in how:
        print("building", flush=True)
        time.sleep(600)
    return {"by": "it"}

store = Store(folder, tell=lambda line: print(line, file=sys.stderr, flush=True))
entry = store.get(sys.argv[3], build, title="it")
held = manifest.read(entry.path.parent)
contents = repr((sorted(held.hashes.items()), sorted(held.links.items())))
print(json.dumps({"cached": entry.cached, "build": entry.build, "contents": contents}), flush=True)
if "stays" in how:
    sys.stdin.read()
"""


class Building:
    """A builder that counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, prefix: Path) -> dict[str, Any]:
        """Write a small environment."""
        self.calls += 1
        (prefix / "bin").mkdir()
        (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python\n")
        (prefix / "bin" / "tool").chmod(0o755)
        (prefix / "lib").mkdir()
        (prefix / "lib" / "m.py").write_text("x = 1\n")
        (prefix / "lib64").symlink_to("lib")
        return {"number": self.calls}


@pytest.fixture
def build() -> Building:
    """Give a builder."""
    return Building()


def session(folder: Path, how: str = "plain") -> subprocess.Popen[str]:
    """Start a session of its own."""
    argv = [sys.executable, "-c", _SESSION, str(folder), how, KEY]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def lying(store: Store) -> list[str]:
    """Give the names of all environments, private ones and unfinished ones."""
    return sorted(os.listdir(store.folder / "at"))


def other(store: Store, **options: Any) -> Store:
    """Give another session on the same folder."""
    return Store(store.folder, **options)


def test_is_built_once(store: Store, build: Building) -> None:
    """The second time, and for another session, it is there, with what the builder said."""
    first = store.get(KEY, build)
    again = store.get(KEY, build)
    elsewhere = other(store).get(KEY, build)

    assert (first.cached, again.cached, elsewhere.cached) == (False, True, True)
    assert first.path == again.path == elsewhere.path
    assert elsewhere.facts == {"number": 1}
    assert build.calls == 1
    assert f"{first.path}/bin/python" in (first.path / "bin" / "tool").read_text()
    assert other(store).find("another") is None


def test_a_key_need_not_be_a_digest(store: Store, build: Building) -> None:
    """Keys that differ are kept apart, whatever they look like."""
    first, second = store.get("a/b", build), store.get("a/c", build)

    assert first.path != second.path
    assert other(store).find("a/c") is not None


@pytest.mark.parametrize("error", [BuildError("no"), ValueError("no"), OSError("no"), KeyboardInterrupt()])
def test_a_build_that_fails_leaves_nothing(store: Store, build: Building, error: BaseException) -> None:
    """What the builder raises passes through, Ctrl-C too, and the next one builds."""

    def fail(prefix: Path) -> dict[str, Any]:
        build(prefix)
        raise error

    with pytest.raises(type(error)) as raised:
        store.get(KEY, fail)

    assert raised.value is error
    assert lying(store) == []
    assert store.find(KEY) is None
    assert store.get(KEY, build).cached is False


@pytest.mark.parametrize("how", ["plain", "unlocked"])
def test_eight_processes(tmp_path: Path, how: str) -> None:
    """One key, eight sessions at once: one build; where locks do not work, more, and all get the same."""
    sessions = [session(tmp_path / "envs", how) for _ in range(8)]
    said = [each.communicate(timeout=60) for each in sessions]

    answers = [json.loads(out) for out, _ in said]
    builds = len(list((tmp_path / "builds").iterdir()))
    assert len({answer["contents"] for answer in answers}) == 1
    assert len({answer["build"] for answer in answers}) == 1
    assert sum(not answer["cached"] for answer in answers) == builds
    assert builds == 1 if how == "plain" else builds > 1
    store = Store(tmp_path / "envs")
    store.sweep()
    assert lying(store) == [KEY[:28]]
    store.close()


def test_two_threads(store: Store, build: Building) -> None:
    """Threads of one session do not build twice."""
    entries = []
    threads = [threading.Thread(target=lambda: entries.append(store.get(KEY, build))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert build.calls == 1
    assert len({entry.build for entry in entries}) == 1


def test_a_builder_that_was_killed(tmp_path: Path, build: Building) -> None:
    """Its lock is free at once, what it left is swept, and the waiting session says whom it waits for."""
    killed = session(tmp_path / "envs", "stuck")
    assert killed.stdout is not None
    assert killed.stdout.readline() == "building\n"
    told: list[str] = []
    store = Store(tmp_path / "envs", tell=told.append)
    threading.Timer(4.5, killed.kill).start()

    entry = store.get(KEY, build, title="client")

    killed.communicate()
    assert entry.cached is False
    assert len(told) == 1
    assert told[0].startswith(f"client: waiting for process {killed.pid}, which has been at it since ")
    assert len(lying(store)) == 2
    store.sweep()
    assert lying(store) == [KEY[:28]]
    store.close()
    assert sorted(os.listdir(store.folder / "trash")) == []
    store.close()


def test_what_is_waited_for_is_told_once(tmp_path: Path, build: Building) -> None:
    """Not where it is short, not for each environment, and not by processes of the run that is at it."""
    told: dict[str, list[str]] = {"": [], "this": [], "that": []}
    stores = {run: Store(tmp_path / "envs", tell=lines.append, run=run) for run, lines in told.items()}
    # Each waits for its own three, one after the other: it is not to meet another that waits.
    keys = {run: [f"{run} {name}" for name in ("short", "long", "again")] for run in told}
    begun = threading.Barrier(10)

    def at_it(key: str, seconds: float) -> None:
        def slow(prefix: Path) -> dict[str, Any]:
            begun.wait()
            time.sleep(seconds)
            return build(prefix)

        Store(tmp_path / "envs", run="this").get(key, slow)

    def wait_for_all(run: str) -> None:
        for key in keys[run]:
            stores[run].get(key, build, title=key)

    of_each = [(key, seconds) for run in told for key, seconds in zip(keys[run], (0.8, 4.8, 8.8), strict=True)]
    threads = [threading.Thread(target=at_it, args=each) for each in of_each]
    for thread in threads:
        thread.start()
    begun.wait()
    waiting = [threading.Thread(target=wait_for_all, args=(run,)) for run in told]
    for thread in waiting:
        thread.start()
    threads += waiting
    for thread in threads:
        thread.join()

    assert build.calls == 9
    assert told["this"] == []
    for run in ("", "that"):
        (line,) = told[run]
        assert re.fullmatch(rf"{run} long: waiting for process {os.getpid()}, which has been at it since [\d:]+", line)
    for store in stores.values():
        store.close()


def test_what_is_being_built_is_not_swept(tmp_path: Path) -> None:
    """A living session's unfinished environment stays."""
    building = session(tmp_path / "envs", "stuck")
    assert building.stdout is not None
    building.stdout.readline()
    store = Store(tmp_path / "envs")

    store.sweep()
    store.clean()

    assert len(lying(store)) == 1
    building.send_signal(signal.SIGINT)
    building.communicate()
    assert lying(store) == []
    store.close()


_DAMAGES: dict[str, tuple[Callable[[Path], object], Change, bool]] = {
    "gone": (lambda m: m.unlink(), Change("lib/m.py", "is gone"), False),
    "byte": (lambda m: m.write_text("x = 2\n"), Change("lib/m.py", "has another content"), False),
    "size": (lambda m: m.write_text("x = 10\n"), Change("lib/m.py", "has 7 bytes and had 6"), False),
    "time": (lambda m: os.utime(m, ns=(7, 7)), Change("lib/m.py", "was written, with the content that it had"), True),
    "new": (lambda m: m.with_name("n.py").write_text(""), Change("lib/n.py", "is new"), True),
    "mode": (lambda m: m.chmod(0o600), Change("lib/m.py", "has the mode 600 and had 644"), True),
    "link": (lambda m: (m.parents[1] / "lib64").unlink(), Change("lib64", "is gone"), True),
}


def rot(entry: Entry, path: str, text: str) -> None:
    """Give a file another content, and have its status tell nothing of that, as after a fault of the disk."""
    (entry.path / path).chmod(0o600)
    (entry.path / path).write_text(text)
    folder = entry.path.parent
    found = manifest.read(folder)
    assert found is not None
    write(folder, replace(found, tree=scan(entry.path)))


@pytest.mark.parametrize("damage", _DAMAGES)
def test_changes_are_told_and_healed(store: Store, build: Building, damage: str) -> None:
    """A change is told, nobody is given what has it, and it is mended, or built anew where content was lost."""
    change, told, is_mended = _DAMAGES[damage]
    entry = store.get(KEY, build)
    (entry.path / "lib" / "m.py").chmod(0o644)
    assert store.changes(entry) in ((), (Change("lib/m.py", "has the mode 644 and had 600"),))
    before = (entry.path / "lib" / "m.py").stat().st_mtime_ns

    change(entry.path / "lib" / "m.py")

    assert store.changes(entry) == (told,)
    assert store.find(KEY) is None
    assert other(store).find(KEY) is None
    again = other(store).get(KEY, build)
    assert again.cached is is_mended
    assert build.calls == 1 + (not is_mended)
    assert store.changes(again) == ()
    assert store.verify(again) == ()
    if is_mended:
        assert (again.path / "lib" / "m.py").stat().st_mtime_ns == before


def test_building_anew_is_told(store: Store, build: Building) -> None:
    """That something had changed is said, once."""
    (store.get(KEY, build).path / "lib" / "m.py").unlink()
    told: list[str] = []

    other(store, tell=told.append).get(KEY, build, title="client")

    assert told == ["client: what is cached has changed, and is built anew"]


@pytest.mark.parametrize("keep", [0, 70, -1])
def test_manifest_that_is_cut_off(store: Store, build: Building, keep: int) -> None:
    """A folder whose manifest is not whole is not there; nor is one that has none."""
    entry = store.get(KEY, build)
    path = entry.path.parent / "manifest"
    path.write_bytes(path.read_bytes()[:keep])

    assert other(store).find(KEY) is None
    assert store.get(KEY, build).cached is False
    path.unlink()
    assert store.get(KEY, build).cached is False
    assert build.calls == 3


def test_restored_from_a_copy(store: Store, build: Building) -> None:
    """What a CI's cache restored with its times is used as it is, though every status is new."""
    entry = store.get(KEY, build)
    copy = store.folder.parent / "copy"
    shutil.copytree(entry.path.parent, copy, symlinks=True)
    shutil.rmtree(entry.path.parent)
    copy.rename(entry.path.parent)

    assert other(store).get(KEY, build).cached is True
    assert build.calls == 1
    assert other(store).find(KEY) is not None


def test_all_contents_on_request(store: Store, build: Building) -> None:
    """The full check reads every file."""
    entry = store.get(KEY, build)
    assert store.verify(entry) == ()

    (entry.path / "lib" / "m.py").write_text("x = 3\n")

    assert store.verify(entry) == (Change("lib/m.py", "has another content"),)


def test_what_no_status_tells(store: Store, build: Building) -> None:
    """What only the full check finds, as after a disk's fault, no session is given again; and no copy is made of it."""
    entry = store.get(KEY, build)
    rot(entry, "lib/m.py", "x = 3\n")
    assert store.changes(entry) == ()

    assert store.verify(entry) == (Change("lib/m.py", "has another content"),)

    with pytest.raises(Damaged):
        store.private(entry, "test")
    assert store.find(KEY) is None
    assert other(store).find(KEY) is None
    noted = other(store)
    again = noted.get(KEY, build)
    assert not again.cached
    assert [mend.changes for mend in noted.mended()] == [(Change("lib/m.py", "has another content"),)]
    assert (again.path / "lib" / "m.py").read_text() != "x = 3\n"
    assert store.verify(again) == ()
    assert other(store).find(KEY) is not None


def test_doubted_without_need(store: Store, build: Building) -> None:
    """What the full check found, and somebody has put back, is trusted again once all was read."""
    entry = store.get(KEY, build)
    module = entry.path / "lib" / "m.py"
    was = module.read_text()
    module.write_text("x = 3\n")
    assert store.verify(entry) == (Change("lib/m.py", "has another content"),)

    module.write_text(was)

    assert other(store).get(KEY, build).cached
    assert other(store).find(KEY) is not None
    assert build.calls == 1


def test_rebuild(store: Store, build: Building) -> None:
    """An older environment does not count; one that was rebuilt since this session began does."""
    store.get(KEY, build)
    time.sleep(0.02)
    later, beside = other(store), other(store)

    rebuilt = later.get(KEY, build, rebuild=True)

    assert rebuilt.cached is False
    assert later.get(KEY, build, rebuild=True).build == rebuilt.build
    assert beside.get(KEY, build, rebuild=True).build == rebuilt.build
    assert build.calls == 2


def test_private_copies(store: Store, build: Building) -> None:
    """Each is at its own path, is right for it, and goes at once; what is kept stays for later sessions."""
    entry = store.get(KEY, build)
    one, two = store.private(entry, "client"), store.private(entry, "a name / that is no name")
    assert one != two
    assert one.parent.name.startswith("client-")
    assert f"{one}/bin/python" in (one / "bin" / "tool").read_text()
    assert os.access(one / "bin" / "tool", os.X_OK)
    assert os.readlink(one / "lib64") == "lib"

    store.release(one)
    store.release(two, keep=True)
    store.close()

    assert not one.exists()
    assert (two / "lib" / "m.py").exists()
    later = other(store)
    later.sweep()
    assert two.exists()
    os.utime(two.parent / "kept", (1, 1))
    later.sweep()
    assert not two.exists()


def test_release_takes_private_copies_alone(store: Store, build: Building) -> None:
    """The shared environment is not one."""
    entry = store.get(KEY, build)

    with pytest.raises(ValueError, match="is no private copy of this store"):
        store.release(entry.path)
    assert entry.path.exists()


def test_a_change_by_hand_in_a_private_copy(store: Store, build: Building) -> None:
    """It reaches neither the shared environment nor the next copy."""
    entry = store.get(KEY, build)
    private = store.private(entry, "mine")

    with (private / "lib" / "m.py").open("a") as file:
        file.write("y = 2\n")
    (private / "bin" / "tool").chmod(0o600)

    assert store.changes(entry) == ()
    assert (entry.path / "lib" / "m.py").read_text() == "x = 1\n"
    after = store.private(entry, "mine")
    assert (after / "lib" / "m.py").read_text() == "x = 1\n"
    assert os.access(after / "bin" / "tool", os.X_OK)
    assert (private / "lib" / "m.py").read_text() == "x = 1\ny = 2\n"
    assert build.calls == 1


_USES = {
    "nothing": "",
    "new": "(p / 'lib' / 'new').mkdir(); (p / 'lib' / 'new' / 'n.py').touch()",
    "gone": "m.unlink()",
    "folder gone": "shutil.rmtree(p / 'lib')",
    "replaced": "m.unlink(); m.write_text('x = 2\\n')",
    "in place": "m.write_text('x = 2\\n')",
    "in place, with the old time": "t = m.stat(); m.write_text('x = 2\\n'); os.utime(m, ns=(1, t.st_mtime_ns))",
    "folders renamed": "(p / 'lib').rename(p / 'x'); (p / 'bin').rename(p / 'lib'); (p / 'x').rename(p / 'bin')",
    "all that was noted": "(p.parent / 'of').write_text('{}')",
    "a link to itself": "m.unlink(); m.symlink_to('m.py')",
    "kind": "m.unlink(); m.mkdir()",
    "a link in a folder's place": "shutil.rmtree(p / 'lib'); (p / 'lib').symlink_to('/etc')",
    "mode of a folder": "(p / 'lib').chmod(0o700)",
    "script": "(p / 'bin' / 'tool').write_text('no')",
    "script led away": "(p / 'bin' / 'tool').unlink(); (p / 'bin' / 'tool').symlink_to(p.parents[2] / 'of')",
    "link": "(p / 'lib64').unlink(); (p / 'lib64').mkdir()",
}


@pytest.mark.parametrize("use", _USES)
def test_what_was_given_back_is_made_as_new(store: Store, build: Building, use: str) -> None:
    """The next copy has a path of its own and nothing of what was done in the one before."""
    (store.folder / "of").write_text("not to be written")
    entry = store.get(KEY, build)
    untouched = other(store).private(entry, "one")
    used = store.private(entry, "mine")
    old = used.parent.stat().st_ino
    exec(_USES[use], {"p": used, "m": used / "lib" / "m.py", "os": os, "shutil": shutil})  # noqa: S102  # Are ours.

    store.release(used)
    again = store.private(entry, "mine")

    assert again != used
    assert not used.exists()
    assert (again.parent.stat().st_ino == old) is (use != "all that was noted")
    assert store.verify(entry) == ()
    # Where the path is too long for a first line, it is a shell's to start it.
    assert f"{again}/bin/python" in (again / "bin" / "tool").read_text()
    assert os.access(again / "bin" / "tool", os.X_OK)
    assert os.readlink(again / "lib64") == "lib"
    assert sorted(path.relative_to(again) for path in again.rglob("*")) == sorted(
        path.relative_to(entry.path) for path in entry.path.rglob("*")
    )
    assert (again / "lib" / "m.py").read_text() == "x = 1\n"
    assert (again / "lib").stat().st_mode == (entry.path / "lib").stat().st_mode
    assert (store.folder / "of").read_text() == "not to be written"
    assert untouched.exists()


def with_bytecode(prefix: Path) -> dict[str, Any]:
    """Write two modules with their bytecode, as `compileall` does."""
    for name in ("one", "two"):
        (prefix / name).mkdir()
        (prefix / name / "m.py").write_text(f"x = {name!r}\n")
    compileall.compile_dir(prefix, quiet=1)
    return {}


def bytecode_of(path: Path) -> dict[str, int]:
    """Give the inodes of all bytecode, by the folder of its module."""
    return {file.parts[-3]: file.stat().st_ino for file in path.rglob("__pycache__/*.pyc")}


def contents_of(path: Path) -> dict[str, tuple[bytes, int]]:
    """Give the contents and times of all files, by their paths."""
    files = [file for file in path.rglob("*") if file.is_file()]
    return {str(file.relative_to(path)): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_bytecode_is_for_what_was_made_ready(store: Store) -> None:
    """A copy that is made on the spot leaves it to Python; a spare has it."""
    entry = store.get(KEY, with_bytecode)
    on_the_spot = other(store).private(entry, "mine")
    store.prepare(entry)
    ready = store.private(entry, "mine")

    assert bytecode_of(on_the_spot) == {}
    assert (on_the_spot / "two" / "m.py").read_text() == "x = 'two'\n"
    assert not (on_the_spot / "two" / "__pycache__").exists()
    assert set(bytecode_of(ready)) == {"one", "two"}


def test_bytecode_of_a_copy_that_was_given_back(store: Store) -> None:
    """What Python has compiled in it is replaced by what was built; where it compiled nothing, nothing is done."""
    entry = store.get(KEY, with_bytecode)
    used = store.private(entry, "mine")
    compileall.compile_dir(used / "one", quiet=1)

    store.release(used)
    again = store.private(entry, "mine")

    assert set(bytecode_of(again)) == {"one"}
    assert contents_of(again / "one") == contents_of(entry.path / "one")


_USES_OF_BYTECODE = {
    "replaced": "new = c / 'new'; new.write_text('x'); new.replace(pyc)",
    "added": "(c / 'other.pyc').touch()",
    "gone": "pyc.unlink()",
    "written in place": "t = pyc.stat(); pyc.write_bytes(b'x' * t.st_size); os.utime(pyc, ns=(1, t.st_mtime_ns))",
    "a link in its place": "shutil.rmtree(c); c.symlink_to('/etc')",
}


@pytest.mark.parametrize("use", _USES_OF_BYTECODE)
def test_bytecode_of_a_spare_is_made_as_new(store: Store, use: str) -> None:
    """What was done to it is found, and does not reach the next copy."""
    entry = store.get(KEY, with_bytecode)
    store.prepare(entry)
    used = store.private(entry, "mine")
    folder = used / "one" / "__pycache__"
    names = {"c": folder, "pyc": next(folder.iterdir()), "os": os, "shutil": shutil}
    exec(_USES_OF_BYTECODE[use], names)  # noqa: S102  # Ours.

    store.release(used)
    again = store.private(entry, "mine")

    assert contents_of(again) == contents_of(entry.path)
    assert store.verify(entry) == ()


def test_folders_that_were_exchanged(store: Store) -> None:
    """What is in them has kept its times, and sizes and times are the same in both: they are known by themselves."""

    def alike(prefix: Path) -> dict[str, Any]:
        for name in ("one", "two"):
            (prefix / name).mkdir()
            (prefix / name / "m.py").write_text(f"x = {name!r}\n")
            os.utime(prefix / name / "m.py", ns=(10**9, 10**9))
        return {}

    entry = store.get(KEY, alike)
    store.prepare(entry)
    _let_the_clock_go_on(store.folder)  # Else all files are too new to be known as untouched.
    store.release(store.private(entry, "mine"))
    used = store.private(entry, "mine")
    (used / "one").rename(used / "x")
    (used / "two").rename(used / "one")
    (used / "x").rename(used / "two")

    store.release(used)
    again = store.private(entry, "mine")

    assert contents_of(again) == contents_of(entry.path)


def _let_the_clock_go_on(folder: Path) -> None:
    """Wait until a file that is made has another time than one that was made before."""
    times: set[int] = set()
    ends = time.monotonic() + 30
    while len(times) < 2:
        assert time.monotonic() < ends
        (folder / "tick").touch()
        times.add((folder / "tick").stat().st_ctime_ns)


def test_a_second_copy_has_another_made_ready(store: Store, build: Building) -> None:
    """A session that takes one alone is spared it; its second is followed by one that is made in the background."""
    entry = store.get(KEY, build)
    spares = entry.path.with_name("spares")

    store.private(entry, "one")
    assert not _makes_ready()
    assert not spares.exists()

    store.private(entry, "two")
    _wait_until(lambda: not _makes_ready())

    assert len(os.listdir(spares)) == 1
    inode = (spares / os.listdir(spares)[0]).stat().st_ino
    assert store.private(entry, "three").parent.stat().st_ino == inode


def test_what_is_made_ready_is_given_up_at_the_end(store: Store) -> None:
    """A session that ends does not wait for it, and nothing half made is left; nor is a thread where one forks."""

    def large(prefix: Path) -> dict[str, Any]:
        for index in range(3_000):
            (prefix / str(index)).mkdir()
            (prefix / str(index) / "m.py").touch()
        return {}

    entry = store.get(KEY, large)
    kept = [store.private(entry, name) for name in ("one", "two")]
    assert _makes_ready()
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    assert not _makes_ready()
    assert lying(store) == sorted([KEY[:28], *(path.parent.name for path in kept)])

    kept.append(store.private(entry, "three"))
    assert _makes_ready()
    store.close()

    assert not _makes_ready()
    assert not any(path.exists() for path in kept)
    assert lying(store) == [KEY[:28]]
    assert not entry.path.with_name("spares").exists()


def _makes_ready() -> bool:
    return any(thread.name == "pytest-envrepro makes ready" for thread in threading.enumerate())


def _wait_until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def inodes_of(*roots: Path) -> list[int]:
    """Give the inodes of all regular files."""
    return [
        file.lstat().st_ino for root in roots for file in root.rglob("*") if file.is_file() and not file.is_symlink()
    ]


def test_no_file_is_in_two_copies(store: Store) -> None:
    """However copies are made (on the spot, of a spare, of one that was given back), each file is of one alone."""
    entry = store.get(KEY, with_bytecode)
    on_the_spot = store.private(entry, "one")
    store.prepare(entry)
    of_spare = store.private(entry, "two")
    used = store.private(entry, "three")
    store.release(used)
    of_used = store.private(entry, "three")
    beside = other(store)
    elsewhere = beside.private(beside.get(KEY, with_bytecode), "four")

    inodes = inodes_of(entry.path, on_the_spot, of_spare, of_used, elsewhere)

    assert len(inodes) == len(set(inodes))
    beside.close()


def test_a_write_in_place_reaches_no_other_copy(store: Store, build: Building) -> None:
    """What a test writes into a file, or does to its mode, is in its own copy, while others live."""
    entry = store.get(KEY, build)
    store.prepare(entry)
    writing, reading = store.private(entry, "one"), store.private(entry, "two")

    with (writing / "lib" / "m.py").open("r+") as file:
        file.write("y")
    (writing / "lib" / "m.py").chmod(0o600)

    for each in (entry.path, reading):
        assert (each / "lib" / "m.py").read_text() == "x = 1\n"
        assert (each / "lib" / "m.py").stat().st_mode & 0o777 != 0o600


def test_a_spare_that_was_written_into(store: Store, build: Building) -> None:
    """While it lies ready, with size and time as they were: the next copy does not have it."""
    entry = store.get(KEY, build)
    store.prepare(entry)
    (spare,) = entry.path.with_name("spares").iterdir()
    module = spare / "env" / "lib" / "m.py"
    before = module.stat()

    module.write_text("x = 2\n")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert (store.private(entry, "mine") / "lib" / "m.py").read_text() == "x = 1\n"


# Has found its way into a copy that lies ready: writes where a file has been put right, as if nothing had happened.
_LEFT_RUNNING = """
import os, sys, time
ends = time.monotonic() + 30
print("runs", flush=True)
while time.monotonic() < ends:
    try:
        now = os.stat("m.py")
    except OSError:
        continue
    if now.st_size == 6:  # That of the source; an inode's number says nothing, as the disk may give it again.
        with open("m.py", "r+") as file:
            file.write("x = 3")
        os.utime("m.py", ns=(1, int(sys.argv[1])))
        sys.exit()
sys.exit("nothing was put right")
"""


def test_a_program_that_writes_while_it_is_put_right(store: Store) -> None:
    """It may write at any moment: whoever has the copy next but one has none of that."""

    def many(prefix: Path) -> dict[str, Any]:
        (prefix / "a").mkdir()
        (prefix / "a" / "m.py").write_text("x = 1\n")
        for index in range(1_500):
            (prefix / f"b{index}").mkdir()
            (prefix / f"b{index}" / "n.py").write_text("y = 1\n")
        return {}

    entry = store.get(KEY, many)
    time_of_source = (entry.path / "a" / "m.py").stat().st_mtime_ns
    first, next_one, last = other(store), other(store), other(store)  # Each has one alone: no spare is made beside it.
    used = first.private(entry, "one")
    (used / "a" / "m.py").write_text("x = 2\n# More.")
    for index in range(1_500):
        (used / f"b{index}" / "n.py").write_text("y = 2\n")
    first.release(used)
    first.close()
    # Before that it would be found, and the copy would serve nobody.
    (spare,) = entry.path.with_name("spares").iterdir()
    argv = [sys.executable, "-c", _LEFT_RUNNING, str(time_of_source)]
    left = subprocess.Popen(argv, cwd=spare / "env" / "a", stdout=subprocess.PIPE, text=True)
    assert left.stdout is not None
    assert left.stdout.readline() == "runs\n"

    second = next_one.private(entry, "two")
    left.communicate(timeout=60)
    assert left.returncode == 0
    assert (second / "a" / "m.py").read_text() == "x = 3\n"
    next_one.release(second)
    next_one.close()
    third = last.private(entry, "three")

    assert (third / "a" / "m.py").read_text() == "x = 1\n"
    assert contents_of(third) == contents_of(entry.path)


def test_what_was_put_right_is_not_copied_again(store: Store, build: Building) -> None:
    """A file that a test has changed is copied once, and not for each who has the copy after it."""
    entry = store.get(KEY, build)
    seen = []
    for _ in range(4):
        session = other(store)  # Each has one alone, so that none is made in the background.
        used = session.private(entry, "one")
        assert (used / "lib" / "m.py").read_text() == "x = 1\n"
        seen.append((used / "lib" / "m.py").stat().st_ctime_ns)
        if len(seen) == 1:
            (used / "lib" / "m.py").write_text("x = 2\n")
        _let_the_clock_go_on(store.folder)
        session.release(used)
        session.close()

    assert seen[1] == seen[2] == seen[3]


def test_a_write_that_no_time_tells(store: Store, build: Building) -> None:
    """Of the moment at which a file was put right: its content is read."""
    entry = store.get(KEY, build)
    used = store.private(entry, "one")
    (used / "lib" / "m.py").write_text("x = 2\n")
    store.release(used)
    used = store.private(entry, "two")
    module = used / "lib" / "m.py"
    before = module.stat()
    module.write_text("x = 3\n")
    os.utime(module, ns=(1, before.st_mtime_ns))
    # On a clock that goes in steps it would have the same time.
    noted = json.loads((used.parent / "of").read_text())
    assert noted[-1] == {"lib/m.py": before.st_ctime_ns}
    noted[-1] = {"lib/m.py": module.stat().st_ctime_ns}
    (used.parent / "of").write_text(json.dumps(noted))

    store.release(used)

    assert (store.private(entry, "three") / "lib" / "m.py").read_text() == "x = 1\n"


def test_a_spare_serves_another_session(store: Store, build: Building) -> None:
    """And one alone."""
    entry = store.get(KEY, build)
    used = store.private(entry, "mine")
    inode = used.parent.stat().st_ino
    store.release(used)
    store.close()
    one, two = other(store), other(store)

    first, second = one.private(one.get(KEY, build), "it"), two.private(two.get(KEY, build), "it")

    assert first.parent.stat().st_ino == inode
    assert second.parent.stat().st_ino != inode
    one.close()
    two.close()


def test_no_private_copy_of_what_has_changed(store: Store, build: Building) -> None:
    """It says so, and `get` heals."""
    entry = store.get(KEY, build)
    (entry.path / "lib" / "m.py").write_text("x = 2\n")

    with pytest.raises(Damaged) as raised:
        store.private(entry, "mine")

    assert str(raised.value) == f"the environment in {entry.path} has changed since it was built"
    private = store.private(store.get(KEY, build), "mine")
    assert (private / "lib" / "m.py").read_text() == "x = 1\n"
    assert lying(store) == sorted([KEY[:28], private.parent.name])


def test_what_a_living_session_uses_stays(tmp_path: Path, build: Building) -> None:
    """Neither `prune` nor `clean` takes it, and that is told; it goes once that session was killed."""
    living = session(tmp_path / "envs", "stays")
    assert living.stdout is not None
    living.stdout.readline()
    told: list[str] = []
    store = Store(tmp_path / "envs", limit_bytes=0, tell=told.append)
    store.get("unused", build)
    store.close()

    store.prune()
    assert lying(store) == [KEY[:28]]
    assert store.clean() == (0, 0)
    assert told == ["it stays: a session that runs uses it"]

    living.kill()
    living.communicate()
    assert store.clean() == (1, 8192)
    assert lying(store) == []
    store.close()


def test_what_was_not_used_for_longest_goes_first(store: Store, build: Building) -> None:
    """Down to the limit, and use counts, not age."""
    for index, key in enumerate(("a", "b", "c")):
        os.utime(store.get(key, build).path.parent, (index, index))
    store.close()
    user = other(store, limit_bytes=2 * 8192)
    assert user.find("a") is not None
    user.close()

    other(store, limit_bytes=2 * 8192).prune()

    left = [key for key in ("a", "b", "c") if other(store).find(key)]
    assert left == ["a", "c"]


def test_copies_that_lie_ready_count(store: Store, build: Building) -> None:
    """Of an environment in use they go where all is too much, and it stays; else they stay."""
    entry = store.get(KEY, build)
    store.prepare(entry)
    spares = entry.path.with_name("spares")

    other(store, limit_bytes=2 * 8192).prune()
    assert len(os.listdir(spares)) == 1

    other(store, limit_bytes=2 * 8192 - 1).prune()
    assert os.listdir(spares) == []
    assert store.changes(entry) == ()


def test_leftovers(store: Store, build: Building) -> None:
    """What lies about, of nobody, is swept: a half environment, a lock, trash."""
    store.get(KEY, build)
    (store.folder / "at" / "build-0badcafe-00112233445566" / "env").mkdir(parents=True)
    (store.folder / "owners" / "0badcafe.lock").touch()
    (store.folder / "owners" / "0badcafe").mkdir()
    (store.folder / "trash" / "x" / "y").mkdir(parents=True)

    store.sweep()
    store.close(5)

    assert lying(store) == [KEY[:28]]
    store.close()
    assert os.listdir(store.folder / "trash") == []
    assert os.listdir(store.folder / "owners") == ["sweep.lock"]


def test_what_sessions_have_said_is_bounded(tmp_path: Path) -> None:
    """Of sessions that have ended, what the last fifty have said is there, and no more."""
    for number in range(60):
        session = Store(tmp_path / "envs")
        session.say(number)
        session.close()
    last = Store(tmp_path / "envs")
    last.say("living")

    files = [*(tmp_path / "envs" / "owners").glob("*.said")]
    said = sorted(json.loads(path.read_text()) for path in files if path.stem != last.name)
    last.close()

    assert len(files) == 51
    assert said == [*range(10, 60)]


def test_nothing_is_left_where_all_is_removed(store: Store, build: Building) -> None:
    """What sessions have said, their locks and what was put right goes too; not while another session lives."""
    entry = store.get(KEY, build)
    (entry.path / "left").touch()
    store.changes(entry)
    store.get(KEY, build)
    store.say("at work")
    rooms = [store.folder / name for name in ("locks", "mends", "owners")]

    beside = Store(store.folder)
    beside.clean()
    beside.close()
    while_used = [sorted(path.suffix for path in room.iterdir() if path.is_file()) for room in rooms]
    store.close()
    last = Store(store.folder)
    last.clean()
    last.close()

    assert while_used == [[".lock", ".who"], [".json"], [".lock", ".lock", ".said"]]
    assert [os.listdir(room) for room in rooms] == [[], [], ["sweep.lock"]]


def test_what_is_put_right_is_remembered(store: Store, build: Building) -> None:
    """Whoever has an environment is told what another session has put right in it, and who was at work; the last times."""
    entry = store.get(KEY, build)
    beside = Store(store.folder)
    store.ask_whom(lambda _: {"0badcafe": ("test_it",)})
    for number in range(25):
        (entry.path / f"left-{number}").touch()
        assert store.changes(entry)
        store.get(KEY, build)

    told = beside.mends(entry, after=20)
    remembered = beside.mends(entry)
    (entry.path / "kept").write_text("changed")
    began = time.time()
    anew = beside.get(KEY, build, rebuild=True)
    last = store.mends(entry)[-1]
    beside.close()

    assert [mend.number for mend in told] == [21, 22, 23, 24, 25]
    assert [mend.number for mend in remembered] == [*range(6, 26)]
    assert told[-1].changes == (("left-24", "is new"),)
    assert told[-1].at_work == {"0badcafe": ("test_it",)}
    assert anew.build != entry.build
    assert (last.number, last.changes, last.at_work) == (26, (("kept", "is new"),), {})
    assert abs(last.when - began) < 1


_FORKS = """
import os, sys, threading
from pathlib import Path
from pytest_envrepro.locking import held
from pytest_envrepro.store.background import Background

begun = threading.Event()

def work(stop):
    with held(Path(sys.argv[1]), 0):
        begun.set()
        stop.wait(60)

Background("works").start(work)
begun.wait()
if child := os.fork():
    os.waitpid(child, 0)
    print("goes on")
else:
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_thread_that_holds_a_lock_where_a_process_is_forked(tmp_path: Path) -> None:
    """It lets go of it and ends, and the fork waits for it, in a process where nothing had a lock before."""
    argv = [sys.executable, "-c", _FORKS, str(tmp_path / "lock")]

    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("goes on\n", "", 0)


def test_no_thread_where_a_process_is_forked(store: Store, build: Building) -> None:
    """A test that forks while something is deleted is not warned of our thread, and the rest goes later."""
    entry = store.get(KEY, build)
    private = store.private(entry, "mine")
    for index in range(20_000):
        (private / f"{index}").touch()
    store.release(private)
    time.sleep(0.02)
    later = other(store)
    later.get(KEY, build, rebuild=True)
    later.sweep()
    assert any(thread.name == "pytest-envrepro deletes" for thread in threading.enumerate())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    assert not any(thread.name == "pytest-envrepro deletes" for thread in threading.enumerate())
    assert len(os.listdir(store.folder / "trash")) == 1
    later.sweep()
    later.close(60)
    assert os.listdir(store.folder / "trash") == []


def test_a_folder_without_rights_is_deleted(store: Store, build: Building) -> None:
    """A test may take away its own rights."""
    entry = store.get(KEY, build)
    private = store.private(entry, "mine")
    (private / "lib").chmod(0)
    store.release(private)

    time.sleep(0.02)
    later = other(store)
    later.get(KEY, build, rebuild=True)
    later.close(60)

    assert os.listdir(store.folder / "trash") == []


def test_a_store_behind_a_link(tmp_path: Path, build: Building) -> None:
    """Environments know their real path, and are the same behind both."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    entry = Store(tmp_path / "link" / "envs").get(KEY, build)

    assert entry.path.is_relative_to(os.path.realpath(tmp_path / "real"))
    assert Store(tmp_path / "real" / "envs").find(KEY) is not None


def as_nobody(work: Callable[[], object], **folders: Path) -> str:
    """Do something as an ordinary user, in a process of its own, and give what it said; folders are made theirs."""
    assert "filelock" in sys.modules  # That user may not be able to read where it lies.
    for folder in folders.values():
        os.chown(folder, 65534, 65534)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                said = str(work())
            except BaseException as error:  # noqa: BLE001  # Is told to the test.
                said = f"{type(error).__name__}: {error}"
            os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder that every user can reach, as those of pytest are not, and a folder for temporary files in it."""
    folder = Path("/tmp", f"envrepro-test-{os.urandom(4).hex()}")  # noqa: S108  # Is what is tested.
    (folder / "tmp").mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    yield folder
    shutil.rmtree(folder)


def _temporary(folder: Path) -> Path:
    return folder / "tmp" / "pytest-envrepro-65534"


@pytest.mark.skipif(not IS_ROOT, reason="only the superuser can become another")
class TestOrdinaryUser:
    """The same as a user who may not do everything."""

    def test_all_of_it(self, open_folder: Path, build: Building) -> None:
        """Build, share, copy, heal, clean."""

        def work() -> object:
            store = Store(open_folder / "envs")
            entry = store.get(KEY, build)
            private = store.private(entry, "mine")
            (private / "lib" / "m.py").write_text("changed")
            (entry.path / "lib" / "new").touch()
            healed = store.get(KEY, build) if store.changes(entry) else None
            store.release(private)
            store.close()
            return healed and healed.cached, store.clean(), lying(store)

        assert as_nobody(work, folder=open_folder) == "(True, (1, 16384), [])"

    def test_a_folder_that_may_not_be_written(self, open_folder: Path, build: Building) -> None:
        """One among the temporary files takes its place, for all sessions, and why is told."""
        told: list[str] = []

        def work() -> object:
            Store(open_folder / "no" / "envs", tell=told.append).get(KEY, build)
            return f"{told[0]} {Store(open_folder / 'no' / 'envs').find(KEY) is not None}"

        said = as_nobody(work, tmp=open_folder / "tmp")

        assert said == (
            f"{open_folder}/no cannot be written: Permission denied ({open_folder} belongs to root). Make it writable, or"
            " set PYTEST_ENVREPRO_CACHE to another folder; until then, environments are kept in"
            f" {_temporary(open_folder)} True"
        )

    def test_a_temporary_folder_of_somebody_else(self, open_folder: Path, build: Building) -> None:
        """Who made it could put programs there for us to run: it is refused."""
        _temporary(open_folder).mkdir()
        _temporary(open_folder).chmod(0o777)

        said = as_nobody(lambda: Store(open_folder / "no").get(KEY, build))

        assert said.startswith("BuildError: ")
        assert said.endswith(f"; and {_temporary(open_folder)} belongs to somebody else")

    def test_what_the_superuser_left(self, open_folder: Path, build: Building) -> None:
        """After one session by sudo, the error says whose it is, and what to do."""
        store = Store(open_folder)
        store.get(KEY, build)
        store.close()
        lock = next((open_folder / "locks").glob("*.lock"))
        for path in (open_folder, *(open_folder / name for name in ("at", "owners", "locks", "mends", "trash"))):
            os.chown(path, 65534, 65534)

        said = as_nobody(lambda: Store(open_folder).get(KEY, build))

        assert said == (
            f"BuildError: {lock} cannot be written: Permission denied ({lock} belongs to root). Make it writable, or"
            " set PYTEST_ENVREPRO_CACHE to another folder"
        )


def _of_size(mebibytes: float) -> Callable[[Path], dict[str, Any]]:
    def build(prefix: Path) -> dict[str, Any]:
        (prefix / "big").write_bytes(b"x" * int(mebibytes * 2**20))
        return {}

    return build


@pytest.mark.requires_integration("disks")
def test_a_full_disk_is_emptied_first(small_disk: Path) -> None:
    """What no session uses goes, and then there is room."""
    before = Store(small_disk / "envs")
    before.get("old", _of_size(2.5))
    before.close()
    store = Store(small_disk / "envs")

    entry = store.get("new", _of_size(2.5))

    assert (entry.path / "big").stat().st_size == 2.5 * 2**20
    assert store.find("old") is None
    store.close()


@pytest.mark.requires_integration("disks")
def test_what_lies_ready_gives_room(small_disk: Path) -> None:
    """A copy that nobody has yet is given up for what somebody needs now."""
    store = Store(small_disk / "envs")
    used = store.get("used", _of_size(1))
    store.prepare(used)

    entry = store.get("new", _of_size(2.5))

    assert (entry.path / "big").stat().st_size == 2.5 * 2**20
    assert store.verify(used) == ()
    store.close()


@pytest.mark.requires_integration("disks")
def test_a_disk_that_stays_full(small_disk: Path) -> None:
    """The error names the sizes, nothing is left, and what was there still works."""
    store = Store(small_disk / "envs")
    used = store.get("used", _of_size(2))

    with pytest.raises(BuildError) as raised:
        store.get("new", _of_size(3), title="client")

    message = str(raised.value)
    assert message.startswith(f"there is no room for the environment 'client': the disk of {store.folder} has ")
    assert " MiB free without it, and it came to " in message
    assert message.endswith(
        "; other environments there, which sessions use, have 2.0 MiB. Free some space, or set PYTEST_ENVREPRO_CACHE to"
        " a folder on another disk"
    )
    assert lying(store) == [used.path.parent.name]
    assert store.verify(used) == ()
    store.close()


@pytest.mark.requires_integration("disks")
def test_no_room_for_a_private_copy(small_disk: Path) -> None:
    """The same words, and the shared environment is as it was."""
    store = Store(small_disk / "envs")
    entry = store.get("used", _of_size(2.5))

    with pytest.raises(BuildError, match=r"there is no room for the environment 'mine': "):
        store.private(entry, "mine")

    assert store.verify(entry) == ()
    assert lying(store) == [entry.path.parent.name]
    store.close()
