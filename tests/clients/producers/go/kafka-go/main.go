// Sends with kafka-go.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"logboom.test/producers/worker"
)

func main() {
	worker.Main(send)
}

func send(job *worker.Job, report *worker.Report) error {
	transport := &kafka.Transport{ClientID: job.Name}
	if job.TLS {
		roots, err := job.TLSConfig()
		if err != nil {
			return err
		}
		transport.TLS = roots
	}
	mechanism, err := login(job)
	if err != nil {
		return err
	}
	transport.SASL = mechanism
	writer := &kafka.Writer{
		Addr:      kafka.TCP(job.Bootstrap),
		Topic:     job.Topic,
		Transport: transport,
		// By default a Writer waits for no answer and believes that everything was stored.
		RequiredAcks: kafka.RequireAll,
		ErrorLogger:  log.New(os.Stderr, "", log.LstdFlags),
	}
	if job.Codec != nil {
		writer.Compression = map[string]kafka.Compression{
			"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
		}[*job.Codec]
	}
	return write(job, report, writer)
}

func login(job *worker.Job) (sasl.Mechanism, error) {
	if job.Mechanism == "PLAIN" {
		return plain.Mechanism{Username: job.User, Password: job.Password}, nil
	}
	return scram.Mechanism(scram.SHA256, job.User, job.Password)
}

// write waits for all messages together, as the library does without its option Async.
func write(job *worker.Job, report *worker.Report, writer *kafka.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), job.GiveUp())
	defer cancel()
	messages := make([]kafka.Message, len(job.Values))
	for index, value := range job.Values {
		messages[index].Value = []byte(value)
	}
	err := writer.WriteMessages(ctx, messages...)
	var each kafka.WriteErrors
	several := errors.As(err, &each)
	for index := range messages {
		switch {
		case several && each[index] != nil:
			report.Failed(index, each[index])
		case err != nil && !several:
			report.Failed(index, err)
		default:
			// It does not say where.
			report.Delivered(index, -1, -1)
		}
	}
	return nil
}
