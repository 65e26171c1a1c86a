"""The handle of a container, with a real engine."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest
from envs.handling import MAIN, site_of

from pytest_envrepro.discovery import tree_of
from pytest_envrepro.engines import connect
from pytest_envrepro.enginevalues import Order
from pytest_envrepro.envs.container import ContainerEnvironment
from pytest_envrepro.envs.hosting import HostEnvironment
from pytest_envrepro.envs.locked import LockEnvironment
from pytest_envrepro.errors import CommandFailed, CommandTimeout, EnvReproError, RefusedError
from pytest_envrepro.files import Files
from pytest_envrepro.interpreter import Layout, Python
from pytest_envrepro.inventory import Interpreter
from pytest_envrepro.lockpins import pins_of
from pytest_envrepro.locks import format_of
from pytest_envrepro.outcome import counted
from pytest_envrepro.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envs.handling import Maker

    from pytest_envrepro.engine import Container

pytestmark = [
    pytest.mark.requires_integration("docker-engine"),
    pytest.mark.skipif(os.name == "nt", reason="is written for POSIX"),
]
PREFIX = "/opt/environment"
SITE = f"{PREFIX}/lib/python3.11/site-packages"
ODD = "a b'c\"d$HOME$(id)`id`\\n\n\té💥;&|*?~-"  # What a shell, a Dockerfile or a JSON text would change.
_LAUNCHER = "#!{prefix}/bin/python\nimport sys\nfrom {name} import main\nsys.exit(main())\n"
_LAYOUT = Layout("bin", "lib/python3.11/site-packages", "lib/python3.11/site-packages", "python")
_MARKERS = {
    "implementation_name": "cpython",
    "implementation_version": "3.11.2",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}
PYTHON = Python(
    executable="/usr/bin/python3.11",
    interpreter=Interpreter(
        implementation="cpython", version="3.11.2", platform="linux-x86_64", environment={**_MARKERS}
    ),
    base_prefix="/usr",
    identity="of the image",
    layout=_LAYOUT,
    origin="the image",
    libc="glibc 2.36",
)


def fill(container: Container, folder: Path, versions: dict[str, str]) -> None:
    """Make a virtualenv with these packages, as an installer would."""
    site = folder / "lib" / "python3.11" / "site-packages"
    for name, version in versions.items():
        script = {f"../../../bin/{name}": _LAUNCHER.format(prefix=PREFIX, name=name)}
        points = {f"{name}-{version}.dist-info/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n"}
        files = {f"{name}.py": MAIN.format(name=name, version=version), **script, **points}
        making.install(site, name, version, files=files)
        (folder / "bin" / name).chmod(0o755)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(folder, "")
    container.run(["python3", "-m", "venv", "--without-pip", PREFIX])
    unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(sys.argv[1])"
    container.run(["python3", "-c", unpack, PREFIX], input=file.getvalue())


@pytest.fixture(scope="module")
def boxes(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Container, Container]]:
    """Give two containers with two packages each; tests do not change the first."""
    engine = connect(os.environ)
    order = Order(image=base_image, title="handle", network="none", environment={"PATH": f"{PREFIX}/bin:/usr/bin:/bin"})
    both = engine.start(order), engine.start(order)
    fill(both[0], tmp_path_factory.mktemp("one"), {"app": "1.0", "lib": "2.0"})
    fill(both[1], tmp_path_factory.mktemp("other"), {"app": "1.0", "lib": "2.1"})
    yield both
    engine.close()


def handle(maker: Maker, container: Container, name: str = "execution", **options: Any) -> ContainerEnvironment:
    """Give a container's handle."""
    settings = Settings(kind="container", name=name, environment={"PORT": "80"})
    given: dict[str, Any] = {"python": PYTHON, "prefix": PREFIX, "settings": settings, "workdir": "/srv", **options}
    scratch = maker.folder / f"seen {name}"
    return ContainerEnvironment(
        name=name, key="89abcdef0123", judge=maker.judge, container=container, scratch=scratch, **given
    )


@pytest.fixture
def execution(maker: Maker, boxes: tuple[Container, Container]) -> ContainerEnvironment:
    """Give the first, which is not changed."""
    return handle(maker, boxes[0], is_private=True)


