"""Objects of any kind: made, changed, unset, deleted, listed, searched, expanded."""

import stripe
from stripe import InvalidRequestError, PermissionError

from flows import flow, has, is_a, matches, refused, same
from sandbox import NOW


def ids(found):
    return [each.id for each in found]


@flow("a customer is made, found, changed and deleted")
def _(context):
    customers = context.stripe.customers
    params = {"name": "Ada", "email": "ada@example.com", "address": {"city": "Bern", "country": "CH"}}
    made = is_a(customers.create(params), stripe.Customer)
    matches(made.id, r"^cus_\w+$")
    has(made, object="customer", name="Ada", email="ada@example.com", livemode=False, created=NOW)
    is_a(made.address, stripe.Customer.Address)
    has(made.address, city="Bern", country="CH", line1=None)
    has(made.last_response, code=200)
    matches(made.last_response.request_id, r"^req_\w+$")
    same(made.last_response.headers["stripe-version"], stripe.api_version)

    same(customers.retrieve(made.id).to_dict(), made.to_dict())
    has(customers.update(made.id, {"name": "Ada L.", "email": ""}), id=made.id, name="Ada L.", email=None)

    gone = {"id": made.id, "object": "customer", "deleted": True}
    same(customers.delete(made.id).to_dict(), gone)
    same(customers.retrieve(made.id).to_dict(), gone)
    refused(
        InvalidRequestError,
        customers.update,
        made.id,
        {"name": "x"},
        code="resource_missing",
        http_status=404,
    )


@flow("metadata is merged, and unset by an empty text")
def _(context):
    customers = context.stripe.customers
    made = customers.create({"metadata": {"a": "1", "b": "2"}})
    same(made.metadata.to_dict(), {"a": "1", "b": "2"})

    def after(params):
        return customers.update(made.id, params).metadata.to_dict()

    same(after({"metadata": {"b": "3", "c": "4"}}), {"a": "1", "b": "3", "c": "4"})
    same(after({"metadata": {"a": ""}}), {"b": "3", "c": "4"})
    same(after({"name": "Ada"}), {"b": "3", "c": "4"})
    same(after({"metadata": ""}), {})


@flow("lists are walked by the client in both directions")
def _(context):
    customers, email = context.stripe.customers, "pages@example.com"
    made = [customers.create({"email": email, "name": f"n{i}"}).id for i in range(7)]
    newest_first = made[::-1]

    page = is_a(customers.list({"email": email, "limit": 3}), stripe.ListObject)
    has(page, object="list", url="/v1/customers", has_more=True)
    same(ids(page.data), newest_first[:3])
    is_a(page.data[0], stripe.Customer)

    def walked(**params):
        return ids(customers.list({"email": email, **params}).auto_paging_iter())

    same(walked(limit=3), newest_first)
    same(walked(limit=2, starting_after=newest_first[2]), newest_first[3:])
    # Walking back, the client hands over the oldest of each page first.
    same(walked(limit=2, ending_before=newest_first[4]), newest_first[:4][::-1])

    refused(InvalidRequestError, customers.list, {"limit": 101}, param="limit", http_status=400)
    refused(
        InvalidRequestError,
        customers.list,
        {"starting_after": "cus_none"},
        code="resource_missing",
        param="starting_after",
    )
    same(customers.list({"email": email, "created": {"lt": NOW}}).data, [])
    same(len(customers.list({"email": email, "created": {"gte": NOW}, "limit": 100}).data), 7)


@flow("a search is walked by the client")
def _(context):
    customers = context.stripe.customers
    made = [customers.create({"name": f"Search {i}", "metadata": {"shelf": "north"}}).id for i in range(5)]
    north = 'metadata["shelf"]:"north"'
    page = is_a(customers.search({"query": north, "limit": 2}), stripe.SearchResultObject)
    has(page, object="search_result", url="/v1/customers/search", has_more=True)
    same(len(page.data), 2)
    same(sorted(ids(customers.search({"query": north, "limit": 2}).auto_paging_iter())), sorted(made))

    def found(query):
        return ids(customers.search({"query": query}).data)

    same(found('name~"search 3"'), [made[3]])
    same(len(found(f'{north} AND -name:"Search 0"')), 4)
    same(len(found('name:"Search 0" OR name:"Search 1"')), 2)
    refused(InvalidRequestError, found, "name=", http_status=400)


