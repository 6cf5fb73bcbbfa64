//go:build !beats7

// What differs between the Beats of 7.x and those after.
package main

import (
	"errors"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/common"
	"github.com/elastic/beats/v7/libbeat/publisher/pipeline"
	"github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/elastic/elastic-agent-libs/mapstr"
)

type fields = mapstr.M

func load(path string) (pipeline.Config, *config.C, error) {
	var found struct {
		Output config.Namespace `config:"output"`
		Queue  config.Namespace `config:"queue"`
	}
	read, err := common.LoadFile(path)
	if err == nil {
		err = read.Unpack(&found)
	}
	if err == nil && found.Output.Name() != output {
		err = errors.New("the configuration has no output.kafka")
	}
	return pipeline.Config{Queue: found.Queue}, found.Output.Config(), err
}

func logToStderr() error {
	config := logp.DefaultConfig(logp.SystemdEnvironment)
	config.ToStderr = true
	return logp.Configure(config)
}

func monitors() pipeline.Monitors {
	return pipeline.Monitors{Logger: logp.L()}
}

func listen(config *beat.ClientConfig, listener beat.EventListener) {
	config.EventListener = listener
}
