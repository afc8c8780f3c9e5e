"""Driver of Obelisk: each call is an execution of the component as an activity, by the
deployment that examples/obelisk ships. See check.py;
`obelisk.py OBELISK STRIPE.WASM BILLING.WASM`.

The key is Obelisk's secret, not part of the connection, which Obelisk would store. So
a connection without a key is another node, which has none: the deployment but for its
secret. The database is SQLite in place of PostgreSQL.
"""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "obelisk"))
sys.dont_write_bytecode = True
from run import Node, deployed, sqlite  # noqa: E402

FIELDS = {"baseUrl": "base_url", "webhookSecrets": "webhook_secrets", "maxNetworkRetries": "max_network_retries", "telemetry": "telemetry", "timeout": "timeout"}

SECRET = 'env_vars = ["STRIPE_SECRET_KEY"]'


def started(program: str, stripe: str, billing: str, folder: Path, key: str | None) -> Node:
    folder.mkdir()
    # Any port, for a call to one where nothing listens.
    environment = {**sqlite(folder), "STRIPE_ORIGIN": "http://127.0.0.1:*", **({"STRIPE_SECRET_KEY": key} if key else {})}
    deployment = deployed(folder, stripe, billing, *([] if key else [(SECRET, "env_vars = []")]))
    return Node("node", program, ["--deployment", str(deployment)], folder, environment)


def answered(node: Node, call: dict[str, Any]) -> dict[str, Any]:
    properties = call["connection"]
    # The key comes by the node's own way, and webhooks have no connection.
    connection = {FIELDS[name]: value for name, value in properties.items() if name in FIELDS}
    called = [connection, call.get("resource"), call.get("method"), json.dumps(call.get("args"))]
    secrets, tolerance = properties.get("webhookSecrets", []), properties.get("webhookTolerance")
    interface, parameters = {
        "request": ("requests", called),
        "list-all": ("pages", [*called, call.get("limit")]),
        "list-page": ("pages", [*called, call.get("cursor")]),
        "construct-event": ("webhooks", [call.get("payload"), call.get("signature"), secrets, tolerance, call.get("received_at")]),
    }[call["function"]]
    _, result = node.call(f"lowcode:stripe/{interface}@0.1.0.{call['function']}", parameters)
    if "error" in result:
        [(case, failure)] = result["error"].items()
        return {"error": {"case": case, **failure}}
    match result.get("ok"):
        case str(event):
            return {"body": json.loads(event)}
        case {"body": body}:
            return {"body": json.loads(body)}
        case {"items": items, "next": after}:
            return {"body": {"items": [json.loads(item) for item in items], "next": after}}
    return {"error": {"message": json.dumps(result)}}


def main() -> None:
    program, stripe, billing = sys.argv[1:]
    # The nodes end with this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    print(json.dumps({"host": "Obelisk", "version": version}), flush=True)
    nodes: dict[str | None, Node] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for line in sys.stdin:
                call = json.loads(line)
                key = call["connection"].get("secretKey")
                if key not in nodes:
                    nodes[key] = started(program, stripe, billing, Path(folder) / f"node-{len(nodes)}", key)
                print(json.dumps(answered(nodes[key], call)), flush=True)
        finally:
            for node in nodes.values():
                node.stop()


if __name__ == "__main__":
    main()
