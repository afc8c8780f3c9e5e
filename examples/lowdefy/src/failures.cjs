// Why there is no answer, in wasi:http's words. The component decides by them whether
// the request was sent and whether the reason may pass, so what cannot be known counts
// as sent. Messages of Node's stay here: they may quote a part of the request.

'use strict';

const UNROUTABLE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EHOSTDOWN']);

/**
 * @param {Error} error what Node's client threw
 * @param {boolean} isConnected whether there was a connection, with TLS where it was
 *   wanted: Node sends nothing before
 * @param {import('node:net').Socket} [socket]
 * @returns {{ tag: string, val?: object }}
 */
function codeOf(error, isConnected, socket) {
  const { code = '', syscall } = error;
  if (isConnected) {
    if (code === 'HPE_HEADER_OVERFLOW') return { tag: 'HTTP-response-header-section-size', val: undefined };
    if (code.startsWith('HPE_')) return { tag: 'HTTP-protocol-error' };
    // A server that wants a client certificate says so behind the handshake (TLS 1.3).
    if (/^ERR_SSL_.*ALERT/.test(code)) return { tag: 'TLS-alert-received', val: {} };
    return { tag: 'connection-terminated' };
  }
  // A name has no addresses, or nobody could be asked; EAI_AGAIN is one of the latter.
  if (syscall === 'getaddrinfo') return { tag: 'DNS-error', val: { rcode: code } };
  if (code === 'ECONNREFUSED') return { tag: 'connection-refused' };
  if (code === 'ETIMEDOUT') return { tag: 'connection-timeout' };
  if (UNROUTABLE.has(code)) return { tag: 'destination-IP-unroutable' };
  if (socket?.authorizationError) return { tag: 'TLS-certificate-error' };
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return { tag: 'TLS-protocol-error' };
  return { tag: 'destination-unavailable' };
}

module.exports = { codeOf };
