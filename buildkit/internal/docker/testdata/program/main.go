// Command program runs in the containers of the tests. Its first argument says what it does.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch arg(1) {
	case "exit":
		code, _ := strconv.Atoi(arg(2))
		os.Exit(code)
	case "output":
		fmt.Println("one to stdout")
		fmt.Fprintln(os.Stderr, "one to stderr")
		fmt.Println("two to stdout")
	case "flood":
		size, _ := strconv.Atoi(arg(2))
		for line := strings.Repeat("x", 99) + "\n"; size > 0; size -= len(line) {
			fmt.Print(line)
		}
	case "env":
		fmt.Println(os.Getenv(arg(2)))
	case "signal":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		fmt.Println("ready")
		fmt.Println("got", <-signals)
		os.Exit(7)
	case "unmoved": // tells the signals that it gets, and goes on
		signals := make(chan os.Signal, 9)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		for s := range signals {
			fmt.Println("got", s)
		}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "serve":
		serve(arg(2))
	default:
		fmt.Println("hello")
	}
}

// serve answers each connection with HTTP 200. It avoids net/http, which takes long to link.
func serve(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		buf := make([]byte, 4096)
		conn.Read(buf)
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nserved")
		conn.Close()
	}
}

func arg(n int) string {
	if len(os.Args) > n {
		return os.Args[n]
	}
	return ""
}
