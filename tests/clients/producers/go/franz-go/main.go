// Sends with franz-go.
package main

import (
	"context"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"logboom.test/producers/worker"
)

func main() {
	worker.Main(send)
}

func send(job *worker.Job, report *worker.Report) error {
	options, err := configure(job)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx := context.Background()
	for index, value := range job.Values {
		index := index
		record := &kgo.Record{Topic: job.Topic, Value: []byte(value)}
		client.Produce(ctx, record, func(record *kgo.Record, err error) {
			if err != nil {
				report.Failed(index, err)
			} else {
				report.Delivered(index, record.Partition, record.Offset)
			}
		})
	}
	return client.Flush(ctx)
}

func configure(job *worker.Job) ([]kgo.Opt, error) {
	options := []kgo.Opt{
		kgo.ClientID(job.Name),
		kgo.SeedBrokers(job.Bootstrap),
		kgo.RecordDeliveryTimeout(job.GiveUp()),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelWarn, nil)),
	}
	if job.TLS {
		roots, err := job.TLSConfig()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(roots))
	}
	if job.Mechanism == "PLAIN" {
		options = append(options, kgo.SASL(plain.Auth{User: job.User, Pass: job.Password}.AsMechanism()))
	} else {
		options = append(options, kgo.SASL(scram.Auth{User: job.User, Pass: job.Password}.AsSha256Mechanism()))
	}
	if job.Codec != nil {
		options = append(options, kgo.ProducerBatchCompression(map[string]kgo.CompressionCodec{
			"none":   kgo.NoCompression(),
			"gzip":   kgo.GzipCompression(),
			"snappy": kgo.SnappyCompression(),
			"lz4":    kgo.Lz4Compression(),
			"zstd":   kgo.ZstdCompression(),
		}[*job.Codec]))
	}
	if job.Idempotent != nil && !*job.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	return options, nil
}
