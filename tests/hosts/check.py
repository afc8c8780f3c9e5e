#!/usr/bin/env python3
"""Gives a host the calls of calls.jsonl, one after another, and checks what comes back.

    check.py ORIGIN -- COMMAND…

COMMAND is a host's driver. It says who it is with its first line, such as
`{"host": "Python", "version": "wasmtime 50.0.1"}`, then reads one call a line,

    {"connection": {properties}, "function": "request", "resource": …, "method": …, "args": …}
    {"connection": {properties}, "function": "list-all", "resource": …, "method": …, "args": …, "limit": …}
    {"connection": {properties}, "function": "list-page", "resource": …, "method": …, "args": …, "cursor": …}
    {"connection": {properties}, "function": "construct-event", "payload": …, "signature": …, "received_at": …}

and answers each with one line: `{"body": …}`, or `{"error": {"message": …}}` with
the members of the contract's failure that the host passes on. The body of a list is
`{"items": […], "next": cursor or null}`, that of a webhook its event; the secrets of
webhooks are those of the connection. Everything is checked
but what a host says it has no place for: `"lacks": ["case", "type", "code"]`, and
those calls that `need` what it lacks.
Prints a row of the table: host, version, calls passed, time per call.
"""

import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

KEY = "sk_test_hosts_4242"
# As in calls.jsonl, which signs with the second.
WEBHOOK_SECRETS = ["whsec_hosts_old", "whsec_hosts_new"]
# What a line of calls.jsonl names, and the names of its values.
FUNCTIONS = {
    "call": ("request", ["resource", "method", "args"]),
    "list-all": ("list-all", ["resource", "method", "args", "limit"]),
    "list-page": ("list-page", ["resource", "method", "args", "cursor"]),
    "construct-event": ("construct-event", ["payload", "signature", "received_at"]),
}
# Seconds that a driver has to end when there are no more calls; a sixth when it is told to.
PARTING = 60
# Nothing listens there: the port is reserved (RFC 6335, tcpmux is long gone).
DOWN = "http://127.0.0.1:1"


def resolved(value: Any, saved: dict[str, Any]) -> Any:
    """The value with `$name.path` replaced by what an earlier call returned."""
    if isinstance(value, dict):
        return {name: resolved(member, saved) for name, member in value.items()}
    if isinstance(value, list):
        return [resolved(item, saved) for item in value]
    if not isinstance(value, str) or not value.startswith("$") or value == "$any":
        return value
    found: Any = saved
    try:
        for step in value[1:].split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
    except (KeyError, IndexError, TypeError):
        return None  # an earlier call failed, and was told about
    return found


def differences(expected: Any, actual: Any, place: str = "body") -> list[str]:
    """Where what is expected is not in what came. An object may have more members, a
    list no more items."""
    if expected == "$any":
        return [] if actual else [f"{place}: nothing there"]
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [
            line
            for name, member in expected.items()
            for line in differences(member, actual.get(name), f"{place}.{name}")
        ]
    if isinstance(expected, list) and isinstance(actual, list) and len(actual) == len(expected):
        pairs = zip(expected, actual)
        return [line for at, (e, a) in enumerate(pairs) for line in differences(e, a, f"{place}[{at}]")]
    # 1 is not true here.
    if type(expected) is type(actual) and expected == actual:
        return []
    return [f"{place}: expected {expected!r}, not {actual!r}"]


def judged(case: dict[str, Any], answer: dict[str, Any], saved: dict[str, Any], lacks: list[str]) -> list[str]:
    if "expect" in case:
        if "error" in answer:
            return [f"failed: {answer['error'].get('message')}"]
        return differences(resolved(case["expect"], saved), answer["body"])
    if "error" not in answer:
        return [f"succeeded: {answer['body']!r}"]
    expected = {name: value for name, value in case["error"].items() if name not in [*lacks, "says"]}
    found = differences(expected, answer["error"], "error")
    says, message = case["error"]["says"], answer["error"].get("message") or ""
    return found if says in message else [*found, f"error.message: {message!r} does not say {says!r}"]


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A driver, which ends with the block, or is ended."""
    driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    assert driver.stdin and driver.stdout
    patience = threading.Timer(300, driver.kill)  # for a host that hangs
    patience.daemon = True
    patience.start()
    try:
        yield driver
    finally:
        patience.cancel()
        with suppress(BrokenPipeError):  # it has ended before
            driver.stdin.close()
        for seconds, end in [(PARTING, driver.terminate), (PARTING / 6, driver.kill)]:
            try:
                driver.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                print(f"{' '.join(command)} did not end within {seconds:.0f} s", file=sys.stderr)
                end()
        driver.wait()
        driver.stdout.close()


def answered(driver: subprocess.Popen[str], call: str) -> str:
    """The line that answers; nothing where the driver has ended."""
    assert driver.stdin and driver.stdout
    with suppress(BrokenPipeError):
        print(call, file=driver.stdin, flush=True)
    return driver.stdout.readline()


def main() -> int:
    # So that the driver ends, and what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    origin, dashes, *command = sys.argv[1:]
    assert dashes == "--" and command, __doc__
    default = {"secretKey": KEY, "baseUrl": origin, "telemetry": False, "webhookSecrets": WEBHOOK_SECRETS}
    connections = {
        "default": default,
        "without-key": {name: value for name, value in default.items() if name != "secretKey"},
        "down": {**default, "baseUrl": DOWN, "maxNetworkRetries": 1, "timeout": 2000},
    }
    lines = (Path(__file__).parent / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    saved: dict[str, Any] = {}
    passed, times = 0, []
    with started(command) as driver:
        assert driver.stdin and driver.stdout
        hello = driver.stdout.readline()
        if not hello:
            sys.exit(f"{' '.join(command)} ended before it said who it is")
        who = json.loads(hello)
        lacks = who.get("lacks", [])
        cases = [case for case in cases if case.get("needs") not in lacks]
        for case in cases:
            function, names, values = next((*FUNCTIONS[name], case[name]) for name in FUNCTIONS if name in case)
            call = {
                "connection": connections[case.get("connection", "default")],
                "function": function,
                **dict(zip(names, resolved(values, saved), strict=True)),
            }
            begun = time.perf_counter()
            line = answered(driver, json.dumps(call))
            if not line:
                print(f"{who['host']}: {case['id']}: the host ended", file=sys.stderr)
                break
            took = time.perf_counter() - begun
            answer = json.loads(line)
            wrong = judged(case, answer, saved, lacks)
            if any(secret in line for secret in [KEY, *WEBHOOK_SECRETS]):
                wrong.append("a secret is in the answer")
            for what in wrong:
                print(f"{who['host']}: {case['id']}: {what}", file=sys.stderr)
            passed += not wrong
            if "save" in case:
                saved[case["save"]] = answer.get("body")
            if "expect" in case:
                times.append(took)
    milliseconds = statistics.median(times) * 1000 if times else float("nan")
    print(f"{who['host']:<12} {who['version']:<34} {passed:>3}/{len(cases):<3} {milliseconds:>8.1f} ms")
    return int(passed != len(cases) or driver.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
