"""The Python that settings ask for is found wherever it is, and the wrong one never passes for it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interpreters import HERE, VERSIONS, copied, need, script

from pytest_envrepro.errors import InterpreterNotFound
from pytest_envrepro.pythons.interpreters import Finder

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "the Python that runs pytest"
VERSION = platform.python_version()
SHORT = ".".join(VERSION.split(".")[:2])
OTHER = next(version for version in ("3.12", "3.13") if version != SHORT)


class Machine:
    """A machine with nothing but the Python that runs this; pyenv is at home, PATH is `bin`, the project is `project`."""

    def __init__(self, path: Path, cache: Path) -> None:
        self.path = path
        self.cache = cache
        self.root = path / "project"
        self.bin = path / "bin"
        self.versions = path / "pyenv" / "versions"
        for folder in (self.root, self.bin, self.versions):
            folder.mkdir(parents=True)
        self.environ = {"PATH": str(self.bin), "HOME": str(path), "PYENV_ROOT": str(path / "pyenv")}

    def finder(self, **environ: str) -> Finder:
        """Give a new session."""
        return Finder(root=self.root, environ={**self.environ, **environ}, cache=self.cache)

    def find(self, spec: str | None, **environ: str) -> tuple[str, str]:
        """Find an interpreter, and give its real path and its origin."""
        python = self.finder(**environ).find(spec)
        return python.executable, python.origin

    def refusal(self, spec: str | None, **environ: str) -> str:
        """Give the error where nothing is found."""
        with pytest.raises(InterpreterNotFound) as error:
            self.finder(**environ).find(spec)
        return str(error.value)

    def add(self, name: str, version: str) -> str:
        """Add a version to pyenv, which is a real one of this machine, and give the path of its interpreter."""
        real = need(version, self.cache).executable
        (self.versions / name / "bin").mkdir(parents=True)
        (self.versions / name / "bin" / "python").symlink_to(real)
        (self.versions / name / "bin" / f"python{version}").symlink_to(real)
        return real

    def pin(self, text: str) -> None:
        """Write the project's `.python-version`."""
        (self.root / ".python-version").write_text(text)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which all tests of this module remember what interpreters said."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def machine(tmp_path: Path, cache: Path) -> Machine:
    """Give a machine with nothing on it."""
    return Machine(Path(os.path.realpath(tmp_path)), cache)


def full(version: str, cache: Path) -> str:
    """Give the full version of a Python of this machine."""
    return need(version, cache).interpreter.version


@pytest.mark.parametrize(
    "spec",
    [
        *(None, SHORT, VERSION, f"cpython{SHORT}", f"py{SHORT.replace('.', '')}", f">={SHORT}"),
        *(f"~={SHORT}", f"~={SHORT}.0,!={SHORT}.999"),
    ],
)
def test_this_python(machine: Machine, spec: str | None) -> None:
    """The Python that runs pytest comes first, if it fits; of a virtualenv, it is the base."""
    assert machine.find(spec) == (str(HERE), HOST)


