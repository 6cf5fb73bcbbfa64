// One sarama producer that reports like harness/confluent_worker.py.
//
//	sarama JOB.json
//
// It sends numbered lines until its standard input is closed, in turn to both topics of a Logstore.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

type job struct {
	Name         string   `json:"name"`
	Report       string   `json:"report"`
	Logstore     string   `json:"logstore"`
	LineBytes    int      `json:"line_bytes"`
	LinesPerPoll int      `json:"lines_per_poll"`
	Config       settings `json:"config"`
}

type settings struct {
	Bootstrap  string `json:"bootstrap.servers"`
	Authority  string `json:"ssl.ca.location"`
	User       string `json:"sasl.username"`
	Password   string `json:"sasl.password"`
	Idempotent bool   `json:"enable.idempotence"`
}

// A reporter writes one line of JSON for each thing that happens.
type reporter struct {
	mutex sync.Mutex
	file  *os.File
	began time.Time
}

func (r *reporter) line(what map[string]any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	what["after_ms"] = time.Since(r.began).Milliseconds()
	text, err := json.Marshal(what)
	if err == nil {
		_, err = r.file.Write(append(text, '\n'))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// Write takes the log of the library: what it says of connections that broke becomes an error.
func (r *reporter) Write(text []byte) (int, error) {
	for _, trouble := range []string{"connection refused", "connection reset", "broken pipe"} {
		if bytes.Contains(text, []byte(trouble)) {
			words := strings.TrimSpace(string(text))
			r.line(map[string]any{"kind": "error", "code": "connection", "text": words, "fatal": false})
		}
	}
	return os.Stderr.Write(text)
}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var what job
	if err := json.Unmarshal(text, &what); err != nil {
		return err
	}
	file, err := os.Create(what.Report)
	if err != nil {
		return err
	}
	report := &reporter{file: file, began: time.Now()}
	sarama.Logger = log.New(report, "", log.LstdFlags|log.Lmicroseconds)
	config, err := configure(what)
	if err != nil {
		return err
	}
	producer, err := sarama.NewAsyncProducer([]string{what.Config.Bootstrap}, config)
	if err != nil {
		return err
	}
	var listening sync.WaitGroup
	listening.Add(2)
	go func() {
		defer listening.Done()
		for one := range producer.Successes() {
			report.line(map[string]any{
				"kind": "delivered", "index": one.Metadata, "shard": one.Partition, "offset": one.Offset,
			})
		}
	}()
	go func() {
		defer listening.Done()
		for one := range producer.Errors() {
			report.line(map[string]any{
				"kind": "failed", "index": one.Msg.Metadata, "code": fmt.Sprintf("%T", one.Err), "text": one.Err.Error(),
			})
		}
	}()
	send(producer, what, report)
	producer.AsyncClose()
	listening.Wait()
	report.line(map[string]any{"kind": "end", "unsent": 0})
	// The library may still log something, so the report stays open until the process ends.
	return nil
}

// configure leaves the retry budget at the defaults of the library: 3 times after 100 ms.
func configure(what job) (*sarama.Config, error) {
	authority, err := os.ReadFile(what.Config.Authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s", what.Config.Authority)
	}
	config := sarama.NewConfig()
	config.ClientID = what.Name
	config.Version = sarama.V2_6_0_0
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = &tls.Config{RootCAs: roots}
	config.Net.SASL.Enable = true
	config.Net.SASL.User = what.Config.User
	config.Net.SASL.Password = what.Config.Password
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = 5 * time.Millisecond
	if what.Config.Idempotent {
		config.Producer.Idempotent = true
		// The library demands it together with idempotence.
		config.Net.MaxOpenRequests = 1
	}
	return config, config.Validate()
}

// send puts lines in until standard input is closed, paced like the Python producer.
func send(producer sarama.AsyncProducer, what job, report *reporter) {
	told := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(told)
	}()
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for index := 0; ; index++ {
		if index%what.LinesPerPoll == 0 {
			report.line(map[string]any{"kind": "sent", "until": index + what.LinesPerPoll})
		}
		topic := what.Logstore
		if index%2 == 1 {
			topic += ".json"
		}
		line := fmt.Sprintf("%s %d ", what.Name, index)
		if missing := what.LineBytes - len(line); missing > 0 {
			line += strings.Repeat("x", missing)
		}
		message := &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(line), Metadata: index}
		select {
		case producer.Input() <- message:
		case <-told:
			return
		}
		if index%what.LinesPerPoll == 0 {
			select {
			case <-pace.C:
			case <-told:
				return
			}
		}
	}
}
