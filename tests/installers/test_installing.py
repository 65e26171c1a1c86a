"""Installing: pins and nothing else, into the environment that is meant, whatever the user's own settings say."""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import making
import pytest
from workbench import EVERY, Bench, ask, packages, proof, python_of

from pytest_envrepro.errors import BuildError, SettingsError
from pytest_envrepro.installers.building import build
from pytest_envrepro.installers.installing import install_into

if TYPE_CHECKING:
    from pytest_envrepro.interpreter import Python

pytestmark = [
    pytest.mark.requires_integration("compilers"),
    pytest.mark.requires_packages("virtualenv"),
    pytest.mark.skipif(os.name == "nt", reason="is written for POSIX"),
]

BOTH = pytest.mark.parametrize("installer", ["uv", "pip"])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of wheels."""
    bench = Bench(tmp_path)
    bench.wheel("alpha", "1.0", ("beta",), scripts=("alphas",))
    bench.wheel("beta", "1.0")
    bench.wheel("beta", "2.0")
    return bench


def locked(bench: Bench, *files: str) -> str:
    """Give a lock of some of the wheels."""
    lines = []
    for file in files:
        name, version, *_ = file.split("-")
        lines.append(
            f"{name}=={version} --hash=sha256:{hashlib.sha256((bench.wheels / file).read_bytes()).hexdigest()}\n"
        )
    return "".join(lines)


ALPHA, BETA = "alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"


def content(folder: Path) -> dict[str, bytes]:
    """Give all files of packages, but what tells who installed them, and what of it was asked for."""
    left_out = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in left_out and path.suffix not in {".pyc", ".lock"}
    }


@pytest.mark.parametrize("version", EVERY)
def test_pip_and_uv_agree(bench: Bench, version: str) -> None:
    """What pip and uv install of one lock is the same, package by package and file by file; all of it is compiled."""
    python = python_of(version)
    resolved = bench.resolve(lock=locked(bench, ALPHA, BETA), python=python)

    one, other = (bench.build(resolved, name, python) for name in ("uv", "pip"))

    assert packages(one, python) == packages(other, python) == {"alpha": "1.0", "beta": "1.0"}
    site = python.layout.purelib
    assert content(one / site) == content(other / site)
    assert (one / "bin" / "alphas").exists()
    assert (other / "bin" / "alphas").exists()
    for folder in (one, other):
        assert_compiled(folder, python)
    assert ask(one, "import alpha, beta; print(alpha.version, beta.version)", python) == "1.0 1.0"


def assert_compiled(folder: Path, python: Python) -> None:
    """See that a module has bytecode, by the Python itself, and with its path."""
    site = folder / python.layout.purelib
    (compiled,) = (site / "__pycache__").glob("alpha.*.pyc")
    data = compiled.read_bytes()
    source = (site / "alpha.py").stat()
    # PEP 552: flags of 0 say that the source's time and size follow.
    assert data[4:8] == bytes(4)
    assert int.from_bytes(data[8:12], "little") == int(source.st_mtime)
    assert int.from_bytes(data[12:16], "little") == source.st_size
    assert os.fsencode(site / "alpha.py") in data
    if python == python_of():
        assert marshal.loads(data[16:]).co_filename == str(site / "alpha.py")  # noqa: S302  # Ours.


@pytest.mark.parametrize("version", EVERY)
def test_which_pip(bench: Bench, version: str) -> None:
    """The pip for a Python is one that it can run: that of here, or one that virtualenv or its own ensurepip has."""
    python = python_of(version)
    installer = bench.installer("pip", python)

    argv = installer.program.command(python.executable, "--version")
    said = subprocess.run(argv, capture_output=True, text=True, check=True, env=bench.environ).stdout

    assert said.startswith(f"{installer.label} from ")
    assert said.endswith(f"(python {version})\n")


def test_auto(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`auto` is uv beside this Python, else uv on PATH, else pip."""
    assert bench.installer("auto").label.startswith("uv ")

    program = tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.symlink_to(bench.installer("uv").program.argv[0])
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    bench.variables = {"PATH": str(tmp_path / "bin")}
    assert bench.installer("auto").label == "the uv on PATH"

    bench.variables = {"PATH": os.defpath}
    assert bench.installer("auto").name == "pip"
    with pytest.raises(
        BuildError, match="nothing here can install:\n  uv is not installed here, nor on PATH: pip install uv"
    ):
        bench.installer("uv")


def test_unknown_installer(bench: Bench) -> None:
    """A name that is none is refused with those that are."""
    with pytest.raises(SettingsError, match="installer = 'conda' is not known here: it may be 'auto', 'uv', 'pip'"):
        bench.installer("conda")


