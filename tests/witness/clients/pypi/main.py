"""The official client of PyPI against the sandbox: python main.py"""

import sys
from types import SimpleNamespace

import stripe

# Each of these says how it keeps its promises.
import billing  # noqa: F401
import objects  # noqa: F401
import payments  # noqa: F401
import promises  # noqa: F401
from flows import keep_all
from sandbox import KEY, Sandbox

# It would describe the machine.
stripe.enable_telemetry = False


def client_of(sandbox, key=KEY, max_network_retries=0, **config):
    """A client of a sandbox; nothing is retried unless asked for."""
    bases = {name: sandbox.url for name in ("api", "connect", "files", "meter_events")}
    return stripe.StripeClient(key, base_addresses=bases, max_network_retries=max_network_retries, **config)


if __name__ == "__main__":
    with Sandbox() as started:
        context = SimpleNamespace(
            sandbox=started,
            stripe=client_of(started).v1,
            v2=client_of(started).v2,
            client=lambda sandbox=started, **config: client_of(sandbox, **config).v1,
            raw=client_of(started),
        )
        kept = keep_all(f"PyPI stripe {stripe.VERSION}", context)
    sys.exit(0 if kept else 1)
