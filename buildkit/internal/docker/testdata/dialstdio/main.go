// Command dialstdio stands in for ssh in the tests. It appends its process ID and arguments to the file $FAKE_SSH_LOG and
// connects its standard input and output to the unix socket $FAKE_SSH_SOCKET, as "docker system dial-stdio" does on the far
// side of ssh. Without a socket it fails like ssh.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func main() {
	log, err := os.OpenFile(os.Getenv("FAKE_SSH_LOG"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	fmt.Fprintf(log, "%d %s\n", os.Getpid(), strings.Join(os.Args[1:], "|"))
	log.Close()
	if os.Getenv("FAKE_SSH_SOCKET") == "" {
		fail("user@host: Permission denied (publickey).")
	}
	conn, err := net.Dial("unix", os.Getenv("FAKE_SSH_SOCKET"))
	if err != nil {
		fail(err)
	}
	go func() {
		io.Copy(conn, os.Stdin)
		conn.(*net.UnixConn).CloseWrite()
	}()
	io.Copy(os.Stdout, conn)
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(255)
}
