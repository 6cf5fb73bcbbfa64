// The job and the report, as ../worker.py describes them.
"use strict";

const fs = require("node:fs");
const { inspect } = require("node:util");

// Words count, and the paths in a stack hold words of their own, as the name of the test.
Error.stackTraceLimit = 0;

const began = Date.now();
const job = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const file = fs.openSync(job.report, "w");
const open = new Set(job.values.keys());
// Beyond the time after which the library itself should have given up; kafka-node asks for a topic that
// is not there for 8.4 s, whatever one sets.
const GRACE_MS = 6000;

function line(kind, what) {
  fs.writeSync(file, `${JSON.stringify({ kind, ...what, after_ms: Date.now() - began })}\n`);
}

function delivered(index, shard, offset) {
  open.delete(index);
  line("delivered", { index, shard, offset });
}

/** The client's own words: the error, and what it says caused it. */
function words(error) {
  const texts = [];
  for (let one = error; one && texts.length < 5; one = one.cause) {
    texts.push(one.message || String(one));
    // What the server has said, where a library keeps that apart.
    if (one.serverErrorMessage) texts.push(one.serverErrorMessage);
    for (const inner of one.errors || []) texts.push(words(inner).text);
  }
  const code = String(error.type || error.apiId || error.code || error.name || "");
  return { code, text: [...new Set(texts)].join(": ") };
}

function error(one) {
  line("error", words(one));
}

/** All values that are not delivered have failed with this error, which is printed as `client-config` does. */
function failAll(one) {
  console.error("Message delivery failed:", inspect(one, { depth: null }));
  for (const index of open) line("failed", { index, ...words(one) });
  open.clear();
}

/** Ends the program; what a library still has in its hands is over with it. */
function end() {
  line("end", {});
  process.exit(0);
}

/** Some libraries never call back; their program ends nevertheless. */
setTimeout(() => {
  failAll(new Error("no answer from the library in time"));
  end();
}, job.give_up_ms + GRACE_MS).unref();

/** Each value that a library has no answer for when nothing keeps the program alive has failed, too. */
process.on("beforeExit", () => {
  if (open.size > 0) failAll(new Error("the library has ended without an answer"));
  end();
});

module.exports = { job, delivered, error, failAll, end, words, line };
