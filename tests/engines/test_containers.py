"""Containers of a real engine: programs, files, changes."""

from __future__ import annotations

import io
import re
import socket
import tarfile
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from boxing import build
from containing import BASE

from pytest_envrepro.engine import EngineError, ExecutionTimeoutError, ImageNotFoundError, ProgramNotFoundError
from pytest_envrepro.enginevalues import Changed, Member, Order

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.engine import Container, Engine

pytestmark = pytest.mark.requires_integration("docker-engine")

HOSTILE = ["a b", "'\"", "$HOME", "$(id)", "`id`", "a\nb", "é\U0001f600", "; echo x", "-x", "\\", "\t", "*", ""]
SHOW = ["python3", "-c", "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"]
RUNNING = """
import glob, os
for path in glob.glob("/proc/[0-9]*/cmdline"):
    words = open(path, "rb").read().replace(b"\\0", b" ").decode().strip()
    if words.startswith("sleep") or words.startswith("cat /"):
        print(words)
"""


def running(container: Container) -> list[str]:
    """Give the command lines of the programs that a test has left in it."""
    return sorted(container.run(["python3", "-c", RUNNING], timeout=20).stdout.decode().splitlines())


def test_words_arrive(shared: Container) -> None:
    """Every word of a command arrives as it is: no shell reads it."""
    done = shared.run([*SHOW, *HOSTILE])

    assert done.returncode == 0
    assert done.stdout.decode().split("\0") == HOSTILE
    assert done.stderr == b""
    assert 0 < done.seconds < 60


def test_variables_arrive(shared: Container) -> None:
    """Every value of a variable arrives as it is, and so do the folder and the user."""
    code = f"import os; print(repr([os.environ[f'V{{i}}'] for i in range({len(HOSTILE)})]), os.getcwd(), os.getuid())"

    done = shared.run(
        ["python3", "-c", code],
        environ={f"V{index}": value for index, value in enumerate(HOSTILE)},
        workdir="/usr/lib",
        user="1234:5",
    )

    assert done.stdout.decode().strip() == f"{HOSTILE!r} /usr/lib 1234"


def test_streams(shared: Container) -> None:
    """Both streams stand apart, binary and large ones too, and the status is the program's."""
    code = "import sys; sys.stdout.buffer.write(b'\\0\\xff' * 500000); sys.stderr.write('no'); sys.exit(7)"

    done = shared.run(["python3", "-c", code])

    assert (done.returncode, done.stdout, done.stderr) == (7, b"\0\xff" * 500_000, b"no")


def test_input(shared: Container) -> None:
    """Input is given whole, and its end is told; without it there is none."""
    data = bytes(range(256)) * 10_000

    assert shared.run(["cat"], input=data).stdout == data
    assert shared.run(["cat"], input=b"").stdout == b""
    assert shared.run(["cat"]).stdout == b""
    assert shared.run(["true"], input=data).returncode == 0


def test_signal(shared: Container) -> None:
    """A program that a signal has ended says which; a status of its own stays one."""
    assert shared.run(["sh", "-c", "kill -9 $$"]).returncode == -9
    assert shared.run(["sh", "-c", "exit 126"]).returncode == 126


def test_no_such_program(shared: Container) -> None:
    """A program that is missing, or may not be run, is told from one that ends with the same status."""
    with pytest.raises(
        ProgramNotFoundError, match=r"^'no such' cannot be run in the container envrepro-shared-\w+: .*not found"
    ):
        shared.run(["no such", "-x"])
    with pytest.raises(ProgramNotFoundError, match="permission denied"):
        shared.run(["/etc/passwd"])
    assert shared.run(["sh", "-c", "nosuch"]).returncode == 127


def test_no_such_folder_or_user(shared: Container) -> None:
    """A folder and a user that are not there are errors by name; so is what no program can be given."""
    with pytest.raises(EngineError, match=r"^there is no folder '/nope' in the container envrepro-shared-\w+$"):
        shared.run(["true"], workdir="/nope")
    with pytest.raises(EngineError, match=r"^there is no user 'nobody here' in the container envrepro-shared-"):
        shared.run(["true"], user="nobody here")
    with pytest.raises(
        EngineError, match=r"^the command holds a NUL character, which no program can be given: 'a\\x00b'$"
    ):
        shared.run(["echo", "a\0b"])
    with pytest.raises(EngineError, match=r"^there is no program to run in the container: no words$"):
        shared.run([])


