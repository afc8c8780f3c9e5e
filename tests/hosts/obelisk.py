"""Driver of Obelisk: each call is an execution of the component as an activity. See
check.py; `obelisk.py OBELISK STRIPE.WASM`.

The key is Obelisk's secret, not part of the connection, which Obelisk would store. So
a connection without a key is another node, which has none.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "obelisk"))
sys.dont_write_bytecode = True
from run import Node  # noqa: E402

ACTIVITY = """
[[activity_wasm]]
name = "stripe"
location = "${DEPLOYMENT_DIR}/stripe.wasm"
max_retries = 1
exec.lock_expiry.seconds = 60
exec.tick_sleep.milliseconds = 20
[[activity_wasm.allowed_host]]
pattern = "http://127.0.0.1:*"
methods = "*"
"""
SECRET = """
[activity_wasm.allowed_host.secrets]
env_vars = ["STRIPE_SECRET_KEY"]
replace_in = ["headers"]
"""
FIELDS = {"baseUrl": "base_url", "webhookSecrets": "webhook_secrets", "maxNetworkRetries": "max_network_retries", "telemetry": "telemetry", "timeout": "timeout"}


def started(program: str, wasm: str, folder: Path, key: str | None) -> Node:
    folder.mkdir()
    shutil.copy(wasm, folder / "stripe.wasm")
    (folder / "deployment.toml").write_text(ACTIVITY + (SECRET if key else ""), encoding="utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OBELISK__DATABASE__SQLITE__DIRECTORY": str(folder / "database"),
        "OBELISK__WEBUI__ENABLED": "false",
        "OBELISK__EXTERNAL__ENABLED": "false",
        **({"STRIPE_SECRET_KEY": key} if key else {}),
    }
    return Node("node", program, ["--deployment", str(folder / "deployment.toml")], folder, environment)


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
    program, wasm = sys.argv[1:]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    print(json.dumps({"host": "Obelisk", "version": version}), flush=True)
    nodes: dict[str | None, Node] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for line in sys.stdin:
                call = json.loads(line)
                key = call["connection"].get("secretKey")
                if key not in nodes:
                    nodes[key] = started(program, wasm, Path(folder) / f"node-{len(nodes)}", key)
                print(json.dumps(answered(nodes[key], call)), flush=True)
        finally:
            for node in nodes.values():
                node.stop()


if __name__ == "__main__":
    main()
