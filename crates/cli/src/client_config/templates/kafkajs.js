// npm install kafkajs
@ca const fs = require("node:fs");
const { Kafka } = require("kafkajs");

const kafka = new Kafka({
  clientId: "example",
  brokers: ["{{endpoint}}"],
@ca   ssl: { ca: [fs.readFileSync("{{ca}}", "utf8")] },
@roots   ssl: true,
@plain   ssl: false,
  sasl: {
    mechanism: "plain",
    username: "{{project}}",
    // In a program of your own, keep the password out of the source.
    password: "{{password}}",
  },
});

async function main() {
  const producer = kafka.producer();
  await producer.connect();
  const results = await producer.send({
    topic: "{{topic}}",
    messages: [{ value: '{"msg": "Hello World"}' }],
  });
  for (const { topicName, partition, baseOffset } of results) {
    console.log(`Message delivered to ${topicName} [${partition}] at offset ${baseOffset}`);
  }
  await producer.disconnect();
}

main().catch((error) => {
  console.error("Message delivery failed:", error);
  process.exitCode = 1;
});
