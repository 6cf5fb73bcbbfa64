// Sends with kafka-node.
"use strict";

const fs = require("node:fs");
const kafka = require("kafka-node");
const report = require("./report");

const { job } = report;
// Numbers of the protocol; snappy needs a compiler.
const CODECS = { none: 0, gzip: 1 };
// It takes a number of tries instead of a time; 5 are its default, and take up to a minute.
const RETRIES_WHEN_HURRIED = 1;
const PATIENCE_MS = 10_000;

const client = new kafka.KafkaClient({
  clientId: job.name,
  kafkaHost: job.bootstrap,
  sasl: { mechanism: job.mechanism.toLowerCase(), username: job.user, password: job.password },
  ...(job.tls && { sslOptions: { ca: [fs.readFileSync(job.authority)] } }),
  ...(job.give_up_ms < PATIENCE_MS && { connectRetryOptions: { retries: RETRIES_WHEN_HURRIED } }),
  ...job.settings,
});
const producer = new kafka.Producer(client);

// The producer passes on what the client says; without a listener each of them would end the program.
client.on("error", () => {});
producer.on("error", (error) => {
  console.error("Message delivery failed:", error);
  report.error(error);
});

producer.on("ready", () => {
  const payload = { topic: job.topic, messages: job.values, attributes: CODECS[job.codec] ?? 0 };
  producer.send([payload], (error, data) => {
    if (error) {
      report.failAll(error);
    } else {
      // All go to one shard, unless one chooses another partitioner.
      const [[shard, base]] = Object.entries(data[job.topic]);
      job.values.forEach((_, index) => report.delivered(index, Number(shard), base + index));
    }
    report.end();
  });
});
