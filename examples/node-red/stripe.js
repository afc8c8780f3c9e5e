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

  /** How long calls may take to end when a flow stops, in milliseconds: somewhat less
   * than what Node-RED waits for a node. */
  const patience = 0.9 * (RED.settings.nodeCloseTimeout || 15_000);

  /**
   * Registers a node that works on messages.
   *
   * @param work from the connection, a message, the node's configuration and a signal
   *   to give up: what the message gets
   */
  function register(type, work) {
    RED.nodes.registerType(type, function (config) {
      RED.nodes.createNode(this, config);
      const stops = new AbortController();
      const underWay = new Set();
      let isStopping = false;
      this.on('input', async (msg, send, done) => {
        const { connection, wrong = 'The node has no Stripe connection: choose one, and enable it.' } = RED.nodes.getNode(config.connection) ?? {};
        if (!connection) return done(new Error(wrong));
        if (isStopping) return done(new Error('The flow is being stopped: nothing was sent to Stripe.'));
        this.status({ fill: 'blue', shape: 'dot', text: this.type });
        const call = work(connection, msg, config, stops.signal);
        underWay.add(call);
        try {
          const answer = await call;
          this.status({});
          // The nodes behind this one may have stopped before it.
          if (isStopping) this.warn(`A call ended while its flow was being stopped, and the flow may not have heard of it: ${about(answer)}`);
          send({ ...msg, ...answer });
          done();
        } catch (error) {
          const failure = stops.signal.aborted ? abandoned() : error;
          this.status({ fill: 'red', shape: 'ring', text: failure.code ?? failure.type ?? failure.name });
          // A catch node sees the message; the rest is for a flow that asks.
          msg.stripe = { ...failure };
          // What a catch node hears is not logged, and its flow may have stopped too.
          if (isStopping) this.error(failure.message);
          done(failure);
        } finally {
          underWay.delete(call);
        }
      });
      this.on('close', async (done) => {
        isStopping = true;
        const end = setTimeout(() => stops.abort(), patience);
        await Promise.allSettled(underWay);
        clearTimeout(end);
        done();
      });
    });
  }

  /** Which answer it is, for a log: no more of it. */
  const about = ({ stripe, payload }) => [stripe?.requestId, payload?.object, payload?.id].filter(Boolean).join(' ') || 'no id';

  const abandoned = () => Object.assign(
    new Error('The flow was stopped before Stripe answered. The request may have been sent, and carried out: '
      + 'look for it at Stripe, or repeat it under the same idempotencyKey.'),
    { case: 'transient', type: 'aborted', mayHaveBeenSent: true },
  );

  // What the editor says holds: a message may come from anywhere.
  const named = (msg, config) => [config.resource || msg.resource, config.method || msg.method, msg.payload ?? null];

  register('stripe-request', async (connection, msg, config, signal) => {
    const { body, ...about } = await request(connection, ...named(msg, config), { signal });
    return { payload: body, stripe: about };
  });

  // A message with a cursor, even null, asks for one page.
  register('stripe-list', async (connection, msg, config, signal) => {
    const { items, ...about } = msg.cursor === undefined
      ? await listAll(connection, ...named(msg, config), { limit: Number(config.limit) || msg.limit, signal })
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
