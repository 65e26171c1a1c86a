"""Resolving: everything that is asked for together, by each of the tools, to pins with hashes; and why it cannot be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from workbench import EVERY, HERE, Bench, another, python_of

from pytest_envrepro.errors import BuildError
from pytest_envrepro.installers.pinning import Asked, Sources
from pytest_envrepro.installers.tracing import failed
from pytest_envrepro.process import Completed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.requires_integration("compilers"),
    pytest.mark.skipif(os.name == "nt", reason="is written for POSIX"),
]

TOOLS = ["uv", "pip-tools", "pip"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a folder of wheels in which `alpha` needs `beta`."""
    bench = Bench(tmp_path)
    bench.wheel("alpha", "1.0", ("beta<2",))
    bench.wheel("alpha", "2.0", ("beta<2", "delta; extra == 'fast'"), extras=("fast",))
    bench.wheel("beta", "1.0", ("tau; python_version < '3.9'",))
    bench.wheel("beta", "2.0")
    bench.wheel("delta", "1.0")
    bench.wheel("tau", "1.0")
    return bench


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """Give each of the tools."""
    name: str = request.param
    return name


def digest(path: Path) -> str:
    """Give a file's hash as a lock has it."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def refused(bench: Bench, *asked: str | tuple[str, str], **options: Any) -> list[str]:
    """Resolve what cannot be, and give the lines of the message."""
    with pytest.raises(BuildError) as caught:
        bench.resolve(*asked, **options)
    return str(caught.value).splitlines()


def test_pins(bench: Bench, tool: str) -> None:
    """All that is needed is pinned with its hash, with who asks for it, and it is known that a choice was made."""
    resolved = bench.resolve(("alpha", "integration 'fast'"), tool=tool)

    assert resolved.text == (
        f"alpha==2.0 \\\n    --hash={digest(bench.wheels / 'alpha-2.0-py3-none-any.whl')}\n"
        f"    # via integration 'fast'\n"
        f"beta==1.0 \\\n    --hash={digest(bench.wheels / 'beta-1.0-py3-none-any.whl')}\n"
        "    # via alpha\n"
    )
    assert (resolved.weak, resolved.reasons, resolved.unpinned) == (False, (), True)
    assert resolved.tool.startswith(tool)
    assert resolved.trail("beta") == "beta, needed by alpha, asked for by integration 'fast'"


@pytest.mark.parametrize("version", EVERY)
@pytest.mark.parametrize("tool", ["uv", "pip"], indirect=True)
def test_markers_of_target(bench: Bench, tool: str, version: str) -> None:
    """Markers are those of the Python that is asked for, whichever runs the tool."""
    python = python_of(version)

    resolved = bench.resolve("alpha", "delta; python_version < '3.9'", python=python, tool=tool)

    old = version == "3.8"
    assert [pin.name for pin in resolved.pins] == ["alpha", "beta", *(["delta", "tau"] if old else [])]
    assert "python_version" not in resolved.text


def test_pip_tools_for_another(bench: Bench) -> None:
    """pip-tools would choose for the Python that runs it: for another, pip itself is asked."""
    resolved = bench.resolve("alpha", python=another(), tool="pip-tools")

    assert resolved.tool.startswith("pip ")
    assert [pin.line for pin in resolved.pins] == ["alpha==2.0", "beta==1.0"]


@pytest.mark.parametrize("how", ["file", "variable"])
@pytest.mark.parametrize("tool", ["pip-tools", "pip"], indirect=True)
def test_for_other_pythons(bench: Bench, tool: str, how: str) -> None:
    """What is not for this Python is not chosen, whoever has told pip to take no notice of that, and where."""
    bench.wheel("eta", "1.0")
    bench.wheel("eta", "2.0", python="<3")
    conf = bench.path / "home" / ".config" / "pip" / "pip.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("[global]\nignore-requires-python = true\n" if how == "file" else "")
    bench.variables = {"PIP_IGNORE_REQUIRES_PYTHON": "1"} if how == "variable" else {}

    assert [pin.line for pin in bench.resolve("eta", tool=tool).pins] == ["eta==1.0"]


def test_nothing_applies(bench: Bench) -> None:
    """Where nothing is asked for, no tool is started."""
    resolved = bench.resolve("alpha; python_version < '3'", environ={"PATH": "/nowhere"})

    assert (resolved.pins, resolved.text, resolved.tool, resolved.unpinned) == ((), "", "", False)


def test_extras(bench: Bench, tool: str) -> None:
    """An extra brings what it needs, and stands in no pin."""
    resolved = bench.resolve("alpha[fast]", tool=tool)

    assert [pin.line for pin in resolved.pins] == ["alpha==2.0", "beta==1.0", "delta==1.0"]


def test_constraints(bench: Bench, tool: str) -> None:
    """A constraint bounds, and asks for nothing."""
    bounds = (("alpha<2", "constraints.txt:1"), ("tau==1.0", "constraints.txt:2"))

    resolved = bench.resolve("alpha", tool=tool, constraints=bounds)

    assert [pin.line for pin in resolved.pins] == ["alpha==1.0", "beta==1.0"]


def test_all_named(bench: Bench, tool: str) -> None:
    """Where sources name each version, nothing was chosen."""
    resolved = bench.resolve("alpha==1.0", tool=tool, constraints=(("beta==1.0", "constraints.txt:1"),))

    assert resolved.unpinned is False


def test_wheel_at_url(bench: Bench, tool: str) -> None:
    """A wheel at a URL is held to its hash."""
    wheel = bench.wheels / "beta-1.0-py3-none-any.whl"

    resolved = bench.resolve("alpha", f"beta @ {wheel.as_uri()}", tool=tool)

    beta = resolved.pins[1]
    assert (beta.line, beta.hashes, resolved.weak) == (f"beta @ {wheel.as_uri()}", (digest(wheel),), False)


def project(folder: Path) -> Path:
    """Write a project with a build backend of its own, which needs nothing."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "own"\nversion = "1.0"\ndependencies = ["beta"]\n'
    )
    (folder / "backend.py").write_text(
        "import pathlib\n"
        "def prepare_metadata_for_build_wheel(folder, settings=None):\n"
        "    info = pathlib.Path(folder, 'own-1.0.dist-info'); info.mkdir()\n"
        "    info.joinpath('METADATA').write_text('Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\nRequires-Dist: beta\\n')\n"
        "    info.joinpath('WHEEL').write_text('Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "    return info.name\n"
        "prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel\n"
        "def build_wheel(*args): raise SystemExit('is not needed')\n"
        "build_editable = build_wheel\n"
    )
    return folder


