// Package worker has what all programs share: the job, the report, and an end in any case. The contract is in
// worker.py.
package worker

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
)

// How long a library may take to end after it should have given up.
const grace = 4 * time.Second

// A Job is what to send, and how. Nil leaves a setting to the library.
type Job struct {
	Name       string            `json:"name"`
	Report     string            `json:"report"`
	Bootstrap  string            `json:"bootstrap"`
	Authority  string            `json:"authority"`
	User       string            `json:"user"`
	Password   string            `json:"password"`
	Topic      string            `json:"topic"`
	Values     []string          `json:"values"`
	Codec      *string           `json:"codec"`
	Idempotent *bool             `json:"idempotent"`
	TLS        bool              `json:"tls"`
	Mechanism  string            `json:"mechanism"`
	GiveUpMS   int               `json:"give_up_ms"`
	Settings   map[string]string `json:"settings"`
}

// GiveUp is the time after which a record is given up.
func (j *Job) GiveUp() time.Duration {
	return time.Duration(j.GiveUpMS) * time.Millisecond
}

// TLSConfig trusts the authority of the job.
func (j *Job) TLSConfig() (*tls.Config, error) {
	authority, err := os.ReadFile(j.Authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s", j.Authority)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// A Report has one line of JSON for each thing that happens.
type Report struct {
	mutex sync.Mutex
	file  *os.File
	began time.Time
}

func (r *Report) line(what map[string]any) {
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

// Delivered says where a value went.
func (r *Report) Delivered(index int, shard int32, offset int64) {
	r.line(map[string]any{"kind": "delivered", "index": index, "shard": shard, "offset": offset})
}

// Failed says that the library has given up a value.
func (r *Report) Failed(index int, err error) {
	r.line(map[string]any{"kind": "failed", "index": index, "code": code(err), "text": err.Error()})
}

// Error is trouble that belongs to no value.
func (r *Report) Error(err error) {
	r.line(map[string]any{"kind": "error", "code": code(err), "text": err.Error()})
}

func code(err error) string {
	return fmt.Sprintf("%T", err)
}

// Main does the job of the command line.
func Main(send func(*Job, *Report) error) {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var job Job
	if err := json.Unmarshal(text, &job); err != nil {
		log.Fatal(err)
	}
	file, err := os.Create(job.Report)
	if err != nil {
		log.Fatal(err)
	}
	report := &Report{file: file, began: time.Now()}
	time.AfterFunc(job.GiveUp()+grace, func() {
		report.Error(fmt.Errorf("the library has not given up after %v", job.GiveUp()+grace))
		os.Exit(1)
	})
	if err := send(&job, report); err != nil {
		report.Error(err)
		log.Print(err)
		report.line(map[string]any{"kind": "end"})
		os.Exit(1)
	}
	report.line(map[string]any{"kind": "end"})
}
