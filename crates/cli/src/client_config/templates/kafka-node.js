// npm install kafka-node
@ca const fs = require("node:fs");
const kafka = require("kafka-node");

const client = new kafka.KafkaClient({
  clientId: "example",
  kafkaHost: "{{endpoint}}",
@ca   sslOptions: { ca: [fs.readFileSync("{{ca}}")] },
@roots   sslOptions: {},
  sasl: {
    mechanism: "plain",
    username: "{{project}}",
    // In a program of your own, keep the password out of the source.
    password: "{{password}}",
  },
});
const producer = new kafka.Producer(client);

function failed(error) {
  console.error("Message delivery failed:", error);
  process.exit(1);
}

client.on("error", failed);
producer.on("error", failed);
producer.on("ready", () => {
  const payload = { topic: "{{topic}}", messages: ['{"msg": "Hello World"}'] };
  producer.send([payload], (error, data) => {
    if (error) {
      failed(error);
    }
    for (const [topic, offsets] of Object.entries(data)) {
      for (const [partition, offset] of Object.entries(offsets)) {
        console.log(`Message delivered to ${topic} [${partition}] at offset ${offset}`);
      }
    }
    client.close();
  });
});
