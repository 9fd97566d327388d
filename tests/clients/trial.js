// What the trials share: work that goes on across an outage, and a book of what each write was answered.
// tests/clients.rs reads the lines that this prints, and makes the outage when it is asked to.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const HANDS = 4; // rounds of one scenario that are under way at once
const ROUNDS = 20; // of each hand, before the middle and after it

/** What an error of the sidecar says became of the command; undefined for any other error. */
export function fate(error) {
  if (/may or may not have been applied/.test(error.message)) return 'uncertain';
  if (/EXECABORT/.test(error.message)) return 'aborted';
  if (/not applied|was not run/.test(error.message)) return 'refused';
  return undefined;
}

/** Polls until `condition` holds, and fails with `what` when it does not in time. */
export async function eventually(what, condition) {
  for (const end = Date.now() + 15_000; !(await condition()); await pause(5)) {
    if (Date.now() > end) throw new Error(`did not come true in time: ${what}`);
  }
}

/** The writes of a scenario by what became of them. */
class Ledger {
  acknowledged = new Set();
  uncertain = new Set();
  aborted = new Set(); // transactions of which nothing was applied
  refused = new Set();

  /** Does a write, and notes what it was answered; an error is the caller's to see, as in any app. */
  async write(entry, command) {
    try {
      const reply = await command();
      this.acknowledged.add(entry);
      return reply;
    } catch (error) {
      this[fate(error)]?.add(entry);
      throw error;
    }
  }

  /** Whether what is found may be: all that was acknowledged, nothing that was aborted or refused. */
  allows(entry, isThere) {
    if (this.acknowledged.has(entry)) return isThere;
    return this.uncertain.has(entry) || !isThere;
  }

  /** Fails on the first entry that is there and must not be, or is not and must. */
  async check(look) {
    const entries = [...this.acknowledged, ...this.uncertain, ...this.aborted, ...this.refused];
    await Promise.all(entries.map(async (entry) => {
      if (!this.allows(entry, await look(entry))) {
        throw new Error(`${entry} was ${this.acknowledged.has(entry) ? 'lost' : 'applied, though refused'}`);
      }
    }));
  }
}

/** The outage in the middle, for all scenarios of one run at once; over at once where none is made. */
class Middle {
  isMade = process.env.OUTAGE === 'yes';
  isOver = !this.isMade;
  #expected;
  #there = new Set();

  constructor(expected) {
    this.#expected = expected;
  }

  /** A scenario is half through. When the last one is, the outage is asked for. */
  arrive(name) {
    const isNew = !this.#there.has(name);
    this.#there.add(name);
    if (isNew && this.#there.size === this.#expected && !this.isOver) {
      const answers = createInterface({ input: process.stdin });
      answers.once('line', () => {
        this.isOver = true;
        answers.close();
      });
      console.log('outage please');
    }
  }
}

/** One scenario's view of the trial. */
class Trial {
  interrupted = 0;
  #ledgers = [];
  #middle;
  #name;

  constructor(name, middle) {
    this.#name = name;
    this.#middle = middle;
  }

  /** Whether Redis is restarted in the middle: a cursor of SCAN means nothing to it then, and keys may be missed. */
  get hasRestart() {
    return this.#middle.isMade;
  }

  /** A new book, counted in the report. */
  ledger() {
    this.#ledgers.push(new Ledger());
    return this.#ledgers.at(-1);
  }

  /** Does `round(n)` for n = 0, 1, 2 ... before, across and after the outage, by several hands at once. */
  async work(round, { hands = HANDS, rounds = ROUNDS } = {}) {
    let next = 0;
    const goOn = async () => {
      for (let done = 0; done < rounds; ) done += await this.#attempt(() => round(next++));
    };
    const hand = async () => {
      await goOn();
      this.#middle.arrive(this.#name);
      for (; !this.#middle.isOver; await pause(2)) await this.#attempt(() => round(next++));
      await goOn();
    };
    await Promise.all(Array.from({ length: hands }, hand));
  }

  /** One round: an app that is told of the outage gives up this request, and serves the next one. */
  async #attempt(round) {
    try {
      await round();
      return 1;
    } catch (error) {
      if (!fate(error)) throw error;
      this.interrupted += 1;
      await pause(20);
      return 0;
    }
  }

  report() {
    const count = (kind) => this.#ledgers.reduce((sum, ledger) => sum + ledger[kind].size, 0);
    const kinds = ['acknowledged', 'uncertain', 'aborted', 'refused'].map((kind) => `${kind}=${count(kind)}`);
    return [...kinds, `interrupted=${this.interrupted}`].join(' ');
  }
}

/** Runs all scenarios at once, each with `given`, and prints a line for each. Ends the process, whatever is still open. */
export async function run(scenarios, given = {}) {
  const middle = new Middle(Object.keys(scenarios).length);
  await Promise.all(Object.entries(scenarios).map(async ([name, scenario]) => {
    const trial = new Trial(name, middle);
    const label = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    try {
      await scenario({ ...given, trial });
      console.log(`passed ${label} ${trial.report()}`);
    } catch (error) {
      const text = String(error.stack ?? error).replaceAll('\n', ' | ');
      console.log(`failed ${label} ${trial.report()} ${text}`);
    }
    middle.arrive(name);
  }));
  console.log('done');
  process.exit(0);
}