@pytest.mark.parametrize("version", VERSIONS)
def test_of_this_machine(version: str, cache: Path) -> None:
    """Each version that this machine has is found, and is what it was asked for."""
    python = need(version, cache)
    code = "import platform, sys; print(platform.python_version(), sys.prefix, sys.base_prefix)"
    told = subprocess.run([python.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.split() == [python.interpreter.version, python.base_prefix, python.base_prefix]
    assert python.interpreter.version.startswith(f"{version}.")
    assert python.executable == os.path.realpath(python.executable)


class TestVersions:
    """A version or a range."""

    def test_newest(self, machine: Machine, cache: Path) -> None:
        """Of those that fit, the newest, whether it is active or not."""
        machine.add(full("3.8", cache), "3.8")
        nine = machine.add(full("3.9", cache), "3.9")
        (machine.path / "pyenv" / "version").write_text(full("3.8", cache))

        assert machine.find(">=3.8,<3.10") == (nine, f"pyenv {full('3.9', cache)}")
        assert machine.find("<3.10") == (nine, f"pyenv {full('3.9', cache)}")

    def test_pinned(self, machine: Machine, cache: Path) -> None:
        """What the project's `.python-version` names is preferred to what is newer, where it fits."""
        eight = machine.add(full("3.8", cache), "3.8")
        nine = machine.add(full("3.9", cache), "3.9")
        machine.pin("3.8\n")

        assert machine.find("<3.10")[0] == eight
        assert machine.find("3.9")[0] == nine

    def test_on_path(self, machine: Machine, cache: Path) -> None:
        """What is on PATH is found; pyenv's comes before it."""
        real = need("3.9", cache).executable
        (machine.bin / "python3.9").symlink_to(real)
        assert machine.find("3.9")[0] == real

        machine.add(full("3.9", cache), "3.9")
        assert machine.find("3.9")[1] == f"pyenv {full('3.9', cache)}"

    def test_origin_on_path(self, machine: Machine) -> None:
        """It is told by the name that it has there; a name without a version is found too."""
        program = copied(machine.path / "opt")
        real = machine.bin / HERE.name
        program.rename(real)
        (machine.bin / "python").symlink_to(real)
        (machine.path / "lib").symlink_to(machine.path / "opt" / "lib")

        found = [(python.executable, python.origin) for python in machine.finder().found()]
        assert (str(real), f"{HERE.name} on PATH") in found

    def test_of_uv(self, machine: Machine) -> None:
        """What uv has installed is found, by its own rules of where that is."""
        name = f"cpython-{VERSION}-linux-x86_64-gnu"
        program = copied(machine.path / "data" / "uv" / "python" / name)

        python = next(
            each for each in machine.finder(XDG_DATA_HOME=str(machine.path / "data")).found() if "uv" in each.origin
        )
        assert (python.executable, python.origin) == (str(program), f"uv's {name}")

    @pytest.mark.parametrize(
        "spec", [f"{SHORT}t", f"pypy{SHORT}", "pypy", f"{SHORT}d", f"{SHORT}-32", f"{VERSION}rc1", f"{VERSION}1", "4"]
    )
    def test_other_builds(self, machine: Machine, spec: str) -> None:
        """Another build, implementation or version than this one is not it."""
        assert machine.refusal(spec).startswith(f"no Python here is '{spec}'\nthere are:\n")

    @pytest.mark.parametrize(
        "spec", ["", "foo", "3.x", "3.12.1.2", ">=", "== banana", "3..9", "jython2", "\0", "<" * 5000 + "x"]
    )
    def test_no_spec(self, machine: Machine, spec: str) -> None:
        """What is none of these is said to be so."""
        start = f"'{spec}' is no Python that is known here; it may be a version (3.12), a range (>=3.9,<3.12), cpython3.12, "

        assert machine.refusal(spec).startswith(f"{start}pypy, 3.13t, a path, .python-version, or a name of pyenv's\n")


class TestPaths:
    """A path of an interpreter, a virtualenv or a shim."""

    @pytest.mark.parametrize("how", ["--symlinks", "--copies"])
    @pytest.mark.parametrize("version", [SHORT, "3.9"])
    def test_virtualenv(self, machine: Machine, cache: Path, how: str, version: str) -> None:
        """A virtualenv, or its python, stands for its base; also one that has a copy of it."""
        base = need(version, cache).executable
        subprocess.run([base, "-m", "venv", "--without-pip", how, machine.root / ".venv"], check=True)

        for spec in (".venv", ".venv/bin/python", str(machine.root / ".venv"), f"../project/.venv/bin/python{version}"):
            assert machine.find(spec)[0] == base, spec

    def test_at_home(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        """`~` is the user's home, and a link is followed."""
        monkeypatch.setenv("HOME", str(machine.path))
        (machine.path / "mine").symlink_to(HERE)

        assert machine.find("~/mine") == (str(HERE), f"{machine.path}/mine")

    def test_wrapper(self, machine: Machine) -> None:
        """A script that starts an interpreter stands for it."""
        wrapper = script(machine.path / "wrapper", f'exec {HERE} "$@"')

        assert machine.find(str(wrapper))[0] == str(HERE)

    def test_shim(self, machine: Machine, cache: Path) -> None:
        """A shim is never run: pyenv's rules say what it stands for, in the project and not where pytest was started."""
        shim = script(machine.path / "pyenv" / "shims" / "python", "echo no; exit 1")
        eight, nine = (machine.add(full(version, cache), version) for version in ("3.8", "3.9"))
        assert "has no python" in machine.refusal(str(shim))

        (machine.path / "pyenv" / "version").write_text("3.8\n")
        assert machine.find(str(shim)) == (eight, f"pyenv {full('3.8', cache)}")
        machine.pin("3.9\n")
        assert machine.find(str(shim)) == (nine, f"pyenv {full('3.9', cache)}")
        assert machine.find(str(shim), PYENV_VERSION="3.8")[0] == eight
        assert machine.find(str(shim), PYENV_VERSION="3.8", PYENV_DIR="/")[0] == nine

        (machine.root / "link").symlink_to(shim)
        assert machine.find("./link")[0] == nine

    def test_shim_without_the_program(self, machine: Machine, cache: Path) -> None:
        """What pyenv chooses and has no such program is told; PATH is the last resort, without the shims."""
        shim = script(machine.path / "pyenv" / "shims" / "python3.11", "echo no; exit 1")
        machine.add(full("3.9", cache), "3.9")
        machine.pin("3.9\n")
        file = machine.root / ".python-version"
        start = f"{shim} is a shim of pyenv; {file} chooses 3.9, which has no python3.11\nthere are:\n"
        assert machine.refusal(str(shim), PATH=f"{shim.parent}:{machine.bin}").startswith(start)

        (machine.bin / "python3.11").symlink_to(need("3.11", cache).executable)
        assert machine.find(str(shim), PATH=f"{shim.parent}:{machine.bin}")[1] == "python3.11 on PATH"

    def test_shims_on_path(self, machine: Machine) -> None:
        """Shims on PATH are passed over, whatever pyenv would make of them."""
        shim = script(machine.path / "pyenv" / "shims" / f"python{OTHER}", f"touch {machine.path}/started; exec {HERE}")

        assert machine.refusal(OTHER, PATH=str(shim.parent)).startswith(f"no Python here is '{OTHER}'\n")
        assert not (machine.path / "started").exists()

    @pytest.mark.parametrize(
        ("make", "says"),
        [
            (Path.exists, "{path} is not there, or may not be looked at"),
            (lambda path: path.symlink_to("gone"), "{path} is a link to nothing"),
            (lambda path: path.mkdir(), "the folder {path} has no interpreter in it"),
            (lambda path: path.write_text(""), "{path} cannot be started: Permission denied"),
            (lambda path: script(path, "exit 3"), "{path} does not answer as a Python does: it ends with 3"),
            (lambda path: script(path, "echo oh >&2"), "{path} does not answer as a Python does: oh"),
            (lambda path: script(path, "echo pytest-envrepro:1"), "{path} does not answer as a Python does"),
            (lambda path: script(path, "echo pytest-envrepro:{}"), "{path} does not answer as a Python does"),
            (lambda path: script(path, "exec /bin/sleep 60"), "{path} does not answer within 0.5 seconds"),
        ],
        ids=["gone", "dangling", "folder", "no program", "fails", "says something else", "a word", "nothing", "hangs"],
    )
    def test_not_working(self, machine: Machine, make: Callable[[Path], object], says: str) -> None:
        """What does not work is told as it is."""
        path = machine.path / "it"
        make(path)

        # Of a busy machine nobody else is hurried.
        message = machine.refusal(str(path), **({"PY_DISCOVERY_TIMEOUT": "0.5"} if "within 0.5" in says else {}))
        assert message.split("\n")[0] == says.format(path=path)

    @pytest.mark.parametrize("name", ["2.7.18", "3.6.15", "3.7.16"])
    def test_too_old(self, name: str, cache: Path) -> None:
        """A Python before 3.8 is told to be too old: environments cannot be made with it."""
        folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions" / name
        if not folder.is_dir():
            pytest.skip(f"there is no {folder}")
        with pytest.raises(InterpreterNotFound) as error:
            Finder(root=Path("/"), environ={"HOME": "/nowhere"}, cache=cache).find(str(folder))

        found = "2" if name.startswith("2") else name
        program = folder / "bin" / "python"
        first = str(error.value).split("\n")[0]
        assert first.endswith(f" is Python {found}: environments are made with 3.8 and later")
        assert first.startswith(str(os.path.realpath(program)))


class TestPyenv:
    """Names of pyenv."""

    def test_virtualenv(self, machine: Machine, cache: Path) -> None:
        """A name of pyenv-virtualenv stands for the base, and is no version of its own."""
        real = machine.add("base", "3.9")
        inside = machine.versions / "base" / "envs" / "web"
        subprocess.run([real, "-m", "venv", "--without-pip", inside], check=True)
        (machine.versions / "web").symlink_to(inside)
        (machine.versions / "3.99").symlink_to(inside)

        for name in ("web", "base/envs/web"):
            assert machine.find(name) == (need("3.9", cache).executable, "pyenv web")
        assert machine.refusal("3.99").startswith("no Python here is '3.99'")
        assert "pyenv web" not in {python.origin for python in machine.finder().found()}

    def test_name_of_an_implementation(self, machine: Machine, cache: Path) -> None:
        """A name that could be something else is pyenv's, if it has it; a plain version is looked for everywhere."""
        machine.add("py39", "3.8")
        machine.add("pypy3.10-7.3.13", "3.8")

        assert machine.find("py39")[0] == need("3.8", cache).executable
        assert machine.find("pypy3.10-7.3.13")[1] == "pyenv pypy3.10-7.3.13"
        assert machine.find(VERSION)[1] == HOST

    def test_lies(self, machine: Machine, cache: Path) -> None:
        """A version that is not what its name says is not used."""
        machine.add("3.10.1", "3.9")

        says = f"{machine.versions}/3.10.1/bin/python says that it is Python {full('3.9', cache)}"
        assert f"these are not used:\n  {says}\n" in machine.refusal("3.10.1")
        assert machine.refusal("3.9.77").endswith(
            f"  {says}\ninstall it (`pyenv install 3.9.77`), or ask for another one"
        )

    def test_lies_on_path(self, machine: Machine, cache: Path) -> None:
        """The same holds on PATH: a program that is another version than its name says is not used."""
        (machine.bin / f"python{OTHER}").symlink_to(need("3.9", cache).executable)

        assert f"  {machine.bin}/python{OTHER} says that it is Python {full('3.9', cache)}" in machine.refusal(OTHER)


class TestProject:
    """The project's `.python-version`."""

    @pytest.mark.parametrize(
        "text", ["3.9\n", "python-3.9\n", "# old\n\n 3.9 # or so\n3.8\n", "3.9:3.8\n", "{full}\r\n"]
    )
    def test_version(self, machine: Machine, cache: Path, text: str) -> None:
        """The first name counts, by the rules of pyenv; the variable that `pyenv exec` sets does not."""
        machine.add(full("3.8", cache), "3.8")
        nine = machine.add(full("3.9", cache), "3.9")
        machine.pin(text.format(full=full("3.9", cache)))

        for environ in ({}, {"PYENV_VERSION": "3.8", "PYENV_DIR": "/"}, {"PYENV_VERSION": "3.8"}):
            assert machine.find(".python-version", **environ) == (nine, f"pyenv {full('3.9', cache)}")

    def test_above(self, machine: Machine, cache: Path) -> None:
        """It may lie above the project."""
        nine = machine.add(full("3.9", cache), "3.9")
        (machine.path / ".python-version").write_text("3.9\n")

        assert machine.find(".python-version")[0] == nine

    def test_virtualenv(self, machine: Machine, cache: Path) -> None:
        """It may name a virtualenv."""
        real = need("3.9", cache).executable
        subprocess.run([real, "-m", "venv", "--without-pip", machine.versions / "web"], check=True)
        machine.pin("web\n")

        assert machine.find(".python-version") == (real, "pyenv web")

    def test_system(self, machine: Machine, cache: Path) -> None:
        """`system` is what is on PATH, without what is pyenv's."""
        machine.add(full("3.8", cache), "3.8")
        machine.pin("system\n")
        path = f"{machine.versions}/{full('3.8', cache)}/bin:{machine.bin}"
        start = (
            f"{machine.root}/.python-version asks for 'system', and no Python on PATH works but pyenv's\nthere are:\n"
        )
        assert machine.refusal(".python-version", PATH=path).startswith(start)

        (machine.bin / "python3").symlink_to(need("3.9", cache).executable)
        assert machine.find(".python-version", PATH=path) == (need("3.9", cache).executable, "python3 on PATH")

    @pytest.mark.parametrize("text", ["3.9\n", "cpython-{full}-linux-x86_64-gnu\n", "cpython@3.9\n", ">=3.9,<3.10\n"])
    def test_without_pyenv(self, machine: Machine, cache: Path, text: str) -> None:
        """Without pyenv it names a version of any origin, also as uv writes it."""
        machine.pin(text.format(full=full("3.9", cache)))
        (machine.bin / "python3.9").symlink_to(need("3.9", cache).executable)

        assert machine.find(".python-version", PYENV_ROOT="/none")[0] == need("3.9", cache).executable

    def test_not_there(self, machine: Machine, cache: Path) -> None:
        """A first name that is not there is an error, also where the second one is."""
        machine.add(full("3.9", cache), "3.9")
        file = machine.root / ".python-version"
        machine.pin("3.99\n3.9\n")
        assert machine.refusal(".python-version").startswith(f"no Python here is '3.99', which {file} asks for\n")

        machine.pin("../../evil\n3.9\n")
        start = f"{file} asks for '../../evil', which is neither a version nor a name of pyenv's\nthere are:\n"
        assert machine.refusal(".python-version").startswith(start)

        machine.pin("# nothing\n")
        assert machine.refusal(".python-version").startswith(f"{file} names no version\nthere are:\n")

    def test_no_file(self, machine: Machine) -> None:
        """Without such a file, pyenv's global version is not asked: it is nothing of the project's."""
        (machine.path / "pyenv" / "version").write_text(SHORT)
        start = f"there is no .python-version in {machine.root}, nor above it\nthere are:\n"

        assert machine.refusal(".python-version").startswith(start)


def test_message(machine: Machine, cache: Path) -> None:
    """The whole of it: what was asked, what there is, each once and sorted, and what is not used."""
    machine.add(full("3.9", cache), "3.9")
    machine.add(full("3.8", cache), "3.8")
    (machine.versions / "3.9").symlink_to(machine.versions / full("3.9", cache))
    (machine.versions / "3.10.0" / "bin").mkdir(parents=True)
    (machine.versions / "3.10.0" / "bin" / "python").symlink_to("gone")
    (machine.versions / "2.7.18" / "bin").mkdir(parents=True)
    (machine.bin / "python3").symlink_to(need("3.9", cache).executable)
    script(machine.bin / "python3.7", "echo 'no library' >&2; exit 127")
    names = sorted([(full("3.8", cache), "3.8"), (full("3.9", cache), "3.9")])
    rows = [(name, f"pyenv {name}", need(version, cache).executable) for name, version in names]
    rows.append((VERSION, HOST, str(HERE)))
    # Of two names for one, the first counts; which of pyenv's comes first is their order by name.
    rows[1] = (rows[1][0], "pyenv 3.9", rows[1][2])
    first, second = (max(len(row[index]) for row in rows) for index in (0, 1))

    assert machine.refusal("3.99").split("\n") == [
        "no Python here is '3.99'",
        "there are:",
        *(f"  {row[0]:{first}}  {row[1]:{second}}  {row[2]}" for row in rows),
        "these are not used:",
        f"  {machine.bin}/python3.7 is Python 3.7: environments are made with 3.8 and later",
        f"  {machine.versions}/2.7.18/bin/python is Python 2.7.18: environments are made with 3.8 and later",
        f"  {machine.versions}/3.10.0/bin/python is a link to nothing",
        "install it (`pyenv install 3.99`), or ask for another one",
    ]
    old = machine.refusal("3.7").split("\n")
    told = f"{machine.bin}/python3.7 is Python 3.7: environments are made with 3.8 and later"
    assert old[0] == f"no Python here that can be used is '3.7': {told}"
    assert old[-1] == "ask for another one: environments are made with 3.8 and later"
    assert machine.refusal("3.6").startswith("no Python here is '3.6'\nthere are:\n")


def test_found_later(machine: Machine, cache: Path) -> None:
    """What is installed after a session is found in the next one."""
    machine.refusal("3.9")
    (machine.bin / "python3.9").symlink_to(need("3.9", cache).executable)

    assert machine.find("3.9")[0] == need("3.9", cache).executable


def test_list_is_too_old(machine: Machine) -> None:
    """What is remembered of a machine is not believed before something is said to be missing."""
    name = f"cpython-{VERSION}-linux-x86_64-gnu"
    uv = machine.path / "uv"
    (uv / name).mkdir(parents=True)
    for folder in (uv, machine.bin):
        os.utime(folder, (1, 1))
    environ = {"UV_PYTHON_INSTALL_DIR": str(uv)}
    assert len(machine.finder(**environ).found()) == 1
    (machine.path / "new").mkdir()
    copied(machine.path / "new" / "it")
    for part in ("bin", "lib"):
        (machine.path / "new" / "it" / part).rename(uv / name / part)

    assert len(machine.finder(**environ).found()) == 1  # The folder has not changed.
    machine.refusal("3.99", **environ)
    assert machine.refusal("3.99", **environ).count(f"uv's {name}  {uv / name}/bin/{HERE.name}\n") == 1


@pytest.mark.parametrize("is_same_tick", [True, False])
def test_list_is_renewed(machine: Machine, is_same_tick: bool) -> None:  # noqa: FBT001  # Is a column of the table.
    """What uv installs between two sessions is listed, also where the clock did not move between the two."""
    uv = machine.path / "uv"
    uv.mkdir()
    os.utime(machine.bin, (1, 1))
    before = uv.stat().st_mtime_ns if is_same_tick else 1
    os.utime(uv, ns=(before, before))
    assert len(machine.finder(UV_PYTHON_INSTALL_DIR=str(uv)).found()) == 1

    copied(uv / f"cpython-{VERSION}-linux-x86_64-gnu")
    if is_same_tick:
        os.utime(uv, ns=(before, before))
    assert len(machine.finder(UV_PYTHON_INSTALL_DIR=str(uv)).found()) == 2


def test_without_python_discovery(machine: Machine, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependency that is missing costs uv's Pythons alone, and the message says so."""
    monkeypatch.setitem(sys.modules, "python_discovery", None)
    nine = machine.add(full("3.9", cache), "3.9")
    (machine.bin / "python3").symlink_to(need("3.8", cache).executable)

    assert machine.find("3.9")[0] == nine
    assert machine.find("3.8")[1] == "python3 on PATH"
    assert "  python-discovery is not installed: only pyenv and PATH were searched\n" in machine.refusal("3.99")