@BOTH
@pytest.mark.parametrize(
    "words",
    [
        ("--target=/x",),
        ("--target", "/x"),
        ("--prefix=/x",),
        ("--user",),
        ("--python", "x"),
        ("-e", "."),
        ("alpha",),
        ("-t/x",),
    ],
)
def test_arguments_refused(bench: Bench, installer: str, words: tuple[str, ...]) -> None:
    """Nothing may be added that sends an installation elsewhere, or adds to it."""
    with pytest.raises(SettingsError) as caught:
        bench.installer(installer, arguments=words)

    start = f"installer-args: '{words[0]}' is not among what {installer} may be told here. It may be: --"
    assert str(caught.value).startswith(start)


@BOTH
def test_arguments_taken(bench: Bench, installer: str, tmp_path: Path) -> None:
    """What chooses among files may be added, for resolving and for installing alike."""
    other = tmp_path / "other"
    making.wheel(other, "gamma", "1.0")
    arguments = ("--find-links", str(other), "--only-binary=:all:")

    resolved = bench.resolve("gamma", tool=installer, arguments=arguments)
    assert packages(bench.build(resolved, installer, arguments=arguments)) == {"gamma": "1.0"}
    with pytest.raises(SettingsError, match="installer-args: '--find-links' needs a value"):
        bench.installer(installer, arguments=["--find-links"])


@BOTH
def test_wrong_hash(bench: Bench, installer: str) -> None:
    """A file that is not the one that was locked is not installed; the command and the tool's words are shown."""
    resolved = bench.resolve(lock=f"alpha==1.0 --hash=sha256:{'0' * 64}\n    # via integration 'x'\n")

    with pytest.raises(BuildError) as caught:
        bench.build(resolved, installer)

    lines = str(caught.value).splitlines()
    assert lines[0] == f"{bench.installer(installer).label} cannot install what was chosen:"
    assert lines[1] == "  alpha, asked for by integration 'x'"
    assert lines[2].startswith("  the command: ")
    assert "--require-hashes" in lines[2]
    assert any("0" * 64 in line for line in lines[3:])


@BOTH
def test_missing_wheel(bench: Bench, installer: str) -> None:
    """A wheel that is nowhere is told by its name, with who asks for it; offline, with what to do."""
    lock = f"{locked(bench, ALPHA)}    # via a.in\ngamma==3.0 --hash=sha256:{'1' * 64}\n    # via alpha\n"
    resolved = bench.resolve(lock=lock)

    with pytest.raises(BuildError) as caught:
        bench.build(resolved, installer, offline=True)

    lines = str(caught.value).splitlines()
    assert "  gamma, needed by alpha, asked for by a.in" in lines
    assert "  offline, no file of 'gamma' is at hand that fits" in lines
    assert (
        "  ask once without --env-offline, or put a wheel into a folder that PIP_FIND_LINKS or UV_FIND_LINKS names"
        in lines
    )


