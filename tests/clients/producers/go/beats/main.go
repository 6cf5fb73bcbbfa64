// Publishes lines with the Kafka output of libbeat, as Filebeat does, and reports on them.
//
//	beats JOB.json
//
// The job says which YAML configuration to read and which lines to publish; see agent.py. What the
// pipeline and sarama log goes to standard error, at the level that Filebeat has by default.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common/acker"
	"github.com/elastic/beats/v7/libbeat/outputs"
	_ "github.com/elastic/beats/v7/libbeat/outputs/codec/json"
	_ "github.com/elastic/beats/v7/libbeat/outputs/kafka"
	"github.com/elastic/beats/v7/libbeat/publisher/pipeline"
	_ "github.com/elastic/beats/v7/libbeat/publisher/queue/memqueue"
)

const output = "kafka"

type job struct {
	Config   string   `json:"config"`
	Report   string   `json:"report"`
	Version  string   `json:"version"`
	Values   []string `json:"values"`
	GiveUpMS int      `json:"give_up_ms"`
}

// One line of the report.
type event struct {
	Kind    string `json:"kind"`
	Index   int    `json:"index"`
	Shard   int    `json:"shard"`
	Offset  int    `json:"offset"`
	Code    string `json:"code"`
	Text    string `json:"text"`
	AfterMS int64  `json:"after_ms"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "Exiting:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var todo job
	if err := json.Unmarshal(text, &todo); err != nil {
		return err
	}
	file, err := os.Create(todo.Report)
	if err != nil {
		return err
	}
	defer file.Close()
	reports := json.NewEncoder(file)
	if err := logToStderr(); err != nil {
		return err
	}
	started := time.Now()
	done, err := publish(todo, func(index int) {
		after := time.Since(started).Milliseconds()
		reports.Encode(event{Kind: "delivered", Index: index, Shard: -1, Offset: -1, AfterMS: after})
	})
	if err != nil {
		return err
	}
	for index := done; index < len(todo.Values); index++ {
		// A Beat never gives up on an event, so it never says so either.
		text := "not acknowledged; libbeat goes on trying"
		after := time.Since(started).Milliseconds()
		reports.Encode(event{Kind: "failed", Index: index, Text: text, AfterMS: after})
	}
	return reports.Encode(event{Kind: "end"})
}

// Returns how many values were acknowledged, in order, before the job's time was over.
func publish(todo job, delivered func(int)) (int, error) {
	info := beat.Info{Beat: "filebeat", IndexPrefix: "filebeat", Name: "filebeat", Version: todo.Version}
	config, settings, err := load(todo.Config)
	if err != nil {
		return 0, err
	}
	makeOutput := func(stats outputs.Observer) (string, outputs.Group, error) {
		group, err := outputs.Load(nil, info, stats, output, settings)
		return output, group, err
	}
	line, err := pipeline.Load(info, monitors(), config, nil, makeOutput)
	if err != nil {
		return 0, err
	}
	acknowledged := make(chan int, len(todo.Values)+1)
	clientConfig := beat.ClientConfig{PublishMode: beat.GuaranteedSend}
	listen(&clientConfig, acker.RawCounting(func(count int) { acknowledged <- count }))
	client, err := line.ConnectWith(clientConfig)
	if err != nil {
		return 0, err
	}
	for _, value := range todo.Values {
		client.Publish(beat.Event{Timestamp: time.Now(), Fields: fields{"message": value}})
	}
	deadline := time.After(time.Duration(todo.GiveUpMS) * time.Millisecond)
	done := 0
	for done < len(todo.Values) {
		select {
		case count := <-acknowledged:
			for range make([]struct{}, count) {
				delivered(done)
				done++
			}
		case <-deadline:
			return done, nil
		}
	}
	client.Close()
	return done, line.Close()
}