def test_timeout_ends_all(shared: Container) -> None:
    """A time-out ends the program with all that it has started: children, their sessions, without variables too."""
    script = "echo begun; sleep 301 & setsid sleep 302 & env -i setsid sleep 303 & env -i sleep 304 & exec sleep 300"

    def run_another() -> None:
        with pytest.raises(ExecutionTimeoutError):
            shared.run(["sleep", "60"], timeout=3)

    other = threading.Thread(target=run_another)
    other.start()
    time.sleep(0.3)

    with pytest.raises(ExecutionTimeoutError) as caught:
        shared.run(["sh", "-c", script], timeout=0.7)

    assert re.fullmatch(
        r"sh took longer than 0.7 seconds in the container envrepro-shared-\w+, and was ended with all that it had started",
        str(caught.value),
    )
    assert caught.value.executed.returncode == -9
    assert caught.value.executed.stdout == b"begun\n"
    # And nothing else is.
    assert running(shared) == ["sleep 60"]
    other.join()


def test_timeout_of_a_user(shared: Container) -> None:
    """So it does for a user who is not root."""
    with pytest.raises(ExecutionTimeoutError):
        shared.run(["sh", "-c", "sleep 301 & sleep 300"], timeout=0.3, user="1234")

    assert "sleep 300" not in running(shared)


def test_quiet_time_out(shared: Container) -> None:
    """A program that has closed both its streams, and runs on, ends with its time too."""
    with pytest.raises(ExecutionTimeoutError):
        shared.run(["sh", "-c", "exec >&- 2>&-; sleep 300"], timeout=0.3)

    assert "sleep 300" not in running(shared)


def test_limit(shared: Container) -> None:
    """One that writes for ever is ended once it has written more than is wanted, and memory is not filled."""
    done = shared.run(["cat", "/dev/zero"], limit=1000)

    assert (done.returncode, done.stdout) == (-9, bytes(1000))
    assert "cat /dev/zero" not in running(shared)


@pytest.mark.parametrize("folder", ["/app", "/tmp"], ids=["archive", "memory"])  # noqa: S108  # In the container.
def test_files(shared: Container, tmp_path: Path, folder: str) -> None:
    """Files arrive unchanged in both directions, with any name, on a disk and in memory."""
    path = f"{folder}/made a\n'$(id)/-é"
    data = bytes(range(256)) * 1000

    shared.write(path, data, mode=0o640, owner="daemon:5")

    assert shared.read(path) == data
    stat = shared.run(["stat", "-c", "%a %U %g", path]).stdout
    assert stat == b"640 daemon 5\n"
    # The folders on its way are the owner's too: who may write there goes on.
    assert shared.run(["stat", "-c", "%a %U %g", f"{folder}/made a\n'$(id)"]).stdout == b"755 daemon 5\n"
    shared.write(f"{folder}/text", "é")
    assert shared.read(f"{folder}/text") == "é".encode()
    shared.write(path, b"")
    assert shared.read(path) == b""
    assert shared.fetch(f"{folder}/made a\n'$(id)", tmp_path) == {}
    assert (tmp_path / "made a\n'$(id)" / "-é").read_bytes() == b""


@pytest.mark.parametrize("folder", ["/app", "/tmp"], ids=["archive", "memory"])  # noqa: S108  # In the container.
def test_owners(engine: Engine, base_image: str, folder: str) -> None:
    """Who owns a file that is written is who a program would run as: a number has the group of its entry, else none."""
    order = Order(image=base_image, title="owners", network="none", scratch=("/tmp",), workdir="/app")  # noqa: S108
    box = engine.start(order)
    box.run(["sh", "-c", "echo ada:x:1000:1001::/:/bin/sh >> /etc/passwd; echo 77:x:5:6::/:/bin/sh >> /etc/passwd"])

    # A name of digits is none for an engine; `chown`, which writes in memory, would take it for one.
    for user in ("1000", "1234", "daemon", "ada:daemon", "1000:5", "0", *(["77"] if folder == "/app" else [])):
        box.write(f"{folder}/of/{user}", "it", owner=user)

        ids = box.run(["sh", "-c", "echo $(id -u):$(id -g)"], user=user).stdout
        found = box.run(["stat", "-c", "%u:%g", f"{folder}/of/{user}"]).stdout
        assert found == ids, user
    assert box.run(["stat", "-c", "%u:%g", f"{folder}/of", f"{folder}/of/1234"]).stdout == b"1000:1001\n1234:0\n"


