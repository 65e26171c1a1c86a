"""What a container's Python sends of its packages, with Pythons of this machine in a container's place."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import making
import pytest
from envs.handling import PARENT, TARGETS, put, python_of, site_of

from pytest_envrepro.engine import Conversation, ExecutionTimeoutError, ProgramNotFoundError
from pytest_envrepro.enginevalues import Changed, Executed
from pytest_envrepro.envs.comparing import DEPTHS
from pytest_envrepro.envs.container import ContainerEnvironment
from pytest_envrepro.envs.locked import LockEnvironment
from pytest_envrepro.envs.looks import Looks
from pytest_envrepro.envs.metadata import SETTLED
from pytest_envrepro.envs.parcels import Member, ParcelError, unpack
from pytest_envrepro.envs.sending import SCRIPT
from pytest_envrepro.errors import EnvReproError, RefusedError
from pytest_envrepro.lockpins import pins_of
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envs.handling import Maker

    from pytest_envrepro.envs.virtualenv import VirtualEnvironment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="containers are Linux systems")

NONE: Mapping[str, str] = MappingProxyType({})
OLDEST, *_, NEWEST = sorted(TARGETS * 2, key=lambda path: python_of(path).interpreter.version.split(".")[1].zfill(2))
_IN_MEMORY = "/dev/shm"  # noqa: S108  # What is made there is removed.


class Here:
    """This machine, as a container: its programs run, its files are read; what it says of itself can be set."""

    id = "0123"
    name = "here"

    def __init__(self, answer: Callable[[Sequence[str]], Executed] | None = None) -> None:
        self.environ = {"PATH": PARENT["PATH"]}
        self.changed: tuple[Changed, ...] = ()
        self.asked = 0
        self.answer = answer

    def run(self, argv: Sequence[str], *, environ: Mapping[str, str] = NONE, **_: Any) -> Executed:
        """Run it here."""
        self.asked += 1
        if self.answer:
            return self.answer(argv)
        done = subprocess.run(argv, env={**self.environ, **environ}, capture_output=True, check=False)
        return Executed(done.returncode, done.stdout, done.stderr, 0.1)

    def converse(self, argv: Sequence[str]) -> Conversation:
        """Is not used."""
        raise NotImplementedError

    def read(self, path: str) -> bytes:
        """Read it here."""
        return Path(path).read_bytes()

    def fetch(self, path: str, folder: Path) -> Mapping[str, str]:
        """Copy it."""
        shutil.copytree(path, folder / Path(path).name, symlinks=True)
        return {}

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644, owner: str | None = None) -> None:
        """Is not used."""
        raise NotImplementedError

    def changes(self) -> tuple[Changed, ...]:
        """Give what was set."""
        return self.changed

    def logs(self) -> str:
        """Give nothing."""
        return ""

    def address(self, port: int) -> tuple[str, int]:
        """Is not used."""
        raise NotImplementedError

    def is_running(self) -> bool:
        """Say that it does."""
        return True

    def save(self, reference: str) -> None:
        """Is not used."""
        raise NotImplementedError

    def end(self) -> None:
        """Do nothing."""


def handle(maker: Maker, container: Here, source: VirtualEnvironment | None, **options: Any) -> ContainerEnvironment:
    """Give the handle of a container whose virtualenv is one of this machine."""
    given: dict[str, Any] = {
        "python": source and source.python,
        "prefix": source and str(source.prefix),
        "settings": None,
        "name": "execution",
        "is_private": True,
        **options,
    }
    return ContainerEnvironment(
        key="89abcdef0123", judge=maker.judge, container=container, scratch=maker.folder / "looks", **given
    )


@pytest.fixture
def client(maker: Maker) -> VirtualEnvironment:
    """Give a virtualenv with what there is of kinds of packages."""
    environment = maker.virtualenv()
    fill(environment, maker.folder)
    return environment


def fill(environment: VirtualEnvironment, folder: Path) -> None:
    """Install packages of many kinds: from an archive, from a repository, by an egg, editable, broken, with odd names."""
    url = {"url": "https://example.org/lib.whl", "archive_info": {"hashes": {"sha256": "abc"}}}
    put(environment, "app", "1.0", ("lib>=2",))
    put(environment, "lib", "2.0", direct_url=url, files={"daten/Größe $(x) 'y'.txt": "1"})
    site = site_of(environment)
    (site / "old-1.0.egg-info").mkdir()
    (site / "old-1.0.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1.0\n")
    (site / "~ib-1.0.dist-info").mkdir()
    (site / "half-1.0.dist-info").mkdir()
    source = folder / "sources"
    (source / "mine.egg-info").mkdir(parents=True, exist_ok=True)
    (source / "mine.egg-info" / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: mine\nVersion: 3.0\n")
    (site / "easy-install.pth").write_text(f"import nothing\n# {folder}\n\n{source}\n/not/there\n")


def _has_pip(base: Path) -> bool:
    """Tell whether a Python has pip: Debian's own has it in a folder of another name."""
    return any(base.glob("lib/python3*/*-packages/pip-*.dist-info"))


