// Sends with confluent-kafka-go, which links the librdkafka of its version.
package main

import (
	"github.com/confluentinc/confluent-kafka-go/kafka"

	"logboom.test/producers/worker"
)

func main() {
	worker.Main(send)
}

func send(job *worker.Job, report *worker.Report) error {
	producer, err := kafka.NewProducer(configure(job))
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ended := 0; ended < len(job.Values); {
			switch event := (<-producer.Events()).(type) {
			case *kafka.Message:
				ended++
				index, place := event.Opaque.(int), event.TopicPartition
				if place.Error != nil {
					report.Failed(index, place.Error)
				} else {
					report.Delivered(index, place.Partition, int64(place.Offset))
				}
			case kafka.Error:
				report.Error(event)
			}
		}
	}()
	for index, value := range job.Values {
		message := &kafka.Message{
			TopicPartition: kafka.TopicPartition{Topic: &job.Topic, Partition: kafka.PartitionAny},
			Value:          []byte(value),
			Opaque:         index,
		}
		if err := producer.Produce(message, nil); err != nil {
			return err
		}
	}
	<-ended
	return nil
}

func configure(job *worker.Job) *kafka.ConfigMap {
	protocol := "sasl_plaintext"
	if job.TLS {
		protocol = "sasl_ssl"
	}
	config := kafka.ConfigMap{
		"client.id":          job.Name,
		"bootstrap.servers":  job.Bootstrap,
		"security.protocol":  protocol,
		"ssl.ca.location":    job.Authority,
		"sasl.mechanisms":    job.Mechanism,
		"sasl.username":      job.User,
		"sasl.password":      job.Password,
		"message.timeout.ms": job.GiveUpMS,
	}
	if job.Codec != nil {
		config["compression.type"] = *job.Codec
		config["linger.ms"] = 50
	}
	if job.Idempotent != nil {
		config["enable.idempotence"] = *job.Idempotent
	}
	return &config
}
