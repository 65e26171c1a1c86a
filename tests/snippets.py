"""Bodies that use pytest, and what comes of each: with the real one, and with what stands in for it elsewhere.

Is run by other Pythons too, as a program: `python snippets.py FOLDER VERBOSITY` with the folder of what is sent, or the word `pytest`
for the real one; with the bodies as JSON at its standard input.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
import warnings

OUTCOMES = {
    "skip": "pytest.skip('too early')",
    "skip-nothing": "pytest.skip()",
    "skip-number": "pytest.skip(3)",
    "skip-module": "pytest.skip('all', allow_module_level=True)",
    "skip-exception": "raise pytest.skip.Exception('by hand')",
    "skip-class": "say(pytest.skip.Exception.__module__, pytest.skip.Exception().msg); raise pytest.skip.Exception",
    "fail": "pytest.fail('wrong', pytrace=False)",
    "fail-by-name": "pytest.fail(reason='wrong')",
    "fail-caught": "try:\n  pytest.fail('x')\nexcept pytest.fail.Exception as e:\n  say(e.pytrace, repr(e), e.args)",
    "fail-no-exception": "try:\n  pytest.fail('x')\nexcept Exception:\n  say('no')",
    "xfail": "pytest.xfail('known')",
    "xfail-fails": "say(issubclass(pytest.xfail.Exception, pytest.fail.Exception))",
    "exit": "try:\n  pytest.exit('enough', 3)\nexcept pytest.exit.Exception as e:\n  say(e.msg, e.returncode, e)",
    "exit-exception": "say(pytest.exit.Exception().msg); pytest.exit('all', returncode=2)",
    "import": "say(pytest.importorskip('json').dumps([1]))",
    "import-inner": "say(pytest.importorskip('os.path').join('a', 'b'))",
    "import-none": "pytest.importorskip('no_such_module')",
    "import-reason": "pytest.importorskip('no_such_module', reason='is not here')",
    "import-version": "import json; say(pytest.importorskip('json', minversion='1.9').__version__)",
    "import-old": "import json; pytest.importorskip('json', minversion='2.0.10')",
    "import-without-version": "pytest.importorskip('sys', '1')",
    "import-no-name": "pytest.importorskip('no name')",
    "import-bad-version": "import json; pytest.importorskip('json', 'many')",
}
GROUP = "class E(ExceptionGroup): pass\n"
RAISES = {
    "passes": "with pytest.raises(ValueError) as e:\n  int('x')\nsay(e.type, e.value, e.typename, str(e), e.tb.tb_lineno)",
    "derived": "with pytest.raises(LookupError) as e:\n  {}['x']\nsay(e.type, e.exconly(), e.errisinstance(KeyError))",
    "none": "with pytest.raises(ValueError):\n  pass",
    "none-of-several": "with pytest.raises((ValueError, KeyError)):\n  pass",
    "none-of-one": "with pytest.raises((ValueError,)):\n  pass",
    "none-at-all": "with pytest.raises(match='x'):\n  pass",
    "other": "with pytest.raises(ValueError):\n  raise KeyError('k')",
    "other-of-several": "with pytest.raises((ValueError, OSError)):\n  raise KeyError('k')",
    "skip-inside": "with pytest.raises(ValueError):\n  pytest.skip('now')",
    "match": "with pytest.raises(ValueError, match=r'b\\d') as e:\n  raise ValueError('ab1')\nsay(e.value.args)",
    "match-none": "with pytest.raises(ValueError, match=r'b\\d$'):\n  raise ValueError('abc')",
    "match-literal": "with pytest.raises(ValueError, match='a(b)'):\n  raise ValueError('a(b)')",
    "match-flags": "import re\nwith pytest.raises(ValueError, match=re.compile('B$', re.X)):\n  raise ValueError('abc')",
    "match-compiled": "import re\nwith pytest.raises(ValueError, match=re.compile('B$')):\n  raise ValueError('abc')",
    "match-lines": "with pytest.raises(ValueError, match='a$'):\n  raise ValueError('a\\nb')",
    "match-escaped": "with pytest.raises(ValueError, match=r'^a\\(b\\) and c$'):\n  raise ValueError('a(b) or c')",
    "match-whole": "with pytest.raises(ValueError, match='^$'):\n  raise ValueError('text')",
    "match-long": f"with pytest.raises(ValueError, match='^{'a' * 60}b{'c' * 50}$'):\n  raise ValueError('{'a' * 60}d{'c' * 50}')",
    "match-shorter": f"with pytest.raises(ValueError, match='^{'a' * 60}$'):\n  raise ValueError('{'a' * 50}')",
    "match-spaces": "with pytest.raises(ValueError, match='^  $'):\n  raise ValueError('a')",
    "match-escapes": "with pytest.raises(ValueError, match=r'^a\\d\\#\\ $'):\n  raise ValueError('a')",
    "match-several-lines": "with pytest.raises(ValueError, match='^a\\nb\\nc$'):\n  raise ValueError('a\\nx\\nc')",
    "match-bad": "with pytest.raises(ValueError, match='('):\n  raise ValueError('abc')",
    "match-empty": "with pytest.raises(ValueError, match=''):\n  raise ValueError('abc')",
    "match-other-class": "with pytest.raises(ValueError, match='x'):\n  raise KeyError('x')",
    "check": "with pytest.raises(OSError, check=lambda e: e.errno == 3):\n  raise OSError(3, 'x')",
    "check-false": "class C:\n  def __call__(self, e): return False\n  def __repr__(self): return 'C()'\n"
    "with pytest.raises(OSError, check=C()):\n  raise OSError(3, 'x')",
    "check-alone": "with pytest.raises(check=lambda e: True) as e:\n  raise KeyError(1)\nsay(e.type)",
    "check-raises": "with pytest.raises(OSError, check=lambda e: 1 / 0):\n  raise OSError",
    "called": "e = pytest.raises(ValueError, int, 'x')\nsay(e.value, e.typename)",
    "called-names": "say(pytest.raises(TypeError, dict, [1], a=1).value)",
    "called-with-match": "say(pytest.raises(TypeError, int, match='x').type)",
    "called-none": "pytest.raises(ValueError, int, '1')",
    "called-nothing": "pytest.raises(ValueError, 'int(1)')",
    "called-none-expected": "pytest.raises((), int)",
    "no-arguments": "pytest.raises()",
    "no-classes": "pytest.raises(())",
    "odd-arguments": "pytest.raises(ValueError, message='x', wrong=1)",
    "by-name": "with pytest.raises(expected_exception=ValueError):\n  int('x')",
    "class-wrong": "pytest.raises(int)",
    "class-number": "pytest.raises(3)",
    "class-instance": "pytest.raises(ValueError('x'))",
    "class-in-tuple": "pytest.raises((ValueError, str))",
    "base": "with pytest.raises(SystemExit) as e:\n  raise SystemExit(3)\nsay(e.value.code)",
    "exception-of-raises": "say(pytest.raises.Exception is pytest.fail.Exception)",
    "too-early": "with pytest.raises(ValueError) as e:\n  e.value",
    "too-early-type": "e = pytest.raises(ValueError).__enter__()\nsay(e)\ne.type",
    "excinfo-match": "e = pytest.raises(ValueError, int, 'x')\nsay(e.match('invalid'))\ne.match('other')",
    "excinfo-match-literal": "def f(): raise ValueError('a+b')\npytest.raises(ValueError, f).match('a+b')",
    "excinfo-long": "def f(): raise ValueError('x' * 500)\nsay(pytest.raises(ValueError, f))",
    "exconly-assert": "def f(): raise AssertionError('assert 1 == 2')\ne = pytest.raises(AssertionError, f)\n"
    "say(e.exconly(tryshort=True), e.exconly())",
    "exconly-plain": "def f(): raise AssertionError('no')\nsay(pytest.raises(AssertionError, f).exconly(True))",
    "exconly-class": "class E(Exception): pass\nE.__module__ = 'm'\ndef f(): raise E\nsay(pytest.raises(E, f).exconly(True))",
    "nested": "with pytest.raises(ValueError):\n  with pytest.raises(KeyError):\n    raise ValueError",
    "again": "c = pytest.raises(ValueError)\nwith c: int('x')\nwith c as e: int('y')\nsay(e.value)",
    "cause": "try:\n  with pytest.raises(ValueError, match='x'):\n    raise ValueError('y')\nexcept AssertionError as e:\n"
    "  say(e.__cause__, e.__suppress_context__)",
    "repr": "say(pytest.raises(ValueError, match='x'), pytest.raises((KeyError, OSError)), pytest.raises(check=print))",
    "standalone": "r = pytest.RaisesExc(ValueError, match='x')\nsay(r.matches(ValueError('x')), r.fail_reason)\n"
    "say(r.matches(KeyError()), r.fail_reason, r.matches(None), r.fail_reason)",
}
# Of a Python that has groups of exceptions and notes.
GROUPS = {
    "group": "with pytest.raises(ExceptionGroup) as e:\n  raise ExceptionGroup('g', [ValueError(1)])\n"
    "say(e.exconly(True), e.group_contains(ValueError), e.group_contains(ValueError, match='2'))",
    "group-depth": "g = ExceptionGroup('o', [ExceptionGroup('i', [KeyError('k')]), OSError('x')])\n"
    "def f(): raise g\ne = pytest.raises(ExceptionGroup, f)\n"
    "say([e.group_contains((KeyError, OSError), depth=d) for d in (1, 2, 3, None)], e.exconly(True))\n"
    "say(e.group_contains(KeyError, depth=1), e.group_contains(ExceptionGroup, match='i'))\n"
    "e.group_contains(KeyError, depth=0)",
    "group-none": "e = pytest.raises(ValueError, int, 'x')\ne.group_contains(ValueError)",
    "group-match": "with pytest.raises(ExceptionGroup, match='x'):\n  raise ExceptionGroup('g', [ValueError(1)])",
    "group-match-count": "with pytest.raises(ExceptionGroup, match='^g$'):\n  raise ExceptionGroup('g', [ValueError(1)])",
    "group-of-all": "with pytest.raises(ExceptionGroup[Exception]):\n  raise ExceptionGroup('g', [ValueError(1)])",
    "group-of-one": "pytest.raises(ExceptionGroup[ValueError])",
    "group-not": "with pytest.raises(ValueError):\n  raise ExceptionGroup('g', [ValueError(1)])",
    "notes": "def f():\n  e = ValueError('v')\n  e.add_note('noted')\n  raise e\nwith pytest.raises(ValueError, match='oted'):\n  f()\n"
    "say(pytest.raises(ValueError, f).exconly())\npytest.raises(ValueError, f).match('x')",
}
WARN = "import warnings\ndef w(text='text', kind=UserWarning): warnings.warn(text, kind); return 7\n"
WARNS = {
    "passes": "with pytest.warns(UserWarning) as r:\n  w()\nsay(len(r), str(r[0].message), r.list[0].category, [str(x.message) for x in r])",
    "any": "with pytest.warns():\n  w(kind=DeprecationWarning)",
    "none": "with pytest.warns(UserWarning):\n  pass",
    "other": "with pytest.warns(UserWarning):\n  w(kind=RuntimeWarning)",
    "of-several": "with pytest.warns((UserWarning, RuntimeWarning)):\n  w(kind=DeprecationWarning)",
    "many": "with pytest.warns(KeyError.__class__ and UserWarning):\n  [w('t' * 40, RuntimeWarning) for _ in range(3)]",
    "match": "with pytest.warns(UserWarning, match='e.t'):\n  w()",
    "match-none": "with pytest.warns(UserWarning, match='^y'):\n  w(); w('z', RuntimeWarning)",
    "match-literal": "with pytest.warns(UserWarning, match='a(b'[:1] + '(b)'):\n  w('a(b)')",
    "again": "with pytest.warns(UserWarning):\n  with pytest.warns(RuntimeWarning):\n    w(); w('r', RuntimeWarning)",
    "called": "say(pytest.warns(UserWarning, w, 'x'))",
    "called-none": "pytest.warns(UserWarning, int)",
    "called-nothing": "pytest.warns(UserWarning, 'w()')",
    "odd-arguments": "pytest.warns(UserWarning, b=1, a=2)",
    "class-wrong": "pytest.warns(ValueError)",
    "class-number": "pytest.warns(3)",
    "class-in-tuple": "pytest.warns((UserWarning, ValueError))",
    "class-odd-in-tuple": "pytest.warns((UserWarning, 3))",
    "raises": "with pytest.warns(UserWarning):\n  raise ValueError('x')",
    "skips": "with pytest.warns(UserWarning):\n  pytest.skip('x')",
    "exits": "with pytest.warns(UserWarning):\n  pytest.exit('x')",
    "odd-message": "with pytest.warns(UserWarning):\n  w(3)",
    "pop": "with pytest.warns() as r:\n  w(); w('d', DeprecationWarning); w('f', FutureWarning)\n"
    "say(str(r.pop(FutureWarning).message), str(r.pop().message), len(r))\nr.clear(); say(len(r))\nr.pop(UserWarning)",
    "pop-closest": "class A(UserWarning): pass\nclass B(A): pass\nwith pytest.warns() as r:\n  w('b', B); w('a', A)\n"
    "say(str(r.pop(UserWarning).message))",
    "deprecated": "with pytest.deprecated_call():\n  w(kind=PendingDeprecationWarning)",
    "deprecated-none": "with pytest.deprecated_call():\n  w()",
    "deprecated-match": "with pytest.deprecated_call(match='x'):\n  w(kind=FutureWarning)",
    "deprecated-called": "say(pytest.deprecated_call(w, 'x', DeprecationWarning))\npytest.deprecated_call(w)",
    "twice": "c = pytest.warns(UserWarning)\nwith c: w()\nwith c: w()\nsay(len(c))\nc.__enter__()\ntry:\n  c.__enter__()\nfinally:\n  c.__exit__(SystemExit, SystemExit(), None)",
    "not-entered": "pytest.warns(UserWarning).__exit__(None, None, None)",
}


def ended(source: str, pytest: object) -> list[str]:
    """Run a body; give all that it says, the warnings that it leaves, and how it ends."""
    said: list[str] = []
    namespace = {"pytest": pytest, "say": lambda *values: said.extend(map(str, values)), "__name__": "body"}
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        try:
            exec(compile(source, "<body>", "exec"), namespace)  # noqa: S102  # Is ours.
        except BaseException as error:  # noqa: BLE001  # Any is an answer.
            said.append(f"{type(error).__name__}: {error}")
    return said + [f"warns {each.category.__name__}: {each.message}" for each in left]


def far(folder: str, name: str) -> types.ModuleType:
    """Give a module of what is sent to environments, by another name than it has here."""
    if "sent" not in sys.modules:
        package = types.ModuleType("sent")
        package.__path__ = [folder]
        sys.modules["sent"] = package
    return importlib.import_module(f"sent.{name}")


if __name__ == "__main__":
    if sys.argv[1] == "pytest":
        meant = importlib.import_module("pytest")
    else:
        meant = far(sys.argv[1], "standin").StandIn(verbosity=int(sys.argv[2]))
    answers = {name: ended(source, meant) for name, source in json.load(sys.stdin).items()}
    sys.stdout.write(json.dumps(answers))