class TestRun:
    """Programs of a container."""

    def test_words(self, execution: ContainerEnvironment) -> None:
        """Words, variables and input arrive as they are, and both streams come back apart."""
        code = "import os, sys; print(sys.argv[1:], os.environ['X'], sys.stdin.read()); print(os.getcwd(), file=sys.stderr)"

        done = execution.run_python("-X", "utf8", "-c", code, ODD, "-x", "", env={"X": ODD}, input=ODD, cwd="/usr/lib")

        assert done.stdout == f"{[ODD, '-x', '']} {ODD} {ODD}\n"
        assert (done.returncode, done.stderr, done.argv[0]) == (0, "/usr/lib\n", "python")
        assert execution.last == done

    def test_where(self, execution: ContainerEnvironment) -> None:
        """Programs are those of the container's PATH, the virtualenv's first."""
        assert execution.run("app").stdout == "this is app 1.0\n"
        assert execution.run_python("-c", "import sys; print(sys.prefix)").stdout == f"{PREFIX}\n"
        assert execution.run("python", "-c", "import sys; print(sys.prefix)").stdout == f"{PREFIX}\n"

    def test_failures(self, execution: ContainerEnvironment) -> None:
        """Another status, a time-out, no such program, and what cannot be sent."""
        with pytest.raises(CommandFailed) as failed:
            execution.run("sh", "-c", "echo out; echo err >&2; exit 3")
        assert str(failed.value) == (
            "sh -c 'echo out; echo err >&2; exit 3' in environment 'execution' ended with 3\n"
            "standard output:\nout\nstandard error:\nerr"
        )
        assert execution.run("sh", "-c", "exit 3", check=False).returncode == 3
        with pytest.raises(CommandTimeout) as late:
            execution.run("sh", "-c", "echo early; sleep 60", timeout=0.7)
        assert late.value.completed.stdout == "early\n"

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            (
                "$(id)",
                "there is no program '$(id)' in {}: name the package that provides it in its requirements or {apt}",
            ),
            ("-x", "there is no program '-x' in {}: name the package that provides it in its requirements or {apt}"),
            ("pip3", "there is no program 'pip3' in {}: name pip in its requirements or {apt}"),
            ("./x", "there is no program ./x in {}, or its first line names one that is not there"),
            ("/etc/passwd", "/etc/passwd cannot be run in {}: permission denied"),
        ],
    )
    def test_no_program(self, execution: ContainerEnvironment, word: str, told: str) -> None:
        """A program that is not there, or is none."""
        with pytest.raises(RefusedError) as caught:
            execution.run(word)

        assert str(caught.value) == told.format("environment 'execution'", apt="apt-packages")

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"argv": ["a\0b"]}, "the word 'a\\x00b' holds a NUL, which nothing in a container can be given"),
            ({"argv": ["\udc80"]}, "the word '\\udc80' is not UTF-8, and an engine would change it on the way"),
            ({"env": {"A": "secret\0"}}, "env: the value of A holds a NUL, which nothing in a container can be given"),
            ({"env": {"A=B": "x"}}, "env: 'A=B' cannot be the name of a variable"),
            ({"env": {"": "x"}}, "env: '' cannot be the name of a variable"),
            ({"cwd": "/a\0"}, "cwd='/a\\x00' holds a NUL, which nothing in a container can be given"),
        ],
    )
    def test_what_does_not_arrive(self, execution: ContainerEnvironment, options: dict[str, Any], told: str) -> None:
        """What would arrive as something else is refused, and a value of a variable is not shown."""
        with pytest.raises(RefusedError) as caught:
            execution.run("echo", *options.pop("argv", []), **options)

        assert str(caught.value) == told

    def test_no_such_folder(self, execution: ContainerEnvironment) -> None:
        """A folder that is not there is told."""
        with pytest.raises(EnvReproError, match="/not/there"):
            execution.run("true", cwd="/not/there")


class TestFiles:
    """Files of a container."""

    def test_write_and_read(self, maker: Maker, boxes: tuple[Container, Container]) -> None:
        """Bytes and text, by absolute paths and by those from its own folder, with any name."""
        private = handle(maker, boxes[1], is_private=True)
        name = ODD.replace("\n", "")

        private.write(f"/srv/new folder/{name}", bytes(range(256)))
        private.write("text", ODD)

        assert private.read(f"new folder/{name}") == bytes(range(256))
        assert private.read("/srv/text") == ODD.encode()
        assert private.run("cat", "/srv/text").stdout == ODD

    def test_refused(self, maker: Maker, boxes: tuple[Container, Container]) -> None:
        """A shared container is not changed; a path has to be one, and there."""
        execution = handle(maker, boxes[0])
        with pytest.raises(RefusedError) as caught:
            execution.write("notes", "x")
        assert str(caught.value) == (
            "environment 'execution' is shared with other tests and is not changed: name /srv/notes in its files, or write "
            "into one of the test's own, which throwaway_container and environments.throwaway('execution') give"
        )
        with pytest.raises(
            RefusedError, match=r"^environment 'execution' is shared .*: name flask in its requirements"
        ):
            execution.install("flask")
        with pytest.raises(TypeError, match="has to be a path in the container, not an empty string"):
            execution.read("")
        with pytest.raises(EnvReproError, match="/srv/nothing"):
            execution.read("nothing")
        with pytest.raises(EnvReproError, match="/usr"):
            execution.read("/usr")
        assert execution.logs() == ""


