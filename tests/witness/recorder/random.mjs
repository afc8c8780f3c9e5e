// A seeded source of choices. Every case of every method gets its own, so that a
// new method or one more case leaves the others as they were.

export class Random {
  #state;

  /** @param seed any text */
  constructor(seed) {
    this.#state = hash(seed);
  }

  /** A number from 0 up to, but without, 1 (mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, but without, the limit. */
  below(limit) {
    return Math.floor(this.next() * limit);
  }

  between(least, most) {
    return least + this.below(most - least + 1);
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** So many different elements, in the order they have in the list. */
  sample(list, count) {
    const left = list.map((_, at) => at);
    const chosen = [];
    while (chosen.length < count && left.length > 0) chosen.push(...left.splice(this.below(left.length), 1));
    return chosen.sort((a, b) => a - b).map((at) => list[at]);
  }

  /** All elements in another order. */
  shuffled(list) {
    const rest = [...list];
    return list.map(() => rest.splice(this.below(rest.length), 1)[0]);
  }
}

/** 32 bits of a text (FNV-1a over its UTF-16 code units). */
function hash(text) {
  let bits = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193);
  return bits;
}