def test_folder(bench: Bench, tool: str) -> None:
    """A folder has no hash: what is chosen is weak, and it is said why."""
    folder = project(bench.path / "own")

    resolved = bench.resolve(f"own @ {folder.as_uri()}", tool=tool)

    assert [pin.name for pin in resolved.pins] == ["beta", "own"]
    assert resolved.weak
    assert resolved.reasons == (f"own comes from {folder.as_uri()}, without a hash",)


@pytest.mark.parametrize("tool", ["uv", "pip"], indirect=True)
def test_editable(bench: Bench, tool: str) -> None:
    """What is editable brings what it needs, and is weak."""
    folder = project(bench.path / "own")

    resolved = bench.resolve((f"-e {folder}", "this project"), tool=tool)

    assert "beta==2.0" in [pin.line for pin in resolved.pins]
    (line,) = [pin.line for pin in resolved.pins if pin.line.startswith("-e ")]
    assert line.removeprefix("-e ").removeprefix("file://") == str(folder)
    assert len(resolved.reasons) == 1
    assert resolved.reasons[0].endswith("is editable: its files are those of its folder")


@pytest.mark.requires_integration("git")
def test_vcs(bench: Bench, tool: str) -> None:
    """A branch of a repository is pinned by uv and pip to its commit; a commit is no hash, so it is weak."""
    folder = project(bench.path / "own")
    run = subprocess.run
    for words in (
        ["init", "-qb", "trunk"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        run(["git", *words], cwd=folder, check=True)
    commit = run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    resolved = bench.resolve(f"own @ git+{folder.as_uri()}@trunk", tool=tool)

    pinned = "trunk" if tool == "pip-tools" else commit
    own = next(pin for pin in resolved.pins if pin.name == "own")
    assert own.url == f"git+{folder.as_uri()}@{pinned}"
    assert resolved.reasons == (f"own comes from {own.url}, without a hash",)


LOCK = """\
# A lock.
--index-url https://example.org/simple
alpha[fast]==2.0 ; python_version >= "3.8" \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via -r requirements.in
tau==1.0 ; python_version < "3" --hash=sha256:cc
beta==1.0 --hash=sha256:dd  # A comment.
    # via
    #   alpha
    #   other
"""


def test_lock(bench: Bench) -> None:
    """A lock is taken as it is, as far as it applies: no tool is started."""
    resolved = bench.resolve(lock=LOCK, environ={"PATH": "/nowhere"})

    assert resolved.text == (
        "alpha==2.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via -r requirements.in\n"
        "beta==1.0 \\\n    --hash=sha256:dd\n    # via alpha\n    # via other\n"
    )
    assert (resolved.tool, resolved.weak, resolved.unpinned) == ("", False, False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alpha>=2", "the lock holds 'alpha>=2', which names no single version"),
        ("alpha==2.*", "the lock holds 'alpha==2.*', which names no single version"),
        ("-r other.txt", "the lock holds '-r other.txt', which is no pin"),
        ("what is this", "the lock holds 'what is this', which is no pin"),
        ("alpha==1\nalpha==2", "the lock pins alpha twice: 'alpha==1' and 'alpha==2'"),
    ],
)
def test_no_lock(bench: Bench, line: str, message: str) -> None:
    """What is no pin is refused, by name."""
    assert refused(bench, lock=line) == [message]


def test_lock_without_hash(bench: Bench) -> None:
    """A pin without a hash is weak."""
    assert bench.resolve(lock="alpha==2.0\n").reasons == ("alpha has no hash",)


def test_asked_with_hash(bench: Bench, tool: str) -> None:
    """A requirement that brings its hashes, as a pin of a lock does, is held to those."""
    resolved = bench.resolve(("alpha==1.0 --hash=sha256:aa", "lock.txt:1"), "delta", tool=tool)

    assert [pin.hashes for pin in resolved.pins if pin.name == "alpha"] == [("sha256:aa",)]
    assert [pin.name for pin in resolved.pins] == ["alpha", "beta", "delta"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            [("psycopg>=3.1", "integration 'postgres'"), ("Psycopg<3", "requirements of environment 'client'")],
            "psycopg: no version is >=3.1 (integration 'postgres') and <3 (requirements of environment 'client')",
        ),
        (
            [("a>=1,<3", "x"), ("a!=1.*", "y"), ("a!=2.*", "z"), ("a<9", "w")],
            "a: no version is >=1,<3 (x) and !=1.* (y) and !=2.* (z)",
        ),
        ([("a<1,>2", "x")], "a: no version is <1,>2 (x)"),
        (
            [("a @ https://user:secret@one.org/a.whl", "x"), ("a @ https://two.org/a.whl", "y")],
            "a: cannot come from https://****@one.org/a.whl (x) and https://two.org/a.whl (y)",
        ),
    ],
)
def test_contradiction(bench: Bench, asked: list[tuple[str, str]], message: str) -> None:
    """What no version can be is said with all sources of it, and no tool is started."""
    lines = refused(bench, *asked, environ={"PATH": "/nowhere"})

    assert lines == ["the requirements contradict each other, so nothing is installed:", f"  {message}"]