def test_owner_without_a_table(engine: Engine, base_image: str) -> None:
    """A number needs no table of users."""
    box = engine.start(Order(image=base_image, title="tables", network="none"))
    box.run(["rm", "/etc/passwd", "/etc/group"])

    box.write("/it", "it", owner="1234")

    assert box.run(["stat", "-c", "%u:%g", "/it"]).stdout == b"1234:0\n"
    with pytest.raises(EngineError, match=r"^there is no /etc/passwd in the container$"):
        box.write("/it", "it", owner="ada")


@pytest.mark.parametrize("path", ["/app/large", "/tmp/large"], ids=["archive", "memory"])  # noqa: S108  # There.
def test_too_large(shared: Container, path: str) -> None:
    """A file that no machine should hold in memory is refused, and what it has to do with is told."""
    shared.run(["truncate", "-s", "3G" if path.startswith("/app") else "257M", path])
    tracemalloc.start()

    with pytest.raises(EngineError) as caught:
        shared.read(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    shared.run(["rm", path])
    assert str(caught.value) == (
        f"{path} in the container has more than 256 MiB, which is too much to be read: have a program there take what is "
        "wanted of it"
    )
    if path.startswith("/app"):  # Where the engine says at once how large it is.
        assert peak < 16 << 20


def test_links_are_followed(shared: Container) -> None:
    """A file is read through links, also into memory, and those in circles are told."""
    shared.run(["sh", "-c", "mkdir /app/l; cd /app/l; echo 1 > /tmp/one; ln -s /tmp/one a; ln -s ../l/a b; ln -s c c"])

    assert shared.read("/app/l/b") == b"1\n"
    with pytest.raises(EngineError, match="/app/l/c"):
        shared.read("/app/l/c")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nope/x", "there is no /nope/x in the container"),
        ("/tmp/nope", "/tmp/nope cannot be read in the container: cat: /tmp/nope: No such file or directory"),  # noqa: S108
        ("/etc", "/etc in the container is a folder, not a file"),
        ("etc/passwd", "'etc/passwd' is no absolute path in the container: it begins with no slash"),
        ("/a\0b", "a path in the container holds a NUL character, which no program can be given: '/a\\x00b'"),
    ],
)
def test_not_read(shared: Container, path: str, said: str) -> None:
    """What cannot be read is told by its path."""
    with pytest.raises(EngineError, match=f"^{re.escape(said)}$"):
        shared.read(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc", "/etc in the container is a folder, not a file"),
        ("/etc/passwd/x", "/etc/passwd in the container is a file, not a folder"),
        ("/etc/", "is the path of a folder, not of a file"),
        ("/proc/version", "/proc/version cannot be written in the container"),
    ],
)
def test_not_written(shared: Container, path: str, said: str) -> None:
    """What cannot be written is told by its path, and nothing is lost."""
    with pytest.raises(EngineError, match=re.escape(said)):
        shared.write(path, b"x")

    assert b"root:" in shared.read("/etc/passwd")


def test_fetched_links(shared: Container, tmp_path: Path) -> None:
    """Of a folder that is fetched, links that lead out are told, and lead nowhere here."""
    shared.run(["sh", "-c", "mkdir -p /app/env/bin; cd /app/env; ln -s /usr/bin/python3 bin/python3; ln -s bin b"])

    assert shared.fetch("/app/env", tmp_path) == {"env/bin/python3": "/usr/bin/python3"}
    assert [path.name for path in sorted((tmp_path / "env").iterdir())] == ["b", "bin"]
    assert (tmp_path / "env" / "b").is_symlink()


def test_changes(engine: Engine, base_image: str) -> None:
    """Nothing at first, whatever it was ordered with; then what was added, changed and removed, and not what is in memory."""
    scratch = ("/tmp", "/home/me")  # noqa: S108  # In the container.
    container = engine.start(Order(image=base_image, title="it", network="none", scratch=scratch, workdir="/app"))
    assert container.changes() == ()

    container.run(
        ["sh", "-c", "echo 1 > /tmp/x; echo 1 > /home/me/x; echo 1 > /app/x; echo >> /etc/issue; rm /etc/hostname.x"]
    )
    container.run(["rm", "/etc/issue.net"])

    assert container.changes() == (
        Changed("/app/x", "added"),
        Changed("/etc", "modified"),
        Changed("/etc/issue", "modified"),
        Changed("/etc/issue.net", "deleted"),
    )
    assert container.logs() == ""


