package linked_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/fromscratch-go/fromscratch/rootfs/linked"
)

// Ask what a program may look for before you put it into an image.
func ExampleProgram_Needs() {
	p, err := linked.Read("/usr/local/bin/server")
	if errors.Is(err, linked.ErrNotGo) {
		return // not a Go program: its needs are unknown
	}
	if err != nil {
		log.Fatal(err)
	}
	for _, need := range p.Needs() {
		fmt.Printf("%s: %s\n", need.Kind, need.Why) // time zones: time.LoadLocation is linked
	}
}
