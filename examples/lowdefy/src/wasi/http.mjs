// wasi:http: what the component imports of it, made of request.mjs and answer.mjs.

import { FutureIncomingResponse, IncomingBody, IncomingResponse } from './answer.mjs';
import { Fields, OutgoingBody, OutgoingRequest, RequestOptions } from './request.mjs';

export const types = {
  Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions,
  httpErrorCode: ({ code }) => code,
};

export const outgoingHandler = {
  handle(request, options) {
    const { body, announced, start } = OutgoingRequest.taken(request);
    if (start.authority === undefined) throw { tag: 'HTTP-request-URI-invalid' };
    start.timeouts = RequestOptions.timeouts(options);
    const future = new FutureIncomingResponse();
    const begin = (bytes) => FutureIncomingResponse.begin(future, start, bytes);
    if (body) OutgoingBody.belongs(body, { announced, begin, giveUp: () => FutureIncomingResponse.giveUp(future) });
    else begin();
    return future;
  },
};
