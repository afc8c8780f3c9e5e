// What the four documents have their readers call, in an order in which the calls
// work, and what must come back from localstripe. Data alone; `localstripe.mjs`
// says what it means.
//
//   as       keeps the answer under a name: '$name.field' stands for its field
//   gives    fields of the answer: names joined by dots
//   instead  parameters of the document that localstripe does not take, with what
//            is sent in their place (null: nothing) and the reason. With the
//            document's own it must refuse, else this list is out of date; but
//            for those that it answers as if they were not there
//   lacks    why localstripe cannot answer the call at all; `status` is what it
//            says to it
//   prepares the call is none of the document's

const NO_PATH = { lacks: 'no such path', status: 404 };
const NO_TYPE = { type: [null, 'lists by no type'] };
const A_PLAN = (item) => ({ items: [[{ ...item, plan: '$plan.id' }], 'has plans, no prices'] });
const AS_CREATED = { payment_method: [null, 'takes a payment method at creation only'] };

const customerWhoPays = [
  {
    prepares: true,
    call: 'paymentMethods.attach',
    args: ['pm_card_visa', { customer: '$customer.id' }],
    as: 'method',
    gives: { type: 'card', customer: '$customer.id' },
  },
  {
    prepares: true,
    call: 'customers.update',
    args: ['$customer.id', { invoice_settings: { default_payment_method: '$method.id' } }],
    gives: { 'invoice_settings.default_payment_method': '$method.id' },
  },
];

const plan = (amount, as) => ({
  prepares: true,
  call: 'plans.create',
  args: [{ amount, currency: 'usd', interval: 'month', product: '$product.id' }],
  as,
  gives: { amount, interval: 'month' },
});

// An invoice needs a subscription and something pending here.
const PENDING = {
  prepares: true,
  call: 'invoiceItems.create',
  args: [{ customer: '$customer.id', amount: 500, currency: 'usd' }],
  gives: { object: 'invoiceitem', amount: 500, invoice: null },
};

export const lowdefy = {
  file: 'examples/lowdefy-docs/requests.yaml',
  gives: {
    list_customers: { object: 'list', url: '/v1/customers' },
    create_payment_intent: {
      object: 'payment_intent',
      amount: 2000,
      currency: 'eur',
      status: 'requires_payment_method',
    },
    retrieve_checkout_session: { call: 'checkout.sessions.retrieve', ...NO_PATH },
  },
};

