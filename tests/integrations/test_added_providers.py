"""Another distribution adds integrations by an entry point."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from integrations.cataloguing import Shop

pytestmark = pytest.mark.core

PAGE = Path(__file__).parents[2] / "docs" / "integrations.md"
(PROVIDER,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
POINT = "the entry point 'corp' of corp (corp_integrations:Corp)"
POINTS = "[pytest_envrepro.integrations]\ncorp = corp_integrations:Corp\n"


@pytest.fixture
def add(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Give an environment beside this one, for a provider."""
    monkeypatch.syspath_prepend(str(shop.site))
    folder = shop.install("corp", "1")
    (folder / "entry_points.txt").write_text(POINTS)
    monkeypatch.delitem(sys.modules, "corp_integrations", raising=False)
    return shop


def test_added(add: Shop) -> None:
    """The provider of the page: its integrations are listed, judged, included and exported as ours are."""
    (add.site / "corp_integrations.py").write_text(PROVIDER)
    add.write({"pyproject.toml": '[tool.envrepro.integrations.own]\nincludes = ["corp:render"]\n'})
    add.environ["CORP_LICENCE"] = "1"
    catalogue = add.catalogue

    assert catalogue.names() == ("corp:gpu", "corp:render", "docker-engine", "own")
    assert add.check("own") == (
        "partial",
        [
            ("cuda-python>=12 is not installed", None, False),
            ("nvidia-smi is not on PATH", None, False),
            ("a licence is set", "set", True),
        ],
    )
    assert catalogue.export(["all"]).lines == ("cuda-python>=12",)


def test_circle(add: Shop) -> None:
    """Integrations of a provider that include each other are one error, with the way round."""
    (add.site / "corp_integrations.py").write_text(
        PROVIDER.replace('tools=("nvidia-smi",)', 'includes=("corp:render",)')
    )

    with pytest.raises(SettingsError) as caught:
        add.catalogue.check("corp:gpu")

    assert str(caught.value) == "the integrations include each other: corp:gpu -> corp:render -> corp:gpu"


@pytest.mark.parametrize("prefix", ["", "corp", "zenml:"])
def test_prefix(add: Shop, prefix: str) -> None:
    """A prefix that is missing, unmarked or another's is one error that names the provider."""
    (add.site / "corp_integrations.py").write_text(PROVIDER.replace('"corp:"', repr(prefix)))

    words = f"{POINT} needs a prefix of its own that ends with a colon, not '{prefix}'"
    assert add.catalogue.faults == {"corp:": words}
    assert add.catalogue.names() == ("docker-engine",)


LOST = f"{POINT} does not load: ModuleNotFoundError(\"No module named 'corp_integrations'\")"


def test_does_not_load(add: Shop) -> None:
    """One that does not load is named, with its distribution, where one of its names is asked for; nothing else is hidden."""
    add.write({"pyproject.toml": '[tool.envrepro.integrations.own]\ntools = ["no-tool"]\n'})
    catalogue = add.catalogue

    assert catalogue.names() == ("docker-engine", "own")
    assert catalogue.faults == {"corp:": LOST}
    assert catalogue.check("own").status == "missing"
    for name in ("corp:gpu", "other:gpu"):
        with pytest.raises(SettingsError) as caught:
            catalogue.check(name)
        prefix = name.partition(":")[0]
        assert str(caught.value) == f"there is no integration '{name}': there is no provider '{prefix}:'; {LOST}"


BROKEN = {
    "names": ('return ["gpu", "render"]', "raise RuntimeError('no')", "cannot tell its names: RuntimeError('no')"),
    "no names": (
        'return ["gpu", "render"]',
        "return [1]",
        "cannot tell its names: TypeError('gives 1, which is no name')",
    ),
}


@pytest.mark.parametrize(("old", "new", "fault"), BROKEN.values(), ids=BROKEN)
def test_cannot_tell_its_names(add: Shop, old: str, new: str, fault: str) -> None:
    """One that raises is told with its name, and what it can tell is judged all the same."""
    (add.site / "corp_integrations.py").write_text(PROVIDER.replace(old, new))
    catalogue = add.catalogue

    assert catalogue.names() == ("docker-engine",)
    assert catalogue.faults == {"corp:": f"{POINT} {fault}"}
    assert catalogue.check("corp:gpu").status == "missing"
    with pytest.raises(SettingsError) as caught:
        catalogue.check("corp:gpuu")
    assert str(caught.value) == f"there is no integration 'corp:gpuu': {POINT} {fault}"


def test_cannot_tell_an_integration(add: Shop) -> None:
    """One that raises for a name, or gives something else, is told with it."""
    broken = PROVIDER.replace('if name == "gpu":', 'if name == "no":\n            return 1\n        if name == "gpu":')
    (add.site / "corp_integrations.py").write_text(broken.replace("return None", "raise KeyError(name)"))

    for name, error in (("x", "KeyError('x')"), ("no", "TypeError('gives 1, which is no Integration')")):
        with pytest.raises(SettingsError) as caught:
            add.catalogue.check(f"corp:{name}")
        assert str(caught.value) == f"{POINT} cannot tell 'corp:{name}': {error}"
    assert add.catalogue.check("corp:gpu").status == "missing"


def test_cannot_judge(add: Shop) -> None:
    """A need whose code raises is not met, which says why; the others are judged."""
    (add.site / "corp_integrations.py").write_text(
        PROVIDER.replace("found = around", 'raise OSError("no")\n    found = around')
    )

    assert add.check("corp:render")[1][-1] == (
        "corp:render is not judged: its provider raises OSError('no')",
        None,
        False,
    )


def test_cannot_judge_what_is_none(add: Shop) -> None:
    """The same of one that gives something else."""
    (add.site / "corp_integrations.py").write_text(
        PROVIDER.replace("return Need(", "return str(").replace(
            'str("a licence", "set" if found else None, met=bool(found), why="is set" if found else "is not set")',
            "None",
        )
    )

    said = "corp:render is not judged: its provider raises TypeError('gives None, which is no Need')"
    assert add.check("corp:render")[1][-1] == (said, None, False)
