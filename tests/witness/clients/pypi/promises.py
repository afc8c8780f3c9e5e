"""What Stripe promises of every call: keys, idempotency, errors, limits, retries, and the
calls of v2."""

import pathlib
import tempfile
import threading
import time

import stripe
from stripe import (
    APIConnectionError,
    AuthenticationError,
    CardError,
    IdempotencyError,
    InvalidRequestError,
    PermissionError,
    RateLimitError,
)

from flows import flow, has, is_a, matches, refused, same
from sandbox import NOW, Sandbox


@flow("the same key and parameters get the same answer again")
def _(context):
    intents, options = context.stripe.payment_intents, {"idempotency_key": "order-17"}
    params = {"amount": 2000, "currency": "eur"}
    first = intents.create(params, options)
    again = intents.create(params, options)
    same(again.to_dict(), first.to_dict())
    same("idempotent-replayed" in first.last_response.headers, False)
    same(again.last_response.headers["idempotent-replayed"], "true")
    same(again.last_response.idempotency_key, "order-17")
    has(intents.create(params), object="payment_intent")
    same([intent.id for intent in intents.list({"limit": 3}).data].count(first.id), 1)

    refused(IdempotencyError, intents.create, {**params, "amount": 2001}, options, http_status=400)
    refused(IdempotencyError, context.stripe.customers.create, {}, options, http_status=400)
    # A decline is an answer like any other.
    declined = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": "pm_card_chargeDeclined",
        "confirm": True,
        "return_url": "https://example.com",
    }

    def decline():
        error = refused(CardError, intents.create, declined, {"idempotency_key": "order-18"})
        return error.error.payment_intent.id

    same(decline(), decline())


@flow("a key that is wrong, absent or not allowed is refused by its own error")
def _(context):
    def listing(key):
        return context.client(key=key).customers.list

    matches(str(refused(AuthenticationError, listing("sk_test_!"), http_status=401)), "Invalid API Key")
    refused(AuthenticationError, listing("nonsense"), http_status=401)
    live = refused(AuthenticationError, listing("sk_live_witness0000004242"), http_status=401)
    same("witness0000" in str(live), False)
    refused(AuthenticationError, listing("pk_test_witness0000004242"), http_status=401)

    reader = context.client(key="rk_test_witness_read_only")
    same(reader.customers.list({"limit": 1}).object, "list")
    refused(PermissionError, reader.customers.create, {}, http_status=403)
    refused(
        PermissionError, context.client(key="rk_test_witness_no_access").balance.retrieve, http_status=403
    )
    customers = context.client(key="rk_test_witness_only_customers")
    has(customers.customers.create({"name": "allowed"}), name="allowed")
    refused(PermissionError, customers.invoices.list, http_status=403)
    has(context.stripe.customers.create({}, {"api_key": "sk_test_another0000004242"}), object="customer")


@flow("what is missing, unknown or malformed is named by the error")
def _(context):
    intents = context.stripe.payment_intents

    def bad(call, *args, **expected):
        return refused(InvalidRequestError, call, *args, **expected)

    bad(intents.create, {"currency": "usd"}, code="parameter_missing", param="amount", http_status=400)
    bad(
        intents.create,
        {"amount": 2000, "currency": "usd", "colour": "red"},
        code="parameter_unknown",
        param="colour",
        http_status=400,
    )
    bad(
        intents.create, {"amount": "ten", "currency": "usd"}, code="parameter_invalid_integer", param="amount"
    )
    bad(intents.create, {"amount": 20, "currency": "usd"}, code="amount_too_small", param="amount")
    bad(
        intents.create,
        {"amount": 2000, "currency": "usd", "customer": "cus_none"},
        code="resource_missing",
        param="customer",
        http_status=400,
    )
    missing = bad(
        context.stripe.customers.retrieve, "cus_none", code="resource_missing", param="id", http_status=404
    )
    matches(missing.user_message, "^No such customer: 'cus_none'$")
    matches(missing.error.doc_url, "resource-missing$")
    same(missing.error.type, "invalid_request_error")
    matches(missing.request_id, "^req_")
    is_a(missing.error, stripe.ErrorObject)
    unknown = context.raw.raw_request
    bad(unknown, "get", "/v1/no_such_thing", http_status=404)
    bad(context.stripe.customers.create, {"metadata": {"key": "x" * 501}}, param="metadata[key]")


@flow("more requests than the limit are refused as such, until time has passed")
def _(context):
    with Sandbox("--rate-limit", "3") as limited:
        customers = context.client(limited).customers
        for _ in range(3):
            customers.list()
        error = refused(RateLimitError, customers.list, http_status=429)
        same(error.error.code, "rate_limit")
        same(customers.list(None, {"stripe_account": "acct_witness0001"}).object, "list")
        limited.act("clock", advance=1)
        same(customers.list().object, "list")


@flow("a call that the client retries over a restart is made once")
def _(context):
    with tempfile.TemporaryDirectory(prefix="stripe-witness-") as folder:
        data = ["--data", str(pathlib.Path(folder) / "kept.redb")]
        with Sandbox(*data) as first:
            kept = context.client(first).customers.create({"name": "before"})
        refused(APIConnectionError, context.client(first).customers.list)

        made = []
        patient = context.client(first, max_network_retries=8)
        call = threading.Thread(target=lambda: made.append(patient.customers.create({"name": "during"})))
        call.start()
        time.sleep(0.1)
        with Sandbox(*data, "--port", first.port) as second:
            call.join()
            customers = context.client(second).customers
            same([customer.name for customer in customers.list().data], ["during", "before"])
            has(customers.retrieve(kept.id), created=NOW, name="before")
            has(made[0], name="during")


@flow("the calls of v2 are answered in the form of v2")
def _(context):
    destinations = context.v2.core.event_destinations

    def make(name):
        return destinations.create(
            {
                "name": name,
                "type": "webhook_endpoint",
                "event_payload": "thin",
                "enabled_events": ["v1.billing.meter.error_report_triggered"],
                "webhook_endpoint": {"url": "https://example.com/thin"},
            }
        )

    made = is_a(make("Witness"), stripe.v2.core.EventDestination)
    has(made, object="v2.core.event_destination", name="Witness", status="enabled", livemode=False)
    matches(made.created, r"^2026-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
    has(destinations.update(made.id, {"name": "Renamed"}), name="Renamed")
    has(destinations.disable(made.id), status="disabled")
    has(destinations.enable(made.id), status="enabled")
    for i in range(4):
        make(f"n{i}")
    page = is_a(destinations.list({"limit": 2}), stripe.v2.ListObject)
    same([each.name for each in page.auto_paging_iter()], ["n3", "n2", "n1", "n0", "Renamed"])
    same(destinations.delete(made.id).id, made.id)
    refused(InvalidRequestError, destinations.retrieve, made.id, http_status=404)

    events = context.v2.billing.meter_events
    payload = {"stripe_customer_id": "cus_1", "value": "25"}
    metered = is_a(
        events.create({"event_name": "api_calls", "payload": payload}, {"idempotency_key": "meter-1"}),
        stripe.v2.billing.MeterEvent,
    )
    has(metered, object="v2.billing.meter_event", event_name="api_calls")
    same(metered.payload.to_dict(), payload)
    matches(metered.identifier, ".")
    same(len(context.v2.core.events.list({"limit": 3}).data) <= 3, True)
    refused(InvalidRequestError, events.create, {"payload": {}}, http_status=400)
