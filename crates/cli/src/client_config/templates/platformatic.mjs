// npm install @platformatic/kafka
@ca import fs from "node:fs";
import { inspect } from "node:util";
import { Producer, stringSerializers } from "@platformatic/kafka";

const producer = new Producer({
  clientId: "example",
  bootstrapBrokers: ["{{endpoint}}"],
  serializers: stringSerializers,
@ca   tls: { ca: fs.readFileSync("{{ca}}") },
@roots   tls: {},
  sasl: {
    mechanism: "PLAIN",
    username: "{{project}}",
    // In a program of your own, keep the password out of the source.
    password: "{{password}}",
  },
});

try {
  const { offsets } = await producer.send({
    messages: [{ topic: "{{topic}}", value: '{"msg": "Hello World"}' }],
  });
  for (const { topic, partition, offset } of offsets) {
    console.log(`Message delivered to ${topic} [${partition}] at offset ${offset}`);
  }
} catch (error) {
  // What the server has said stands deep inside of it.
  console.error("Message delivery failed:", inspect(error, { depth: null }));
  process.exitCode = 1;
}
await producer.close();
