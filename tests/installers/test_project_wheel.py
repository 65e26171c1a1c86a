"""The project itself: its wheel is built once for each state of its source, on a copy; or it is used from its folder."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from workbench import HERE, OTHER, Bench, ask, packages, python_of

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.shelf import Shelf
from pytest_envrepro.installers.source import source_digest
from pytest_envrepro.installers.wheels import ProjectWheel, editable_project, project_wheel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.requires_integration("compilers"),
    pytest.mark.requires_packages("virtualenv"),
    pytest.mark.skipif(os.name == "nt", reason="is written for POSIX"),
]

TABLE = '[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "own"\nversion = "1.0"\n'
TABLE += 'optional-dependencies = {{ fast = ["beta"] }}\n'
# It writes beside the sources, as setuptools does; and counts how often it is asked.
BACKEND = """
import base64, hashlib, os, pathlib, sys, zipfile

TAG = {tag!r}

def _write(folder, name, files):
    info = "own-1.0.dist-info"
    files[f"{{info}}/METADATA"] = "Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\nRequires-Dist: beta; extra == 'fast'\\nProvides-Extra: fast\\n"
    files[f"{{info}}/WHEEL"] = f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {{TAG}}\\n"
    files[f"{{info}}/RECORD"] = "".join(f"{{each}},,\\n" for each in [*files, f"{{info}}/RECORD"])
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        for member, text in files.items():
            archive.writestr(zipfile.ZipInfo(member), text)
    return name

def build_wheel(folder, settings=None, metadata=None):
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build", "rubbish").write_text("x")
    with open({counter!r}, "a") as file:
        file.write("%d.%d " % sys.version_info[:2] + os.environ.get("SOURCE_DATE_EPOCH", "") + "\\n")
    return _write(folder, f"own-1.0-{{TAG}}.whl", {{"own.py": pathlib.Path("own.py").read_text()}})

def build_editable(folder, settings=None, metadata=None):
    return _write(folder, f"own-1.0-{{TAG}}.whl", {{"own.pth": os.getcwd() + "\\n"}})
"""


class Own:
    """A project of somebody's own."""

    def __init__(self, bench: Bench, tag: str = "py3-none-any", requires: str = "") -> None:
        self.bench = bench
        self.root = bench.path / "project"
        self.root.mkdir()
        self.counter = bench.path / "counter"
        (self.root / "pyproject.toml").write_text(TABLE.format(requires=requires))
        (self.root / "backend.py").write_text(BACKEND.format(tag=tag, counter=str(self.counter)))
        (self.root / "own.py").write_text("value = 1\n")

    @property
    def built(self) -> list[str]:
        """The Pythons that have built it."""
        return [line.split()[0] for line in self.counter.read_text().splitlines()] if self.counter.exists() else []

    def wheel(self, installer: str = "uv", version: str = HERE, **options: Any) -> ProjectWheel:
        """Ask for its wheel."""
        python = python_of(version)
        chosen = {"cache": self.bench.path / "cache", "environ": self.bench.environ, "timeout": 60, **options}
        return project_wheel(self.root, python, self.bench.installer(installer, python), **chosen)

    def files(self) -> dict[str, bytes]:
        """Give all that lies in its folder."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of wheels."""
    bench = Bench(tmp_path)
    bench.wheel("beta", "1.0")
    return bench


@pytest.fixture
def own(bench: Bench) -> Own:
    """Give a project."""
    return Own(bench)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_built_and_installed(own: Own, installer: str) -> None:
    """It is built offline by either tool, and asked for beside other requirements, with its extras."""
    said: list[str] = []
    before = own.files()

    wheel = own.wheel(installer, offline=True, tell=said.append)
    resolved = own.bench.resolve((wheel.requirement(["fast"]), "this project"), tool=installer)
    folder = own.bench.build(resolved, installer)

    assert packages(folder) == {"beta": "1.0", "own": "1.0"}
    assert resolved.trail("beta") == "beta, needed by own, asked for by this project"
    assert resolved.weak is False
    assert ask(folder, "import own; print(own.value)") == "1"
    assert own.files() == before
    assert said == [f"building this project's wheel with {own.bench.installer(installer).label}"]
    assert own.counter.read_text().split() == [HERE, "315532800"]


