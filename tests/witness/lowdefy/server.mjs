// A server on the loopback that answers as a case says and keeps what arrives.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** What a case gets that says nothing about answers. */
const USUAL_ANSWER = { body: { id: 'obj_1', object: 'thing', livemode: false } };

export class ScriptedServer {
  arrived = [];
  #answers = [];
  #server = createServer((request, response) => this.#serve(request, response));

  async start() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this.#server.address().port;
  }

  stop() {
    this.#server.close().closeAllConnections();
  }

  /** Forgets what arrived. The last answer is given again, as often as needed. */
  script(answers = [USUAL_ANSWER]) {
    this.arrived = [];
    this.#answers = [...answers];
  }

  async #serve(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { method, url, headers } = request;
    this.arrived.push({ method, path: url, headers, body: Buffer.concat(parts) });
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (answer.reset) request.socket.destroy();
    else setTimeout(() => reply(response, answer), answer.delay ?? 0);
  }
}

/** A body that is text is sent as it is, any other as JSON. */
function reply(response, { status = 200, headers = {}, body = '' }) {
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'content-type': isText ? 'text/html' : 'application/json',
    'request-id': 'req_lowdefy4242',
    ...headers,
  });
  response.end(isText ? body : JSON.stringify(body));
}
