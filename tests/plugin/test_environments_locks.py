"""Environments from the locks of projects: which parts of them, from which index, and what is refused; all offline."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import making
import pytest
from borrowing import headed
from indexes import Index

from pytest_envrepro.discovery import Discovery
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from borrowing import Suite
    from boxing import Base

    from pytest_envrepro.locks import Tree
    from pytest_envrepro.model import Lock

INSTALLERS = pytest.mark.parametrize("installer", ["uv", "pip"])
PROJECT = """
[project]
name = "demo"
version = "1"
requires-python = ">=3.8"
dependencies = ["alpha"]
[project.optional-dependencies]
fast = ["beta"]
[dependency-groups]
dev = ["tool"]
docs = ["gamma"]
later = ["omega"]
"""
# As uv writes it: the project asks for `alpha`, its extra for `beta`, its groups for `tool` and `gamma`.
DEMO = """
[[package]]
name = "demo"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]
[package.optional-dependencies]
fast = [{ name = "beta" }]
[package.dev-dependencies]
dev = [{ name = "tool" }]
docs = [{ name = "gamma" }]
gone = [{ name = "gamma" }]
"""
LOCKED = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0", "tool": "1.0"}
NAMES = """
import pytest

E = pytest.mark.environment

def names(environment):
    return " ".join(environment.inventory())
"""


def digest(path: Path) -> str:
    """Give the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def package(name: str, version: str, place: str, hash_: str = "", more: str = "") -> str:
    """Give a package of an index, as uv writes it."""
    hashed = f', hash = "sha256:{hash_}"' if hash_ else ""
    url = f"{place}/{name}/{name}-{version}-py3-none-any.whl"
    wheels = f'wheels = [\n    {{ url = "{url}"{hashed} }},\n]\n'
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "{place}" }}\n{more}{wheels}'


def uv_lock(*packages: str, python: str = ">=3.8", head: str = "") -> str:
    """Give a `uv.lock`."""
    return "\n".join([f'version = 1\nrevision = 3\nrequires-python = "{python}"\n{head}', *packages])


def locked(suite: Suite, **changed: str) -> str:
    """Give the lock of the project, whose packages lie in the folder of wheels."""
    pins = {**LOCKED, **changed}
    hashes = {name: digest(suite.bench.wheels / f"{name}-{version}-py3-none-any.whl") for name, version in pins.items()}
    place = str(suite.bench.wheels)
    return uv_lock(*(package(name, pins[name], place, hashes[name]) for name in pins), DEMO)


def online(suite: Suite, index: str) -> None:
    """Let an index be the one that pip and uv are configured with, and nothing besides."""
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        suite.unset(name)
    suite.set("PIP_INDEX_URL", index)
    suite.set("UV_DEFAULT_INDEX", index)


def asks(*names: str) -> str:
    """Give the project that asks for some packages, as a `uv.lock` has it."""
    listed = ", ".join(f'{{ name = "{name}" }}' for name in names)
    return f'[[package]]\nname = "demo"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [{listed}]\n'


def test_parts(suite: Suite) -> None:
    """Without a word it is what the tool's `sync` installs; groups take the place of its groups, and extras come beside."""
    suite.write(
        NAMES
        + """
@E(lock="uv.lock")
def test_usual(environment):
    assert names(environment) == "alpha tool"

@E(lock="uv.lock", groups=["docs"])
def test_groups(environment, environments):
    assert names(environment) == "alpha gamma"
    assert environment.inventory() == environments.lock("uv.lock", groups=["docs"]).inventory()
    assert environment.inventory() != environments.lock("uv.lock").inventory()

@E(lock="uv.lock", extras=["Fast"])
def test_extras(environment, environments):
    assert names(environment) == "alpha beta tool"
    assert environment.inventory() == environments.lock("uv.lock", extras=["fast"]).inventory()

@E(lock="uv.lock", groups=["main"])
def test_main(environment):
    assert names(environment) == "alpha"

@E("both")
def test_of_the_table(environment):
    assert names(environment) == "alpha beta gamma tool"

@E("further")
def test_of_a_group_that_the_lock_alone_has(environment):
    assert names(environment) == "alpha beta gamma"

@E(lock="uv.lock", groups=["docs"], requirements=["tool"])
def test_with_others(environment):
    assert names(environment) == "alpha gamma tool"
    assert environment.inventory()["alpha"].version == "1.0"

@pytest.fixture(autouse=True)
def matching(request, environment):
    yield
    if request.node.name != "test_with_others":
        environment.assert_matches("uv.lock")
""",
        PROJECT + '[tool.envrepro.environments.both]\nlock = "uv.lock"\ngroups = ["dev", "docs"]\nextras = ["fast"]\n'
        '[tool.envrepro.environments.further]\nextends = "both"\ngroups = ["gone"]\n',
    )
    suite.project.write({"uv.lock": locked(suite)})

    suite.run().assert_outcomes(passed=7)


