"""Runs flows and counts their checks.

A flow keeps one promise of `promises.txt`, which is the list for every language; what
it checks, it checks with the words of this module, so that the summary counts it.
"""

import pathlib
import re
import traceback

PROMISES = [
    line for line in (pathlib.Path(__file__).parents[1] / "promises.txt").read_text().splitlines() if line
]

_flows = {}
_passed = 0


def flow(promise):
    """Says how a promise is kept."""
    if promise not in PROMISES:
        raise ValueError(f"promises.txt does not have: {promise}")

    def keeps(function):
        _flows[promise] = function
        return function

    return keeps


def _check(holds, said):
    global _passed
    if not holds:
        raise AssertionError(said)
    _passed += 1


def same(actual, expected):
    """Both are the same."""
    _check(actual == expected, f"{actual!r} is not {expected!r}")


def has(actual, **expected):
    """Every field is so, as the client shows it; None where the object has no such field."""
    for name, value in expected.items():
        found = getattr(actual, name, None)
        _check(found == value, f"{name} is {found!r}, not {value!r}")


def matches(text, pattern):
    _check(re.search(pattern, text) is not None, f"{text!r} does not match {pattern}")


def is_a(value, kind):
    """The client made it one of its typed classes."""
    _check(type(value) is kind, f"{type(value).__name__} is not {kind.__name__}")
    return value


def refused(kind, call, *args, **expected):
    """The call fails, as this class of the client's, with these fields; answers with the error."""
    try:
        answer = call(*args)
    except Exception as caught:  # the client's own classes are told apart below
        error = caught
    else:
        raise AssertionError(f"no {kind.__name__} but {str(answer)[:200]}")
    _check(type(error) is kind, f"no {kind.__name__} but {type(error).__name__}: {error}")
    has(error, **expected)
    return error


def keep_all(client, context):
    """Keeps every promise in the order of the list."""
    failed = 0
    for promise in PROMISES:
        try:
            if promise not in _flows:
                raise AssertionError("there is no such flow")
            _flows[promise](context)
        except Exception:  # one broken promise does not hide the others
            failed += 1
            print(f"FAILED {promise}\n  " + traceback.format_exc(limit=-3).replace("\n", "\n  "))
    summary = f"{client}: {len(PROMISES)} flows, {_passed} checks passed"
    print(f"{summary}, {failed} flows FAILED" if failed else summary)
    return failed == 0
