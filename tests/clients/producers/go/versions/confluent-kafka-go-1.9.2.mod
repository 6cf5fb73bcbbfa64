module logboom.test/producers

go 1.19

require github.com/confluentinc/confluent-kafka-go v1.9.2
