"""Money: payment intents, test cards, refunds, the balance and payouts."""

import stripe
from stripe import CardError, InvalidRequestError

from flows import flow, has, is_a, matches, refused, same
from sandbox import DAY

CARD = {
    "amount": 2000,
    "currency": "usd",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}
VISA = {**CARD, "payment_method": "pm_card_visa", "confirm": True}


def everything(service, **params):
    return list(service.list({"limit": 100, **params}).auto_paging_iter())


@flow("a payment intent is created, confirmed and paid")
def _(context):
    intents = context.stripe.payment_intents
    created = is_a(intents.create({**CARD, "metadata": {"order": "17"}}), stripe.PaymentIntent)
    matches(created.id, r"^pi_\w+$")
    matches(created.client_secret, rf"^{created.id}_secret_\w+$")
    has(
        created,
        object="payment_intent",
        status="requires_payment_method",
        amount=2000,
        currency="usd",
        amount_received=0,
    )
    refused(InvalidRequestError, intents.confirm, created.id, code="payment_intent_unexpected_state")

    has(intents.update(created.id, {"payment_method": "pm_card_visa"}), status="requires_confirmation")
    paid = intents.confirm(created.id, {"expand": ["latest_charge", "payment_method"]})
    has(paid, status="succeeded", amount_received=2000, next_action=None, last_payment_error=None)
    has(is_a(paid.payment_method, stripe.PaymentMethod).card, brand="visa", last4="4242")
    charge = is_a(paid.latest_charge, stripe.Charge)
    has(
        charge,
        object="charge",
        status="succeeded",
        paid=True,
        captured=True,
        amount=2000,
        refunded=False,
        payment_intent=created.id,
    )
    has(intents.retrieve(created.id), status="succeeded")
    has(context.stripe.charges.retrieve(charge.id), amount_captured=2000)

    other = intents.create({**VISA, "payment_method": "pm_card_mastercard", "expand": ["latest_charge"]})
    has(other, status="succeeded")
    has(other.latest_charge.payment_method_details.card, brand="mastercard", last4="4444")
    refused(InvalidRequestError, intents.update, other.id, {"amount": 1})
    refused(
        InvalidRequestError,
        intents.confirm,
        other.id,
        code="payment_intent_unexpected_state",
        http_status=400,
    )


@flow("a declined card is a card error, and the intent asks for another")
def _(context):
    intents = context.stripe.payment_intents
    for method, code, decline_code in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ]:
        intent = intents.create(CARD)
        error = refused(
            CardError, intents.confirm, intent.id, {"payment_method": method}, code=code, http_status=402
        )
        has(error.error, type="card_error", decline_code=decline_code)
        matches(error.request_id, "^req_")
        matches(error.error.doc_url, f"#{code.replace('_', '-')}$")
        shown = is_a(error.error.payment_intent, stripe.PaymentIntent)
        has(shown, id=intent.id, status="requires_payment_method")
        same(shown.last_payment_error.decline_code, decline_code)
        charge = context.stripe.charges.retrieve(error.error.charge)
        has(charge, status="failed", paid=False, failure_code=code, balance_transaction=None)
        has(intents.confirm(intent.id, {"payment_method": "pm_card_visa"}), status="succeeded")


@flow("a card that needs its holder waits for them")
def _(context):
    intents, act = context.stripe.payment_intents, context.sandbox.act
    asks = {**VISA, "payment_method": "pm_card_authenticationRequired"}
    waiting = intents.create(asks)
    has(waiting, status="requires_action", amount_received=0, latest_charge=None)
    same(waiting.next_action.type, "use_stripe_sdk")
    act(f"payment_intents/{waiting.id}/authenticate")
    has(intents.retrieve(waiting.id), status="succeeded", amount_received=2000, next_action=None)

    again = intents.create(asks)
    act(f"payment_intents/{again.id}/authenticate", outcome="failed")
    failed = intents.retrieve(again.id)
    has(failed, status="requires_payment_method")
    same(failed.last_payment_error.code, "payment_intent_authentication_failure")

    # With nobody there to ask, it is a decline.
    error = refused(
        CardError,
        intents.create,
        {**asks, "off_session": True},
        code="authentication_required",
        http_status=402,
    )
    same(error.error.decline_code, "authentication_required")


@flow("an authorized payment is captured in part")
def _(context):
    intents = context.stripe.payment_intents
    held = intents.create({**VISA, "capture_method": "manual"})
    has(held, status="requires_capture", amount_capturable=2000, amount_received=0)
    refused(
        InvalidRequestError,
        intents.capture,
        held.id,
        {"amount_to_capture": 2001},
        param="amount_to_capture",
        http_status=400,
    )
    refused(InvalidRequestError, context.stripe.refunds.create, {"payment_intent": held.id}, http_status=400)
    captured = intents.capture(held.id, {"amount_to_capture": 1500, "expand": ["latest_charge"]})
    has(captured, status="succeeded", amount=2000, amount_capturable=0, amount_received=1500)
    has(captured.latest_charge, captured=True, amount_captured=1500, amount_refunded=500)
    refused(InvalidRequestError, intents.capture, held.id, code="payment_intent_unexpected_state")


