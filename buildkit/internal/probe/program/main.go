// Program probe asks a program in the same container whether it works. It ends with 0 if so, and otherwise with 1 and a line that says
// why. The engine keeps that line.
//
//	probe http PORT PATH       a GET is answered with a status below 400
//	probe tcp PORT             a connection is accepted
//	probe grpc PORT [SERVICE]  grpc.health.v1 answers SERVING
package main

import (
	"errors"
	"io"
	"os"
	"time"
)

// limit is how long the program may take to answer, if the engine does not end the check before.
const limit = 30 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func run(args []string) error {
	var ask func(io.ReadWriter, string) error
	switch {
	case len(args) == 3 && args[0] == "http":
		ask = askHTTP
	case len(args) == 2 && args[0] == "tcp":
		ask = func(io.ReadWriter, string) error { return nil }
	case (len(args) == 2 || len(args) == 3) && args[0] == "grpc":
		ask = askGRPC
	default:
		return errors.New("usage: probe http PORT PATH | tcp PORT | grpc PORT [SERVICE]")
	}
	what := ""
	if len(args) == 3 {
		what = args[2]
	}
	conn, err := connect(args[1])
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ask(conn, what); err != nil {
		return errors.New(args[0] + " " + conn.Name() + what + ": " + err.Error())
	}
	return nil
}
