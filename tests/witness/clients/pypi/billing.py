"""What is sold and billed: products, prices, payment links, checkout, invoices,
subscriptions."""

import stripe
from stripe import CardError, InvalidRequestError

from flows import flow, has, is_a, matches, refused, same
from sandbox import DAY


def priced(api, unit_amount, interval=None):
    """A product's price; of a single purchase, unless an interval is given."""
    product = api.products.create({"name": f"Thing for {unit_amount}"})
    params = {"product": product.id, "unit_amount": unit_amount, "currency": "usd"}
    if interval:
        params["recurring"] = {"interval": interval}
    return api.prices.create(params)


def payer(api, card="pm_card_visa"):
    """A customer who pays with the card of this name."""
    customer = api.customers.create({"email": "payer@example.com"})
    method = api.payment_methods.attach(card, {"customer": customer.id})
    return api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


def ids(found):
    return [each.id for each in found]


@flow("products have prices")
def _(context):
    products, prices = context.stripe.products, context.stripe.prices
    product = is_a(
        products.create({"name": "Premium Plan", "description": "Access to everything"}), stripe.Product
    )
    matches(product.id, r"^prod_\w+$")
    has(product, object="product", name="Premium Plan", active=True)
    monthly = is_a(
        prices.create(
            {
                "product": product.id,
                "unit_amount": 1999,
                "currency": "usd",
                "recurring": {"interval": "month"},
                "lookup_key": "premium",
            }
        ),
        stripe.Price,
    )
    has(monthly, object="price", unit_amount=1999, type="recurring", product=product.id)
    same(str(monthly.unit_amount_decimal), "1999")
    has(monthly.recurring, interval="month", interval_count=1, usage_type="licensed")
    once = prices.create({"product": product.id, "unit_amount": 500, "currency": "eur"})
    has(once, type="one_time", recurring=None)
    same(ids(prices.list({"product": product.id}).data), [once.id, monthly.id])
    same(ids(prices.list({"lookup_keys": ["premium"]}).data), [monthly.id])
    has(prices.update(once.id, {"active": False}), active=False)
    same(ids(prices.list({"product": product.id, "active": True}).data), [monthly.id])
    same(
        is_a(prices.retrieve(monthly.id, {"expand": ["product"]}).product, stripe.Product).name,
        "Premium Plan",
    )
    refused(
        InvalidRequestError,
        prices.create,
        {"product": "prod_none", "unit_amount": 1, "currency": "usd"},
        code="resource_missing",
        param="product",
    )
    refused(InvalidRequestError, products.delete, product.id, http_status=400)
    bare = products.create({"name": "Bare"})
    has(products.delete(bare.id), id=bare.id, deleted=True)


@flow("a payment link sells a price")
def _(context):
    links, price = context.stripe.payment_links, priced(context.stripe, 500)
    link = is_a(links.create({"line_items": [{"price": price.id, "quantity": 2}]}), stripe.PaymentLink)
    matches(link.id, r"^plink_\w+$")
    matches(link.url, r"^https://buy\.stripe\.com/")
    has(link, object="payment_link", active=True, currency="usd")
    [item] = links.line_items.list(link.id).data
    has(is_a(item, stripe.LineItem), object="item", quantity=2, amount_total=1000)
    same(item.price.id, price.id)
    has(links.update(link.id, {"active": False}), active=False)
    refused(
        InvalidRequestError,
        links.create,
        {"line_items": [{"price": "price_none", "quantity": 1}]},
        code="resource_missing",
    )


@flow("a checkout session is paid on its page")
def _(context):
    sessions, act = context.stripe.checkout.sessions, context.sandbox.act
    price = priced(context.stripe, 700)
    one = {
        "mode": "payment",
        "line_items": [{"price": price.id, "quantity": 3}],
        "success_url": "https://example.com/thanks",
    }
    opened = is_a(sessions.create(one), stripe.checkout.Session)
    matches(opened.id, r"^cs_test_\w+$")
    matches(opened.url, r"^https://checkout\.stripe\.com/")
    has(
        opened,
        object="checkout.session",
        status="open",
        payment_status="unpaid",
        amount_total=2100,
        currency="usd",
        payment_intent=None,
    )
    act(f"checkout/sessions/{opened.id}/complete")
    done = sessions.retrieve(opened.id, {"expand": ["payment_intent", "line_items"]})
    has(done, status="complete", payment_status="paid", url=None)
    has(is_a(done.payment_intent, stripe.PaymentIntent), status="succeeded", amount_received=2100)
    same(done.line_items.data[0].price.id, price.id)
    refused(InvalidRequestError, sessions.expire, opened.id)

    has(sessions.expire(sessions.create(one).id), status="expired", url=None)
    refused(
        InvalidRequestError,
        sessions.create,
        {"mode": "payment", "success_url": "https://example.com"},
        code="parameter_missing",
    )

    monthly = priced(context.stripe, 900, "month")
    subscribing = sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": monthly.id, "quantity": 1}],
            "success_url": "https://example.com",
        }
    )
    act(f"checkout/sessions/{subscribing.id}/complete")
    subscribed = sessions.retrieve(subscribing.id, {"expand": ["subscription", "customer"]})
    has(subscribed, status="complete", payment_status="paid")
    has(
        is_a(subscribed.subscription, stripe.Subscription),
        object="subscription",
        status="active",
        customer=subscribed.customer.id,
    )