def test_unknown_parts(suite: Suite) -> None:
    """A group or an extra that the lock does not have is told, and whether the project has it."""
    suite.write(
        NAMES
        + """
@E(lock="uv.lock", groups=["dcos", "later"], extras=["fats"])
def test_it(environment): pass

def test_read(environments):
    environments.lock("uv.lock", groups=["dcos"])
""",
        PROJECT,
    )
    suite.project.write({"uv.lock": locked(suite)})

    result = suite.run()

    result.assert_outcomes(errors=1, failed=1)
    marker = "@pytest.mark.environment on test_it"
    later = "this project's group 'later' asks for omega, and uv.lock does not have it: lock again (uv lock)"
    assert headed(result, "ERROR at setup of test_it") == [
        "the settings of an environment cannot be followed:",
        f"  {marker}: groups: uv.lock has no group 'dcos' (did you mean 'docs'?)",
        f"  {marker}: groups: {later}",
        f"  {marker}: extras: uv.lock has no extra 'fats' (did you mean 'fast'?)",
    ]
    said = "environments.lock('uv.lock'): groups: uv.lock has no group 'dcos' (did you mean 'docs'?)"
    assert f"E       pytest_envrepro.errors.SettingsError: {said}" in result.outlines


def test_unknown_parts_of_a_table(suite: Suite) -> None:
    """`installed` names a part that its lock does not have: that is an error of usage."""
    table = '[tool.envrepro]\ninstalled = [{ lock = "uv.lock", groups = ["dcos"], extras = ["fast", "slow"] }]\n'
    suite.write("def test_it(): pass\n", table + PROJECT)
    suite.project.write({"uv.lock": locked(suite)})

    result = suite.run("--env-lock")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[:3] == [
        "ERROR: pyproject.toml cannot be followed:",
        "  installed[0].extras[1]: uv.lock has no extra 'slow' (known: fast)",
        "  installed[0].groups[0]: uv.lock has no group 'dcos' (did you mean 'docs'?)",
    ]


