// Sends with kafkajs.
"use strict";

const zlib = require("node:zlib");
const {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  Partitioners,
  logLevel,
} = require("kafkajs");
const lz4 = require("lz4js");
const snappy = require("kafkajs-snappy");
const report = require("./report");

const { job } = report;
// The library takes a number of tries instead of a time; 5 are its default.
const RETRIES_WHEN_HURRIED = 3;
const PATIENCE_MS = 10_000;

// It has gzip built in, and takes others from its user. kafkajs-lz4 and @kafkajs/zstd need a compiler.
CompressionCodecs[CompressionTypes.Snappy] = snappy;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async (encoder) => Buffer.from(lz4.compress(encoder.buffer)),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => zlib.zstdCompressSync(encoder.buffer),
});

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

/** Prints what the library logs, as it does by itself, and reports what it says of errors. */
function logCreator() {
  return ({ namespace, level, label, log }) => {
    console.log(JSON.stringify({ level: label, namespace, ...log }));
    if (level <= logLevel.ERROR) {
      report.line("error", { code: namespace, text: [log.message, log.error].filter(Boolean).join(": ") });
    }
  };
}

function client() {
  return new Kafka({
    logCreator,
    clientId: job.name,
    brokers: [job.bootstrap],
    ssl: job.tls && { ca: [require("node:fs").readFileSync(job.authority, "utf8")] },
    sasl: { mechanism: job.mechanism.toLowerCase(), username: job.user, password: job.password },
    ...(job.give_up_ms < PATIENCE_MS && { retry: { retries: RETRIES_WHEN_HURRIED } }),
    ...job.settings,
  });
}

/** The partitioner of the library, which leaves behind where each message went. */
function recording(places) {
  return () => {
    const choose = Partitioners.DefaultPartitioner();
    return (what) => {
      const shard = choose(what);
      places.set(what.message, shard);
      return shard;
    };
  };
}

async function main() {
  const places = new Map();
  const producer = client().producer({
    createPartitioner: recording(places),
    ...(job.idempotent !== null && { idempotent: job.idempotent }),
  });
  const messages = job.values.map((value) => ({ value }));
  try {
    await producer.connect();
    const results = await producer.send({
      topic: job.topic,
      messages,
      ...(job.codec && { compression: CODECS[job.codec] }),
    });
    const next = new Map(results.map((one) => [one.partition, Number(one.baseOffset)]));
    messages.forEach((message, index) => {
      const shard = places.get(message);
      report.delivered(index, shard, next.get(shard));
      next.set(shard, next.get(shard) + 1);
    });
    await producer.disconnect();
  } catch (error) {
    report.failAll(error);
  }
  report.end();
}

main();