@flow("ids are expanded, to four levels and no further")
def _(context):
    intents = context.stripe.payment_intents
    customer = context.stripe.customers.create({"email": "expand@example.com"})
    paid = intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://example.com/back",
        }
    )

    def expanded(path):
        return intents.retrieve(paid.id, {"expand": [path]})

    same(intents.retrieve(paid.id).customer, customer.id)
    same(is_a(expanded("customer").customer, stripe.Customer).email, "expand@example.com")
    charge = is_a(expanded("latest_charge.balance_transaction.source.customer").latest_charge, stripe.Charge)
    has(charge, object="charge", amount=1000)
    has(
        is_a(charge.balance_transaction, stripe.BalanceTransaction), object="balance_transaction", amount=1000
    )
    same(is_a(charge.balance_transaction.source.customer, stripe.Customer).id, customer.id)

    def listed(path):
        return intents.list({"customer": customer.id, "expand": [path]})

    same(
        listed("data.latest_charge.balance_transaction.source")
        .data[0]
        .latest_charge.balance_transaction.source.object,
        "charge",
    )
    # `data` of a list counts: see stripe/stripe-java issue 2011.
    refused(
        InvalidRequestError, listed, "data.latest_charge.balance_transaction.source.customer", http_status=400
    )
    refused(InvalidRequestError, expanded, "amount", http_status=400)


@flow("a connected account has objects of its own")
def _(context):
    customers, there = context.stripe.customers, {"stripe_account": "acct_witness0001"}
    made = customers.create({"name": "theirs"}, there)
    has(customers.retrieve(made.id, None, there), id=made.id, name="theirs")
    refused(InvalidRequestError, customers.retrieve, made.id, code="resource_missing", http_status=404)
    same(ids(customers.list(None, there).data), [made.id])
    same(ids(context.client(stripe_account="acct_witness0001").customers.list().data), [made.id])
    same(customers.list(None, {"stripe_account": "acct_witness0002"}).data, [])
    error = refused(PermissionError, customers.list, None, {"stripe_account": "nonsense"}, http_status=403)
    same(error.error.code, "account_invalid")


@flow("webhook endpoints tell their secret once, and events tell every change")
def _(context):
    endpoints = context.stripe.webhook_endpoints
    wanted = ["invoice.paid", "charge.refunded"]
    endpoint = is_a(
        endpoints.create({"url": "https://example.com/hook", "enabled_events": wanted}),
        stripe.WebhookEndpoint,
    )
    matches(endpoint.secret, r"^whsec_\w+$")
    has(endpoint, object="webhook_endpoint", status="enabled", enabled_events=wanted)
    has(endpoints.retrieve(endpoint.id), url="https://example.com/hook", secret=None)
    has(endpoints.update(endpoint.id, {"disabled": True}), status="disabled")
    same(endpoint.id in ids(endpoints.list().data), True)
    has(endpoints.delete(endpoint.id), id=endpoint.id, deleted=True)
    refused(InvalidRequestError, endpoints.retrieve, endpoint.id, code="resource_missing")
    refused(InvalidRequestError, endpoints.create, {"url": "nowhere", "enabled_events": ["*"]}, param="url")

    customers, events = context.stripe.customers, context.stripe.events
    customer = customers.create({"name": "before"})
    update = customers.update(customer.id, {"name": "after"})
    customers.delete(customer.id)
    types = ["customer.created", "customer.updated", "customer.deleted"]
    deleted, updated, created = events.list({"types": types, "limit": 3}).data
    is_a(updated, stripe.Event)
    same([created.type, updated.type, deleted.type], types)
    same([event.data.object["id"] for event in (created, updated, deleted)], [customer.id] * 3)
    same(updated.data.previous_attributes.to_dict(), {"name": "before"})
    same(updated.data.object["name"], "after")
    has(updated, object="event", api_version=stripe.api_version, livemode=False)
    same(updated.request.id, update.last_response.request_id)
    has(events.retrieve(updated.id), id=updated.id, type="customer.updated")
    same(events.list({"type": "customer.deleted", "limit": 1}).data[0].id, deleted.id)
    same(ids(events.list({"type": "customer.*", "limit": 2}).data), [deleted.id, updated.id])