class TestSame:
    """What a container says of itself is what is read of the same virtualenv on this machine."""

    @pytest.mark.parametrize("target", [OLDEST, NEWEST], ids=["oldest", "newest"])
    def test_two_pythons(self, maker: Maker, target: Path) -> None:
        """By the oldest Python and the newest: names, versions, sources, files and faults."""
        client = maker.virtualenv(target=target)
        fill(client, maker.folder)
        execution = handle(maker, Here(), client)

        mine, theirs = execution.inventory(), client.inventory()

        assert mine == theirs
        assert {name: str(each) for name, each in mine.items()} == {name: str(each) for name, each in theirs.items()}
        assert set(mine) == {"app", "half", "lib", "mine", "old"}
        assert str(mine["mine"]) == f"3.0 from file://{maker.folder}/sources (editable)"
        for name in mine:
            assert [each[0::2] for each in mine[name].files] == [each[0::2] for each in theirs[name].files]
        assert [each.path for each in mine["lib"].files][:1] == ["bin/lib"]
        for depth in DEPTHS:
            diff = execution.diff(client, depth=depth)
            assert not diff, str(diff)
        one, other = execution.subject().inventory, client.subject().inventory
        assert one.leftovers == other.leftovers == (("~ib-1.0.dist-info", other.leftovers[0][1]),)
        assert one.distributions["half"].fault == other.distributions["half"].fault is not None
        assert mine.interpreter == client.python.interpreter

    def test_the_image_s_own_python(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Without a virtualenv: all that the Python finds by itself, and PYTHONPATH first; the user's folder too."""
        container = Here()
        home = maker.folder / "home"
        beside = maker.folder / "beside"
        version = ".".join(client.python.interpreter.version.split(".")[:2])
        container.environ |= {"HOME": str(home), "PYTHONPATH": f"{beside}:relative:/not/there"}
        making.install(home / ".local" / "lib" / f"python{version}" / "site-packages", "of-user", "1.0")
        making.install(beside, "beside", "1.0")
        execution = handle(maker, container, client, prefix=None)
        base = Path(client.python.base_prefix)

        there = execution.inventory()

        assert {"of-user", "beside"} < set(there)
        assert "app" not in there
        assert ("pip" in there) == _has_pip(base)
        container.environ["PYTHONNOUSERSITE"] = "1"
        assert "of-user" not in execution.inventory()

    def test_system_site_packages(self, maker: Maker, client: VirtualEnvironment) -> None:
        """A virtualenv that sees the packages of its base has them after its own."""
        (client.prefix / "pyvenv.cfg").write_text(
            (client.prefix / "pyvenv.cfg").read_text().replace("packages = false", "packages = true")
        )
        execution = handle(maker, Here(), client)
        base = Path(client.python.base_prefix)

        there = execution.inventory()

        assert "app" in there
        assert ("pip" in there) == _has_pip(base)

    def test_nothing_of_it_is_run(self, maker: Maker, client: VirtualEnvironment) -> None:
        """No code of the environment's own runs for it: no `.pth` line, no sitecustomize."""
        (site_of(client) / "sitecustomize.py").write_text("raise SystemExit('ran')\n")
        (site_of(client) / "evil.pth").write_text(f"import os; os.mkdir({str(maker.folder / 'ran')!r})\n")

        assert "app" in handle(maker, Here(), client).inventory()
        assert not (maker.folder / "ran").exists()

    def test_python_that_talks(self, maker: Maker, client: VirtualEnvironment) -> None:
        """What a wrapper or the system prints before, after and on the side does not count."""

        def talk(argv: Sequence[str]) -> Executed:
            done = Here().run(argv)
            return done._replace(
                stdout=b"Activating...\n" + done.stdout + b"\nbye\n", stderr=b"DeprecationWarning: old\n"
            )

        assert handle(maker, Here(talk), client).inventory() == client.inventory()

    def test_link_to_it(self, maker: Maker, client: VirtualEnvironment) -> None:
        """A virtualenv that is reached by a link is the one that it names."""
        link = maker.folder / "link"
        link.symlink_to(client.prefix)
        execution = handle(maker, Here(), client, prefix=str(link))

        assert execution.side("files").packages == client.inventory()
        assert not execution.diff(client, depth="files")


class TestPlaces:
    """A copy stands for the container: no path leads from it to this machine's own files."""

    def test_record_that_leads_out(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Rows with absolute paths, and with more `..` than there are folders, are files of the container."""
        secret = maker.folder / "secret"
        secret.write_text("of this machine")
        rows = [str(secret), "../" * 40 + str(secret).lstrip("/")]
        record = site_of(client) / "app-1.0.dist-info" / "RECORD"
        with record.open("a") as file:
            file.writelines(f"{row},{making.digest('of this machine')},15\n" for row in rows)
        execution = handle(maker, Here(), client)

        places = {each.path: Path(each.place) for each in execution.inventory()["app"].files}

        assert places[str(secret)].is_relative_to(maker.folder / "looks")
        execution.assert_intact()  # It was sent too, with its content.
        secret.write_text("of that machine")
        with pytest.raises(AssertionError, match=r"another content|modified-file"):
            execution.assert_intact()

    def test_file_that_is_not_there(self, maker: Maker, client: VirtualEnvironment) -> None:
        """A file of this machine is none of the container, whose RECORD names it."""
        container = Here()
        execution = handle(maker, container, client)
        record = site_of(client) / "app-1.0.dist-info" / "RECORD"
        with record.open("a") as file:
            file.write(f"{__file__},sha256=x,1\n")
        container.answer = lambda argv: Here().run([each for each in argv if each != __file__])

        with pytest.raises(AssertionError, match=f"missing-file +app +1.0: {__file__}|missing-file"):
            execution.assert_intact()

    def test_broken_record(self, maker: Maker, client: VirtualEnvironment) -> None:
        """A fault is told with the container's path."""
        folder = site_of(client) / "app-1.0.dist-info"
        (folder / "RECORD").write_text("a,b\n")

        with pytest.raises(EnvReproError) as caught:
            _ = handle(maker, Here(), client).inventory()["app"].files

        assert str(caught.value) == f"{folder}: its RECORD is not valid in line 1: a,b"


def archive(*members: tuple[str, bytes | None], answer: Any = MappingProxyType({}), kind: bytes | None = None) -> bytes:
    """Write what a container sends; None for a folder."""
    file = io.BytesIO()
    count = len(members)
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if data is None else kind or tarfile.REGTYPE
            info.size = len(data or b"") if info.isreg() else 0
            info.linkname = "/etc/passwd" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            tar.addfile(info, io.BytesIO(data or b""))
        told = {"prefix": "", "paths": [], "others": [], "fleeting": False, "members": count, "faults": []}
        text = json.dumps({**told, **answer} if isinstance(answer, Mapping) else answer).encode()
        info = tarfile.TarInfo("answer.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return file.getvalue()


_FILE = ("tree/a/METADATA", b"x")
_BREAKS_OFF = "its answer is no archive, or not a whole one"


class TestHostile:
    """A container may answer anything: what is no answer is one clear error, and nothing is written elsewhere."""

    @pytest.mark.parametrize(
        ("sent", "told"),
        [
            (archive(("tree/../../out", b"x")), "it sends a path that leads elsewhere: 'tree/../../out'"),
            (archive(("/tree/out", b"x")), "it sends a path that leads elsewhere: '/tree/out'"),
            (archive(("/etc/x", b"x")), "it sends a path that leads elsewhere: '/etc/x'"),
            (archive(("tree//x", b"x")), "it sends a path that leads elsewhere: 'tree//x'"),
            (archive(("tree", b"x")), "it sends a path that leads elsewhere: 'tree'"),
            (archive(_FILE, kind=tarfile.SYMTYPE), "it sends what is neither a file nor a folder: 'tree/a/METADATA'"),
            (archive(_FILE, kind=tarfile.LNKTYPE), "it sends what is neither a file nor a folder: 'tree/a/METADATA'"),
            (archive(_FILE, kind=tarfile.FIFOTYPE), "it sends what is neither a file nor a folder: 'tree/a/METADATA'"),
            (archive(_FILE, kind=tarfile.CHRTYPE), "it sends what is neither a file nor a folder: 'tree/a/METADATA'"),
            (archive(_FILE, _FILE), "it sends '/a/METADATA' twice"),
            (archive(_FILE, answer={"members": 2}), _BREAKS_OFF),
            (archive(_FILE)[:1030], _BREAKS_OFF),
            (archive(_FILE)[:700], _BREAKS_OFF),
            (archive(_FILE)[:512], _BREAKS_OFF),
            (archive(_FILE)[:1600], _BREAKS_OFF),
            (b"", _BREAKS_OFF),
            (b"no archive" * 99, _BREAKS_OFF),
            (archive(answer="words"), _BREAKS_OFF),
            (archive(answer={"paths": 3}), "it answers something else than what it was asked"),
            (archive(answer={"paths": ["relative"]}), "it answers something else than what it was asked"),
            (archive(answer={"prefix": ["/x"]}), "it answers something else than what it was asked"),
            (archive(answer={"faults": ["/a is too large", "/b: Input/output error"]}),
             "it cannot read all of it: /a is too large, /b: Input/output error"),
            (archive(answer={"faults": [*"abcde"]}), "it cannot read all of it: a, b, c, and 2 more"),
        ],
    )  # fmt: skip
    def test_answer(self, tmp_path: Path, sent: bytes, told: str) -> None:
        """An archive that is none, or not whole, or leads out."""
        with pytest.raises(EnvReproError) as caught:
            looks_of(sent, tmp_path).look()

        assert str(caught.value) == (
            f"what is installed in the container here is not known: its Python (/x/python) was asked to list it, and {told}"
        )
        assert [*tmp_path.iterdir()] == []

    def test_file_in_the_place_of_a_folder(self, tmp_path: Path) -> None:
        """What cannot be laid out is told, with the place."""
        sent = archive(("tree/a", b"x"), ("tree/a/b", b"x"))

        with pytest.raises(EnvReproError, match=r"what it sends cannot be kept in .*/look-\w+: (File exists|Not a)"):
            looks_of(sent, tmp_path).look()
        assert [*tmp_path.iterdir()] == []

    @pytest.mark.parametrize(
        ("done", "told"),
        [
            (Executed(1, b"", b"Unknown option: -I\n", 0), "it ended with 1: Unknown option: -I"),
            (Executed(-9, b"", b"", 0), "it ended with -9"),
            (Executed(0, b"", b"", 0), "it answers nothing"),
            (Executed(0, b"Hello!\n", b"", 0), "it answers as no Python does"),
            (ProgramNotFoundError("no such file"), "there is no /x/python in it, or it cannot be run"),
            (ExecutionTimeoutError("late", Executed(-9, b"", b"", 0)), "it did not answer within 120 seconds"),
        ],
    )
    def test_no_answer(self, tmp_path: Path, done: Executed | Exception, told: str) -> None:
        """A Python that is not there, is too old, crashes, hangs, or is something else."""

        def answer(_: Sequence[str]) -> Executed:
            if isinstance(done, Exception):
                raise done
            return done

        with pytest.raises(EnvReproError) as caught:
            Looks(Here(answer), python="/x/python", folder=tmp_path, is_private=True).look()

        assert str(caught.value).endswith(f"its Python (/x/python) was asked to list it, and {told}")


def looks_of(sent: bytes, folder: Path) -> Looks:
    """Give looks into a container that answers this."""

    def answer(argv: Sequence[str]) -> Executed:
        mark = next(each for each in argv if len(each) == 32)  # 16 bytes, in hexadecimal.
        return Executed(0, f"\n{mark}\n".encode() + sent, b"", 0.1)

    return Looks(Here(answer), python="/x/python", folder=folder, is_private=True)


class TestAgain:
    """When something is sent again."""

    def test_unchanged(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Nothing is sent where nothing has changed, whoever has the container; a change is seen at once."""
        container = Here()
        looks = Looks(container, python=str(client.scripts / "python"), folder=maker.folder / "looks", is_private=True)
        first, second = (handle(maker, container, client, looks=looks) for _ in range(2))
        time.sleep(SETTLED + 0.1)

        before = first.inventory()
        assert first.inventory() == second.inventory() == before
        assert (container.asked, looks.sent) == (3, 1)
        put(client, "more", "1.0")
        assert "more" in second.inventory()
        assert looks.sent == 2
        making.install(site_of(client), "again", "1.0")  # A moment later, perhaps in the same tick of the clock.
        assert "again" in first.inventory()
        assert "more" not in before
        assert len(before["app"].files) == 6

    @pytest.mark.parametrize(("settled", "is_known"), [("0", True), ("1e9", False)])
    def test_what_changed_a_moment_ago(self, client: VirtualEnvironment, settled: str, *, is_known: bool) -> None:
        """A state is believed once no file changed within the last ticks of the clock."""

        def ask(known: str) -> tuple[dict[str, Any], list[Member]]:
            words = ["m" * 32, "packages", known, "1e9", "1e9", settled]
            return unpack(
                Here().run([str(client.scripts / "python"), "-I", "-S", "-c", SCRIPT, *words]).stdout, words[0]
            )

        state = ask("")[0]["state"]
        answer, members = ask(state)

        assert (bool(state), answer["known"], not members) == (is_known, is_known, is_known)

    def test_too_large(self, client: VirtualEnvironment) -> None:
        """A file of more bytes than there may be is told, and nothing is sent."""
        words = ["m" * 32, "packages", "", "300", "1e9", "0"]
        sent = Here().run([str(client.scripts / "python"), "-I", "-S", "-c", SCRIPT, *words]).stdout

        with pytest.raises(ParcelError, match=r"^it cannot read all of it: .*app-1\.0\.dist-info/RECORD is too large"):
            unpack(sent, words[0])

    def test_files(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Files are copied once of a container that is shared and as its image is."""
        container = Here()
        looks = Looks(container, python=str(client.scripts / "python"), folder=maker.folder / "looks", is_private=False)
        first, second = (handle(maker, container, client, is_private=False, looks=looks) for _ in range(2))
        first.side("files")
        second.side("system")
        assert container.asked == 1
        container.changed = (Changed("/opt/x", "modified"),)
        (site_of(client) / "app.py").write_text("changed")

        second.side("files")
        assert container.asked == 2
        with pytest.raises(AssertionError, match="modified-file"):
            first.assert_intact()

    @pytest.mark.skipif(not os.path.ismount(_IN_MEMORY), reason="there is no file system in memory here")
    def test_fleeting(self, maker: Maker, client: VirtualEnvironment) -> None:
        """What lies on another file system than the container's can change without the engine telling it."""
        container = Here()
        place = Path(_IN_MEMORY) / maker.folder.name
        container.environ["PYTHONPATH"] = str(place)
        execution = handle(maker, container, client, is_private=False)
        try:
            making.install(place, "more", "1.0", files={"more.py": "1"})
            execution.assert_intact()
            (place / "more.py").write_text("2")
            with pytest.raises(AssertionError, match="modified-file"):
                execution.assert_intact()
        finally:
            shutil.rmtree(place)


class TestHandle:
    """The handle, whatever the container is."""

    def test_end(self, maker: Maker) -> None:
        """A block ends it; after an error the end of the test does, which knows whether it has failed."""
        ended = []
        private = handle(maker, Here(), None)
        private.on_exit(lambda: ended.append("ended"))

        with pytest.raises(KeyError), private:
            raise KeyError
        assert ended == []
        with private as entered:
            assert entered is private
        assert ended == ["ended"]

    def test_install(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Requirements are installed by what the container was made by; options are refused."""
        installed: list[Sequence[str]] = []
        private = handle(maker, Here(), client, install=installed.append)

        private.install("flask>=3", "click")

        assert installed == [("flask>=3", "click")]
        with pytest.raises(RefusedError, match=r"^install\(\) takes requirements, and no options: '--target=/'$"):
            private.install("--target=/")
        with pytest.raises(RefusedError, match=r"^environment 'execution' has no virtualenv to install into"):
            handle(maker, Here(), None).install("flask")

    def test_lock(self, maker: Maker, client: VirtualEnvironment) -> None:
        """Compared with a container, a lock is read for the container's Python, from both sides."""
        maker.write({"requirements.txt": making.pip_compiled("app==1.0 ; implementation_name == 'other'\n")})
        lock = Session(maker.root, configured_by=None, environ={}).lock("requirements.txt")
        python = client.python
        told = {**python.interpreter.environment, "implementation_name": "other"}
        there = replace(python, interpreter=replace(python.interpreter, environment=told))
        choose = partial(pins_of, lock, parts=None, root=maker.root)
        pinned = LockEnvironment(lock=lock, interpreter=python.interpreter, judge=maker.judge, choose=choose)
        execution = handle(maker, Here(), client, python=there)

        assert "app" not in pinned.inventory()
        assert "app" not in {change.name for change in execution.diff(pinned).packages}
        assert "app" not in {change.name for change in pinned.diff(execution).packages}
        assert "app" in {change.name for change in pinned.diff(client).packages}


def test_no_python(maker: Maker) -> None:
    """An image without a Python: that is said, with what works."""
    container = Here()
    service = handle(maker, container, None)

    assert service.run("sh", "-c", "echo up").stdout == "up\n"
    for look in (service.inventory, service.subject, service.assert_no_conflicts, lambda: service.diff(service)):
        with pytest.raises(RefusedError) as caught:
            look()
        assert str(caught.value) == (
            "what is installed in environment 'execution' is not known: its image is used as it is, and has no Python; "
            "run(), read(), write() and logs() need none"
        )
    with pytest.raises(RefusedError) as caught:
        service.run_python("-V")
    assert str(caught.value) == (
        "environment 'execution' has no Python: its image is used as it is; run() runs other programs of it"
    )
