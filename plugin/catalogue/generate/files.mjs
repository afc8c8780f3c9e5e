// The data files on disk: reads them, tells how they differ from what should be
// there, and writes them. Files are maps from a path inside the catalogue to text.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

/** So many changed lines of a file are shown; git shows the rest better. */
const SHOWN = 12;

/** The named files and everything in one subfolder, as far as they exist. */
export function readFiles(folder, names, subfolder) {
  const url = new URL(subfolder, folder);
  const inside = existsSync(url) ? readdirSync(url).map((name) => subfolder + name) : [];
  const existing = [...names, ...inside].filter((name) => existsSync(new URL(name, folder)));
  return new Map(existing.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
}

/** Lines for a person; none when both are equal. */
export function differences(present, wanted) {
  const names = [...new Set([...present.keys(), ...wanted.keys()])].sort();
  return names.flatMap((name) => {
    const [before, after] = [present.get(name), wanted.get(name)];
    if (before === after) return [];
    if (before === undefined) return [`new      ${name}`];
    if (after === undefined) return [`surplus  ${name}`];
    return [`changed  ${name}`, ...changedLines(before, after)];
  });
}

function changedLines(before, after) {
  const gone = without(before, after).map((line) => `  - ${line}`);
  const come = without(after, before).map((line) => `  + ${line}`);
  const all = [...gone, ...come];
  if (all.length === 0) return ['  only the order of lines or their number'];
  return all.length > SHOWN ? [...all.slice(0, SHOWN), `  and ${all.length - SHOWN} more lines`] : all;
}

function without(text, other) {
  const known = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !known.has(line));
}

/** Makes the disk hold what is wanted, and removes what is not. */
export function writeFiles(folder, present, wanted) {
  for (const name of present.keys()) {
    if (!wanted.has(name)) rmSync(new URL(name, folder));
  }
  for (const [name, text] of wanted) {
    const url = new URL(name, folder);
    mkdirSync(new URL('./', url), { recursive: true });
    writeFileSync(url, text);
  }
}
