"""Driver of wasmtime's own command: each call is a process, `wasmtime run --invoke`,
whose arguments and results are WAVE, the text form of component values. See check.py.

    wasmtime_cli.py WASMTIME STRIPE.WASM
"""

import json
import os
import re
import subprocess
import sys
from typing import Any, Iterator

WASMTIME, WASM = sys.argv[1:]
# Properties, and the fields of the record `connection` (wit/types.wit). The key comes
# from the environment: others on the machine can read a command line.
FIELDS = {
    "baseUrl": "base-url",
    "maxNetworkRetries": "max-network-retries",
    "telemetry": "telemetry",
    "timeout": "timeout",
    "webhookSecrets": "webhook-secrets",
}
TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+)|(?P<label>%?[A-Za-z][\w-]*)|(?P<mark>[{}\[\]():,]))', re.S)
ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]+)\}|(.))", re.I | re.S)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def wave(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return "{%s}" % (", ".join(f"{name}: {wave(member)}" for name, member in value.items()) or ":")
    if isinstance(value, list):
        return f"[{', '.join(map(wave, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return f'"{escaped}"'
    return json.dumps(value)


def unescaped(text: str) -> str:
    return ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else ESCAPED.get(m[2], m[2]), text[1:-1])


def read(text: str) -> Any:
    """A value; `name(payload)` is the pair of both, `some(value)` the value."""
    tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in TOKEN.finditer(text)]
    at = iter([*tokens, ("end", "")])
    return value(next(at), at)[0]


def value(token: tuple[str, str], at: Iterator[tuple[str, str]]) -> tuple[Any, tuple[str, str]]:
    """The value that begins with a token, and the token behind it."""
    kind, text = token
    if kind == "text":
        return unescaped(text), next(at)
    if kind == "number":
        return int(text), next(at)
    if kind == "label":
        after = next(at)
        if after[1] != "(":
            return {"true": True, "false": False, "none": None}.get(text, text), after
        payload, closing = value(next(at), at)
        assert closing[1] == ")", closing
        return (payload if text == "some" else (text, payload)), next(at)
    record, items = {}, []
    token = next(at)
    while token[1] not in "}]":
        if text == "{":
            name = token[1].lstrip("%")
            next(at)  # the colon
            record[name], token = value(next(at), at)
        else:
            item, token = value(token, at)
            items.append(item)
        if token[1] == ",":
            token = next(at)
    return (record if text == "{" else items), next(at)


def invoked(call: dict[str, Any]) -> Any:
    properties = call["connection"]
    connection = {FIELDS[name]: member for name, member in properties.items() if name in FIELDS}
    named = [connection, call.get("resource"), call.get("method"), json.dumps(call.get("args"), ensure_ascii=False)]
    arguments = {
        "request": lambda: named,
        "list-all": lambda: [*named, call["limit"]],
        "list-page": lambda: [*named, call["cursor"]],
        "construct-event": lambda: [call["payload"], call["signature"], properties.get("webhookSecrets", []), properties.get("webhookTolerance"), call["received_at"]],
    }[call["function"]]()
    invoke = f"{call['function']}({', '.join(map(wave, arguments))})"
    key = properties.get("secretKey")
    command = [WASMTIME, "run", "-S", "cli,http", *(["--env", "STRIPE_SECRET_KEY"] if key else []), "--invoke", invoke, WASM]
    environment = {**os.environ, **({"STRIPE_SECRET_KEY": key} if key else {})}
    ended = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    if ended.returncode:
        sys.exit(f"{call['function']} ended with {ended.returncode}: {ended.stderr}")
    return read(ended.stdout)


def answered(call: dict[str, Any]) -> dict[str, Any]:
    outcome, result = invoked(call)
    if outcome == "err":
        case, failure = result
        return {"error": {"case": case, **failure}}
    match call["function"]:
        case "request":
            return {"body": json.loads(result["body"])}
        case "construct-event":
            return {"body": json.loads(result)}
        case _:
            return {"body": {"items": [json.loads(item) for item in result["items"]], "next": result.get("next")}}


version = subprocess.run([WASMTIME, "--version"], capture_output=True, encoding="utf-8", check=True).stdout.split()[1]
print(json.dumps({"host": "wasmtime", "version": f"{version}, a process for each call"}), flush=True)
for line in sys.stdin:
    print(json.dumps(answered(json.loads(line))), flush=True)
