// The official client of npm against the sandbox: node npm.mjs

import { keepAll } from './flows.mjs';
import { Stripe } from './npm/client.mjs';
import { KEY, Sandbox } from './sandbox.mjs';
import './npm/billing.mjs';
import './npm/objects.mjs';
import './npm/payments.mjs';
import './npm/promises.mjs';

const sandbox = await Sandbox.start();

/** A client of this sandbox; nothing is retried unless asked for. */
function client({ key = KEY, url = sandbox.url, ...config } = {}) {
  return new Stripe(key, {
    protocol: 'http',
    host: url.hostname,
    port: url.port,
    maxNetworkRetries: 0,
    telemetry: false, // it would describe the machine and write to its disk
    ...config,
  });
}

const kept = await keepAll(`npm stripe ${Stripe.PACKAGE_VERSION}`, { stripe: client(), client, sandbox });
await sandbox.stop();
process.exitCode = kept ? 0 : 1;
