"""Payments over a Dask cluster, one of whose workers is killed half way through.

    python over_dask.py STRIPE.WASM ORIGIN [PAYMENTS]

Dask runs a lost worker's tasks again elsewhere, and cannot know which of them had
paid. So the idempotency key comes from the task, not from the run: Stripe answers
the second call with the first one's payment.
"""

import os
import signal
import sys
from functools import cache

from dask.distributed import Client, LocalCluster, as_completed

from stripe_wasm import Stripe

WORKERS = 3


@cache
def stripe(wasm: str, origin: str) -> Stripe:
    """One for each worker process: a component is compiled once."""
    return Stripe(wasm, {"secretKey": os.environ["STRIPE_SECRET_KEY"], "baseUrl": origin})


def pay(wasm: str, origin: str, order: str) -> tuple[str, int]:
    params = {
        "amount": 2000,
        "currency": "usd",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "metadata": {"order": order},
    }
    payment = stripe(wasm, origin).request("paymentIntents", "create", [params, {"idempotencyKey": f"pay-{order}"}])
    return payment["id"], os.getpid()


def payments(wasm: str, origin: str, orders: list[str]) -> list[str]:
    """Those of the orders that are paid, each as often as it is; there may be payments of others."""
    found = stripe(wasm, origin).list_all("paymentIntents", "list", [{"limit": 100}], limit=100_000)
    paid = [payment["metadata"].get("order") for payment in found.items if payment["status"] == "succeeded"]
    return [order for order in paid if order in orders]


def main() -> int:
    wasm, origin = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    os.environ.setdefault("STRIPE_SECRET_KEY", "sk_test_dask_4242")
    orders = [f"order-{number}" for number in range(count)]
    with LocalCluster(n_workers=WORKERS, threads_per_worker=2, dashboard_address=None) as cluster, Client(cluster) as client:
        tasks = [client.submit(pay, wasm, origin, order, key=order) for order in orders]
        victim = None
        for done, task in enumerate(as_completed(tasks), 1):
            _, worker = task.result()
            if victim is None and done >= count // 3:
                victim = worker
                os.kill(victim, signal.SIGKILL)
        results = client.gather([client.submit(pay, wasm, origin, order, key=order) for order in orders])
    ids = {payment for payment, _ in results}
    paid = payments(wasm, origin, orders)
    passed = sorted(paid) == sorted(orders) and len(ids) == count
    print(f"{'Dask':<12} {f'{WORKERS} workers, one killed':<34} {len(set(paid)):>3}/{count:<3} {len(paid) - len(set(paid)):>4} twice")
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