def test_earlier_builds(own: Own) -> None:
    """What an earlier build has left beside the source is not there when the wheel is built: it may hold deleted modules."""
    for place in ("build/lib/deleted.py", "own.egg-info/SOURCES.txt"):
        (own.root / place).parent.mkdir(parents=True)
        (own.root / place).write_text("")
    backend = own.root / "backend.py"
    seen = 'import os\nassert not os.path.exists("build/lib") and not os.path.exists("own.egg-info")\n'
    backend.write_text(seen + backend.read_text())

    assert own.wheel().path.name.endswith(".whl")
    assert (own.root / "build" / "lib" / "deleted.py").exists()


def test_built_once(own: Own) -> None:
    """It is built once for each state of its source, and again when a file has another content, name or right."""
    first = own.wheel()
    assert own.wheel() == first
    os.utime(own.root / "own.py", (1, 1))
    assert own.wheel() == first
    assert own.built == [HERE]

    (own.root / "own.py").write_text("value = 2\n")
    second = own.wheel()
    (own.root / "more.py").write_text("")
    own.wheel()
    (own.root / "more.py").chmod(0o755)
    own.wheel()

    assert own.built == [HERE] * 4
    assert second.identity != first.identity
    (own.root / "own.py").write_text("value = 1\n")
    (own.root / "more.py").unlink()
    assert own.wheel() == first
    assert own.built == [HERE] * 4


@pytest.mark.skipif(OTHER is None, reason="there is no other Python here")
def test_every_python(own: Own) -> None:
    """A wheel for every Python is built by the first that asks."""
    assert own.wheel(version=HERE) == own.wheel("pip", version=OTHER or "")
    assert own.built == [HERE]


@pytest.mark.skipif(OTHER is None, reason="there is no other Python here")
def test_each_python(bench: Bench) -> None:
    """One that is for a Python alone is built for each, by itself."""
    own = Own(bench, tag="py3-none-linux_x86_64")
    backend = own.root / "backend.py"
    backend.write_text(
        backend.read_text().replace('"own.py").read_text()', '"own.py").read_text() + f"# {sys.version}"')
    )

    paths = {own.wheel(version=version).path for version in (HERE, OTHER or "", HERE, OTHER or "")}

    assert len(paths) == 2
    assert own.built == [HERE, OTHER]


def test_what_is_no_source(own: Own) -> None:
    """What tools leave in a project gives no new wheel, nor what the session writes there; a build is given none of it."""
    junit = own.root / "junit.xml"
    first = own.wheel(written=[junit])
    left = [".coverage", ".coverage.host.1", "htmlcov/index.html", "dist/own-0.9.tar.gz", "src/own.egg-info/PKG-INFO"]
    left += ["build/lib/own.py", "own.pyc", ".hypothesis/x", ".vscode/settings.json", "junit.xml"]
    for place in left:
        (own.root / place).parent.mkdir(parents=True, exist_ok=True)
        (own.root / place).write_text("x")

    assert own.wheel(written=[junit]) == first
    assert own.built == [HERE]
    backend = own.root / "backend.py"
    seen = f"import os\nassert not [each for each in {left} if os.path.exists(each)]\n"
    backend.write_text(seen + backend.read_text())
    assert own.wheel(written=[junit]) == first
    assert own.built == [HERE] * 2


def test_ignored_may_be_source(own: Own) -> None:
    """What git ignores may be in the wheel all the same, as what a build generates: it counts, and so do other reports."""
    first = own.wheel()
    for number, name in enumerate((".gitignore", "own_version.py", "report.xml", "own/htmlcov.py", "own/dist/x.whl")):
        (own.root / name).parent.mkdir(parents=True, exist_ok=True)
        (own.root / name).write_text("own_version.py\nreport.xml\n")
        assert own.wheel() == first
        assert len(own.built) == number + 2