def test_contradicted_by_constraint(bench: Bench) -> None:
    """A constraint counts as much, where its marker applies; all names are told at once."""
    bounds = (
        ("alpha<1", "constraints.txt:1"),
        ("beta<1; python_version < '3'", "constraints.txt:2"),
        ("tau<1", "c.txt:1"),
    )

    assert refused(bench, "alpha>1", "beta>=1", "tau>1", constraints=bounds)[1:] == [
        "  alpha: no version is >1 (requirements.in:1) and <1 (constraints.txt:1)",
        "  tau: no version is >1 (requirements.in:1) and <1 (c.txt:1)",
    ]


def test_transitive_contradiction(bench: Bench, tool: str) -> None:
    """One that only a tool can see is told with both sources, the command, and its last words."""
    asked = (
        ("alpha>=1", "requirements of environment 'client'"),
        ("beta>=2", "integration 'postgres'"),
        ("delta", "d"),
    )

    lines = refused(bench, *asked, tool=tool)

    version = f"Python {sys.version.split()[0]}"
    assert lines[0].endswith(f"finds no versions for {version} that can be installed together:")
    assert lines[1:3] == ["  alpha>=1 (requirements of environment 'client')", "  beta>=2 (integration 'postgres')"]
    assert lines[3].startswith("  the command: ")
    assert lines[4] == "  it said:"
    assert any("beta" in line for line in lines[5:])
    assert not any("Traceback" in line or "self." in line for line in lines)