export const ballerina = [
  {
    call: 'customers.create',
    args: [{ name: 'John Doe', email: 'john@example.com', address: { city: 'Colombo', country: 'LK' } }],
    as: 'customer',
    gives: { object: 'customer', name: 'John Doe', 'address.city': 'Colombo', 'address.country': 'LK' },
  },
  { call: 'customers.create', args: [{ name: 'Another' }], as: 'another', gives: { name: 'Another', email: null } },
  { call: 'customers.list', args: [], gives: { object: 'list', url: '/v1/customers' } },
  {
    call: 'customers.list',
    args: [{ email: 'john@example.com', limit: 1 }],
    gives: { 'data.length': 1, 'data.0.id': '$customer.id', has_more: false },
  },
  {
    call: 'customers.list',
    args: [{ limit: 1, starting_after: '$customer.id' }],
    gives: { 'data.0.id': '$another.id' },
  },
  { call: 'customers.retrieve', args: ['$customer.id'], gives: { id: '$customer.id', name: 'John Doe' } },
  {
    call: 'customers.update',
    args: ['$customer.id', { name: 'Jane Doe', email: 'jane@example.com' }],
    gives: { id: '$customer.id', name: 'Jane Doe', email: 'jane@example.com' },
  },
  { call: 'customers.del', args: ['$another.id'], gives: { id: '$another.id', deleted: true } },
  {
    call: 'customers.retrieve',
    args: ['$another.id'],
    fails: { case: 'permanent', type: 'invalid_request_error', status: 404 },
  },
  ...customerWhoPays,

  {
    call: 'paymentIntents.create',
    args: [{ amount: 2000, currency: 'usd', payment_method_types: ['card'] }],
    as: 'unpaid',
    gives: { object: 'payment_intent', amount: 2000, currency: 'usd', status: 'requires_payment_method' },
  },
  {
    call: 'paymentIntents.retrieve',
    args: ['$unpaid.id'],
    gives: { id: '$unpaid.id', status: 'requires_payment_method' },
  },
  { call: 'paymentIntents.cancel', args: ['$unpaid.id'], gives: { status: 'canceled' } },
  {
    prepares: true,
    call: 'paymentIntents.create',
    args: [{ amount: 2000, currency: 'usd', customer: '$customer.id', payment_method: '$method.id' }],
    as: 'intent',
    gives: { status: 'requires_confirmation' },
  },
  {
    call: 'paymentIntents.confirm',
    args: ['$intent.id', { payment_method: 'pm_card_visa' }],
    instead: AS_CREATED,
    gives: { id: '$intent.id', status: 'succeeded' },
  },
  {
    call: 'paymentIntents.list',
    args: [{ customer: '$customer.id', limit: 1 }],
    instead: { customer: [null, 'lists by no customer'] },
    gives: { object: 'list', 'data.length': 1, has_more: true },
  },

  {
    call: 'charges.create',
    args: [{ amount: 1500, currency: 'usd', source: 'tok_visa' }],
    instead: { source: ['pm_card_visa', 'knows no tok_visa'] },
    as: 'charge',
    gives: { object: 'charge', amount: 1500, status: 'succeeded', paid: true },
  },
  { call: 'charges.retrieve', args: ['$charge.id'], gives: { id: '$charge.id', captured: true } },
  {
    call: 'charges.list',
    args: [{ customer: '$customer.id', limit: 10 }],
    gives: { 'data.length': 1, 'data.0.payment_intent': '$intent.id' },
  },
  {
    call: 'charges.create',
    args: [{ amount: 1500, currency: 'usd', source: 'pm_card_chargeCustomerFail' }],
    prepares: true,
    fails: { case: 'permanent', status: 402, code: 'card_declined', message: 'Your card was declined.' },
  },

  {
    call: 'products.create',
    args: [{ name: 'Premium Plan', description: 'Access to all premium features' }],
    as: 'product',
    gives: { object: 'product', name: 'Premium Plan', active: true },
  },
  {
    call: 'products.list',
    args: [{ active: true, limit: 10 }],
    gives: { 'data.length': 1, 'data.0.id': '$product.id' },
  },
  {
    call: 'prices.create',
    args: [{ unit_amount: 1999, currency: 'usd', recurring: { interval: 'month' }, product: '$product.id' }],
    ...NO_PATH,
  },
  { call: 'prices.list', args: [{ product: '$product.id' }], ...NO_PATH },
  plan(1999, 'plan'),

  {
    call: 'subscriptions.create',
    args: [{ customer: '$customer.id', items: [{ price: 'price_1' }] }],
    instead: A_PLAN(),
    as: 'subscription',
    gives: { object: 'subscription', status: 'active', customer: '$customer.id', 'items.data.0.plan.amount': 1999 },
  },
  { call: 'subscriptions.retrieve', args: ['$subscription.id'], gives: { id: '$subscription.id', status: 'active' } },
  {
    call: 'subscriptions.list',
    args: [{ customer: '$customer.id', status: 'active' }],
    gives: { 'data.0.id': '$subscription.id' },
  },

  PENDING,
  {
    call: 'invoices.create',
    args: [{ customer: '$customer.id', collection_method: 'send_invoice', days_until_due: 30 }],
    instead: { collection_method: [null, 'charges automatically only'], days_until_due: [null, 'has no due dates'] },
    as: 'invoice',
    gives: { object: 'invoice', customer: '$customer.id', status: 'draft', amount_due: 2499 },
  },
  { call: 'invoices.retrieve', args: ['$invoice.id'], gives: { id: '$invoice.id', status: 'draft' } },
  { call: 'invoices.finalizeInvoice', args: ['$invoice.id'], ...NO_PATH },
  {
    call: 'invoices.list',
    args: [{ customer: '$customer.id', status: 'draft' }],
    instead: { status: [null, 'lists invoices by no status'] },
    gives: { 'data.0.id': '$invoice.id' },
  },
  { call: 'subscriptions.cancel', args: ['$subscription.id'], gives: { id: '$subscription.id', status: 'canceled' } },

  {
    call: 'refunds.create',
    args: [{ payment_intent: '$intent.id', amount: 500 }],
    as: 'refund',
    gives: { object: 'refund', amount: 500, currency: 'usd', status: 'succeeded', payment_intent: '$intent.id' },
  },
  { call: 'refunds.retrieve', args: ['$refund.id'], gives: { id: '$refund.id', amount: 500 } },
  { call: 'balance.retrieve', args: [], gives: { livemode: false, 'available.currency': 'eur' } },
  {
    call: 'balanceTransactions.list',
    args: [{ limit: 5, type: 'charge' }],
    instead: NO_TYPE,
    gives: { object: 'list', 'data.0.object': 'balance_transaction' },
  },
  {
    call: 'payouts.create',
    args: [{ amount: 10000, currency: 'usd' }],
    instead: { currency: ['eur', 'pays out euros only'] },
    as: 'payout',
    gives: { object: 'payout', amount: 10000, status: 'pending' },
  },
  {
    call: 'payouts.list',
    args: [{ status: 'pending', limit: 1 }],
    instead: { status: [null, 'lists payouts by no status'] },
    gives: { 'data.0.id': '$payout.id' },
  },
];

