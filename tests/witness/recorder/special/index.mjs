// Cases written by hand, each with a name: what a generator would hardly hit, and
// everything that the plugin does otherwise than the client. See of.mjs.

import args from './arguments.mjs';
import files from './files.mjs';
import form from './form.mjs';
import json from './json.mjs';
import oauth from './oauth.mjs';
import options from './options.mjs';
import raw from './raw.mjs';

export const specialCases = [...form, ...json, ...args, ...options, ...files, ...oauth, ...raw];