def test_same_wheel(own: Own) -> None:
    """Another state of the source that comes to the same wheel is the same: nothing that is made of it is made again."""
    first = own.wheel()
    (own.root / "notes.txt").write_text("x")
    second = own.wheel()

    assert own.built == [HERE] * 2
    assert (second.path, second.identity) == (first.path, first.identity)


def test_bounded(bench: Bench) -> None:
    """Of the wheels, those are kept that were used last: 32, and what was used within the hour."""
    cache, shelf = bench.path / "cache", Shelf(bench.path / "cache")

    def add(number: int) -> Path:
        made = bench.path / "own-1.0-py3-none-any.whl"
        made.write_text(f"wheel {number}")
        return shelf.put(made, f"source {number}", "any")

    paths = [add(number) for number in range(34)]
    assert all(path.exists() for path in paths)
    for number, path in enumerate(paths):
        os.utime(path.parent, (1000 + number, 1000 + number))
    assert shelf.find("source 0", "any") == paths[0]
    last = add(34)

    assert shelf.find("source 34", "any") == last
    assert [path for path in paths if not path.exists()] == paths[1:4]
    assert shelf.find("source 1", "any") is None
    assert len(list((cache / "wheels").iterdir())) == 32


def test_left_behind(own: Own) -> None:
    """What a session that was killed has left behind is not taken for a wheel, and what is lost is built again."""
    wheel = own.wheel()
    wheel.path.unlink()

    assert own.wheel() == wheel
    assert own.built == [HERE, HERE]


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_failing(own: Own, installer: str) -> None:
    """A build that fails is shown with the command and its last words."""
    (own.root / "backend.py").write_text("def build_wheel(*args): raise RuntimeError('no compiler here')\n")

    with pytest.raises(BuildError) as caught:
        own.wheel(installer)

    lines = str(caught.value).splitlines()
    assert lines[0] == f"{own.bench.installer(installer).label} cannot build this project's wheel"
    assert lines[1].startswith("  the command: ")
    assert any("RuntimeError: no compiler here" in line for line in lines)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_needs_what_is_not_here(bench: Bench, installer: str) -> None:
    """What its build needs and cannot have offline is told by name."""
    own = Own(bench, requires='"someline>=9"')

    with pytest.raises(
        BuildError, match="\n  offline, no file of 'someline' is at hand that fits, and a build needs it\n"
    ):
        own.wheel(installer, offline=True)


def test_no_project(bench: Bench) -> None:
    """A folder without a project is refused."""
    (bench.path / "project").mkdir()

    message = r"this project cannot be built: there is no pyproject\.toml and no setup\.py in "
    with pytest.raises(BuildError, match=message):
        editable_project(bench.path / "project")
    with pytest.raises(BuildError, match=message):
        project_wheel(
            bench.path / "project", python_of(), bench.installer("uv"), cache=bench.path / "c", environ=bench.environ
        )


def test_no_backend(own: Own) -> None:
    """A `pyproject.toml` that is there for tools alone makes no project: pip would build something called UNKNOWN."""
    (own.root / "pyproject.toml").write_text("[tool.x]\n")

    with pytest.raises(BuildError) as caught:
        own.wheel()

    assert str(caught.value) == (
        f"this project cannot be built: {own.root / 'pyproject.toml'} has neither [project], with a name and a version, nor "
        "[build-system], and there is no setup.py beside it"
    )
    (own.root / "setup.cfg").write_text("[metadata]\nname = own\n")
    assert editable_project(own.root).editable