@flow("an invoice goes from draft over items to paid")
def _(context):
    invoices, items = context.stripe.invoices, context.stripe.invoice_items
    customer = payer(context.stripe)
    draft = is_a(invoices.create({"customer": customer.id, "metadata": {"order_id": "9"}}), stripe.Invoice)
    has(
        draft,
        object="invoice",
        status="draft",
        amount_due=0,
        number=None,
        customer=customer.id,
        collection_method="charge_automatically",
    )
    line = {"customer": customer.id, "invoice": draft.id, "currency": "usd"}
    item = is_a(items.create({**line, "amount": 9900, "description": "Services"}), stripe.InvoiceItem)
    has(item, object="invoiceitem", amount=9900, invoice=draft.id, customer=customer.id)
    items.create({**line, "amount": -900, "description": "Rebate"})
    same(sorted(each.amount for each in invoices.line_items.list(draft.id).data), [-900, 9900])
    opened = invoices.finalize_invoice(draft.id)
    has(opened, status="open", amount_due=9000, amount_paid=0, amount_remaining=9000, total=9000)
    matches(opened.hosted_invoice_url, r"^https://invoice\.stripe\.com/")
    matches(opened.number, r"^\w+-\d{4}$")
    refused(InvalidRequestError, invoices.finalize_invoice, draft.id, http_status=400)
    refused(InvalidRequestError, items.delete, item.id, http_status=400)
    paid = invoices.pay(draft.id, {"expand": ["payments.data.payment.payment_intent"]})
    has(paid, status="paid", amount_paid=9000, amount_remaining=0)
    has(
        is_a(paid.payments.data[0].payment.payment_intent, stripe.PaymentIntent),
        status="succeeded",
        amount=9000,
        customer=customer.id,
    )
    refused(InvalidRequestError, invoices.pay, draft.id, code="invoice_already_paid")
    refused(InvalidRequestError, invoices.void_invoice, draft.id, http_status=400)


@flow("an invoice is sent, voided, or deleted while it is a draft")
def _(context):
    invoices = context.stripe.invoices
    customer = context.stripe.customers.create({"email": "sent@example.com"})

    def draft():
        return invoices.create(
            {
                "customer": customer.id,
                "collection_method": "send_invoice",
                "days_until_due": 30,
                "auto_advance": False,
            }
        )

    first = draft()
    same(first.due_date, first.created + 30 * DAY)
    context.stripe.invoice_items.create(
        {"customer": customer.id, "invoice": first.id, "amount": 5000, "currency": "usd"}
    )
    has(invoices.finalize_invoice(first.id), status="open", amount_due=5000)
    has(invoices.send_invoice(first.id), status="open", customer_email="sent@example.com")
    refused(InvalidRequestError, invoices.delete, first.id, http_status=400)
    has(invoices.void_invoice(first.id), status="void")
    refused(InvalidRequestError, invoices.pay, first.id, http_status=400)

    second = draft()
    has(invoices.delete(second.id), id=second.id, object="invoice", deleted=True)
    refused(InvalidRequestError, invoices.retrieve, second.id, code="resource_missing", http_status=404)
    same(ids(invoices.list({"customer": customer.id, "status": "void"}).data), [first.id])
    same(invoices.list({"customer": customer.id, "status": "open"}).data, [])


@flow("pending invoice items wait for the next invoice")
def _(context):
    items, invoices = context.stripe.invoice_items, context.stripe.invoices
    customer = payer(context.stripe)
    kept = items.create({"customer": customer.id, "amount": 300, "currency": "usd"})
    has(kept, invoice=None, amount=300)
    has(items.update(kept.id, {"amount": 400, "description": "more"}), amount=400, description="more")
    dropped = items.create({"customer": customer.id, "amount": 999, "currency": "usd"})
    has(items.delete(dropped.id), deleted=True)
    same(ids(items.list({"customer": customer.id, "pending": True}).data), [kept.id])
    same(invoices.create({"customer": customer.id}).lines.data, [])
    including = invoices.create({"customer": customer.id, "pending_invoice_items_behavior": "include"})
    has(including, amount_due=400)
    same(items.retrieve(kept.id).invoice, including.id)
    refused(
        InvalidRequestError,
        items.create,
        {"customer": "cus_none", "amount": 1, "currency": "usd"},
        code="resource_missing",
        param="customer",
    )