def test_who_asks(bench: Bench, tool: str) -> None:
    """Of a conflict further down, each tool says which package asks for what."""
    bench.wheel("needs-old", "1.0", ("alpha<2",))

    lines = refused(bench, "needs-old", "alpha>=2", tool=tool)

    assert any("needs-old" in line and "depend" in line and "alpha<2" in line for line in lines[3:])


def test_no_repository(bench: Bench, tool: str) -> None:
    """A repository that cannot be cloned is told as such."""
    lines = refused(bench, "far @ git+file:///nowhere/far", tool=tool)

    assert lines[0].endswith(" cannot fetch the repository of what is asked for:")
    assert lines[1] == "  far @ git+file:///nowhere/far (requirements.in:1)"


def test_killed() -> None:
    """A tool that is ended by a signal says by which: it has not found out anything."""
    sources = Sources((Asked("far", "requirements.in:1"),))
    done = Completed(("uv", "pip"), -9, "", "Resolved 8 packages\n", 1.0)

    assert failed("uv 1", done, sources, "Python 3.12.1", offline=False).splitlines() == [
        "uv 1 was ended by SIGKILL while it was choosing versions for Python 3.12.1:",
        "  far (requirements.in:1)",
        "  the command: uv pip",
        "  it was ended by SIGKILL, and had said:",
        "    Resolved 8 packages",
    ]


@pytest.mark.parametrize("offline", [False, True])
def test_missing(bench: Bench, tool: str, *, offline: bool) -> None:
    """A package that is nowhere is told by its name, with who asks for it; offline, with what to do."""
    bench.wheel("needy", "1.0", ("gamma>=3",))

    lines = refused(bench, ("needy", "integration 'postgres'"), tool=tool, offline=offline)

    version = f"Python {sys.version.split()[0]}"
    first = f"no file of 'gamma' fits {version} and what is asked for:"
    hint = "  ask once without --env-offline, or put a wheel into a folder that PIP_FIND_LINKS or UV_FIND_LINKS names"
    if offline:
        first = f"offline, no file of 'gamma' is at hand that fits {version} and what is asked for:"
    if not offline:
        assert lines[2] == "  no index that was asked has any of 'gamma' for it: is the name right?"
    assert lines[: 3 if offline else 2] == [first, "  needy (integration 'postgres')", *([hint] if offline else [])]


def test_offline(bench: Bench, tool: str) -> None:
    """Offline, an index of the network is not asked, and one in a folder of this machine is."""
    page = bench.path / "own-index" / "beta"
    page.mkdir(parents=True)
    (page / "index.html").write_text(
        f'<a href="{(bench.wheels / "beta-1.0-py3-none-any.whl").as_uri()}">beta-1.0-py3-none-any.whl</a>'
    )
    index = page.parent.as_uri()
    bench.variables = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index}
    bench.variables |= {"PIP_FIND_LINKS": "", "UV_FIND_LINKS": str(bench.path)}

    assert [pin.line for pin in bench.resolve("beta", tool=tool, offline=True).pins] == ["beta==1.0"]

    with Counting() as asked:
        url = f"http://127.0.0.1:{asked.port}/simple"
        bench.variables |= {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url, "NO_PROXY": "127.0.0.1"}
        refused(bench, "gamma", tool=tool)
        assert asked.requests
        asked.requests.clear()
        assert refused(bench, "gamma", tool=tool, offline=True)[0].startswith("offline, no file of 'gamma'")
        refused(bench, f"gamma @ {url}/gamma-1.0-py3-none-any.whl", tool=tool, offline=True)
        refused(bench, f"gamma @ git+{url}/gamma", tool=tool, offline=True)
    assert asked.requests == []


class Counting:
    """An index that has nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # Is called by this name.
                """Have nothing."""
                requests.append(self.path)
                self.send_error(404)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port

    def __enter__(self) -> Counting:  # noqa: PYI034  # `Self` came with Python 3.11.
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_proxy_of_settings(bench: Bench) -> None:
    """Offline, a proxy or an index among the settings' own options leads nowhere; what else they say still counts."""
    environ = {name: value for name, value in bench.environ.items() if not name.startswith("PIP_")}
    resolved = bench.resolve(lock=f"gamma==1.0 --hash=sha256:{'0' * 64}\n")
    with Counting() as server:
        there = f"http://127.0.0.1:{server.port}"
        index = ("--index-url", "http://index.invalid/simple", "--trusted-host", "index.invalid", "--pre")
        proxy = ("--proxy", there, f"--proxy={there}", *index)
        for arguments in (proxy, ("--index-url", there)):
            asked = []
            for offline in (False, True):
                server.requests.clear()
                with pytest.raises(BuildError):
                    bench.build(resolved, "pip", arguments=arguments, environ=environ, offline=offline)
                asked.append(len(server.requests))
            assert asked[0] > 0
            assert asked[1] == 0

    installer = bench.installer("pip", arguments=proxy)
    assert installer.options(offline=False) == proxy
    assert installer.options(offline=True) == index


