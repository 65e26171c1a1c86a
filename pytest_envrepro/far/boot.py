"""The first lines that run in an environment: take the channel, read our sources from it, and begin."""

import json
import os
import struct
import sys
from importlib.machinery import ModuleSpec

_incoming, _outgoing = os.dup(0), os.dup(1)
_null = os.open(os.devnull, os.O_RDWR)
os.dup2(_null, 0)
os.dup2(2, 1)  # The channel is for messages alone.
os.close(_null)


def _read(length):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # Is sent as it stands: each line of it costs time.
    data = b""
    while len(data) < length:
        part = os.read(_incoming, length - len(data))
        if not part:
            sys.exit(1)
        data += part
    return data


_SENT = json.loads(_read(struct.unpack(">Ic", _read(5))[0]))  # type: ignore[no-untyped-call]
_PACKAGE = _SENT["package"]


class _Finder:
    """Finds what was sent, among what was sent."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205, ARG004
        package, _, last = name.rpartition(".")
        if name != _PACKAGE and (package != _PACKAGE or last not in _SENT["sources"]):
            return None
        place = f"<{name}>"
        spec = ModuleSpec(name, _Finder, origin=place, is_package=name == _PACKAGE)  # type: ignore[arg-type]  # Is one.
        spec.has_location = True
        return spec

    @staticmethod
    def create_module(spec):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205, ARG004
        return None

    @staticmethod
    def exec_module(module):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN205
        source = _SENT["sources"].get(module.__name__.rpartition(".")[2], "")
        exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)  # noqa: S102


sys.meta_path.insert(0, _Finder)
__import__(_PACKAGE + ".loop")
sys.modules[_PACKAGE + ".loop"].main(_incoming, _outgoing)
