"""Containers that are made several times from the same settings, and are to be the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from borrowing import headed
from boxing import table

if TYPE_CHECKING:
    from borrowing import Suite
    from boxing import Base

pytestmark = pytest.mark.requires_integration("docker-engine")


def test_first_of_all(boxes: Suite, base: Base) -> None:
    """A test that asks for no fixture may be the first of the session that has containers made."""
    boxes.write(
        "import pytest_envrepro\n\ndef test_it():\n    pytest_envrepro.assert_reproducible('box')\n",
        table(base.reference, 'requirements = ["alpha"]'),
    )

    result = boxes.run()

    result.assert_outcomes(passed=1)
    assert not list((boxes.cache / "work").glob("tmp*"))
    assert base.containers() == []


def test_what_commands_write(boxes: Suite, base: Base) -> None:
    """What commands of the image write counts wherever it lies, by content, rights and links; logs and caches do not."""
    commands = [
        ["sh", "-c", "date +%N > /built; cat /proc/sys/kernel/random/uuid > /app/id"],
        [
            "sh",
            "-c",
            "ln -s /$(cat /app/id) /app/link; mkdir /steady; touch -d 2000-01-01 /steady/file; date > /steady/log",
        ],
        ["sh", "-c", "date +%N > /var/log/ours.log; date +%N > /tmp/ours; : > /steady/log"],
    ]
    boxes.write(
        f"import pytest_envrepro\n\ndef test_it():\n    pytest_envrepro.assert_reproducible('box', run={commands!r})\n",
        table(base.reference),
    )

    result = boxes.run()

    result.assert_outcomes(failed=1)
    told = [line.removeprefix("E").strip() for line in headed(result, "test_it") if line.startswith("E ")]
    assert told[0] == (
        "AssertionError: environment 'box' was built 2 times from the same settings, and is not the same"
    )
    assert told[1:4] == [
        "build 1 and build 2 differ: 3 files",
        "in no package",
        "/app/id    another content, of the same 37 bytes",
    ]
    uuid = "/[0-9a-f-]{36}"
    assert re.fullmatch(f"/app/link  leads to {uuid} in build 1, leads to {uuid} in build 2", told[4])
    assert told[5:] == [
        "/built     another content, of the same 10 bytes",
        "not counted: logs (/var/log/ours.log), temporary files (/tmp/ours)",
    ]
