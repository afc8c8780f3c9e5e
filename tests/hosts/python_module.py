"""What examples/python/stripe_wasm.py promises besides the calls of calls.jsonl. Needs
no sandbox: what answers is in here.

    python_module.py STRIPE.WASM    prints a row: host, what, tests passed
"""

import io
import json
import pickle
import sys
import unittest
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "python"))
from stripe_wasm import Stripe, StripeError  # noqa: E402

WASM = sys.argv[1]
WEBHOOKS = {"webhookSecrets": ["whsec_module_4242"]}
# Seconds; a call that hangs in a forked process does so for ever.
PATIENCE = 60
LARGE = 2_000_000


def failure(action: Callable[[], Any]) -> str:
    try:
        return f"no failure but {action()!r}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def unsigned(_: Any = None) -> str:
    """What a new connection says of a webhook that is not signed."""
    return failure(lambda: Stripe(WASM, WEBHOOKS).construct_event("{}", "t=1,v1=00"))


def forked(first: bool, again: bool) -> str:
    """What a forked process gets: of a new connection, or `again` of its parent's."""
    stripe = Stripe(WASM, WEBHOOKS) if first else None
    action = (lambda: stripe.construct_event("{}", "t=1,v1=00")) if stripe and again else None
    with get_context("fork").Pool(1, initializer=keep, initargs=[action]) as pool:
        return pool.apply_async(kept if action else unsigned, [None]).get(PATIENCE)


def keep(action: Callable[[], Any] | None) -> None:
    globals()["action"] = action


def kept(_: Any) -> str:
    return failure(globals()["action"])


class Forks(unittest.TestCase):
    def forked(self, first: bool, again: bool) -> str:
        # In a process that has made no connection before.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            return fresh.submit(forked, first, again).result()

    def test_the_parents_connection_says_that_it_does_not_outlive_a_fork(self) -> None:
        self.assertRegex(self.forked(True, True), "RuntimeError: .*after.*spawn")

    def test_a_new_connection_says_so_too_where_the_parent_had_one(self) -> None:
        self.assertRegex(self.forked(True, False), "RuntimeError: .*after.*spawn")

    def test_the_first_connection_may_be_made_after_the_fork(self) -> None:
        self.assertRegex(self.forked(False, False), "StripeError: No signature")


class Properties(unittest.TestCase):
    """Of a connection for webhooks alone, which has no key."""

    def refused(self, expected: str, **properties: Any) -> None:
        self.assertRegex(failure(lambda: Stripe(WASM, WEBHOOKS | properties)), f"^StripeError: .*{expected}")

    def test_no_tolerance_that_would_accept_any_age_by_mistake(self) -> None:
        for tolerance in [-1, 2**32, "300"]:
            self.refused("webhookTolerance.* should be an integer", webhookTolerance=tolerance)

    def test_no_property_that_is_not_one(self) -> None:
        self.refused('did you mean "webhookTolerance"', webhookTolerances=60)

    def test_secrets_that_are_no_list(self) -> None:
        self.refused("webhookSecrets.* list of strings", webhookSecrets="whsec_module_4242")

    def test_its_tolerance_counts(self) -> None:
        signed = Stripe(WASM, {"secretKey": "sk_test_module"}).request
        payload = json.dumps({"id": "evt_1", "object": "event", "type": "invoice.paid", "data": {"object": {}}})
        options = {"payload": payload, "secret": "whsec_module_4242", "timestamp": 1000}
        header = signed("webhooks", "generateTestHeaderString", [options])
        for tolerance, oldest in [({}, 300), ({"webhookTolerance": 10}, 10)]:
            stripe = Stripe(WASM, WEBHOOKS | tolerance)
            self.assertEqual(stripe.construct_event(payload, header, 1000 + oldest)["id"], "evt_1")
            with self.assertRaises(StripeError) as raised:
                stripe.construct_event(payload, header, 1001 + oldest)
            self.assertEqual(raised.exception.failure["code"], "timestamp_too_old")

    def test_a_policy_needs_no_key_either(self) -> None:
        Stripe(WASM, WEBHOOKS | {"mode": "live"})

    def test_a_call_says_that_there_is_no_key(self) -> None:
        self.assertRegex(failure(lambda: Stripe(WASM, WEBHOOKS).request("customers", "list")), 'StripeError: .*"secretKey"')


