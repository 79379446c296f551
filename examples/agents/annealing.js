// An agent in JavaScript (Node.js): simulated annealing, one neighbor at a time.
//
// Compare it:  dance compare tiny --budget 200 --solver random "cmd:node examples/agents/annealing.js"
"use strict";

const lines = require("readline").createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// A small generator with a seed (mulberry32): Math.random has none.
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

async function hear() {
  const { value, done } = await lines.next();
  return done ? { type: "stop" } : JSON.parse(value);
}

async function ask(design) {
  process.stdout.write(JSON.stringify({ type: "evaluate", designs: [design] }) + "\n");
  const answer = await hear();
  if (answer.type === "stop" || (answer.type === "evaluations" && answer.left === 0)) process.exit(0);
  if (answer.type === "error") {
    console.error(answer);
    process.exit(1);
  }
  return answer.evaluations[0];
}

async function main() {
  const task = await hear();
  const counts = task.choices.map((choice) => choice.options.length);
  const random = generator(task.seed);
  const pick = (count) => Math.floor(random() * count);
  const known = (number) => (number === null ? 1e6 : number); // null stands for infinity
  const value = (each) => known(each.objective) + 1e3 * known(each.violation);
  let here = await ask(counts.map(pick));
  for (let step = 1; ; step++) {
    const design = here.design.slice();
    const column = pick(counts.length);
    design[column] = pick(counts[column]);
    const next = await ask(design);
    const rise = value(next) - value(here);
    const temperature = 2 * Math.pow(0.97, step);
    if (rise <= 0 || random() < Math.exp(-rise / temperature)) here = next;
  }
}

main();
