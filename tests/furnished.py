"""Bodies that use fixtures, and what comes of each: with those of pytest, and with those that a body has elsewhere.

Is run by other Pythons too, as a program: `python furnished.py FOLDER`, with the folder of what is sent.
"""

from __future__ import annotations

import json
import os
import sys

CAPTURING = {
    "capsys": "print('a'); say(capsys.readouterr()); print('b'); print('c', file=sys.stderr); say(*capsys.readouterr(), capsys.readouterr())",
    "capsys-result": "print('a'); r = capsys.readouterr(); o, e = r; say(r.out, o, e == r.err, r[0], len(r), type(r).__name__)",
    "capsys-left": "print('read'); capsys.readouterr(); print('left'); print('on err', file=sys.stderr)",
    "capsys-files": "os.write(1, b'by file\\n'); say(capsys.readouterr()); os.system('echo by program')",
    "capsys-newlines": "print('a', end='\\r\\n'); print('b\\nc\\r'); say(capsys.readouterr().out)",
    "capsys-letters": "print('\\u20ac'); say(capsys.readouterr().out); print('\\udc80')",
    "capsys-bytes": "sys.stdout.buffer.write(b'x'); sys.stdout.write('y'); say(capsys.readouterr().out)",
    "capsys-no-file": "say(sys.stdout.isatty(), sys.stdout.encoding.lower(), sys.stdout.errors); sys.stdout.fileno()",
    "capsys-raises": "print('seen'); 1 / 0",
    "capsys-disabled": "print('a')\nwith capsys.disabled(): pass\nprint('b'); say(capsys.readouterr())",
    "capsys-disabled-raises": "try:\n  with capsys.disabled(): 1 / 0\nexcept ZeroDivisionError:\n  print('b')\nsay(capsys.readouterr())",
    "capsysbinary": "print('a'); sys.stdout.buffer.write(b'\\xff'); say(capsysbinary.readouterr()); print('left')",
    "capfd": "print('a'); os.write(1, b'b\\n'); os.system('echo c; echo d >&2'); print('e'); say(capfd.readouterr(), capfd.readouterr())",
    "capfd-left": "os.system('echo gone'); capfd.readouterr(); os.system('echo left; echo err >&2'); print('last')",
    "capfd-odd": "os.write(1, b'\\xffx'); print('\\udc80'); say(capfd.readouterr().out, sys.stdout.errors)",
    "capfd-newlines": "os.write(1, b'a\\r\\nb\\n'); print('c', end='\\r\\n'); say(repr(capfd.readouterr().out))",
    "capfd-large": "print('x' * 300000); os.write(1, b'y' * 300000); say(len(capfd.readouterr().out)); print('z' * 300000)",
    "capfd-file": "say(sys.stdout.isatty(), sys.stdout.writable()); os.write(sys.stdout.fileno(), b'n'); say(capfd.readouterr())",
    "capfd-disabled": "print('a')\nwith capfd.disabled(): pass\nos.write(2, b'b'); say(capfd.readouterr())",
    "capfdbinary": "os.write(1, b'\\xff'); print('a'); say(capfdbinary.readouterr()); os.write(1, b'left\\n')",
}
PATCHING = {
    "setattr": "class C: x = 1\nmonkeypatch.setattr(C, 'x', 2); say(C.x); monkeypatch.undo(); say(C.x, C.__dict__['x'])",
    "setattr-twice": "class C: x = 1\nmonkeypatch.setattr(C, 'x', 2); monkeypatch.setattr(C, 'x', 3); monkeypatch.undo(); say(C.x)",
    "setattr-inherited": "class C: x = 1\nclass D(C): pass\nmonkeypatch.setattr(D, 'x', 2); monkeypatch.undo(); say(D.x, 'x' in vars(D))",
    "setattr-object": "class C: x = 1\nc = C(); monkeypatch.setattr(c, 'x', 2); monkeypatch.undo(); say(c.x, vars(c))",
    "setattr-static": "class C:\n  @staticmethod\n  def f(): return 1\nmonkeypatch.setattr(C, 'f', lambda: 2); say(C.f()); monkeypatch.undo(); say(C().f())",
    "setattr-property": "class C:\n  p = property(lambda s: s.v, lambda s, v: setattr(s, 'v', v))\nc = C(); c.p = 1\n"
    "monkeypatch.setattr(c, 'p', 2); say(c.p); monkeypatch.undo(); say(c.p, vars(c))",
    "setattr-slots": "class C:\n  __slots__ = ['x']\nc = C(); c.x = 1; monkeypatch.setattr(c, 'x', 2); monkeypatch.undo(); say(c.x)",
    "setattr-missing": "class C: __repr__ = lambda s: 'C'\nmonkeypatch.setattr(C(), 'x', 2)",
    "setattr-new": "class C: pass\nmonkeypatch.setattr(C, 'x', 2, raising=False); say(C.x); monkeypatch.undo(); say(hasattr(C, 'x'))",
    "setattr-path": "import json.decoder\nmonkeypatch.setattr('json.decoder.JSONDecoder', 3); say(json.decoder.JSONDecoder); monkeypatch.undo(); say(json.loads('1'))",
    "setattr-path-import": "sys.modules.pop('wsgiref.util', 0); monkeypatch.setattr('wsgiref.util.guess_scheme', 1); import wsgiref.util; say(wsgiref.util.guess_scheme)",
    "setattr-path-missing": "monkeypatch.setattr('os.no_such', 3)",
    "setattr-path-inner": "monkeypatch.setattr('os.no_such.more', 3)",
    "setattr-path-of-class": "monkeypatch.setattr('json.JSONDecoder.no.more', 3)",
    "setattr-path-no-module": "monkeypatch.setattr('no_such_module.x', 3)",
    "setattr-path-new": "monkeypatch.setattr('json.fresh', 3, raising=False); import json; say(json.fresh); monkeypatch.undo(); say(hasattr(json, 'fresh'))",
    "setattr-path-plain": "monkeypatch.setattr('os', 3)",
    "setattr-usage": "monkeypatch.setattr(os, 'sep')",
    "setattr-usage-name": "monkeypatch.setattr(os, 3, 4)",
    "setattr-getcwd": "monkeypatch.setattr(os, 'chdir', None); monkeypatch.undo(); os.chdir(os.getcwd())",
    "setattr-chdir": "here = os.getcwd(); monkeypatch.chdir('/'); monkeypatch.setattr(os, 'chdir', None); monkeypatch.undo(); say(os.getcwd() == here)",
    "delattr": "class C: x = 1\nmonkeypatch.delattr(C, 'x'); say(hasattr(C, 'x')); monkeypatch.undo(); say(C.x)",
    "delattr-missing": "class C: pass\nmonkeypatch.delattr(C, 'x', raising=False); monkeypatch.delattr(C, 'x')",
    "delattr-path": "import json\nmonkeypatch.delattr('json.dumps'); say(hasattr(json, 'dumps')); monkeypatch.undo(); say(json.dumps(1))",
    "delattr-path-missing": "monkeypatch.delattr('json.no_such')",
    "delattr-usage": "monkeypatch.delattr(os)",
    "setitem": "d = {1: 2}; monkeypatch.setitem(d, 1, 3); monkeypatch.setitem(d, 4, 5); say(d); monkeypatch.undo(); say(d)",
    "setitem-gone": "d = {}; monkeypatch.setitem(d, 1, 3); del d[1]; monkeypatch.undo(); say(d)",
    "delitem": "d = {1: 2}; monkeypatch.delitem(d, 1); say(d); monkeypatch.delitem(d, 1, raising=False); monkeypatch.undo(); say(d)",
    "delitem-missing": "monkeypatch.delitem({}, 'x')",
    "setenv": "monkeypatch.setenv('AN_X', 'a'); monkeypatch.setenv('AN_X', 'b', prepend=':'); say(os.environ['AN_X']); monkeypatch.undo(); say('AN_X' in os.environ)",
    "setenv-prepend-new": "monkeypatch.setenv('AN_X', 'a', ':'); say(os.environ['AN_X'])",
    "setenv-number": "import warnings\nwith warnings.catch_warnings(record=True) as w:\n  warnings.simplefilter('always'); monkeypatch.setenv('AN_X', 3)\n"
    "say(os.environ['AN_X'], *[(x.category.__name__, str(x.message)) for x in w])",
    "delenv": "monkeypatch.setenv('AN_X', 'a'); monkeypatch.delenv('AN_X'); say('AN_X' in os.environ); monkeypatch.delenv('AN_X', raising=False); monkeypatch.delenv('AN_X')",
    "syspath": "before = list(sys.path); monkeypatch.syspath_prepend('/a'); monkeypatch.syspath_prepend('/b'); say(sys.path[:2]); kept = sys.path\n"
    "monkeypatch.undo(); say(sys.path == before, sys.path is kept)",
    "chdir": "here = os.getcwd(); monkeypatch.chdir('/'); monkeypatch.chdir('/tmp'); say(os.getcwd()); monkeypatch.undo(); say(os.getcwd() == here)",
    "context": "class C: x = 1\nwith monkeypatch.context() as m:\n  m.setattr(C, 'x', 2); say(C.x, m is monkeypatch)\nsay(C.x)",
    "context-raises": "class C: x = 1\ntry:\n  with monkeypatch.context() as m:\n    m.setattr(C, 'x', 2); 1 / 0\nexcept ZeroDivisionError: say(C.x)",
}
LOGGING = {
    "text": "logging.getLogger('a').warning('w %s', 1); logging.error('e'); say(caplog.messages, caplog.record_tuples, caplog.text)",
    "records": "logging.warning('w %d', 3); r = caplog.records[0]; say(r.msg, r.args, r.levelname, r.getMessage(), caplog.get_records('call') is caplog.records)",
    "levels": "logging.info('no'); caplog.set_level(logging.INFO); logging.info('yes'); logging.debug('no'); say(caplog.messages)",
    "level-of-one": "caplog.set_level('DEBUG', logger='a.b'); logging.getLogger('a.b').debug('yes'); logging.getLogger('a').debug('no'); say(caplog.messages)",
    "level-unknown": "caplog.set_level('NONE')",
    "at-level": "with caplog.at_level(logging.DEBUG, logger='q'):\n  logging.getLogger('q').debug('in')\n"
    "logging.getLogger('q').debug('out'); say(caplog.messages, logging.getLogger('q').level, caplog.handler.level)",
    "at-level-raises": "try:\n  with caplog.at_level(10): 1 / 0\nexcept ZeroDivisionError: say(logging.getLogger().level)",
    "disabled": "logging.disable(logging.ERROR); caplog.set_level('WARNING'); logging.warning('w'); logging.info('i'); say(caplog.messages, logging.root.manager.disable)",
    "disabled-at": "logging.disable(50)\nwith caplog.at_level(30): logging.warning('w'); say(logging.root.manager.disable)\nsay(caplog.messages, logging.root.manager.disable); logging.disable(0)",
    "clear": "logging.error('a'); kept = caplog.records; caplog.clear(); logging.error('b'); say(caplog.messages, len(kept), caplog.text)",
    "filtering": "f = logging.Filter('a')\nwith caplog.filtering(f):\n  logging.getLogger('a').error('1'); logging.getLogger('b').error('2')\n"
    "logging.getLogger('b').error('3'); say(caplog.messages, caplog.handler.filters)",
    "raised": "try: 1 / 0\nexcept ZeroDivisionError: logging.exception('x')\nsay(caplog.messages, caplog.text.splitlines()[0], caplog.text.splitlines()[-1])",
    "colours": "logging.error('\\x1b[31mred\\x1b[0m'); say(caplog.text, caplog.messages)",
    "bad-message": "logging.error('%s %s', 'x')",
    "no-propagation": "l = logging.getLogger('lonely'); l.propagate = False; l.error('x'); say(caplog.messages)",
    "lines": "logging.error('a\\nb'); say(caplog.text)",
    "handler": "say(type(caplog.handler).__name__, caplog.handler in logging.getLogger().handlers)",
}
RECORDING = {
    "recwarn": "warnings.warn('a'); warnings.warn('d', DeprecationWarning); say(len(recwarn), str(recwarn.pop(DeprecationWarning).message), [str(w.message) for w in recwarn])",
    "once": "for _ in range(3): warnings.warn('a')\nsay(len(recwarn), recwarn[0].category, recwarn.list is recwarn.list); recwarn.clear(); say(len(recwarn)); recwarn.pop()",
}
_TABLES = {"monkeypatch": PATCHING, "caplog": LOGGING, "recwarn": RECORDING}
# By name: the fixture, and the body.
BODIES = {
    **{name: (name.partition("-")[0], source) for name, source in CAPTURING.items()},
    **{f"{kind} {name}": (kind, source) for kind, table in _TABLES.items() for name, source in table.items()},
}