def test_limits_and_environment(engine: Engine, base_image: str) -> None:
    """An order's limits, variables and user hold in the container."""
    container = engine.start(
        Order(
            image=base_image,
            title="it",
            network="none",
            user="1234",
            environment={"A": "$(id)\n'"},
            memory=64 << 20,
            pids=32,
        )
    )

    assert container.run(["python3", "-c", "import os; print(os.getuid(), repr(os.environ['A']))"]).stdout == (
        b'1234 "$(id)\\n\'"\n'
    )
    assert container.run(["python3", "-c", "b'x' * (256 << 20)"]).returncode == -9


def test_address(engine: Engine, base_image: str) -> None:
    """A port that was ordered is reached from here; without a network that is an error."""
    container = engine.start(Order(image=base_image, title="it", network="bridge", ports=(8000,)))
    code = "import socket; s = socket.create_server(('', 8000)); s.accept()[0].sendall(b'hi')"
    server = threading.Thread(target=container.run, args=(["python3", "-c", code],), daemon=True)
    server.start()

    host, port = container.address(8000)
    assert _said(host, port) == b"hi"
    server.join(10)


def _said(host: str, port: int) -> bytes:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection((host, port), 5) as sock:
                said = sock.recv(10)
        except OSError:
            said = b""
        if said:
            return said
        time.sleep(0.05)
    return b""


def test_no_address(shared: Container) -> None:
    """A container without a network has none."""
    with pytest.raises(
        EngineError, match=r"port 80 of the container .* cannot be reached from here: its network is 'none'"
    ):
        shared.address(80)


@pytest.mark.usefixtures("apart")  # Nothing of other tests is swept up with it.
def test_gone(engine: Engine, box: Container, docker_api: Any) -> None:
    """A container that somebody has removed is told as such, and ending it is no error."""
    docker_api.remove_container(box.id, force=True)

    for work in (lambda: box.run(["true"]), lambda: box.read("/etc/passwd"), box.changes, box.logs):
        with pytest.raises(
            EngineError, match=f"^the container {box.name} is gone: it was ended, or the engine was started anew$"
        ):
            work()
    box.end()
    box.end()
    assert engine.sweep() == 0


def test_no_such_image(engine: Engine) -> None:
    """An image that is not there is an error by its name, and nothing is left."""
    assert engine.image("envrepro-tests/nope") is None
    with pytest.raises(
        ImageNotFoundError, match=r"^there is no image envrepro-tests/nope: it has vanished, or was never here"
    ):
        engine.start(Order(image="envrepro-tests/nope", title="it"))


def test_no_such_network(engine: Engine, base_image: str, docker_api: Any) -> None:
    """A container that cannot be started is not left."""
    with pytest.raises(EngineError, match="network nosuchnet not found"):
        engine.start(Order(image=base_image, title="nosuchnet", network="nosuchnet"))

    assert docker_api.containers(all=True, filters={"name": "envrepro-nosuchnet"}) == []


def test_cat_on_the_path_of_the_image(engine: Engine, docker_api: Any) -> None:
    """The program that waits is found where the image's own PATH leads, and nowhere else where that leads elsewhere."""
    rest = "; ".join(f"rm -f {folder}/cat" for folder in ("/bin", "/usr/bin"))
    build(docker_api, "envrepro-tests/nix:1", [f"FROM {BASE}", f"RUN mkdir /store && cp /bin/cat /store/cat && {rest}"])
    build(docker_api, "envrepro-tests/nix:2", ["FROM envrepro-tests/nix:1", "ENV PATH=/store:/usr/bin:/bin"])
    try:
        with pytest.raises(EngineError, match=r"^a container of envrepro-tests/nix:1 cannot be kept running"):
            engine.start(Order(image="envrepro-tests/nix:1", title="nix", network="none"))
        box = engine.start(Order(image="envrepro-tests/nix:2", title="nix", network="none"))
        assert box.run(["cat"], input=b"it").stdout == b"it"
        with pytest.raises(EngineError, match=r"^a container of envrepro-tests/nix:2 cannot be kept running"):
            engine.start(Order(image="envrepro-tests/nix:2", title="nix", environment={"PATH": "/usr/bin"}))
        other = engine.start(Order(image="envrepro-tests/nix:1", title="nix", environment={"PATH": "/store:/usr/bin"}))
        assert other.is_running()
    finally:
        engine.close()
        for number in (2, 1):
            docker_api.remove_image(f"envrepro-tests/nix:{number}", force=True)


