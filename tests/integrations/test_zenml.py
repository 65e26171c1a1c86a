"""ZenML's integrations: its registry is read in a process of its own, once, and judged by our rules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pytest_envrepro.errors import SettingsError

if TYPE_CHECKING:
    from integrations.cataloguing import Shop

# As in ZenML 0.98: the base class, and a registry of classes that are imported when it is first looked at.
BASE = """
class Integration:
    REQUIREMENTS = []
    APT_PACKAGES = []

    @classmethod
    def check_installation(cls):
        raise RuntimeError("only rules of an integration's own are asked")

    @classmethod
    def get_requirements(cls, target_os=None, python_version=None):
        return cls.REQUIREMENTS
"""
REGISTRY = """
import os, pathlib
print("a banner on standard output")
with open(os.environ["HOME"] + "/loads", "a") as file:
    file.write(os.environ["ZENML_ANALYTICS_OPT_IN"] + " " + str("SECRET" in os.environ) + "\\n")
pathlib.Path(os.environ["ZENML_CONFIG_PATH"], "global.yaml").touch()
from zenml.integrations.integration import Integration

class PyTorch(Integration):
    REQUIREMENTS = ["torch>=2", "old; python_version < '3'"]
    APT_PACKAGES = ["libgomp1"]

class LabelStudio(Integration):
    REQUIREMENTS = ["label-studio-sdk"]

class Mlx(Integration):
    @classmethod
    def check_installation(cls):
        return False

class MlxHere(Mlx):
    REQUIREMENTS = ["mlx"]

class Airflow(Integration):
    pass

class Broken(Integration):
    @classmethod
    def get_requirements(cls, target_os=None, python_version=None):
        raise KeyError("x")

class integration_registry:
    integrations = {
        "pytorch": PyTorch, "label_studio": LabelStudio, "mlx": Mlx, "mlx_here": MlxHere, "airflow": Airflow,
        "broken": Broken,
    }
"""


FILES = {
    "zenml/__init__.py": "",
    "zenml/integrations/__init__.py": "",
    "zenml/integrations/integration.py": BASE,
    "zenml/integrations/registry.py": REGISTRY,
}


@pytest.fixture
def zenml(shop: Shop) -> Shop:
    """Give an environment with a ZenML that has six integrations."""
    shop.install("zenml", "0.98.0", files=FILES)
    home = shop.root.parent / "home"
    home.mkdir()
    shop.environ |= {"SECRET": "1"}
    return shop


def test_names(zenml: Shop) -> None:
    """Its names stand among the others, with the prefix."""
    assert zenml.catalogue.names() == (
        "docker-engine",
        "zenml:airflow",
        "zenml:broken",
        "zenml:label_studio",
        "zenml:mlx",
        "zenml:mlx_here",
        "zenml:pytorch",
    )
    assert "zenml" not in sys.modules


def test_judged_by_our_rules(zenml: Shop) -> None:
    """Markers decide, and packages of a Debian host count."""
    zenml.dpkg.write_text("Package: libgomp1\nStatus: install ok installed\nVersion: 12\n")

    assert zenml.check("zenml:pytorch") == (
        "partial",
        [
            ("torch>=2 is not installed", None, False),
            ("old is not for this environment (python_version < '3')", None, None),
            ("libgomp1: 12 is installed", "12", True),
        ],
    )


def test_name_with_dashes(zenml: Shop) -> None:
    """Names are compared as those of packages are."""
    assert zenml.catalogue.check("zenml:label-studio").name == "zenml:label_studio"


def test_platforms(zenml: Shop) -> None:
    """An integration that its own rule excludes here is not applicable; one that is merely not installed is missing."""
    assert zenml.check("zenml:mlx") == (
        "not-applicable",
        [("this platform is excluded by ZenML's own rule", None, None)],
    )
    assert zenml.check("zenml:mlx_here") == ("missing", [("mlx is not installed", None, False)])
    assert zenml.check("zenml:airflow") == ("met", [])


def test_export(zenml: Shop) -> None:
    """Exported by name, and no part of `all`, which is the project's own."""
    zenml.write(
        {"pyproject.toml": '[tool.envrepro.integrations.own]\nincludes = ["zenml:pytorch"]\nrequirements = ["a"]'}
    )

    assert zenml.catalogue.export(["zenml:pytorch"]).lines == ('old; python_version < "3"', "torch>=2")
    assert zenml.catalogue.export(["all"]).lines == ("a", 'old; python_version < "3"', "torch>=2")


def test_misspelled(zenml: Shop) -> None:
    """A name that it does not have is told with the one that was meant."""
    with pytest.raises(SettingsError) as caught:
        zenml.catalogue.check("zenml:pytroch")

    assert str(caught.value) == "there is no integration 'zenml:pytroch' (did you mean 'zenml:pytorch'?)"


def test_one_that_fails(zenml: Shop) -> None:
    """An integration that cannot tell its requirements is an error of its own, and of no other."""
    with pytest.raises(SettingsError) as caught:
        zenml.catalogue.check("zenml:broken")

    assert str(caught.value) == "zenml:broken cannot be read: KeyError: 'x'"


def test_read_once(zenml: Shop) -> None:
    """It is read once for each version, sends no statistics, writes no settings, and sees no secret."""
    for _ in range(2):
        catalogue = zenml.catalogue
        catalogue.names()
        catalogue.check("zenml:pytorch")

    home = zenml.root.parent / "home"
    assert (home / "loads").read_text() == "false False\n"
    assert [path.name for path in home.iterdir()] == ["loads"]


def test_read_once_without_a_cache(zenml: Shop) -> None:
    """Where nothing can be kept, it is read once in a session."""
    zenml.cache = None
    catalogue = zenml.catalogue
    catalogue.names()
    catalogue.check("zenml:pytorch")

    assert len((zenml.root.parent / "home" / "loads").read_text().splitlines()) == 1


def test_edited(shop: Shop) -> None:
    """Of a ZenML that is installed to be edited nothing is kept: its integrations change, and its version does not."""
    source = {"url": "file:///checkouts/zenml", "dir_info": {"editable": True}}
    shop.install("zenml", "0.98.0", files=FILES, direct_url=source)
    (shop.root.parent / "home").mkdir()
    before = shop.catalogue.names()
    (shop.site / "zenml/integrations/registry.py").write_text(REGISTRY.replace('"mlx": Mlx', '"mlx": Mlx, "new": Mlx'))

    assert set(shop.catalogue.names()) - set(before) == {"zenml:new"}


def test_not_asked_without_need(zenml: Shop) -> None:
    """Who asks for no integration of ZenML does not start it, a misspelled name included."""
    catalogue = zenml.catalogue
    catalogue.check_requirements("zenml>=0.90")
    with pytest.raises(SettingsError):
        catalogue.check("dokcer-engine")

    assert not (zenml.root.parent / "home" / "loads").exists()


def test_zenml_is_missing(shop: Shop) -> None:
    """Without ZenML, ZenML is what is missing: a laptop skips, and no name is misspelled."""
    assert shop.catalogue.names() == ("docker-engine",)
    assert shop.check("zenml:pytorch") == ("missing", [("zenml is not installed", None, False)])


def test_zenml_that_does_not_load(zenml: Shop) -> None:
    """A ZenML that does not load is one error, with its last word."""
    (zenml.site / "zenml/integrations/registry.py").write_text("raise ImportError('no sqlmodel')\n")

    with pytest.raises(SettingsError) as caught:
        zenml.catalogue.check("zenml:pytorch")

    assert str(caught.value) == "the integrations of ZenML cannot be read: ImportError: no sqlmodel"