def test_parts_of_a_table_cost_no_look(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock whose parts the table names is read once, as others are."""
    table = '[tool.envrepro]\ninstalled = [{ lock = "uv.lock", groups = ["docs"] }]\n'
    suite.write("def test_it(): pass\n", table + PROJECT)
    suite.project.write({"uv.lock": locked(suite)})
    read: list[str] = []
    parse = Discovery.parse

    def counted(self: Discovery, path: str, tree: Tree) -> Lock:
        read.append(path)
        return parse(self, path, tree)

    monkeypatch.setattr(Discovery, "parse", counted)

    facts = Session(suite.path, configured_by=None, environ={}).facts

    assert facts.parts == {"uv.lock": {"docs"}}
    assert read == ["uv.lock"]


def test_key(suite: Suite) -> None:
    """Another version in the lock is another environment, and the same pins in other words are the same."""
    suite.write(NAMES + '@E(lock="uv.lock")\ndef test_it(environment): pass\n', PROJECT)
    keys = []
    for text in (locked(suite), f"# Words.\n{locked(suite)}", locked(suite, alpha="2.0"), locked(suite, gamma="1.0")):
        suite.project.write({"uv.lock": text})
        suite.run().assert_outcomes(passed=1)
        keys.append(suite.rows()[0]["key"])

    assert keys[0] == keys[1] == keys[3]
    assert keys[0] != keys[2]


POETRY = """\
[[package]]
name = "internal"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = [{{file = "internal-1.0-py3-none-any.whl", hash = "sha256:{hash}"}}]
[package.source]
type = "legacy"
url = "{place}"
reference = "x"
[metadata]
lock-version = "2.1"
python-versions = ">=3.8"
content-hash = "0"
"""


@INSTALLERS
@pytest.mark.parametrize(
    "kind",
    ["uv", "uv without hashes", "poetry", pytest.param("pylock", marks=pytest.mark.requires_packages("packaging>=26"))],
)
def test_index(suite: Suite, tmp_path: Path, installer: str, kind: str) -> None:
    """The index that the lock names is asked, and not the user's, which has another file of that name and version."""
    public, private = Index(tmp_path / "public"), Index(tmp_path / "private")
    private.add("internal", "1.0")
    public.add("internal", "1.0", ("beta",))
    place, hash_ = str(private.path), digest(private.path / "internal" / "internal-1.0-py3-none-any.whl")
    name, text = {
        "uv": ("uv.lock", uv_lock(package("internal", "1.0", place, hash_), asks("internal"))),
        "uv without hashes": ("uv.lock", uv_lock(package("internal", "1.0", place), asks("internal"))),
        "poetry": ("poetry.lock", POETRY.format(place=private.url, hash=hash_)),
        "pylock": (
            "pylock.toml",
            (
                f'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "internal"\nversion = "1.0"\n'
                f'index = "{private.url}"\nwheels = [{{ name = "internal-1.0-py3-none-any.whl", '
                f'url = "{private.url}/internal/internal-1.0-py3-none-any.whl", '
                f'hashes = {{ md5 = "0123456789abcdef", sha256 = "{hash_}" }} }}]\n'
            ),
        ),
    }[kind]
    online(suite, public.url)
    suite.write(
        NAMES
        + f"""
@E(lock="{name}", installer="{installer}")
def test_it(environment):
    assert names(environment) == "internal"
    environment.assert_no_conflicts()
""",
        '[project]\nname = "demo"\nversion = "1"\ndependencies = ["internal"]\n',
    )
    suite.project.write({name: text})

    suite.run().assert_outcomes(passed=1)


@INSTALLERS
def test_two_indexes(suite: Suite, tmp_path: Path, installer: str) -> None:
    """Packages of two indexes are found by their hashes, whichever index has others of the name."""
    one, other = Index(tmp_path / "one"), Index(tmp_path / "other")
    one.add("first", "1.0")
    one.add("second", "9.0")
    other.add("first", "9.0")
    other.add("second", "1.0")
    packages = [
        package(name, "1.0", str(index.path), digest(index.path / name / f"{name}-1.0-py3-none-any.whl"))
        for name, index in (("first", one), ("second", other))
    ]
    online(suite, Index(tmp_path / "empty").url)
    suite.write(
        NAMES
        + f"""
@E(lock="uv.lock", installer="{installer}")
def test_it(environment):
    assert {{name: each.version for name, each in environment.inventory().items()}} == dict(first="1.0", second="1.0")
"""
    )
    suite.project.write({"uv.lock": uv_lock(*packages, asks("first", "second"))})

    suite.run().assert_outcomes(passed=1)


def test_no_hash_and_several_indexes(suite: Suite, tmp_path: Path) -> None:
    """A package without a hash could come from another index than the lock says: that is refused."""
    one, other = Index(tmp_path / "one"), Index(tmp_path / "other")
    online(suite, one.url)
    suite.write(
        NAMES
        + """
@E(lock="uv.lock")
def test_of_the_lock(environment): pass

@E(lock="single/uv.lock")
def test_of_the_user(environment): pass
"""
    )
    first = package("first", "1.0", str(one.path))
    second = package("second", "1.0", str(other.path))
    suite.project.write(
        {
            "uv.lock": uv_lock(first, second, asks("first", "second")),
            "single/uv.lock": uv_lock(first, asks("first")),
        }
    )
    suite.set("PIP_EXTRA_INDEX_URL", other.url)

    result = suite.run()

    result.assert_outcomes(errors=2)
    assert headed(result, "ERROR at setup of test_of_the_lock") == [
        "uv.lock:5: first==1.0 has no hash, and the lock names further indexes, which may have another file of that name"
    ]
    assert headed(result, "ERROR at setup of test_of_the_user") == [
        (
            "single/uv.lock:5: first==1.0 has no hash, and pip or uv is configured with further indexes, which may have "
            "another file of that name"
        )
    ]


def test_no_hash_and_folders(suite: Suite, tmp_path: Path) -> None:
    """A package without a hash has to have one place alone: a folder of the user's is another one."""
    one = Index(tmp_path / "one")
    one.add("first", "1.0")
    online(suite, one.url)
    suite.write(
        NAMES
        + """
@E(lock="uv.lock")
def test_it(environment): pass
"""
    )
    suite.project.write({"uv.lock": uv_lock(package("first", "1.0", str(one.path)), asks("first"))})
    suite.set("UV_FIND_LINKS", str(tmp_path))

    result = suite.run()

    result.assert_outcomes(errors=1)
    assert headed(result, "ERROR at setup of test_it") == [
        (
            "uv.lock:5: first==1.0 has no hash, and pip or uv is configured with further folders or pages (find-links), "
            "which may have another file of that name"
        )
    ]


@INSTALLERS
def test_credentials(fresh: Suite, guarded: str, tmp_path: Path, installer: str) -> None:
    """An index that is the user's own is asked with the user's credentials, which stand in no lock and in no file."""
    place = guarded.replace("bob:s3cretpw@", "")
    wheel = tmp_path / "guarded" / "guarded" / "guarded-1.0-py3-none-any.whl"
    online(fresh, f"{guarded}/")
    fresh.write(
        NAMES
        + f"""
@E(lock="uv.lock", installer="{installer}")
def test_it(environment):
    assert names(environment) == "guarded"
"""
    )
    fresh.project.write({"uv.lock": uv_lock(package("guarded", "1.0", place, digest(wheel)), asks("guarded"))})

    fresh.run().assert_outcomes(passed=1)

    kept = [path for path in fresh.cache.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(kept) > 10
    assert [str(path) for path in kept if b"s3cretpw" in path.read_bytes()] == []


PDM = """\
[metadata]
groups = ["default"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
content_hash = "sha256:0"
[[metadata.targets]]
requires_python = ">=3.8"
[[package]]
name = "internal"
version = "1.0"
groups = ["default"]
files = [{{file = "internal-1.0-py3-none-any.whl", hash = "sha256:{hash}"}}]
"""


@INSTALLERS
def test_sources_of_pdm(suite: Suite, tmp_path: Path, installer: str) -> None:
    """Locks of pdm name no index: those of its table are asked beside the user's own, and the hash tells which has it."""
    public, private = Index(tmp_path / "public"), Index(tmp_path / "private")
    private.add("internal", "1.0")
    public.add("internal", "1.0", ("beta",))
    online(suite, public.url)
    suite.write(
        NAMES
        + f"""
@E(lock="pdm.lock", installer="{installer}")
def test_it(environment):
    assert names(environment) == "internal"
    environment.assert_no_conflicts()
""",
        '[project]\nname = "demo"\nversion = "1"\ndependencies = ["internal"]\n'
        f'[[tool.pdm.source]]\nname = "private"\nurl = "{private.url}"\n',
    )
    hash_ = digest(private.path / "internal" / "internal-1.0-py3-none-any.whl")
    suite.project.write({"pdm.lock": PDM.format(hash=hash_)})

    suite.run().assert_outcomes(passed=1)


@INSTALLERS
def test_variables_of_pipenv(fresh: Suite, guarded: str, tmp_path: Path, installer: str) -> None:
    """Variables in the URL of a source are filled in, and what they hold stands in no file that is kept."""
    wheel = tmp_path / "guarded" / "guarded" / "guarded-1.0-py3-none-any.whl"
    online(fresh, Index(tmp_path / "public").url)
    fresh.set("INDEX_WORD", "s3cretpw")
    fresh.write(
        NAMES
        + f"""
@E(lock="Pipfile.lock", installer="{installer}")
def test_it(environment):
    assert names(environment) == "guarded"
"""
    )
    source = {"name": "private", "url": guarded.replace("s3cretpw", "${INDEX_WORD}"), "verify_ssl": False}
    pin = {"hashes": [f"sha256:{digest(wheel)}"], "index": "private", "version": "==1.0"}
    meta = {"hash": {"sha256": "0"}, "pipfile-spec": 6, "requires": {}, "sources": [source]}
    fresh.project.write({"Pipfile.lock": json.dumps({"_meta": meta, "default": {"guarded": pin}, "develop": {}})})

    result = fresh.run()

    result.assert_outcomes(passed=1)
    kept = [path for path in fresh.cache.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [str(path) for path in kept if b"s3cretpw" in path.read_bytes()] == []
    assert "s3cretpw" not in (fresh.path / "report.json").read_text()


@INSTALLERS
def test_wrong_hash(suite: Suite, installer: str) -> None:
    """A file that is not the one that was locked is not installed; the error names the line of its package."""
    suite.write(NAMES + f'@E(lock="uv.lock", installer="{installer}")\ndef test_it(environment): pass\n')
    found = digest(suite.bench.wheels / "alpha-1.0-py3-none-any.whl")
    suite.project.write({"uv.lock": locked(suite).replace(found, "0" * 64)})

    result = suite.run()

    result.assert_outcomes(errors=1)
    said = "and the file that was found has none of its hashes: either is not what it was when it was locked"
    assert headed(result, "ERROR at setup of test_it")[1] == f"  uv.lock:5 pins alpha==1.0, {said}"


@INSTALLERS
def test_places(suite: Suite, tmp_path: Path, installer: str) -> None:
    """What comes from a checkout, an archive or a folder comes from there, and says so; a change of a folder is seen."""
    wheel = making.wheel(tmp_path / "wheels", "archived", "1.0")
    for name in ("folder", "linked", "cloned"):
        suite.project.write(
            {
                f"{name}/backend.py": making.backend(name, "1.0", files=f'{{"{name}.py": "version = 1"}}'),
                f"{name}/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            }
        )
    cloned = suite.path / "cloned"
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=cloned, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=cloned, check=True, capture_output=True, text=True)
    commit = head.stdout.strip()
    sources = {
        "archived": f'path = "{wheel}"',
        "cloned": f'git = "{cloned.as_uri()}?rev=main#{commit}"',
        "folder": 'directory = "../folder"',
        "linked": 'editable = "../linked"',
    }
    archive = f'wheels = [{{ filename = "{wheel.name}", hash = "sha256:{digest(wheel)}" }}]\n'
    packages = [
        f'[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ {source} }}\n{archive if name == "archived" else ""}'
        for name, source in sources.items()
    ]
    suite.write(
        NAMES
        + f"""
@E(lock="sub/uv.lock", installer="{installer}")
def test_it(environment, environments):
    found = environment.inventory()
    assert found == environments.lock("sub/uv.lock").inventory()
    environment.assert_matches("sub/uv.lock")
    told = {{name: str(each) for name, each in found.items()}}
    assert told["cloned"] == "1.0 from git+{cloned.as_uri()}@{commit[:12]}"
    assert told["folder"] == "1.0 from {(suite.path / "folder").as_uri()}"
    assert told["linked"] == "1.0 from {(suite.path / "linked").as_uri()} (editable)"
    assert told["archived"].startswith("1.0 from {wheel.as_uri()}")
"""
    )
    suite.project.write({"sub/uv.lock": uv_lock(*packages, asks(*sources))})

    suite.run().assert_outcomes(passed=1)
    key = suite.rows()[0]["key"]
    suite.project.write({"folder/backend.py": making.backend("folder", "1.0", files='{"folder.py": "version = 2"}')})
    suite.run().assert_outcomes(passed=1)
    assert suite.rows()[0]["key"] != key


def test_broken(suite: Suite) -> None:
    """A lock that is not whole, or that is not for this Python, is one clear error, and nothing is made of it."""
    hashed, plain = package("alpha", "1.0", "x", "0" * 64), package("beta", "1.0", "x")
    forks = [
        package("alpha", version, "x", "0" * 64, "resolution-markers = [\"python_version >= '3'\"]\n")
        for version in ("1.0", "2.0")
    ]
    both = (
        '[[package]]\nname = "demo"\nversion = "1"\nsource = { virtual = "." }\ndependencies = [{ name = "alpha" }]\n'
    )
    locks = {
        "conflict": f"<<<<<<< ours\n{uv_lock(hashed)}=======\n>>>>>>> theirs\n",
        "empty": "",
        "partly": uv_lock(hashed, plain.replace(" }", ", size = 1 }"), asks("alpha", "beta")),
        "older": uv_lock(hashed, asks("alpha"), python=">=2.7,<3"),
        "windows": uv_lock(hashed, asks("alpha"), head="supported-markers = [\"sys_platform == 'win32'\"]\n"),
        "ambiguous": uv_lock(*forks, both),
    }
    tests = [f'@E(lock="{name}/uv.lock")\ndef test_{name}(environment): pass\n' for name in locks]
    suite.write(NAMES + "\n".join(tests))
    suite.project.write({f"{name}/uv.lock": text for name, text in locks.items()})

    result = suite.run()

    result.assert_outcomes(errors=len(locks))
    told = {name: headed(result, f"ERROR at setup of test_{name}") for name in locks}
    here = f"and this is Python {platform.python_version()} on {sys.platform}"
    assert told == {
        "conflict": ["conflict/uv.lock:1: a merge conflict begins here"],
        "empty": ["empty/uv.lock:1: is empty: was its tool interrupted?"],
        "partly": [
            (
                "partly/uv.lock:13: beta==1.0 has no hash, and others have: what is installed could be any file; "
                "lock again (uv lock --project partly)"
            )
        ],
        "older": [f"older/uv.lock:3: is for requires-python <3,>=2.7, {here}"],
        "windows": [f"windows/uv.lock:4: is for sys_platform == 'win32', {here}"],
        "ambiguous": [
            (
                "ambiguous/uv.lock:14: alpha==2.0 and alpha==1.0 (line 5) are both for this Python: choose groups and extras "
                "that do not exclude each other, or lock again"
            )
        ],
    }


CONTAINERS = """
import pytest

E = pytest.mark.environment

def names(environment):
    return {name: each.version for name, each in environment.inventory().items() if name not in ("pip", "setuptools")}

@E("box", lock="uv.lock")
def test_usual(environment, environments):
    assert names(environment) == {"alpha": "1.0", "tool": "1.0"}
    assert environment.inventory() == environments.lock("uv.lock").inventory()
    environment.assert_matches("uv.lock")

@E("box", lock="uv.lock", groups=["main"], extras=["fast"])
def test_parts(environment):
    assert names(environment) == {"alpha": "1.0", "beta": "1.0"}

@E("box", lock="uv.lock", groups=["dcos"])
def test_unknown(environment): pass

@E("box", lock="folder/uv.lock")
def test_folder(environment):
    assert names(environment) == {"built": "1.0"}
"""


@pytest.mark.requires_integration("docker-engine")
def test_containers(boxes: Suite, base: Base) -> None:
    """The same settings make the same inside of a container, folders of this machine and all."""
    table = f'[tool.envrepro.environments.box]\nkind = "container"\nbase-image = "{base.reference}"\n'
    boxes.write(CONTAINERS, PROJECT + table)
    boxes.project.write(
        {
            "uv.lock": locked(boxes),
            "folder/uv.lock": uv_lock(
                '[[package]]\nname = "built"\nversion = "1.0"\nsource = { directory = "built" }\n', asks("built")
            ),
            "folder/built/backend.py": making.backend("built", "1.0"),
            "folder/built/pyproject.toml": (
                '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            ),
        }
    )

    result = boxes.run()

    result.assert_outcomes(passed=3, errors=1)
    assert headed(result, "ERROR at setup of test_unknown")[1:] == [
        "  @pytest.mark.environment on test_unknown: groups: uv.lock has no group 'dcos' (did you mean 'docs'?)"
    ]