@flow("a declined card leaves an invoice open")
def _(context):
    invoices = context.stripe.invoices
    customer = payer(context.stripe, "pm_card_chargeCustomerFail")
    invoice = invoices.create({"customer": customer.id})
    context.stripe.invoice_items.create(
        {"customer": customer.id, "invoice": invoice.id, "amount": 800, "currency": "usd"}
    )
    invoices.finalize_invoice(invoice.id)
    refused(CardError, invoices.pay, invoice.id, code="card_declined", http_status=402)
    has(invoices.retrieve(invoice.id), status="open", attempted=True, amount_paid=0)
    has(invoices.pay(invoice.id, {"payment_method": "pm_card_visa"}), status="paid")


@flow("a subscription is billed, changed and canceled")
def _(context):
    subscriptions, customer = context.stripe.subscriptions, payer(context.stripe)
    basic, better = priced(context.stripe, 1000, "month"), priced(context.stripe, 2500, "month")
    subscription = is_a(
        subscriptions.create(
            {
                "customer": customer.id,
                "items": [{"price": basic.id, "quantity": 2}],
                "metadata": {"plan": "basic"},
                "expand": ["latest_invoice"],
            }
        ),
        stripe.Subscription,
    )
    matches(subscription.id, r"^sub_\w+$")
    has(
        subscription,
        object="subscription",
        status="active",
        customer=customer.id,
        currency="usd",
        cancel_at_period_end=False,
    )
    has(
        is_a(subscription.latest_invoice, stripe.Invoice),
        status="paid",
        amount_paid=2000,
        billing_reason="subscription_create",
    )
    [item] = subscription["items"].data
    has(
        is_a(item, stripe.SubscriptionItem),
        object="subscription_item",
        quantity=2,
        subscription=subscription.id,
    )
    same(item.current_period_end - item.current_period_start, 31 * DAY)

    changed = subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "price": better.id}], "proration_behavior": "none"}
    )
    same([(each.id, each.price.id) for each in changed["items"].data], [(item.id, better.id)])

    ending = subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    has(ending, status="active", cancel_at_period_end=True, cancel_at=item.current_period_end)
    has(
        subscriptions.update(subscription.id, {"cancel_at_period_end": False}),
        cancel_at_period_end=False,
        cancel_at=None,
    )

    has(subscriptions.cancel(subscription.id), id=subscription.id, status="canceled")
    same(subscriptions.list({"customer": customer.id}).data, [])
    same(ids(subscriptions.list({"customer": customer.id, "status": "canceled"}).data), [subscription.id])
    refused(
        InvalidRequestError, subscriptions.cancel, subscription.id, code="resource_missing", http_status=404
    )


@flow("a subscription begins with its trial, renews, and ends when it was to")
def _(context):
    subscriptions, act = context.stripe.subscriptions, context.sandbox.act
    customer, weekly = payer(context.stripe), priced(context.stripe, 1500, "week")
    trying = subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": weekly.id}],
            "trial_period_days": 14,
            "expand": ["latest_invoice"],
        }
    )
    has(trying, status="trialing", trial_start=trying.created, trial_end=trying.created + 14 * DAY)
    has(trying.latest_invoice, status="paid", amount_due=0)

    act("clock", advance=14 * DAY + 60)
    active = subscriptions.retrieve(trying.id, {"expand": ["latest_invoice"]})
    has(active, status="active")
    has(active.latest_invoice, amount_due=1500, billing_reason="subscription_cycle")

    subscriptions.update(trying.id, {"cancel_at_period_end": True})
    act("clock", advance=7 * DAY)
    has(subscriptions.retrieve(trying.id), status="canceled", ended_at=trying.created + 21 * DAY)
    [told] = context.stripe.events.list({"types": ["customer.subscription.deleted"], "limit": 1}).data
    same(told.data.object["id"], trying.id)


@flow("a subscription without a working card is incomplete")
def _(context):
    subscriptions = context.stripe.subscriptions
    price, failing = (
        priced(context.stripe, 1000, "month"),
        payer(context.stripe, "pm_card_chargeCustomerFail"),
    )
    params = {"customer": failing.id, "items": [{"price": price.id}]}
    subscription = subscriptions.create({**params, "expand": ["latest_invoice"]})
    has(subscription, status="incomplete")
    has(subscription.latest_invoice, status="open")
    context.stripe.invoices.pay(subscription.latest_invoice.id, {"payment_method": "pm_card_visa"})
    has(subscriptions.retrieve(subscription.id), status="active")
    refused(
        CardError,
        subscriptions.create,
        {**params, "payment_behavior": "error_if_incomplete"},
        code="card_declined",
        http_status=402,
    )
    once = priced(context.stripe, 100)
    refused(
        InvalidRequestError, subscriptions.create, {**params, "items": [{"price": once.id}]}, http_status=400
    )
