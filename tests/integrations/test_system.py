"""Environment variables, and the packages of a Debian host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from integrations.cataloguing import Shop

pytestmark = pytest.mark.core

TABLE = """
[tool.envrepro.integrations.it]
variables = ["PGHOST", "PGPORT", "PGUSER"]
apt-packages = []
"""
APT = """
[tool.envrepro.integrations.it]
apt-packages = ["libpq5", "libpq5:amd64", "libpq5=15.*", "libpq5=16.1-1", "gone", "awk", "never"]
"""
STATUS = """\
Package: libpq5
Status: install ok installed
Architecture: amd64
Version: 15.3-0+deb12u1
Description: a library
 Version: 9 is not what this says

Package: gone
Status: deinstall ok config-files
Version: 1

Package: mawk
Status: install ok installed
Provides: awk (= 1.3), other
Version: 1.3.4
"""


def test_variables(shop: Shop) -> None:
    """A variable has to be set and not empty; what it is set to is told nowhere."""
    shop.write({"pyproject.toml": TABLE})
    shop.environ |= {"PGHOST": "hunter2", "PGPORT": ""}

    assert shop.check("it") == (
        "partial",
        [("$PGHOST is set", "set", True), ("$PGPORT is empty", None, False), ("$PGUSER is not set", None, False)],
    )


def test_apt_packages(shop: Shop) -> None:
    """Packages are looked up in the list that dpkg keeps: versions, architectures and virtual packages too."""
    shop.write({"pyproject.toml": APT})
    shop.dpkg.write_text(STATUS)

    assert shop.check("it") == (
        "partial",
        [
            ("libpq5: 15.3-0+deb12u1 is installed", "15.3-0+deb12u1", True),
            ("libpq5:amd64: 15.3-0+deb12u1 is installed", "15.3-0+deb12u1", True),
            ("libpq5=15.*: 15.3-0+deb12u1 is installed", "15.3-0+deb12u1", True),
            ("libpq5=16.1-1: 15.3-0+deb12u1 is installed", "15.3-0+deb12u1", False),
            ("gone is not installed", None, False),
            ("awk: 1.3.4 is installed", "1.3.4", True),
            ("never is not installed", None, False),
        ],
    )
    assert shop.catalogue.check("it").unmet[-1].fix == "apt-get install never"


def test_no_debian(shop: Shop) -> None:
    """Elsewhere they are no need of the host, and an integration of nothing else is met."""
    shop.write({"pyproject.toml": APT})

    status, needs = shop.check("it")

    assert status == "met"
    assert needs[0] == ("libpq5 is checked on a Debian host alone", None, None)
