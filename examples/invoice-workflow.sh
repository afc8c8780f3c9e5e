#!/usr/bin/env bash
# "Create and Send Invoice", step by step, each step a call of its own:
#
#   stripe-harness sandbox &                    # prints where it is
#   export STRIPE_SECRET_KEY=sk_test_anything
#   examples/invoice-workflow.sh ada@example.com "Ada Lovelace" 9900 "Services" --base-url http://127.0.0.1:12111
#
# With your own account (a test key moves no money), leave --base-url out. Every
# step that makes something carries an idempotency key made of ORDER, so that with
# the same ORDER the whole can be repeated within a day when it broke off, and
# nothing is made twice.
set -euo pipefail
email=$1 name=$2 amount=$3 description=$4
shift 4
order=${ORDER:-$(date +%s)}

# The first id of a kind (cus, in …) in an answer, or nothing.
id() { grep -o "\"$1_[A-Za-z0-9]*\"" | head -n 1 | tr -d '"' || true; }

connection=("$@")
step() { "${STRIPE_HARNESS:-stripe-harness}" request "${connection[@]}" "$@"; }

customer=$(step customers.list "{\"email\": \"$email\", \"limit\": 1}" | id cus)
if [ -z "$customer" ]; then
  customer=$(step customers.create "{\"email\": \"$email\", \"name\": \"$name\"}" \
    "{\"idempotencyKey\": \"$order-customer\"}" | id cus)
fi

invoice=$(step invoices.create \
  "{\"customer\": \"$customer\", \"auto_advance\": false, \"collection_method\": \"send_invoice\", \"days_until_due\": 30}" \
  "{\"idempotencyKey\": \"$order-invoice\"}" | id in)

step invoiceItems.create \
  "{\"customer\": \"$customer\", \"invoice\": \"$invoice\", \"amount\": $amount, \"currency\": \"usd\", \"description\": \"$description\"}" \
  "{\"idempotencyKey\": \"$order-item\"}" >/dev/null

step invoices.finalizeInvoice "$invoice" '{}' "{\"idempotencyKey\": \"$order-finalize\"}" >/dev/null
step invoices.sendInvoice "$invoice" '{}' "{\"idempotencyKey\": \"$order-send\"}"
