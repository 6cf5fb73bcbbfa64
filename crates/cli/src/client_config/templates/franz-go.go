// go get github.com/twmb/franz-go
package main

import (
	"context"
@tls 	"crypto/tls"
@ca 	"crypto/x509"
	"fmt"
	"log"
@ca 	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

func main() {
@ca 	authority, err := os.ReadFile("{{ca}}")
@ca 	if err != nil {
@ca 		log.Fatal(err)
@ca 	}
@ca 	roots := x509.NewCertPool()
@ca 	roots.AppendCertsFromPEM(authority)
	// In a program of your own, keep the password out of the source.
	login := plain.Auth{User: "{{project}}", Pass: "{{password}}"}
	client, err := kgo.NewClient(
		kgo.SeedBrokers("{{endpoint}}"),
@ca 		kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
@roots 		kgo.DialTLSConfig(&tls.Config{}),
		kgo.SASL(login.AsMechanism()),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for number := 1; number <= 3; number++ {
		content := fmt.Sprintf("{\"msg\": \"Hello World %d\"}", number)
		record := &kgo.Record{Topic: "{{topic}}", Value: []byte(content)}
		if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("stored in shard %d at offset %d\n", record.Partition, record.Offset)
	}
}
