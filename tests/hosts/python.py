"""Driver of the Python host, examples/python/. See check.py."""

import json
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
from stripe_wasm import Stripe, StripeError  # noqa: E402

print(json.dumps({"host": "Python", "version": f"wasmtime {version('wasmtime')}"}), flush=True)

@cache
def opened(properties: str) -> Stripe:
    return Stripe(sys.argv[1], json.loads(properties))


for line in sys.stdin:
    call = json.loads(line)
    try:
        stripe = opened(json.dumps(call["connection"]))
        answer = {"body": stripe.request(call["resource"], call["method"], call["args"])}
    except StripeError as error:
        answer = {"error": {"case": error.case, **error.failure}}
    print(json.dumps(answer), flush=True)
