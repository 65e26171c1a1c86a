"""What requirements files, locks and settings tell an installer: it is followed from wherever it stands, or refused."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import headed
from indexes import Index

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

INSTALLERS = pytest.mark.parametrize("installer", ["uv", "pip"])
# The version that is there is what a file says.
ASKING = """
import pathlib
import pytest

@pytest.mark.environment(INSTALLER, SETTINGS)
def test_it(environment):
    found = {name: each.version for name, each in environment.inventory().items()}
    assert " ".join(f"{name} {version}" for name, version in found.items()) == pathlib.Path("expected").read_text()
"""


def write(suite: Suite, installer: str, settings: str, expected: str, files: dict[str, str]) -> None:
    """Write a test that asks for an environment, and is told what should be in it."""
    suite.write(ASKING.replace("INSTALLER", f"installer={installer!r}").replace("SETTINGS", settings))
    suite.project.write({**files, "expected": expected})


def hashed(path: Path) -> str:
    """Give a wheel's hash as it stands in a lock."""
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@INSTALLERS
def test_folder(suite: Suite, installer: str) -> None:
    """A folder of wheels is the one beside the file that names it, also where another file reads that; another is seen."""
    making.wheel(suite.path / "sub" / "the wheels", "private", "1.0")
    making.wheel(suite.path / "sub" / "others", "private", "2.0")
    files = {"reqs.in": "-r sub/inner.in\n", "sub/inner.in": "--find-links 'the wheels'\nprivate\n"}
    write(suite, installer, 'requirements="reqs.in"', "private 1.0", files)

    suite.run().assert_outcomes(passed=1)
    suite.project.write({"sub/inner.in": "--find-links=others\nprivate\n", "expected": "private 2.0"})
    suite.run().assert_outcomes(passed=1)
    making.wheel(suite.path / "sub" / "others", "private", "3.0")
    suite.project.write({"expected": "private 3.0"})
    suite.run().assert_outcomes(passed=1)


@INSTALLERS
@pytest.mark.parametrize("besides", ["", ', requirements=["beta"]'], ids=["alone", "besides"])
def test_lock(suite: Suite, installer: str, besides: str) -> None:
    """A lock's own folder of wheels is followed: whoever has written it has hashed what lies there."""
    wheel = making.wheel(suite.path / "wheels", "private", "1.0")
    lines = f"--require-hashes\n--find-links wheels\nprivate==1.0 {hashed(wheel)}\n"
    expected = "beta 1.0 private 1.0" if besides else "private 1.0"
    files = {"lock.txt": making.pip_compiled(lines)}
    write(suite, installer, f'lock="lock.txt"{besides}', expected, files)

    suite.run().assert_outcomes(passed=1)


@INSTALLERS
@pytest.mark.parametrize("key", ["requirements", "lock", "constraints"])
def test_index(suite: Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installer: str, key: str) -> None:
    """The index that a file names takes the place of the user's own, which has a package of that name too."""
    public, private = Index(tmp_path / "public"), Index(tmp_path / "private")
    public.add("internal", "9.0")
    private.add("internal", "1.0")
    if key == "lock":
        public.add("internal", "1.0", ("beta",))
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", public.url)
    monkeypatch.setenv("UV_DEFAULT_INDEX", public.url)
    pinned = "internal==1.0\n" if key == "lock" else "internal\n"
    lines = f"--index-url {private.url}\n{pinned}"
    settings = f'{key}="reqs.txt"' + (', requirements=["internal"]' if key == "constraints" else "")
    files = {"reqs.txt": making.pip_compiled(lines) if key == "lock" else lines}
    # From the other index it would not be what its METADATA says: the wheel of that version there needs beta.
    write(suite, installer, settings, "internal 1.0", files)
    suite.write(
        (suite.path / "test_it.py").read_text()
        + "    requires = next(environment.prefix.glob('**/internal-1.0.dist-info/METADATA')).read_text()\n"
        + "    assert 'Requires-Dist: beta' not in requires\n"
    )

    suite.run().assert_outcomes(passed=1)


