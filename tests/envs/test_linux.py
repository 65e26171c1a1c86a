"""What the files of a Linux system tell of it."""

from __future__ import annotations

import pytest

from pytest_envrepro.envs.installed import Installed
from pytest_envrepro.envs.linux import apt_packages, release
from pytest_envrepro.envs.packages import Packages
from pytest_envrepro.errors import EnvReproError
from pytest_envrepro.inventory import Interpreter

_STATUS = """\
Package: git
Status: install ok installed
Architecture: amd64
Version: 1:2.39.5-0+deb12u2
Description: fast, scalable
 Package: nothing
 .
 Version: 9

Package: held
Status: hold ok installed
Version: 1.0

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: half
Status: install ok half-configured
Version: 1.0

Package: broken
Status: install reinstreq installed
Version: 1.0

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-9

package: libc6
Status: install ok installed
Architecture: amd64
version: 2.36-8

Package: no-version
Status: install ok installed
"""


def test_apt_packages() -> None:
    """Installed packages alone, those on hold too; of two architectures each by its own name."""
    assert apt_packages(_STATUS) == {
        "git": "1:2.39.5-0+deb12u2",
        "held": "1.0",
        "libc6:amd64": "2.36-8",
        "libc6:i386": "2.36-9",
    }
    assert apt_packages(_STATUS.replace("\n", "\r\n")) == apt_packages(_STATUS)
    assert apt_packages("") == apt_packages("rubbish\n\n: :\n\n\n") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', "debian 12"),
        ("ID='alpine'\nVERSION_ID=3.19.1\n", "alpine 3.19.1"),
        ("ID=arch\nBUILD_ID=rolling\n", "arch rolling"),
        ("ID=debian\nVERSION_CODENAME=sid\n", "debian sid"),
        ("# comment\nID=\"it's\n", "\"it's"),
        ("", ""),
        ("\0\n===\n", ""),
    ],
)
def test_release(text: str, told: str) -> None:
    """The name and the version, however they are quoted; nothing where there is nothing."""
    assert release(text) == told


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ((), "execution has no apt packages"),
        (("apk",), "execution has no apt packages; its packages are of another kind, which is not read: apk"),
    ],
)
def test_no_apt(others: tuple[str, ...], told: str) -> None:
    """An image of another kind is no image without packages."""
    interpreter = Interpreter(implementation="cpython", version="3.12.0", platform="linux-x86_64", environment={})
    there = Installed(Packages("execution", {}), interpreter=interpreter, dpkg="", others=others, variables={})

    with pytest.raises(EnvReproError) as caught:
        _ = there.apt

    assert str(caught.value) == told
