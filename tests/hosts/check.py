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
but what a host says it has no place for: `"lacks": ["case", "type", "code"]`.
Prints a row of the table: host, version, calls passed, time per call.
"""

import json
import statistics
import subprocess
import sys
import threading
import time
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


def main() -> int:
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
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as driver:
        assert driver.stdin and driver.stdout
        patience = threading.Timer(300, driver.kill)  # for a host that hangs
        patience.start()
        hello = driver.stdout.readline()
        if not hello:
            sys.exit(f"{' '.join(command)} ended before it said who it is")
        who = json.loads(hello)
        for case in cases:
            function, names, values = next((*FUNCTIONS[name], case[name]) for name in FUNCTIONS if name in case)
            call = {
                "connection": connections[case.get("connection", "default")],
                "function": function,
                **dict(zip(names, resolved(values, saved), strict=True)),
            }
            begun = time.perf_counter()
            print(json.dumps(call), file=driver.stdin, flush=True)
            line = driver.stdout.readline()
            if not line:
                print(f"{who['host']}: {case['id']}: the host ended", file=sys.stderr)
                break
            took = time.perf_counter() - begun
            answer = json.loads(line)
            wrong = judged(case, answer, saved, who.get("lacks", []))
            if any(secret in line for secret in [KEY, *WEBHOOK_SECRETS]):
                wrong.append("a secret is in the answer")
            for what in wrong:
                print(f"{who['host']}: {case['id']}: {what}", file=sys.stderr)
            passed += not wrong
            if "save" in case:
                saved[case["save"]] = answer.get("body")
            if "expect" in case:
                times.append(took)
        driver.stdin.close()
        patience.cancel()
    milliseconds = statistics.median(times) * 1000 if times else float("nan")
    print(f"{who['host']:<12} {who['version']:<34} {passed:>3}/{len(cases):<3} {milliseconds:>8.1f} ms")
    return int(passed != len(cases) or driver.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