class Numbers(unittest.TestCase):
    """What does not fit is refused, not cut to 32 bits."""

    refusal = "ValueError: .* whole numbers from 0 to 4294967295"

    @classmethod
    def setUpClass(cls) -> None:
        cls.stripe = Stripe(WASM, WEBHOOKS | {"secretKey": "sk_test_module", "baseUrl": "http://127.0.0.1:1"})

    def test_when_a_webhook_arrived(self) -> None:
        for received_at in [-1, 2**32, 2**64 + 3, 1700000000.5]:
            said = failure(lambda: self.stripe.construct_event("{}", "t=3,v1=00", received_at))  # type: ignore[arg-type]
            self.assertRegex(said, self.refusal)

    def test_the_limit_of_a_list(self) -> None:
        for limit in [-1, 2**32 + 2]:
            self.assertRegex(failure(lambda: self.stripe.list_all("customers", "list", limit=limit)), self.refusal)


class Answers(BaseHTTPRequestHandler):
    """A customer with a name as long as the path says."""

    def do_GET(self) -> None:
        length = int(self.path.rpartition("_")[2])
        body = json.dumps({"id": "cus_1", "object": "customer", "name": "n" * length}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.path = "_1"
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None: ...


class Instances(unittest.TestCase):
    """Memory that a component got, it never gives back: what has grown is not kept."""

    def setUp(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        properties = {"secretKey": "sk_test_module", "baseUrl": f"http://127.0.0.1:{server.server_port}"}
        self.stripe = Stripe(WASM, WEBHOOKS | properties)

    def instances(self) -> list[Any]:
        return [instance for _, instance in self.stripe._idle]

    def test_one_is_kept_and_used_again(self) -> None:
        before = self.instances()
        self.assertEqual(len(before), 1)
        self.assertEqual(self.stripe.request("customers", "retrieve", ["cus_1000"])["name"], "n" * 1000)
        self.assertEqual(self.instances(), before)

    def test_not_after_large_arguments(self) -> None:
        self.stripe.request("customers", "create", [{"description": "d" * LARGE}])
        self.assertEqual(self.instances(), [])

    def test_not_after_a_large_answer(self) -> None:
        self.assertEqual(len(self.stripe.request("customers", "retrieve", [f"cus_{LARGE}"])["name"]), LARGE)
        self.assertEqual(self.instances(), [])

    def test_not_after_a_large_delivery_that_fails(self) -> None:
        said = failure(lambda: self.stripe.construct_event("{" + " " * LARGE + "}", "t=1,v1=00"))
        self.assertRegex(said, "StripeError")
        self.assertEqual(self.instances(), [])


class Errors(unittest.TestCase):
    def test_a_failure_has_the_names_of_the_contract(self) -> None:
        with self.assertRaises(StripeError) as raised:
            Stripe(WASM, {"secretKey": "sk_test_module"}).request("customers", "creates")
        self.assertEqual(raised.exception.case, "permanent")
        self.assertIs(raised.exception.failure["may-have-been-sent"], False)

    def test_it_comes_out_of_another_process_as_it_was(self) -> None:
        error = pickle.loads(pickle.dumps(StripeError("transient", {"message": "m", "code": "c"})))
        self.assertEqual((error.case, error.failure, str(error)), ("transient", {"message": "m", "code": "c"}, "m"))


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    log = io.StringIO()
    result = unittest.TextTestRunner(stream=log, verbosity=0, buffer=True).run(suite)
    if not result.wasSuccessful():
        print(log.getvalue(), file=sys.stderr)
    passed = result.testsRun - len(result.failures) - len(result.errors)
    print(f"{'Python':<12} {'own tests':<34} {passed:>3}/{result.testsRun}")
    sys.exit(not result.wasSuccessful())
