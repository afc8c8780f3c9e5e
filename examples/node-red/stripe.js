// Four nodes: `stripe-connection`, which keeps the secrets among Node-RED's encrypted
// credentials, and three that work on messages: `stripe-request` calls a method,
// `stripe-list` reads a list, `stripe-webhook` verifies a delivery.

'use strict';

const { constructEvent, listAll, listPage, request } = require('lowdefy-stripe-wasm');

module.exports = (RED) => {
  function Connection(config) {
    RED.nodes.createNode(this, config);
    const { secretKey, webhookSecret } = this.credentials ?? {};
    let properties;
    try {
      properties = JSON.parse(config.properties || '{}');
    } catch {
      // Not what the parser says, which quotes the text: a key may stand there.
    }
    if (properties === null || typeof properties !== 'object' || Array.isArray(properties)) {
      this.wrong = 'The properties of the Stripe connection should be a JSON object, such as {"maxNetworkRetries": 2}.';
      return this.error(this.wrong);
    }
    this.connection = {
      ...properties,
      ...(secretKey && { secretKey }),
      // Two while one is replaced by another.
      ...(webhookSecret && { webhookSecrets: webhookSecret.split(/[\s,]+/).filter(Boolean) }),
    };
  }
  const secret = { type: 'password' };
  RED.nodes.registerType('stripe-connection', Connection, { credentials: { secretKey: secret, webhookSecret: secret } });

  /**
   * Registers a node that works on messages.
   *
   * @param work from the connection, a message, the node's configuration and a signal
   *   that ends with the flow: what the message gets
   */
  function register(type, work) {
    RED.nodes.registerType(type, function (config) {
      RED.nodes.createNode(this, config);
      const stops = new AbortController();
      this.on('input', async (msg, send, done) => {
        const { connection, wrong = 'The node has no Stripe connection: choose one, and enable it.' } = RED.nodes.getNode(config.connection) ?? {};
        if (!connection) return done(new Error(wrong));
        this.status({ fill: 'blue', shape: 'dot', text: this.type });
        try {
          const answer = await work(connection, msg, config, stops.signal);
          this.status({});
          send({ ...msg, ...answer });
          done();
        } catch (error) {
          this.status({ fill: 'red', shape: 'ring', text: error.code ?? error.type ?? error.name });
          // A catch node sees the message; the rest is for a flow that asks.
          msg.stripe = { ...error };
          done(error);
        }
      });
      this.on('close', () => stops.abort());
    });
  }

  const named = (msg, config) => [msg.resource ?? config.resource, msg.method ?? config.method, msg.payload ?? null];

  register('stripe-request', async (connection, msg, config, signal) => {
    const { body, ...about } = await request(connection, ...named(msg, config), { signal });
    return { payload: body, stripe: about };
  });

  // A message with a cursor, even null, asks for one page.
  register('stripe-list', async (connection, msg, config, signal) => {
    const { items, ...about } = msg.cursor === undefined
      ? await listAll(connection, ...named(msg, config), { limit: msg.limit ?? Number(config.limit), signal })
      : await listPage(connection, ...named(msg, config), { cursor: msg.cursor, signal });
    return { payload: items, stripe: about };
  });

  register('stripe-webhook', async (connection, msg, config, signal) => {
    const headers = msg.req?.headers ?? msg.headers ?? {};
    const { webhookSecrets, webhookTolerance: tolerance } = connection;
    const options = { tolerance, receivedAt: msg.receivedAt, signal };
    return { payload: await constructEvent(msg.payload, headers['stripe-signature'], webhookSecrets, options) };
  });
};