def test_credentials(bench: Bench, tool: str) -> None:
    """What a tool says of a URL with a password is shown without it."""
    lines = refused(bench, "x @ https://me:hunter2@127.0.0.1:9/x-1-py3-none-any.whl", tool=tool, offline=True)

    assert "hunter2" not in "\n".join(lines)
    assert "****@127.0.0.1:9" in "\n".join(lines)


def test_sources_are_written_apart(bench: Bench) -> None:
    """What a tool cannot read is traced to the file that it stands in, for people."""
    lines = refused(bench, ("alpha", "one.in:1"), ("==1", "two.in:7"), tool="pip")

    assert any("'==1': Expected" in line or "Invalid requirement: '==1'" in line for line in lines)
    assert "  ==1 (two.in:7)" in lines


@pytest.mark.parametrize(
    ("tool", "key"), [("uv", "target"), ("uv", "prefix"), ("uv", "no-emit-package"), ("pip", "target")]
)
def test_settings_that_mislead(bench: Bench, tool: str, key: str) -> None:
    """The user's settings files say nothing of where it goes: versions are chosen anew, and all are written."""
    home = bench.path / "home" / ".config"
    elsewhere = bench.path / "elsewhere"
    value = '["beta"]' if key == "no-emit-package" else f'"{elsewhere}"'
    for folder, text in (
        ("uv/uv.toml", f"[pip]\n{key} = {value}\n"),
        ("pip/pip.conf", f"[install]\ntarget = {elsewhere}\n"),
    ):
        (home / folder).parent.mkdir(parents=True, exist_ok=True)
        (home / folder).write_text(text)
    making_site = elsewhere / "lib" / f"python{HERE}" / "site-packages" / "beta-1.0.dist-info"
    making_site.mkdir(parents=True)

    resolved = bench.resolve("alpha", tool=tool)

    assert [pin.line for pin in resolved.pins] == ["alpha==2.0", "beta==1.0"]


def test_two_settings_files_of_uv(bench: Bench, tmp_path: Path) -> None:
    """Where uv reads two files and one of them misleads, it is refused with what to do: only one can be replaced."""
    for name in ("mine", "machine"):
        (tmp_path / name / "uv").mkdir(parents=True)
        (tmp_path / name / "uv" / "uv.toml").write_text('[pip]\ntarget = "/nowhere"\n' if name == "mine" else "")
    bench.variables = {"XDG_CONFIG_HOME": str(tmp_path / "mine"), "XDG_CONFIG_DIRS": str(tmp_path / "machine")}

    mine, machine = (tmp_path / name / "uv" / "uv.toml" for name in ("mine", "machine"))
    assert "\n".join(refused(bench, "alpha", tool="uv")) == (
        f"uv's settings in {mine} say 'target' in [pip], which would change what is made here, and {machine} is read "
        'beside it: take that out of one of them, or set installer = "pip"'
    )


@pytest.mark.parametrize("tool", ["uv", "pip"], indirect=True)
def test_users_constraints(bench: Bench, tool: str) -> None:
    """Bounds that the user's variables set count, as they do for the tools by themselves; a relative path too."""
    (bench.path / "bounds.txt").write_text("alpha<2\n")
    name = "UV_CONSTRAINT" if tool == "uv" else "PIP_CONSTRAINT"  # Which pip-compile leaves aside.
    bench.variables = {name: os.path.relpath(bench.path / "bounds.txt")}

    assert [pin.line for pin in bench.resolve("alpha", tool=tool).pins] == ["alpha==1.0", "beta==1.0"]


def test_nothing_to_resolve_with(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no tool, each says why."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    assert refused(bench, "alpha", tool="uv", environ={**bench.environ, "PATH": "/nowhere"}) == [
        "nothing here can choose versions of what is asked for:",
        "  uv is not installed here, nor on PATH: pip install uv",
    ]