def test_folder_that_is_not_the_engines(engine: Engine, base_image: str, tmp_path: Path) -> None:
    """Where the engine does not have one of the folders to be bound, the container has none of them."""
    (tmp_path / "file").touch()
    binds = {str(tmp_path): "/there", str(tmp_path / "nowhere"): "/nowhere"}

    box = engine.start(Order(image=base_image, title="bound", network="none", binds=binds))

    assert box.run(["ls", "/there", "/nowhere"]).returncode == 2
    assert box.changes() == ()


def test_image_without_cat(engine: Engine, docker_api: Any) -> None:
    """An image that has no program to wait with is told as such."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    docker_api.import_image_from_data(file.getvalue(), repository="envrepro-tests/empty", tag="1")
    try:
        with pytest.raises(
            EngineError,
            match=r"^a container of envrepro-tests/empty:1 cannot be kept running: it has no program 'cat' on its PATH",
        ):
            engine.start(Order(image="envrepro-tests/empty:1", title="empty", network="none"))
        assert docker_api.containers(all=True, filters={"name": "envrepro-empty"}) == []
    finally:
        docker_api.remove_image("envrepro-tests/empty:1")


def test_images(engine: Engine, base_image: str) -> None:
    """Images are found by id, tag and label, get further names, are exported and loaded, and removed."""
    found = engine.image(base_image)
    assert found is not None
    assert found.platform.startswith("linux/")
    assert base_image in found.tags
    assert engine.image(found.id) == found
    engine.tag(found.id, "envrepro-tests/again:1")
    try:
        assert engine.image("envrepro-tests/again:1") is not None
        assert found.id in [each.id for each in engine.images({"envrepro-tests.base": "1"})]
    finally:
        assert engine.remove_image("envrepro-tests/again:1")
    assert engine.remove_image("envrepro-tests/again:1")
    with pytest.raises(ImageNotFoundError):
        engine.tag("envrepro-tests/again:1", "envrepro-tests/further:1")
    with pytest.raises(ImageNotFoundError):
        next(iter(engine.export("envrepro-tests/again:1")))


def test_build_export_load(engine: Engine) -> None:
    """A build gives the engine's messages; what is built is exported and loaded; a broken archive is an error."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, text in (("Dockerfile", b"FROM scratch\nCOPY f /\n"), ("f", b"x")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    tag = "envrepro-tests/built:1"
    try:
        said = list(engine.build({"t": tag, "rm": "1", "forcerm": "1"}, file.getvalue()))
        assert any("Step 1/2" in each.get("stream", "") for each in said)
        image = engine.image(tag)
        assert image is not None
        exported = b"".join(engine.export(tag))
        assert engine.remove_image(tag)
        engine.load([exported[:1000], exported[1000:]])
        assert engine.image(tag) == image
    finally:
        engine.remove_image(tag)
    with pytest.raises(EngineError, match="the engine cannot load an image"):
        engine.load([b"x" * 2000])
    with pytest.raises(EngineError, match="the engine cannot build an image"):
        list(engine.build({}, b"x" * 2000))


def test_no_room(engine: Engine, docker_api: Any, base_image: str) -> None:
    """A file that there is no room for is one error with what to do, and the container goes on."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    volume = docker_api.create_volume(driver_opts=options)["Name"]
    host = docker_api.create_host_config(binds=[f"{volume}:/small"], network_mode="none")
    made = docker_api.create_container(base_image, ["sleep", "60"], host_config=host)["Id"]
    try:
        docker_api.start(made)
        container = engine.member(Member(id=made, name="small", image=base_image))

        with pytest.raises(EngineError) as caught:
            container.write("/small/big", b"x" * (2 << 20))

        assert str(caught.value).startswith("/small/big in the container cannot be written: ")
        assert str(caught.value).endswith(
            "no space left on device; the engine's disk is full: `docker system df` tells what fills it; images of ours "
            "are removed by `pytest --env-clean`"
        )
        container.write("/small/little", b"x")
        assert container.read("/small/little") == b"x"
    finally:
        docker_api.remove_container(made, force=True)
        docker_api.remove_volume(volume)
