"""Starts and stops `stripe-harness sandbox` on a free loopback port.

Owns the process and its own paths under /_sandbox/; knows nothing of any client.
"""

import json
import os
import pathlib
import subprocess
import urllib.parse
import urllib.request

CHECKOUT = pathlib.Path(__file__).resolve().parents[4]

# Where time stands still: 2026-01-15T12:00:00Z.
NOW = 1_768_478_400

KEY = "sk_test_witness0000004242"

DAY = 86_400


def command():
    """The harness that STRIPE_HARNESS names, or the one cargo builds."""
    named = os.environ.get("STRIPE_HARNESS")
    return [named] if named else "cargo run --release -q -p stripe-harness --".split()


class Sandbox:
    def __init__(self, *flags):
        given = [] if "--port" in flags else ["--port", "0"]
        self.process = subprocess.Popen(
            [*command(), "sandbox", *given, "--seed", "7", "--clock", str(NOW), *flags],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the sandbox ended with {self.process.wait()}")
        self.port = str(urllib.parse.urlsplit(self.url).port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def act(self, path, **params):
        """One of the sandbox's own paths: time passes, a cardholder acts."""
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}",
            data=urllib.parse.urlencode(params).encode(),
            headers={"authorization": f"Bearer {KEY}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def stop(self):
        """Without a goodbye, as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