def git(root: Path, *words: str) -> str:
    """Run git."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.requires_integration("git")
@pytest.mark.parametrize("kind", ["clone", "worktree"])
def test_history(own: Own, kind: str) -> None:
    """A version that a build takes from the history is that of the original, which is only read; a tag is a new state."""
    root = own.root
    backend = root / "backend.py"
    describe = "import subprocess; value = subprocess.check_output(['git', 'describe', '--tags', '--dirty'], text=True).strip()"
    text = backend.read_text().replace('pathlib.Path("own.py").read_text()', "f'value = {value!r}\\n'")
    backend.write_text(
        text.replace(
            "def build_wheel(folder, settings=None, metadata=None):\n",
            f"def build_wheel(folder, settings=None, metadata=None):\n    {describe}\n",
        )
    )
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "x")
    git(root, "tag", "v1")
    if kind == "worktree":
        git(root, "worktree", "add", "-q", str(root.with_name("tree")))
        own.root = root.with_name("tree")
    index = (root / ".git" / "index").read_bytes()
    entries = sorted(path for path in (root / ".git").rglob("*"))

    def version() -> str:
        return ask(own.bench.build(own.bench.resolve(own.wheel().requirement())), "import own; print(own.value)")

    assert version() == "v1"
    assert sorted(path for path in (root / ".git").rglob("*")) == entries
    assert (root / ".git" / "index").read_bytes() == index
    assert version() == "v1"
    git(own.root, "tag", "v2", "-m", "y")
    assert version() == "v2"
    (own.root / "own.py").write_text("changed")
    assert version() == "v2-dirty"


def test_digest_reads_nothing_twice(own: Own) -> None:
    """Where no file has another size or time, none is read again; caches and the like are no part of it."""
    cache = own.bench.path / "cache"
    digest = source_digest(own.root, cache)
    for name in (".venv/x", "__pycache__/x", "env/pyvenv.cfg", "env/x"):
        (own.root / name).parent.mkdir(exist_ok=True)
        (own.root / name).write_text("x")
    assert source_digest(own.root, cache) == digest

    status = (own.root / "own.py").stat()
    (own.root / "own.py").write_text("value = 3\n")
    os.utime(own.root / "own.py", ns=(status.st_atime_ns, status.st_mtime_ns))

    assert source_digest(own.root, cache) == digest
    assert source_digest(own.root, own.bench.path / "empty") != digest


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_editable(own: Own, installer: str) -> None:
    """Its own files are in use: a change of them is seen without building again; it is weak, and says so."""
    project = editable_project(own.root)
    resolved = own.bench.resolve((project.requirement(["fast"]), "this project"), tool=installer)

    folder = own.bench.build(resolved, installer)

    assert ask(folder, "import own; print(own.value)") == "1"
    (own.root / "own.py").write_text("value = 22\n")
    assert ask(folder, "import own; print(own.value)") == "22"
    assert packages(folder) == {"beta": "1.0", "own": "1.0"}
    assert resolved.weak


@pytest.mark.parametrize(
    ("installer", "name"),
    [*((tool, name) for tool in ("uv", "pip") for name in ("a space", "it's ü%20[x]")), ("pip", "a#b")],
)
def test_editable_anywhere(bench: Bench, installer: str, name: str) -> None:
    """A folder may be called as it likes."""
    bench.path = bench.path / name
    bench.path.mkdir()
    own = Own(bench)
    bench.wheel("beta", "1.0")

    tool = "pip-tools" if installer == "pip" else installer
    resolved = bench.resolve((editable_project(own.root).requirement(["fast"]), "this project"), tool=tool)

    folder = bench.build(resolved, installer)
    assert ask(folder, "import own; print(own.__file__)") == str(own.root / "own.py")


def test_editable_identity(own: Own) -> None:
    """Of its files, those decide that tell how it is installed."""
    first = editable_project(own.root).identity
    (own.root / "own.py").write_text("value = 2\n")
    assert editable_project(own.root).identity == first

    (own.root / "setup.cfg").write_text("[x]\n")
    assert editable_project(own.root).identity != first
