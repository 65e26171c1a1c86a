"""Two containers, compared by all their files; and a container with what has fewer that can be known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")
COMPARED = """
import pytest

def test_by_hand(environments):
    one, other = environments.get("box"), environments.throwaway("box")
    assert not one.diff(other, depth="system"), str(one.diff(other, depth="system"))
    other.run("sh", "-c", "mkdir /data; echo 2 > /data/model; echo x >> /etc/passwd; echo 1 > /var/log/it")
    told = str(other.diff(one, depth="DEPTH")).splitlines()
    assert told[0] == "environment 'box' and environment 'box' differ: 3 files"
    assert told[1:4] == [
        "  in no package",
        "    /data        only in box (left)",
        "    /data/model  only in box (left)",
    ]
    assert told[4].startswith("    /etc/passwd  ")
    assert told[5:] == ["  not counted: logs (/var/log/it)"]
    assert not other.diff(one)

def test_by_settings(environments):
    one, other = (environments.get("box", files={"/srv/cfg": name}) for name in ("one.txt", "two.txt"))
    (change,) = one.diff(other, depth="DEPTH").files
    assert change == (None, "/srv/cfg", "4 bytes in box (left), 7 bytes in box (right)")
"""


@pytest.mark.parametrize("depth", ["files", "system"])
def test_all_files(boxes: Suite, base: Base, depth: str) -> None:
    """Files that differ anywhere are found, whether a test has written them or their settings say so; and nothing else."""
    boxes.write(COMPARED.replace("DEPTH", depth), table(base.reference))
    (boxes.path / "one.txt").write_text("one\n")
    (boxes.path / "two.txt").write_text("second\n")

    boxes.run("-p", "no:randomly").assert_outcomes(passed=2)


AS_IT_IS = """
def test_it(environments):
    one = environments.get("box", skip_build=True)
    with environments.throwaway("box", skip_build=True) as other:
        assert not one.diff(other, depth="files")
        other.run("sh", "-c", "echo 1 > /srv/new; echo 1 > /data/new")
        difference = one.diff(other, depth="files")
    assert difference.files == ((None, "/srv/new", "only in box (right)"),)
    assert difference.unknown == ("what is mounted at /data",)
    assert difference.counts[1] > 1000
    (package,) = one.inventory()
    assert package == "tiny"
"""
TINY = r"""RUN d=/usr/lib/python3/dist-packages; mkdir -p $d/tiny-1.dist-info; cd $d; echo x > tiny.py; cd tiny-1.dist-info; \
printf 'Metadata-Version: 2.1\nName: tiny\nVersion: 1\n' > METADATA; \
printf 'tiny.py,,\ntiny-1.dist-info/METADATA,,\ntiny-1.dist-info/RECORD,,\n' > RECORD"""


def test_without_a_virtualenv(boxes: Suite, base: Base) -> None:
    """Of images that are used as they are too; what is mounted cannot be compared, and is said."""
    boxes.write(AS_IT_IS, table(base.built("VOLUME /data", TINY)))

    boxes.run().assert_outcomes(passed=1)


PACKAGES = """
def test_it(environments):
    one = environments.get("box", skip_build=True)
    with environments.throwaway("box", skip_build=True) as other:
        other.run("sh", "-c", "cd /usr/lib/python3/dist-packages; rm -r tiny*")
        difference = one.diff(other, depth="files")
    assert [(each.name, str(each.left.version), each.right) for each in difference.packages] == [("tiny", "1", None)]
    assert difference.files == ()
"""


def test_files_of_packages(boxes: Suite, base: Base) -> None:
    """What a package lists is told with the package, and not once more for each file."""
    boxes.write(PACKAGES, table(base.built(TINY)))

    boxes.run().assert_outcomes(passed=1)


OTHERS = """
import pytest

BOX = "files outside /opt/environment (known of box alone)"
NONE = "files of no package (known of {} alone)"
INSIDE = "files of no package in /opt/environment (known of box (left) alone)"

def test_it(environments):
    box, as_it_is = environments.get("box"), environments.get("box", skip_build=True)
    client, host = environments.get("client"), environments.host
    for one, other, unknown in [
        (box, client, [BOX]),
        (client, box, [BOX]),
        (box, host, [NONE.format("box")]),
        (as_it_is, host, [NONE.format("box")]),
        (client, host, [NONE.format("client")]),
        (as_it_is, client, [NONE.format("box"), NONE.format("client")]),
        (box, as_it_is, [INSIDE]),
        (box, box, []),
        (client, client, []),
    ]:
        assert one.diff(other, depth="files").unknown == tuple(unknown)
        assert not one.diff(other).unknown
    told = box.diff(client, depth="system")
    assert told.unknown == ("release (known of box alone)", "apt packages (known of box alone)", BOX)
    assert str(told).endswith("  not compared: " + ", ".join(told.unknown))
"""


def test_with_others(boxes: Suite, base: Base) -> None:
    """With a virtualenv, the host, and an image as it is, only what both have is compared; the rest is said."""
    boxes.write(OTHERS, table(base.reference) + "[tool.envrepro.environments.client]\n")

    boxes.run().assert_outcomes(passed=1)
