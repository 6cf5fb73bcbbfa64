// go get github.com/IBM/sarama
package main

import (
@tls 	"crypto/tls"
@ca 	"crypto/x509"
	"fmt"
	"log"
@ca 	"os"

	"github.com/IBM/sarama"
)

func main() {
@ca 	authority, err := os.ReadFile("{{ca}}")
@ca 	if err != nil {
@ca 		log.Fatal(err)
@ca 	}
@ca 	roots := x509.NewCertPool()
@ca 	roots.AppendCertsFromPEM(authority)
	config := sarama.NewConfig()
@tls 	config.Net.TLS.Enable = true
@ca 	config.Net.TLS.Config = &tls.Config{RootCAs: roots}
@roots 	config.Net.TLS.Config = &tls.Config{}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = sarama.SASLTypePlaintext
	config.Net.SASL.User = "{{project}}"
	// In a program of your own, keep the password out of the source.
	config.Net.SASL.Password = "{{password}}"
	config.Producer.Return.Successes = true

	producer, err := sarama.NewSyncProducer([]string{"{{endpoint}}"}, config)
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close()

	for number := 1; number <= 3; number++ {
		content := fmt.Sprintf("{\"msg\": \"Hello World %d\"}", number)
		message := &sarama.ProducerMessage{Topic: "{{topic}}", Value: sarama.StringEncoder(content)}
		shard, offset, err := producer.SendMessage(message)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("stored in shard %d at offset %d\n", shard, offset)
	}
}
