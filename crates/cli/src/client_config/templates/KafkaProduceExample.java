// Maven: org.apache.kafka:kafka-clients, 2.1.0 or later
@ca // Once, so that Java knows the authority of the server:
@ca // keytool -importcert -noprompt -alias logboom -file "{{ca}}" -keystore "{{truststore}}" -storetype PKCS12 -storepass changeit
package org.example;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

import java.util.Properties;

public class KafkaProduceExample {

    public static void main(String[] args) {
        Properties props = new Properties();
        String project = "{{project}}";
        String topic = "{{topic}}";
        // In a program of your own, keep the password out of the source.
        String password = "{{password}}";

        props.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "{{endpoint}}");
        props.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class);
        props.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class);
        props.put("security.protocol", "{{protocol}}");
@ca         props.put("ssl.truststore.type", "PKCS12");
@ca         props.put("ssl.truststore.location", "{{truststore}}");
@ca         props.put("ssl.truststore.password", "changeit");
        props.put("sasl.mechanism", "PLAIN");
        props.put("sasl.jaas.config",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"" +
                        project + "\" password=\"" + password + "\";");
        props.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "false");

        KafkaProducer<String, String> producer = new KafkaProducer<>(props);

        for (int i = 0; i < 1; i++) {
            String content = "{\"msg\": \"Hello World\"}";
            // To give the record a time of its own:
            // ProducerRecord<String, String> record =
            //         new ProducerRecord<>(topic, null, System.currentTimeMillis(), null, content);
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, content);
            producer.send(record, (metadata, exception) -> {
                if (exception != null) {
                    System.err.println("ERROR: Failed to send message: " + exception.getMessage());
                    exception.printStackTrace();
                } else {
                    System.out.println("Message sent successfully to topic: " + metadata.topic() +
                            ", partition: " + metadata.partition() +
                            ", offset: " + metadata.offset() +
                            ", timestamp: " + metadata.timestamp());
                }
            });
        }

        producer.close();
    }
}
