// go get github.com/confluentinc/confluent-kafka-go/kafka
package main

import (
	"fmt"
	"log"

	"github.com/confluentinc/confluent-kafka-go/kafka"
)

func main() {
	topic := "{{topic}}"

	config := &kafka.ConfigMap{
		"bootstrap.servers": "{{endpoint}}",
		"security.protocol": "{{protocol}}",
@ca 		"ssl.ca.location":   "{{ca}}",
		"sasl.mechanisms":   "PLAIN",
		"sasl.username":     "{{project}}",
		// In a program of your own, keep the password out of the source.
		"sasl.password":      "{{password}}",
		"enable.idempotence": false,
	}

	producer, err := kafka.NewProducer(config)
	if err != nil {
		log.Fatalf("Failed to create producer: %v", err)
	}
	defer producer.Close()

	// Reports what became of each message.
	go func() {
		for e := range producer.Events() {
			switch ev := e.(type) {
			case *kafka.Message:
				if ev.TopicPartition.Error != nil {
					fmt.Printf("Delivery failed: %v\n", ev.TopicPartition.Error)
				} else {
					fmt.Printf("Delivered message to topic %s [%d] at offset %v\n",
						*ev.TopicPartition.Topic, ev.TopicPartition.Partition, ev.TopicPartition.Offset)
				}
			}
		}
	}()

	messages := []string{
		"{\"msg\": \"Hello World 1\"}",
		"{\"msg\": \"Hello World 2\"}",
		"{\"msg\": \"Hello World 3\"}",
	}
	for _, content := range messages {
		err := producer.Produce(&kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &topic, Partition: kafka.PartitionAny},
			Value:          []byte(content),
		}, nil)
		if err != nil {
			log.Printf("Failed to produce message: %v", err)
		}
	}

	producer.Flush(5 * 1000)
}
