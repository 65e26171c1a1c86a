"""The Python of a container, as tests need it: asked there, with the standard library alone."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from packaging.tags import sys_tags

from pytest_envrepro.interpreter import Layout, Python
from pytest_envrepro.inventory import Interpreter

if TYPE_CHECKING:
    from pytest_envrepro.engine import Container

_QUESTION = """
import json, os, platform, sys
print(json.dumps({
    "implementation_name": sys.implementation.name, "implementation_version": platform.python_version(),
    "os_name": os.name, "platform_machine": platform.machine(), "platform_system": platform.system(),
    "platform_python_implementation": platform.python_implementation(), "platform_release": platform.release(),
    "platform_version": platform.version(), "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
}))
"""


@cache
def _platforms() -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag.platform for tag in sys_tags()))


def python_in(container: Container, executable: str = "/usr/bin/python3") -> Python:
    """Ask the Python of a container that runs on this machine: its platform is this one's."""
    said = json.loads(container.run([executable, "-I", "-c", _QUESTION]).stdout)
    version = said["python_full_version"]
    minor = said["python_version"].replace(".", "")
    groups = ((f"cp{minor}-cp{minor}", _platforms()), ("py3-none", _platforms()))
    return Python(
        executable=executable,
        interpreter=Interpreter(
            implementation=said["implementation_name"], version=version, platform="linux-x86_64", environment=said
        ),
        base_prefix="/usr",
        identity=f"the image's {version}",
        layout=Layout("bin", f"lib/python{said['python_version']}/site-packages", "lib/site-packages", "python"),
        origin="the image's own",
        tag_groups=groups,
    )