class TestInstalled:
    """What is installed in a container."""

    def test_inventory(self, execution: ContainerEnvironment) -> None:
        """Packages, Python, apt packages and variables."""
        there = execution.inventory()

        assert {name: each.version for name, each in there.items()} == {"app": "1.0", "lib": "2.0"}
        assert [each.path for each in there["app"].files if "dist-info" not in each.path] == ["app.py", "bin/app"]
        assert there.interpreter == PYTHON.interpreter
        assert there.apt["python3"].startswith("3.11")
        assert there.apt == dict(
            line.split("\t")
            for line in execution.run("dpkg-query", "-W", "-f", "${Package}\t${Version}\n").stdout.splitlines()
        )
        assert there.variables == {"PORT": "80"}

    def test_the_image_s_own(self, maker: Maker, boxes: tuple[Container, Container]) -> None:
        """Without a virtualenv: what Debian's Python has by itself, and nothing of the virtualenv."""
        own = handle(maker, boxes[0], prefix=None, is_private=True)

        assert "app" not in own.inventory()
        assert own.run_python("-c", "import sys; print(sys.prefix)").stdout == "/usr\n"
        lost = handle(maker, boxes[0], prefix="/not/there")
        with pytest.raises(
            RefusedError, match=r"^there is no program /not/there/bin/python in environment 'execution', "
        ):
            lost.run_python()
        with pytest.raises(RefusedError, match="has no virtualenv to install into"):
            own.install("flask")

    def test_two_containers(
        self, maker: Maker, execution: ContainerEnvironment, boxes: tuple[Container, Container]
    ) -> None:
        """Package by package, and apt package by apt package."""
        other = handle(maker, boxes[1], "server", is_private=True)
        boxes[1].run(["sed", "-i", "s/^Version: 5.2.15-2.*/Version: 5.3/", "/var/lib/dpkg/status"])

        diff = execution.diff(other, depth="system")

        assert [change.name for change in diff.packages] == ["lib"]
        # Other tests have written some into one of them.
        files = [each.path for each in diff.files]
        assert "/var/lib/dpkg/status" in files
        assert str(diff).splitlines()[:3] == [
            f"environment 'execution' and environment 'server' differ: 1 package, {counted(len(files), 'file')}, the system",
            "  package  execution  server",
            "  lib      2.0        2.1",
        ]
        assert [(name, other) for name, _, other in diff.system] == [("apt bash", "5.3")]
        assert diff.unknown == ()

    def test_virtualenv(self, maker: Maker, execution: ContainerEnvironment) -> None:
        """A virtualenv with the same packages is the same, launchers in another folder too; what is not known is told."""
        client = maker.virtualenv(settings=Settings(name="client", environment={"PORT": "81"}))
        for name, version in {"app": "1.0", "lib": "2.0"}.items():
            points = {f"{name}-{version}.dist-info/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n"}
            script = {f"../../../bin/{name}": _LAUNCHER.format(prefix=client.prefix, name=name)}
            files = {f"{name}.py": MAIN.format(name=name, version=version), **script, **points}
            making.install(site_of(client), name, version, files=files)
            (client.scripts / name).chmod(0o755)

        diff = execution.diff(client, depth="files")
        assert not diff, str(diff)
        assert "RECORD of app, lib" in diff.noise
        system = client.diff(execution, depth="system")
        assert ("variable PORT", "81", "80") in system.system
        outside = "files outside /opt/environment (known of execution alone)"
        assert diff.unknown == (outside,)
        known = "release (known of execution alone)", "apt packages (known of execution alone)"
        assert system.unknown == (*known, outside)
        assert "  not compared: release (known of execution alone), apt packages" in str(system)
        (site_of(client) / "app.py").write_text("changed")
        (client.scripts / "lib").write_text("#!/usr/bin/python3\n")
        assert [(each.path, each.what) for each in execution.diff(client, depth="files").files] == [
            ("app.py", "41 bytes in execution, 7 bytes in client"),
            ("bin/lib", "79 bytes in execution, 19 bytes in client"),
        ]

    def test_links(self, maker: Maker, boxes: tuple[Container, Container]) -> None:
        """A link that leads out of the environment is the file that it names; to a folder, it is none."""
        private = handle(maker, boxes[1], is_private=True)
        try:
            private.run("ln", "-s", "/etc/debian_version", f"{PREFIX}/version")
            private.run("ln", "-s", "/etc/apt", f"{PREFIX}/apt")
            private.run("ln", "-s", "/not/there", f"{PREFIX}/nothing")
            private.run("mv", f"{SITE}/app.py", "/srv/app.py")
            private.run("ln", "-s", "/srv/app.py", f"{SITE}/app.py")

            private.assert_intact()
            loose = private.side("files").loose
        finally:
            private.run("mv", "/srv/app.py", f"{SITE}/app.py")
            private.run("rm", f"{PREFIX}/version", f"{PREFIX}/apt", f"{PREFIX}/nothing")
        assert loose is not None
        assert {path: Path(place).read_text() for path, place in loose.items() if not path.endswith(".pyc")} == {
            "version": private.read("/etc/debian_version").decode()
        }

    def test_host(self, maker: Maker, execution: ContainerEnvironment) -> None:
        """The environment that runs pytest has more packages, and knows no apt packages of its own."""
        host = HostEnvironment(root=maker.root, scratch=maker.folder / "scratch", judge=maker.judge)

        diff = host.diff(execution, depth="system")

        assert {"pytest", "app"} <= {change.name for change in diff.packages}
        assert {"apt packages (known of execution alone)", "variables (known of execution alone)"} <= {*diff.unknown}

    def test_lock(self, maker: Maker, execution: ContainerEnvironment) -> None:
        """A lock is read for the container's Python, by the checks and in a comparison."""
        maker.write(
            {
                "requirements.txt": making.pip_compiled(
                    "app==1.0\nlib==1.0 ; python_version < '3.11'\nlib==2.0 ; python_full_version == '3.11.2'\n"
                ),
                "other.txt": making.pip_compiled("app==1.1\nflask==3.0\n"),
            }
        )
        execution.assert_matches("requirements.txt")
        execution.assert_no_conflicts()
        execution.assert_intact()
        lock = format_of("requirements.txt").parse("requirements.txt", tree_of(Files(maker.root), {}), None)
        old = replace(
            PYTHON.interpreter, environment={**_MARKERS, "python_version": "3.10", "python_full_version": "3.10.0"}
        )
        pinned = LockEnvironment(
            lock=lock, interpreter=old, judge=maker.judge, choose=partial(pins_of, lock, parts=None, root=maker.root)
        )
        assert pinned.inventory()["lib"].version == "1.0"
        assert not execution.diff(pinned), str(execution.diff(pinned))
        assert not pinned.diff(execution)
        with pytest.raises(AssertionError) as caught:
            execution.assert_matches("other.txt")
        assert [line.split()[:2] for line in str(caught.value).splitlines()[1:]] == [
            ["extraneous", "lib==2.0"],
            ["wrong-version", "app==1.1"],
            ["not-installed", "flask==3.0"],
        ]

    def test_changed(self, maker: Maker, boxes: tuple[Container, Container]) -> None:
        """A file that was changed in it is told, as are packages that were put there."""
        private = handle(maker, boxes[1], is_private=True)
        before = private.inventory()
        content = private.read(f"{SITE}/app.py")
        try:
            private.write(f"{SITE}/app.py", "print()\n")
            private.write(f"{SITE}/more-1.0.dist-info/METADATA", making.metadata("more", "1.0", ["lib<2"]))

            assert set(private.inventory()) - set(before) == {"more"}
            with pytest.raises(AssertionError, match=r"modified-file +app .*app\.py"):
                private.assert_intact()
            with pytest.raises(AssertionError, match=r"conflict +lib<2 +more 1\.0 asks for it, lib 2\.1 is installed"):
                private.assert_no_conflicts()
        finally:
            private.write(f"{SITE}/app.py", content)
            private.run("rm", "-r", f"{SITE}/more-1.0.dist-info")