def sdist(folder: Path, name: str, requires: str, body: str = "") -> Path:
    """Write a source distribution with a build backend of its own."""
    table = f'[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    backend = (
        "import sys; sys.path.insert(0, 'helpers')\n"
        "def build_wheel(folder, settings=None, metadata=None):\n"
        f"    {body or 'pass'}\n"
        "    import making, pathlib\n"
        f"    return making.wheel(pathlib.Path(folder), {name!r}, '1.0').name\n"
    )
    files = {"pyproject.toml": table, "backend.py": backend, "PKG-INFO": making.metadata(name, "1.0")}
    files["helpers/making.py"] = Path(making.__file__).read_text()
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, text in files.items():
            info = tarfile.TarInfo(f"{name}-1.0/{member}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def lock_of(path: Path) -> str:
    """Give a lock of a source distribution."""
    name = path.name.partition("-")[0]
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n    # via a.in\n"


@BOTH
@pytest.mark.parametrize("version", ["3.8", "3.12"])
def test_source_distribution(bench: Bench, installer: str, version: str) -> None:
    """Where there is no wheel, one is built, by the environment's own Python."""
    python = python_of(version)
    body = "import sys; assert '%d.%d' % sys.version_info[:2] == " + repr(version)
    resolved = bench.resolve(lock=lock_of(sdist(bench.wheels, "built", "", body)))

    assert packages(bench.build(resolved, installer, python, offline=True), python) == {"built": "1.0"}


@BOTH
def test_source_distribution_offline(bench: Bench, installer: str) -> None:
    """Where a build needs what is not at hand, that is told by its name, with who asks for the package."""
    resolved = bench.resolve(lock=lock_of(sdist(bench.wheels, "built", '"someline>=9"')))

    with pytest.raises(BuildError) as caught:
        bench.build(resolved, installer, offline=True)

    lines = str(caught.value).splitlines()
    assert "  built, asked for by a.in" in lines
    assert "  offline, no file of 'someline' is at hand that fits, and a build needs it" in lines


@BOTH
def test_build_that_fails(bench: Bench, installer: str) -> None:
    """A build that fails is shown with its own last words."""
    resolved = bench.resolve(lock=lock_of(sdist(bench.wheels, "built", "", "raise RuntimeError('no compiler here')")))

    with pytest.raises(BuildError) as caught:
        bench.build(resolved, installer)

    text = str(caught.value)
    assert "\n  built, asked for by a.in\n  the command: " in text
    assert "RuntimeError: no compiler here" in text


@BOTH
def test_slow_build(bench: Bench, installer: str) -> None:
    """What takes longer than it may is ended, and told."""
    resolved = bench.resolve(lock=lock_of(sdist(bench.wheels, "built", "", "import time; time.sleep(60)")))

    with pytest.raises(BuildError, match=r"is to install: it was ended after 5 seconds\n  the command: "):
        bench.build(resolved, installer, timeout=5)


@BOTH
def test_interrupted(bench: Bench, installer: str) -> None:
    """Ctrl-C ends the tool, and what it has started."""
    started = bench.path / "started"
    body = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    lock = bench.path / "lock.txt"
    lock.write_text(lock_of(sdist(bench.wheels, "built", "", body)))
    code = (
        f"import sys; sys.path.insert(0, {str(Path(making.__file__).parent)!r})\n"
        "from pathlib import Path\nfrom workbench import Bench\n"
        f"bench = Bench(Path({str(bench.path)!r}), {{}}, 50)\n"
        f"bench.build(bench.resolve(lock=Path({str(lock)!r}).read_text()), {installer!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (started.exists() and started.read_text()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()

    assert "KeyboardInterrupt" in said
    assert is_gone(int(started.read_text()))


def is_gone(number: int) -> bool:
    """Tell whether a process has ended; nobody may have asked for its status yet."""
    status = Path(f"/proc/{number}/status")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(number, 0)
            if status.exists() and "State:\tZ" in status.read_text():
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def mislead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give the tools every setting that could send an installation elsewhere; give the places."""
    places = [bench.path / f"elsewhere{number}" for number in range(3)]
    home = bench.path / "home"
    conf = f"[global]\ntarget = {places[0]}\nuser = yes\n[install]\nprefix = {places[1]}\nroot = {places[2]}\nno-deps = no\n"
    conf += "require-virtualenv = true\ndry-run = true\nconstraint = /nowhere/bounds.txt\n"
    uv = f'[pip]\ntarget = "{places[0]}"\npython-version = "3.7"\nextra = [\n  "x",\n]\nsystem = true\nno-index = false\n'
    for name, text in ((".config/pip/pip.conf", conf), (".config/uv/uv.toml", uv)):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    bench.variables = {
        "PIP_TARGET": str(places[0]),
        "PIP_USER": "1",
        "PIP_PREFIX": str(places[1]),
        "PIP_ROOT": str(places[2]),
        "_PIP_RUNNING_IN_SUBPROCESS": "1",
        "PIP_PYTHON": sys.executable,
        "PIP_DRY_RUN": "1",
        "PIP_CONSTRAINT": "/nowhere",
        "UV_PYTHON": sys.executable,
        "UV_SYSTEM_PYTHON": "1",
        "UV_PROJECT_ENVIRONMENT": str(places[0]),
        "UV_CONSTRAINT": "/nowhere",
        "UV_LINK_MODE": "symlink",
        "UV_NO_VERIFY_HASHES": "1",
        "VIRTUAL_ENV": sys.prefix,
        "CONDA_PREFIX": sys.prefix,
        "PYTHONPATH": str(bench.path / "shadow"),
        "PYTHONHOME": python_of().base_prefix,
        "PYTHONUSERBASE": str(places[0]),
        "__PYVENV_LAUNCHER__": sys.executable,
        "VIRTUALENV_SYSTEM_SITE_PACKAGES": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name, value in bench.variables.items():
        # What is in this process counts as little as what it is told; but it has started already, and shows itself.
        monkeypatch.setenv(name, value)
    return places


@BOTH
@pytest.mark.parametrize("version", ["3.8", "3.9", "3.11", "3.13"])
def test_not_misled(bench: Bench, installer: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the user's variables and settings files changes where packages go, and which."""
    python = python_of(version)
    places = mislead(bench, monkeypatch)
    shadow = bench.path / "shadow"
    making.install(shadow, "beta", "9.0", files={"beta.py": "version = 'shadow'\n"})
    (shadow / "sitecustomize.py").write_text("import sys; sys.exit('is misled')\n")

    folder = bench.build(bench.resolve(lock=locked(bench, ALPHA, BETA), python=python), installer, python)

    assert packages(folder, python) == {"alpha": "1.0", "beta": "1.0"}
    assert not any(place.exists() for place in places)
    # A file that is one with the tool's cache would be changed there, and in all other environments, with it.
    assert {path.lstat().st_nlink for path in (folder / python.layout.purelib).rglob("*") if not path.is_dir()} == {1}
    assert not any(path.is_symlink() for path in (folder / python.layout.purelib).iterdir())
    for name in bench.variables:
        monkeypatch.delenv(name)
    code = "import sys, beta; print(beta.version, sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    assert ask(folder, code.replace("sys.argv[1:]", f"{version.split('.')}"), python) == "1.0 True"
    assert "include-system-site-packages = false" in (folder / "pyvenv.cfg").read_text()


def test_sent_elsewhere(bench: Bench, tmp_path: Path) -> None:
    """Where an installer ends well and has installed nothing here, the environment is refused."""
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    ready = bench.installer("uv")
    resolved = bench.resolve(lock=locked(bench, ALPHA))
    fake = replace(ready, program=ready.program._replace(argv=(str(program),)))

    with pytest.raises(BuildError) as caught:
        build(
            bench.folder() / "x",
            python_of(),
            resolved,
            fake,
            prove=proof(python_of()),
            environ=bench.environ,
            workspace=bench.folder(),
        )

    assert str(caught.value).splitlines() == [
        f"{ready.label} ended well, and what was chosen is not in the environment: is it told to install elsewhere?",
        "  alpha: is missing instead of 1.0",
    ]


@BOTH
def test_added(bench: Bench, installer: str) -> None:
    """More can be installed into an environment that may be changed, with what it needs; what cannot be is told."""
    folder = bench.build(bench.resolve(), installer)
    options: dict[str, Any] = {"installer": bench.installer(installer), "environ": bench.environ}

    install_into(folder, ["alpha"], python_of(), workspace=bench.folder(), **options)
    assert packages(folder) == {"alpha": "1.0", "beta": "2.0"}
    install_into(folder, ["beta<2"], python_of(), workspace=bench.folder(), **options)
    assert packages(folder) == {"alpha": "1.0", "beta": "1.0"}
    with pytest.raises(
        BuildError, match=r"cannot install gamma>=1\n  offline, no file of 'gamma' is at hand that fits\n"
    ):
        install_into(folder, ["gamma>=1"], python_of(), workspace=bench.folder(), offline=True, **options)


def test_killed(bench: Bench) -> None:
    """An installer that is ended by a signal says by which."""
    ready = bench.installer("pip")
    program = replace(ready, program=ready.program._replace(argv=("/bin/sh", "-c", "echo Resolved; kill -9 $$")))
    options: dict[str, Any] = {"installer": program, "environ": bench.environ, "workspace": bench.folder()}

    with pytest.raises(BuildError) as caught:
        install_into(bench.folder(), ["alpha"], python_of(), **options)

    assert str(caught.value).endswith("\n  it was ended by SIGKILL, and had said:\n    Resolved")


@BOTH
def test_weak_beside_hashed(bench: Bench, installer: str) -> None:
    """What has no hash is installed beside what is held to one."""
    resolved = bench.resolve(lock=locked(bench, ALPHA) + "beta==2.0\n")

    assert packages(bench.build(resolved, installer)) == {"alpha": "1.0", "beta": "2.0"}


def test_relative_paths(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths in the user's variables are those of the user's folder; one may hold a space."""
    monkeypatch.chdir(bench.path)
    bench.variables = {"UV_FIND_LINKS": "wheels", "UV_CACHE_DIR": "my cache", "PIP_FIND_LINKS": "wheels index"}

    for tool in ("uv", "pip"):
        assert packages(bench.build(bench.resolve("alpha", tool=tool), tool)) == {"alpha": "1.0", "beta": "2.0"}
    assert (bench.path / "my cache").is_dir()


@pytest.mark.requires_packages("uv>=0.9")
def test_relative_paths_in_a_list(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uv puts commas between several."""
    making.wheel(bench.path / "a b", "gamma", "1.0")
    monkeypatch.chdir(bench.path)
    bench.variables = {"UV_FIND_LINKS": "wheels,a b"}

    assert [pin.line for pin in bench.resolve("alpha", "gamma").pins] == ["alpha==1.0", "beta==2.0", "gamma==1.0"]
