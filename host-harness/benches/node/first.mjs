// node first.mjs [stripe]
//
// Loads the official client, has it make a request that goes nowhere, and prints
// what it would have sent; without an argument Node itself is all there is.

if (process.argv[2] === 'stripe') {
  const { default: Stripe } = await import('stripe');
  let sent;
  const httpClient = Stripe.createFetchHttpClient(async (url, { method, headers, body }) => {
    sent = { method, url: String(url), headers, body };
    return new Response('{}', { headers: { 'content-type': 'application/json' } });
  });
  const stripe = new Stripe('sk_test_0123456789abcdef', { httpClient });
  await stripe.customers.create({ email: 'ada@shop.example' });
  console.log(JSON.stringify(sent));
} else {
  console.log('{}');
}
