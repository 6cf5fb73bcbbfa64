// Sends with @platformatic/kafka.
import fs from "node:fs";
import { Producer, stringSerializers } from "@platformatic/kafka";
import report from "./report.js";

const { job } = report;
// The library takes a number of tries a second apart instead of a time; 3 are its default.
const RETRY_MS = 1000;
const PATIENCE_MS = 10_000;

const producer = new Producer({
  clientId: job.name,
  bootstrapBrokers: [job.bootstrap],
  serializers: stringSerializers,
  sasl: { mechanism: job.mechanism, username: job.user, password: job.password },
  ...(job.tls && { tls: { ca: fs.readFileSync(job.authority) } }),
  ...(job.give_up_ms < PATIENCE_MS && { retries: Math.floor(job.give_up_ms / RETRY_MS / 2) }),
  ...job.settings,
});

try {
  const { offsets } = await producer.send({
    messages: job.values.map((value) => ({ topic: job.topic, value })),
    ...(job.codec && { compression: job.codec }),
    ...(job.idempotent !== null && { idempotent: job.idempotent }),
  });
  // Without keys it takes the shards in turn, from the first one on.
  const bases = new Map(offsets.map((one) => [one.partition, Number(one.offset)]));
  job.values.forEach((_, index) => {
    const shard = index % bases.size;
    report.delivered(index, shard, bases.get(shard) + Math.floor(index / bases.size));
  });
  await producer.close();
} catch (error) {
  report.failAll(error);
}
report.end();
