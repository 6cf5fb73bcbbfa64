// Sends with sarama. The files in versions/ let this import stand for the older path, too.
package main

import (
	"errors"
	"log"
	"os"
	"sync"

	"github.com/IBM/sarama"

	"logboom.test/producers/worker"
)

func main() {
	sarama.Logger = log.New(os.Stderr, "", log.LstdFlags)
	worker.Main(send)
}

func send(job *worker.Job, report *worker.Report) error {
	config, err := configure(job)
	if err != nil {
		return err
	}
	producer, err := sarama.NewAsyncProducer([]string{job.Bootstrap}, config)
	if err != nil {
		return err
	}
	// A message that is tried again after AsyncClose has begun is given up, so each is waited for.
	var unanswered sync.WaitGroup
	unanswered.Add(len(job.Values))
	go func() {
		for one := range producer.Successes() {
			report.Delivered(one.Metadata.(int), one.Partition, one.Offset)
			unanswered.Done()
		}
	}()
	go func() {
		for one := range producer.Errors() {
			report.Failed(one.Msg.Metadata.(int), one.Err)
			unanswered.Done()
		}
	}()
	for index, value := range job.Values {
		producer.Input() <- &sarama.ProducerMessage{
			Topic: job.Topic, Value: sarama.StringEncoder(value), Metadata: index,
		}
	}
	unanswered.Wait()
	producer.AsyncClose()
	return nil
}

// It has no time after which it gives up, only the three retries that it has by default.
func configure(job *worker.Job) (*sarama.Config, error) {
	config := sarama.NewConfig()
	config.ClientID = job.Name
	if text := job.Settings["version"]; text != "" {
		version, err := sarama.ParseKafkaVersion(text)
		if err != nil {
			return nil, err
		}
		config.Version = version
	}
	roots, err := job.TLSConfig()
	if err != nil {
		return nil, err
	}
	config.Net.TLS.Enable = job.TLS
	config.Net.TLS.Config = roots
	config.Net.DialTimeout = job.GiveUp()
	config.Net.ReadTimeout = job.GiveUp()
	config.Net.WriteTimeout = job.GiveUp()
	config.Net.SASL.Enable = true
	config.Net.SASL.User = job.User
	config.Net.SASL.Password = job.Password
	config.Net.SASL.Mechanism = sarama.SASLMechanism(job.Mechanism)
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return noScram{} }
	config.Producer.Return.Successes = true
	if job.Codec != nil {
		config.Producer.Compression = map[string]sarama.CompressionCodec{
			"none":   sarama.CompressionNone,
			"gzip":   sarama.CompressionGZIP,
			"snappy": sarama.CompressionSnappy,
			"lz4":    sarama.CompressionLZ4,
			"zstd":   sarama.CompressionZSTD,
		}[*job.Codec]
	}
	if job.Idempotent != nil && *job.Idempotent {
		config.Producer.Idempotent = true
		// The library demands these together with idempotence.
		config.Producer.RequiredAcks = sarama.WaitForAll
		config.Net.MaxOpenRequests = 1
	}
	return config, config.Validate()
}

// The library demands an implementation of SCRAM from its user; the server refuses before it is used.
type noScram struct{}

func (noScram) Begin(_, _, _ string) error    { return nil }
func (noScram) Step(_ string) (string, error) { return "", errors.New("SCRAM is not implemented here") }
func (noScram) Done() bool                    { return false }
