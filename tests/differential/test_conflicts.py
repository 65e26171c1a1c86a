"""The check of conflicts against pip's own, over generated environments.

All that pip reports we report. What we report beside it is of four kinds: extras that somebody asks for, Requires-Python,
duplicates, and metadata that cannot be read.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_envrepro.checks import Facts
from pytest_envrepro.checks.conflicts import ConflictsCheck
from pytest_envrepro.envs.host import host_interpreter
from pytest_envrepro.envs.inventory import read_inventory
from pytest_envrepro.model import Project
from pytest_envrepro.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.requires_integration("pip")

EXAMPLES = int(os.environ.get("ENVREPRO_EXAMPLES", "200"))

NAMES = ("alpha", "beta", "gamma.one", "Delta_Two", "eps-ilon")
VERSIONS = (
    "0.9",
    "1.0",
    "1.0.0",
    "1.0.post1",
    "1.0+cpu",
    "2.0",
    "2.0rc1",
    "2.0.dev3",
    "2.0+local.1",
    "1!1.0",
    "nonsense",
)
CLAUSES = (
    "",
    ">=1",
    "<2",
    "==1.0",
    "==1.0.*",
    "!=2.0",
    "~=1.0",
    "===1.0",
    "==1.0+cpu",
    ">=2.0rc1",
    " (>=1,<2)",
    "<=1.0",
)
EXTRAS = ("", "[x]", "[Y_y]", "[x, Y_y]")
MARKERS = (
    *("", "; extra == 'x'", "; extra == 'y-y'", "; python_version >= '3'", "; python_version < '3'"),
    *("; os_name == 'never' or extra == 'x'", "; extra == 'Y_y' and sys_platform != 'never'", "; extra != 'x'"),
)
INVALID = ("alpha>=", "!!!", "beta; wrong == 'x'", "alpha>=1.*", "beta >= 1; extra = 'x'", "gamma==nonsense")
TAGS = ("py3-none-any", "py2.py3-none-any", "cp27-cp27m-win32", "cp27.py3-none-any")


@dataclass(frozen=True)
class Installed:
    """A metadata folder to be written."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = ("py3-none-any",)
    python: str = ""
    kind: str = "dist-info"
    metadata: str = "whole"

    def write(self, site: Path) -> None:
        """Write it as an installer, or a fault, leaves it."""
        spelled = self.name.replace("-", "_").replace(".", "_")
        prefix = "~" if self.kind == "leftover" else ""
        folder = site / f"{prefix}{spelled}-{self.version}.{'egg-info' if 'egg' in self.kind else 'dist-info'}"
        if folder.exists():
            return
        text = self._text()
        if self.kind == "egg file":
            folder.write_text(text)
            return
        folder.mkdir()
        if self.metadata != "missing":
            (folder / ("PKG-INFO" if self.kind == "egg folder" else "METADATA")).write_text(text)
        if self.tags is not None and self.kind != "egg folder":
            (folder / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in self.tags))

    def _text(self) -> str:
        if self.metadata == "empty":
            return ""
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Python: {self.python}"] if self.python else []
        lines += [f"Requires-Dist: {each}" for each in self.requires]
        return "\n".join([*lines, "Provides-Extra: x", "Provides-Extra: Y_y", "", "Requires-Dist: body", ""])


def requirements() -> st.SearchStrategy[str]:
    """Give requirements of all valid forms."""
    names, extras, markers = st.sampled_from(NAMES), st.sampled_from(EXTRAS), st.sampled_from(MARKERS)
    plain = st.builds("{}{}{}{}".format, names, extras, st.sampled_from(CLAUSES), markers)
    url = st.builds("{}{} @ https://example.org/a.zip {}".format, names, extras, markers)
    return st.one_of(plain, plain, plain, plain, url)


def sound() -> st.SearchStrategy[Installed]:
    """Give distributions whose metadata pip can read."""
    return st.builds(
        Installed,
        name=st.sampled_from(NAMES),
        version=st.sampled_from(VERSIONS).filter(lambda version: version != "nonsense"),
        requires=st.lists(requirements(), max_size=5).map(tuple),
        tags=st.one_of(st.just(("py3-none-any",)), st.none(), st.lists(st.sampled_from(TAGS), max_size=2).map(tuple)),
        python=st.sampled_from(("", "", ">=3", "<3")),
    )


def damaged() -> st.SearchStrategy[Installed]:
    """Give distributions of which some can be read and some cannot."""
    anything = st.one_of(requirements(), st.sampled_from(INVALID))
    return st.builds(
        Installed,
        name=st.sampled_from(NAMES),
        version=st.sampled_from(VERSIONS),
        requires=st.lists(anything, max_size=2).map(tuple),
        python=st.sampled_from(("", "nonsense")),
        kind=st.sampled_from(("dist-info", "egg folder", "egg file", "leftover")),
        metadata=st.sampled_from(("whole", "whole", "missing", "empty")),
    )


