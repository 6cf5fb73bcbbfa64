// Sends with kafka-node.
"use strict";

const fs = require("node:fs");
const kafka = require("kafka-node");
const report = require("./report");

const { job } = report;
// Numbers of the protocol; snappy needs a compiler.
const CODECS = { none: 0, gzip: 1 };

const client = new kafka.KafkaClient({
  clientId: job.name,
  kafkaHost: job.bootstrap,
  sasl: { mechanism: job.mechanism.toLowerCase(), username: job.user, password: job.password },
  ...(job.tls && { sslOptions: { ca: [fs.readFileSync(job.authority)] } }),
  ...job.settings,
});
const producer = new kafka.Producer(client);

// It tries to connect for ever and says why only once, as an error.
for (const source of [client, producer]) {
  source.on("error", (error) => {
    console.error(String(error));
    report.error(error);
  });
}

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