const workflow = {
  customer: '$customer.id',
  collection_method: 'send_invoice',
  days_until_due: 30,
  auto_advance: false,
};
const NOT_OF_INVOICES = {
  auto_advance: [null, 'never advances an invoice'],
  collection_method: [null, 'charges automatically only'],
  days_until_due: [null, 'has no due dates'],
};

export const loopfour = [
  {
    call: 'customers.create',
    args: [
      {
        email: 'wf@example.com',
        name: 'Wanda',
        description: 'Customer from workflow',
        phone: '+41 1',
        address: { line1: 'Street 1', city: 'Bern', state: 'BE', postal_code: '3000', country: 'CH' },
        metadata: { source: 'workflow', company_id: '7' },
      },
    ],
    as: 'customer',
    gives: { email: 'wf@example.com', 'address.postal_code': '3000', 'metadata.company_id': '7' },
  },
  { call: 'customers.retrieve', args: ['$customer.id'], gives: { phone: '+41 1' } },
  {
    call: 'customers.update',
    args: ['$customer.id', { email: 'new@example.com', metadata: { updated_at: '2026-01-15' } }],
    gives: { email: 'new@example.com', 'metadata.updated_at': '2026-01-15', 'metadata.source': 'workflow' },
  },
  {
    call: 'customers.list',
    args: [{ limit: 100, email: 'new@example.com' }],
    gives: { 'data.length': 1, 'data.0.id': '$customer.id' },
  },
  ...customerWhoPays,

  { prepares: true, call: 'products.create', args: [{ name: 'Plan' }], as: 'product', gives: { name: 'Plan' } },
  plan(1000, 'plan'),
  plan(2500, 'better'),
  {
    call: 'subscriptions.create',
    args: [
      {
        customer: '$customer.id',
        items: [{ price: 'price_xxx' }],
        collection_method: 'charge_automatically',
        trial_period_days: 14,
        metadata: { plan: 'basic' },
      },
    ],
    instead: { ...A_PLAN(), collection_method: [null, 'charges automatically only'] },
    as: 'subscription',
    gives: { 'metadata.plan': 'basic', trial_period_days: 14 },
  },
  { call: 'subscriptions.retrieve', args: ['$subscription.id'], as: 'read', gives: { id: '$subscription.id' } },

  // "Create and Send Invoice", step by step.
  PENDING,
  { call: 'customers.list', args: [{ email: 'new@example.com', limit: 1 }], gives: { 'data.0.id': '$customer.id' } },
  // It takes the metadata and forgets it.
  {
    call: 'invoices.create',
    args: [{ ...workflow, description: 'Invoice for services', metadata: { order_id: '9' } }],
    instead: NOT_OF_INVOICES,
    as: 'invoice',
    gives: { status: 'draft', description: 'Invoice for services' },
  },
  {
    call: 'invoiceItems.create',
    args: [
      {
        customer: '$customer.id',
        invoice: '$invoice.id',
        amount: 9900,
        currency: 'usd',
        description: 'Professional Services - January 2024',
        quantity: 1,
      },
    ],
    instead: { quantity: [null, 'counts no invoice items'] },
    as: 'item',
    gives: { object: 'invoiceitem', amount: 9900, invoice: '$invoice.id' },
  },
  { call: 'invoices.finalizeInvoice', args: ['$invoice.id'], ...NO_PATH },
  { call: 'invoices.sendInvoice', args: ['$invoice.id'], ...NO_PATH },

  { call: 'invoices.retrieve', args: ['$invoice.id'], gives: { id: '$invoice.id', customer: '$customer.id' } },
  {
    call: 'invoices.list',
    args: [{ customer: '$customer.id', status: 'open', limit: 50 }],
    instead: { status: [null, 'lists invoices by no status'] },
    gives: { 'data.length': 1 },
  },
  { call: 'invoices.voidInvoice', args: ['$invoice.id'], lacks: 'voids no invoice without a payment', status: 400 },

  {
    call: 'paymentIntents.create',
    args: [
      {
        amount: 9900,
        currency: 'usd',
        customer: '$customer.id',
        description: 'Order #9',
        payment_method_types: ['card'],
        capture_method: 'automatic',
        metadata: { order_id: '9' },
      },
    ],
    instead: { description: [null, 'describes no intents'] },
    as: 'intent',
    gives: { amount: 9900, customer: '$customer.id', 'metadata.order_id': '9' },
  },
  { call: 'paymentIntents.retrieve', args: ['$intent.id'], gives: { id: '$intent.id' } },
  {
    call: 'paymentIntents.cancel',
    args: ['$intent.id', { cancellation_reason: 'requested_by_customer' }],
    instead: { cancellation_reason: [null, 'asks for no reason'] },
    gives: { status: 'canceled' },
  },
  {
    prepares: true,
    call: 'paymentIntents.create',
    args: [{ amount: 9900, currency: 'usd', payment_method: 'pm_card_visa', capture_method: 'manual' }],
    as: 'held',
    gives: { status: 'requires_confirmation' },
  },
  {
    call: 'paymentIntents.confirm',
    args: ['$held.id', { payment_method: 'pm_card_visa', return_url: 'https://example.com/payment/complete' }],
    instead: { ...AS_CREATED, return_url: [null, 'returns to no page'] },
    gives: { status: 'requires_capture' },
  },
  { call: 'paymentIntents.capture', args: ['$held.id', { amount_to_capture: 5000 }], gives: { status: 'succeeded' } },
  {
    call: 'paymentIntents.list',
    args: [{ customer: '$customer.id', limit: 50 }],
    instead: { customer: [null, 'lists by no customer'] },
    gives: { object: 'list' },
  },

  {
    call: 'subscriptions.update',
    args: [
      '$subscription.id',
      { items: [{ id: '$read.items.data.0.id', price: 'price_new_xxx' }], proration_behavior: 'create_prorations' },
    ],
    instead: {
      items: [[{ id: '$read.items.data.0.id', plan: '$better.id' }], 'overlooks the price', 'answered'],
      proration_behavior: [null, 'always prorates'],
    },
    gives: { 'items.data.0.plan.id': '$better.id' },
  },
  {
    call: 'subscriptions.cancel',
    args: ['$subscription.id', { invoice_now: true, prorate: true }],
    gives: { status: 'canceled' },
  },
  {
    call: 'subscriptions.list',
    args: [{ customer: '$customer.id', status: 'active', limit: 50 }],
    gives: { 'data.length': 0 },
  },
  { call: 'balance.retrieve', args: [], gives: { livemode: false, 'available.currency': 'eur' } },
  {
    call: 'balanceTransactions.list',
    args: [{ limit: 100, type: 'charge' }],
    instead: NO_TYPE,
    gives: { object: 'list' },
  },
];

