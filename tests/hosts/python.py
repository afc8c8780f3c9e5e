"""Driver of the Python host, examples/python/. See check.py."""

import json
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
from stripe_wasm import Stripe, StripeError  # noqa: E402


@cache
def opened(properties: str) -> Stripe:
    return Stripe(sys.argv[1], json.loads(properties))


def called(stripe: Stripe, function: str, **arguments: Any) -> Any:
    match function:
        case "request":
            return stripe.request(**arguments)
        case "list-all":
            return stripe.list_all(**arguments)._asdict()
        case "list-page":
            return stripe.list_page(**arguments)._asdict()
        case _:
            return stripe.construct_event(**arguments)


print(json.dumps({"host": "Python", "version": f"wasmtime {version('wasmtime')}"}), flush=True)
for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"body": called(opened(json.dumps(call.pop("connection"))), **call)}
    except StripeError as error:
        answer = {"error": {"case": error.case, **error.failure}}
    print(json.dumps(answer), flush=True)