def environments() -> st.SearchStrategy[list[Installed]]:
    """Give environments: one half as installers leave them, the other with duplicates and damages."""
    whole = st.lists(sound(), max_size=5, unique_by=lambda each: each.name)
    return st.one_of(whole, st.lists(st.one_of(sound(), damaged()), max_size=7))


Problem = tuple[str, str, str]


@dataclass
class Said:
    """What pip says of an environment: requirements that are not met, with its extras and without; and all else."""

    plain: set[Problem]
    with_extras: set[Problem]
    unreadable: set[str]
    unsupported: set[str]


class _Names(logging.Handler):
    """Collects the names of what pip warns of."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the name."""
        if isinstance(record.args, tuple) and str(record.msg).startswith("Error parsing"):
            self.names.add(str(record.args[0]))


def ask_pip(site: Path) -> Said:
    """Let pip's own code judge a folder."""
    # The tests say that they need it.
    from pip._internal import metadata as pip_metadata  # noqa: PLC0415
    from pip._internal.operations import check as pip_check  # noqa: PLC0415
    from pip._internal.utils import compatibility_tags as pip_tags  # noqa: PLC0415

    environment = pip_metadata.get_environment([str(site)])
    handler = _Names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pip_check.logger, "handlers", [handler])
        patch.setattr(pip_check.logger, "propagate", False)
        patch.setattr(pip_check, "get_default_environment", lambda: environment)
        packages, _ = pip_check.create_package_set_from_installed()
    missing, conflicting = pip_check.check_package_set(packages)
    found = {dist.canonical_name: dist for dist in environment.iter_installed_distributions(local_only=False, skip=())}
    readable = (dist for dist in found.values())
    return Said(
        plain={("missing", name, dep) for name, deps in missing.items() for dep, _ in deps}
        | {("conflict", name, dep) for name, deps in conflicting.items() for dep, _, _ in deps},
        with_extras=_with_extras(packages, found),
        unreadable=handler.names,
        unsupported={each.canonical_name for each in pip_check.check_unsupported(readable, pip_tags.get_supported())},
    )


def _with_extras(packages: Mapping[Any, Any], found: Mapping[Any, Any]) -> set[Problem]:
    """Follow extras with pip's own reading of metadata, until no more are asked for."""
    extras: dict[str, set[str]] = {name: set() for name in packages}
    problems: set[Problem] = set()
    changed = True
    while changed:
        changed = False
        for name in packages:
            dist = found[name]
            asked = [*dist.iter_dependencies()]
            asked += dist.iter_dependencies(sorted(extras[name])) if extras[name] else []
            for requirement in asked:
                other = canonicalize_name(requirement.name)
                if other not in packages:
                    problems.add(("missing", name, other))
                    continue
                if not requirement.specifier.contains(packages[other][0], prereleases=True):
                    problems.add(("conflict", name, other))
                more = {canonicalize_name(extra) for extra in requirement.extras}
                if not more <= extras[other]:
                    extras[other] |= more
                    changed = True
    return problems


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="ENVREPRO_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(environments())
def test_against_pip(installed: list[Installed]) -> None:
    """Every problem that pip reports we report, and the rest is of an allowed kind."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        for each in installed:
            each.write(site)
        pip = ask_pip(site)
        inventory = read_inventory([folder], host_interpreter())
        facts = Facts(
            locks={},
            installed=None,
            inventory=inventory,
            project=Project(anchor="pyproject.toml"),
            offline=lambda _: Outcome(),
        )
        ours = ConflictsCheck().judge(facts, "pyproject.toml").findings

    # Which of two that lie in one folder pip takes, the file system decides.
    twice = {finding.package for finding in ours if finding.code == "duplicate"}
    unreadable = {finding.package for finding in ours if finding.code == "unreadable-metadata"}
    words = {"missing-dependency": "missing", "conflict": "conflict"}
    unmet = {
        (words[finding.code], finding.package or "", str(canonicalize_name(Requirement(finding.expected or "").name)))
        for finding in ours
        if finding.code in words
    }

    def certain(problems: set[Problem]) -> set[Problem]:
        # pip leaves out altogether what it cannot read; we tell the reason, and go on with what can be read.
        return {each for each in problems if not {each[1], each[2]} & (twice | unreadable)}

    assert pip.unreadable <= unreadable | twice
    assert pip.unsupported - twice == {each.package for each in ours if each.code == "wrong-platform"} - twice
    assert certain(pip.plain) <= unmet
    if not twice | unreadable:
        assert unmet == pip.with_extras