@INSTALLERS
def test_others(suite: Suite, installer: str) -> None:
    """A further index, previews, kinds of files, hosts and no index at all: in the words of each tool."""
    further = Index(suite.path / "further")
    further.add("preview", "1.0")
    further.add("preview", "2.0rc1")
    lines = "--extra-index-url ./further\n--pre\n--only-binary preview,beta\n--trusted-host pkgs.internal\npreview\n"
    write(suite, installer, 'requirements="reqs.in"', "preview 2.0rc1", {"reqs.in": lines})
    suite.unset("PIP_NO_INDEX")
    suite.set("PIP_INDEX_URL", (suite.path / "empty").as_uri())
    suite.set("UV_DEFAULT_INDEX", (suite.path / "empty").as_uri())
    Index(suite.path / "empty").add("nothing", "1.0")

    result = suite.run()
    suite.project.write({"reqs.in": f"--no-index\n{lines}"})
    without = suite.run()

    result.assert_outcomes(passed=1)
    without.assert_outcomes(errors=1)
    assert "'preview'" in headed(without, "ERROR at setup of test_it")[0]


def test_refused(suite: Suite) -> None:
    """What cannot be followed is told with file and line, all of it at once, without credentials."""
    suite.write(
        """
import pytest

E = pytest.mark.environment

@E(requirements="reqs.in", installer="uv")
def test_uv(environment): pass

@E(requirements="reqs.in", installer="pip")
def test_pip(environment): pass

@E(lock="lock.txt", installer="pip")
def test_lock(environment): pass
"""
    )
    first = "--index-url http://bob:s3cretpw@one.example/simple\n--prefer-binary\n--use-feature fast-deps\n-r more.in\n"
    more = "--index-url http://bob:s3cretpw@two.example/simple\nalpha --config-settings=a=b\n"
    lock = "--require-hashes\n--no-require-hashes\nalpha==1.0\n"
    suite.project.write({"reqs.in": first, "more.in": more, "lock.txt": making.pip_compiled(lock)})

    result = suite.run()

    result.assert_outcomes(errors=3)
    head = "options in files that an environment is made of cannot be followed:"
    prefer = '  reqs.in:2: --prefer-binary: uv has nothing like it: set installer = "pip"'
    others = [
        "  more.in:1: --index-url http://****@two.example/simple: another index is named at reqs.in:1",
        "  more.in:2: --config-settings a=b: installer-args can say it, for all that is built",
    ]
    known = (
        "--extra-index-url, --find-links, --index-url, --no-binary, --no-index, --only-binary, --pre, {}--trusted-host"
    )
    feature = "  reqs.in:3: --use-feature fast-deps: {} is not told that here"
    assert headed(result, "ERROR at setup of test_uv") == [
        *(head, prefer, feature.format("uv"), *others, f"  what can be followed, with uv: {known.format('')}"),
    ]
    allowed = f"  what can be followed, with pip: {known.format('--prefer-binary, ')}"
    assert headed(result, "ERROR at setup of test_pip") == [head, feature.format("pip"), *others, allowed]
    assert headed(result, "ERROR at setup of test_lock") == [
        head,
        "  lock.txt:7: --require-hashes: not all that is asked for has a hash: name a lock, as lock, whose pins all have one",
        "  lock.txt:8: --no-require-hashes: hashes that are there are held to",
        allowed,
    ]


@INSTALLERS
def test_settings_count_first(suite: Suite, installer: str) -> None:
    """Options of the settings take the place of what a file says; a path in them begins at the root, wherever a test is."""
    making.wheel(suite.path / "old", "private", "1.0")
    index = Index(suite.path / "index")
    index.add("private", "2.0")
    option = "--default-index" if installer == "uv" else "--index-url"
    arguments = f'installer_args=["{option}=index", "--find-links", "old"]'
    lines = "--index-url http://127.0.0.1:9/simple\nprivate\n"
    write(suite, installer, f'requirements="reqs.in", {arguments}', "private 2.0", {"reqs.in": lines})
    suite.unset("PIP_NO_INDEX")

    suite.run().assert_outcomes(passed=1)
    making.wheel(suite.path / "old", "private", "3.0")
    suite.project.write({"expected": "private 3.0"})
    suite.run().assert_outcomes(passed=1)


