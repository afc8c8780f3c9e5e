// Two nodes: `stripe-connection`, which keeps the key among Node-RED's encrypted
// credentials, and `stripe-request`, which calls one method for each message.

'use strict';

const { request } = require('lowdefy-stripe-wasm');

module.exports = (RED) => {
  function Connection(config) {
    RED.nodes.createNode(this, config);
    const { secretKey } = this.credentials ?? {};
    this.connection = { ...JSON.parse(config.properties || '{}'), ...(secretKey && { secretKey }) };
  }
  RED.nodes.registerType('stripe-connection', Connection, { credentials: { secretKey: { type: 'password' } } });

  function Request(config) {
    RED.nodes.createNode(this, config);
    const stops = new AbortController();
    this.on('input', async (msg, send, done) => {
      const { connection } = RED.nodes.getNode(config.connection) ?? {};
      const resource = msg.resource ?? config.resource;
      const method = msg.method ?? config.method;
      if (!connection) return done(new Error('The node has no Stripe connection.'));
      this.status({ fill: 'blue', shape: 'dot', text: `${resource}.${method}` });
      try {
        const { body, ...about } = await request(connection, resource, method, msg.payload ?? null, { signal: stops.signal });
        this.status({});
        send({ ...msg, payload: body, stripe: about });
        done();
      } catch (error) {
        this.status({ fill: 'red', shape: 'ring', text: error.code ?? error.type ?? error.name });
        // A catch node sees the message; the rest is for a flow that asks.
        msg.stripe = { ...error };
        done(error);
      }
    });
    this.on('close', () => stops.abort());
  }
  RED.nodes.registerType('stripe-request', Request);
};
