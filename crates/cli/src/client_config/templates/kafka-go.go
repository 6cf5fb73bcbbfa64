// go get github.com/segmentio/kafka-go
package main

import (
	"context"
@tls 	"crypto/tls"
@ca 	"crypto/x509"
	"fmt"
	"log"
@ca 	"os"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
)

func main() {
@ca 	authority, err := os.ReadFile("{{ca}}")
@ca 	if err != nil {
@ca 		log.Fatal(err)
@ca 	}
@ca 	roots := x509.NewCertPool()
@ca 	roots.AppendCertsFromPEM(authority)
	writer := &kafka.Writer{
		Addr:  kafka.TCP("{{endpoint}}"),
		Topic: "{{topic}}",
		// By default it waits for no answer and never learns that a message was refused.
		RequiredAcks: kafka.RequireAll,
		Transport: &kafka.Transport{
@ca 			TLS: &tls.Config{RootCAs: roots},
@roots 			TLS: &tls.Config{},
			// In a program of your own, keep the password out of the source.
			SASL: plain.Mechanism{Username: "{{project}}", Password: "{{password}}"},
		},
	}
	defer writer.Close()

	for number := 1; number <= 3; number++ {
		content := fmt.Sprintf("{\"msg\": \"Hello World %d\"}", number)
		message := kafka.Message{Value: []byte(content)}
		if err := writer.WriteMessages(context.Background(), message); err != nil {
			log.Fatal(err)
		}
		fmt.Println("stored", content)
	}
}