export const lodol = [
  {
    call: 'customers.create',
    args: [{ email: 'customer@example.com', name: 'Example Customer', description: 'from lodol', phone: '+1 555' }],
    as: 'customer',
    gives: { email: 'customer@example.com', name: 'Example Customer' },
  },
  { call: 'customers.retrieve', args: ['$customer.id'], gives: { id: '$customer.id', email: 'customer@example.com' } },
  { call: 'customers.list', args: [{ limit: 1 }], gives: { 'data.length': 1, has_more: true } },
  {
    call: 'paymentIntents.create',
    args: [{ amount: 500, currency: 'usd', customer: '$customer.id', description: 'a charge' }],
    instead: { description: [null, 'describes no intents'] },
    gives: { amount: 500, currency: 'usd' },
  },
  {
    prepares: true,
    call: 'paymentIntents.create',
    args: [{ amount: 500, currency: 'usd', payment_method: 'pm_card_visa' }],
    as: 'intent',
    gives: { status: 'requires_confirmation' },
  },
  {
    call: 'paymentIntents.confirm',
    args: ['$intent.id', { payment_method: 'pm_card_visa' }],
    instead: AS_CREATED,
    gives: { id: '$intent.id', status: 'succeeded' },
  },
  {
    call: 'refunds.create',
    args: [{ payment_intent: '$intent.id', amount: 200 }],
    gives: { amount: 200, status: 'succeeded' },
  },
  {
    call: 'products.create',
    args: [{ name: 'Example Product', description: 'to sell' }],
    as: 'product',
    gives: { name: 'Example Product' },
  },
  { call: 'prices.create', args: [{ product: '$product.id', unit_amount: 500, currency: 'usd' }], ...NO_PATH },
  { call: 'paymentLinks.create', args: [{ line_items: [{ price: 'price_123', quantity: 1 }] }], ...NO_PATH },
];
