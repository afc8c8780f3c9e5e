// Cases written by hand, each with a name: what a generator would hardly hit, and
// everything that the plugin does otherwise than the client. See of.mjs.

import args from './arguments.mjs';
import form from './form.mjs';
import json from './json.mjs';
import options from './options.mjs';
import others from './others.mjs';

export const specialCases = [...form, ...args, ...options, ...json, ...others];