@INSTALLERS
def test_variables(suite: Suite, installer: str) -> None:
    """A relative path in a variable begins where pytest was started, also for a call of a test that has gone elsewhere."""
    making.wheel(suite.path / "wheels", "private", "1.0")
    suite.set("PIP_FIND_LINKS", "wheels")
    suite.set("UV_FIND_LINKS", "wheels")
    suite.write(
        f"""
def test_here(environments):
    pass

def test_elsewhere(environments, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = environments.get(requirements=["private"], installer="{installer}")
    assert list(found.inventory()) == ["private"]
    private = environments.throwaway(installer="{installer}")
    private.install("private")
    assert list(private.inventory()) == ["private"]
"""
    )

    suite.run().assert_outcomes(passed=2)


@INSTALLERS
@pytest.mark.parametrize("kind", ["index", "URL"])
def test_credentials(fresh: Suite, guarded: str, installer: str, kind: str) -> None:
    """Credentials of an index or a URL reach the tool, and stand in no file that is kept."""
    lines = f"--index-url {guarded}\nguarded\n"
    if kind == "URL":
        lines = f"guarded @ {guarded}/guarded/guarded-1.0-py3-none-any.whl\n"
    write(fresh, installer, 'requirements="reqs.in"', "guarded 1.0", {"reqs.in": lines})
    fresh.unset("PIP_NO_INDEX")

    fresh.run().assert_outcomes(passed=1)
    fresh.run().assert_outcomes(passed=1)

    kept = [path for path in fresh.cache.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(kept) > 10
    assert [str(path) for path in kept if b"s3cretpw" in path.read_bytes()] == []
    assert [row["cached"] for row in fresh.rows()] == [True]


IN_A_CONTAINER = """
import pytest

E = pytest.mark.environment

@E("box", requirements="sub/reqs.in")
def test_requirements(environment):
    assert {name: each.version for name, each in environment.inventory().items()}["private"] == "1.0"

@E("box", lock="sub/lock.txt")
def test_lock(environment):
    assert {name: each.version for name, each in environment.inventory().items()}["private"] == "1.0"

@E("box", lock="sub/lock.txt")
def test_install(throwaway_container):
    throwaway_container.install("further")
    assert "further" in throwaway_container.inventory()

@E("box", requirements="sub/refused.in")
def test_refused(environment): pass
"""


@pytest.mark.requires_integration("docker-engine")
def test_containers(boxes: Suite, base: Base) -> None:
    """What files say holds for containers too: a folder of this machine goes along; what cannot be told is refused."""
    wheel = making.wheel(boxes.path / "sub" / "the wheels", "private", "1.0")
    making.wheel(boxes.path / "sub" / "the wheels", "further", "1.0")
    table = f'[tool.envrepro.environments.box]\nkind = "container"\nbase-image = "{base.reference}"\n'
    boxes.write(IN_A_CONTAINER, table)
    boxes.project.write(
        {
            "sub/reqs.in": "--find-links 'the wheels'\nprivate\n",
            "sub/lock.txt": making.pip_compiled(f"--find-links 'the wheels'\nprivate==1.0 {hashed(wheel)}\n"),
            "sub/refused.in": "--no-require-hashes\nprivate\n",
        }
    )

    result = boxes.run()

    result.assert_outcomes(passed=3, errors=1)
    assert headed(result, "ERROR at setup of test_refused")[:2] == [
        "options in files that an environment is made of cannot be followed:",
        "  sub/refused.in:1: --no-require-hashes: hashes that are there are held to",
    ]
