// Kafka makes a producer that would log in by SASL over TLS, with the librdkafka of
// the system (-tags dynamic), and prints what that can do. No broker is asked.
package main

// #cgo pkg-config: rdkafka
// #include <librdkafka/rdkafka.h>
import "C"

import (
	"fmt"
	"log"
	"slices"
	"strings"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

func main() {
	producer, err := kafka.NewProducer(&kafka.ConfigMap{
		"bootstrap.servers": "127.0.0.1:1",
		"security.protocol": "SASL_SSL",
		"sasl.mechanism":    "SCRAM-SHA-256",
		"sasl.username":     "somebody",
		"sasl.password":     "secret",
		"log_level":         0, // nobody listens at the server's address
	})
	if err != nil {
		log.Fatal(err)
	}
	defer producer.Close()
	fmt.Println(producer, features())
}

// features are those of the producer's that can be absent from a librdkafka.
func features() []string {
	var value [512]C.char
	size := C.size_t(len(value))
	if code := C.rd_kafka_conf_get(C.rd_kafka_conf_new(), C.CString("builtin.features"), &value[0], &size); code != C.RD_KAFKA_CONF_OK {
		log.Fatalf("builtin.features: %d", code)
	}
	var found []string
	for _, f := range []string{"gzip", "sasl_gssapi", "sasl_scram", "ssl", "zstd"} {
		if slices.Contains(strings.Split(C.GoString(&value[0]), ","), f) {
			found = append(found, f)
		}
	}
	return found
}
