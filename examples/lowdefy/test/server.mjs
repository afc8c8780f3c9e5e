// A server on the loopback, in the very process that makes the calls: a call that
// blocked the event loop would wait for it for ever.

import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * @param {(request: {method, url, body: string}, response) => void} answer
 * @returns {Promise<{origin: string, stop(): void}>}
 */
export async function serve(answer) {
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    answer({ method: request.method, url: request.url, body: Buffer.concat(parts).toString() }, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () => server.close().closeAllConnections(),
  };
}

export function json(response, value, status = 200, headers = {}) {
  const text = typeof value === 'string';
  response.writeHead(status, { 'content-type': text ? 'text/html' : 'application/json', 'request-id': 'req_lowdefy4242', ...headers });
  response.end(text ? value : JSON.stringify(value));
}