@flow("a payment intent is canceled, and stays so")
def _(context):
    intents = context.stripe.payment_intents
    intent = intents.create(CARD)
    reason = "requested_by_customer"
    has(
        intents.cancel(intent.id, {"cancellation_reason": reason}),
        status="canceled",
        cancellation_reason=reason,
    )
    refused(InvalidRequestError, intents.cancel, intent.id, code="payment_intent_unexpected_state")
    refused(
        InvalidRequestError,
        intents.confirm,
        intent.id,
        {"payment_method": "pm_card_visa"},
        code="payment_intent_unexpected_state",
    )

    held = intents.create({**VISA, "capture_method": "manual"})
    released = intents.cancel(held.id, {"expand": ["latest_charge"]})
    has(released, status="canceled", amount_capturable=0, amount_received=0)
    has(released.latest_charge, captured=False, refunded=True, amount_captured=0)


@flow("refunds give back in parts, never more than was taken")
def _(context):
    refunds, charges = context.stripe.refunds, context.stripe.charges
    intent = context.stripe.payment_intents.create(VISA)
    reason = "requested_by_customer"
    part = is_a(refunds.create({"payment_intent": intent.id, "amount": 500, "reason": reason}), stripe.Refund)
    matches(part.id, r"^re_\w+$")
    has(
        part,
        object="refund",
        amount=500,
        currency="usd",
        status="succeeded",
        payment_intent=intent.id,
        charge=intent.latest_charge,
        reason=reason,
    )
    has(charges.retrieve(intent.latest_charge), amount_refunded=500, refunded=False)
    refused(
        InvalidRequestError,
        refunds.create,
        {"payment_intent": intent.id, "amount": 1501},
        param="amount",
        http_status=400,
    )
    has(refunds.create({"charge": intent.latest_charge}), amount=1500)
    has(charges.retrieve(intent.latest_charge), amount_refunded=2000, refunded=True)
    refused(
        InvalidRequestError, refunds.create, {"charge": intent.latest_charge}, code="charge_already_refunded"
    )
    same([refund.amount for refund in refunds.list({"payment_intent": intent.id}).data], [1500, 500])
    has(refunds.retrieve(part.id), id=part.id, amount=500)
    refused(InvalidRequestError, refunds.create, {}, http_status=400)


@flow("a charge is made with a token, as older integrations do")
def _(context):
    charges = context.stripe.charges
    params = {"amount": 1500, "currency": "usd", "source": "tok_visa"}
    charge = is_a(charges.create({**params, "description": "legacy"}), stripe.Charge)
    has(charge, object="charge", amount=1500, status="succeeded", paid=True, description="legacy")
    refused(
        CardError,
        charges.create,
        {**params, "source": "tok_chargeDeclined"},
        code="card_declined",
        http_status=402,
    )
    held = charges.create({**params, "capture": False})
    has(held, captured=False, balance_transaction=None)
    has(charges.capture(held.id, {"amount": 1000}), captured=True, amount_captured=1000)


@flow("a payout takes what is available and no more")
def _(context):
    payouts = context.stripe.payouts
    context.stripe.payment_intents.create(
        {**VISA, "amount": 50_000, "payment_method": "pm_card_bypassPending"}
    )

    def usd():
        available = is_a(context.stripe.balance.retrieve(), stripe.Balance).available
        return next(part.amount for part in available if part.currency == "usd")

    before = usd()
    payout = is_a(payouts.create({"amount": 10_000, "currency": "usd"}), stripe.Payout)
    has(
        payout,
        object="payout",
        amount=10_000,
        currency="usd",
        status="pending",
        method="standard",
        automatic=False,
    )
    same(usd(), before - 10_000)
    refused(
        InvalidRequestError,
        payouts.create,
        {"amount": before, "currency": "usd"},
        code="balance_insufficient",
        http_status=400,
    )

    other = payouts.create({"amount": 1000, "currency": "usd"})
    has(payouts.cancel(other.id), status="canceled")
    same(usd(), before - 10_000)
    refused(InvalidRequestError, payouts.cancel, other.id)

    context.sandbox.act("clock", advance=3 * DAY)
    has(payouts.retrieve(payout.id), status="paid")
    same([paid.id for paid in payouts.list({"status": "paid"}).data], [payout.id])
    refused(InvalidRequestError, payouts.cancel, payout.id)


# After all the others, so that it adds up everything they did.
@flow("the balance is the sum of its transactions, and they of what happened")
def _(context):
    api = context.stripe
    booked = everything(api.balance_transactions)
    same([entry.net for entry in booked], [entry.amount - entry.fee for entry in booked])
    same(
        [entry.fee for entry in booked],
        [sum(detail.amount for detail in entry.fee_details) for entry in booked],
    )
    balance = api.balance.retrieve()
    same(balance.object, "balance")
    currency, held = balance.available[0].currency, balance.available[0].amount + balance.pending[0].amount
    same(sum(entry.net for entry in booked), held)

    charges = [
        charge for charge in everything(api.charges) if charge.status == "succeeded" and charge.captured
    ]
    refunds = everything(api.refunds)
    payouts = [payout for payout in everything(api.payouts) if payout.status != "canceled"]
    same({each.currency for each in [*charges, *refunds, *payouts]}, {currency})
    # What was authorized only, or captured in part, is released and moves no money.
    moved = [refund for refund in refunds if refund.balance_transaction]
    taken = sum(charge.amount_captured for charge in charges) - sum(entry.fee for entry in booked)
    same(held, taken - sum(refund.amount for refund in moved) - sum(payout.amount for payout in payouts))

    def of_type(name):
        return [entry for entry in booked if entry.type == name]

    same(len(of_type("charge")), len(charges))
    same(len(of_type("refund")), len(moved))
    same(len(everything(api.balance_transactions, type="payout")), len(of_type("payout")))