def ended(source: str, name: str, fixture: object) -> list[str]:
    """Run a body with a fixture; give all that it says, and how it ends."""
    import logging  # noqa: PLC0415  # Beside its only use: what runs this may count what is imported.
    import warnings  # noqa: PLC0415  # The same.

    logging.disable(logging.NOTSET)  # Another body may have left it otherwise.
    said: list[str] = []
    namespace = {name: fixture, "os": os, "sys": sys, "logging": logging, "warnings": warnings, "__name__": "body"}
    namespace["say"] = lambda *values: said.extend(map(str, values))
    try:
        exec(compile(source, "<body>", "exec"), namespace)  # noqa: S102  # Is ours.
    except BaseException as error:  # noqa: BLE001  # Any is an answer.
        said.append(f"{type(error).__name__}: {error}")
    return said


def main(folder: str) -> None:
    """Run all of them, each as a process would whose output goes to files, and print what comes of each as JSON."""
    from snippets import far  # noqa: PLC0415  # Is beside this file, where it runs as a program alone.

    fixtures = far(folder, "fixtures").Fixtures
    answers = {}
    kept = os.dup(1), os.dup(2)
    for name, (kind, source) in BODIES.items():
        for file in (1, 2):
            os.dup2(os.open(f"{name}-{file}", os.O_CREAT | os.O_RDWR), file)
        made = fixtures(1, 2)
        said = ended(source, kind, made.make(kind))
        made.end()
        sys.stdout.flush()
        sys.stderr.flush()
        left = []
        for file in (1, 2):
            os.lseek(file, 0, os.SEEK_SET)
            with open(os.dup(file), encoding="utf-8", newline="") as written:
                left.append(written.read())
        answers[name] = [said, *left]
    os.dup2(kept[0], 1)
    os.dup2(kept[1], 2)
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])
