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

PAGE = Path(__file__).parents[2] / "docs" / "integrations.md"
(PROVIDER,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
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

    with pytest.raises(SettingsError, match=f"needs a prefix of its own that ends with a colon, not '{prefix}'$"):
        add.catalogue.names()


def test_does_not_load(add: Shop) -> None:
    """One that does not load is named, with its distribution."""
    with pytest.raises(
        SettingsError, match=r"^the entry point 'corp' of corp \(corp_integrations:Corp\) does not load"
    ):
        add.catalogue.names()
