// Command devprogram is the program that the tests replace in a running container. A test appends its version as the last
// line of the file, which an ELF file allows. The program prints it.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	fmt.Println("version", version())
	if len(os.Args) < 2 {
		time.Sleep(time.Hour)
	}
	switch os.Args[1] {
	case "crash":
		os.Exit(3)
	case "args":
		fmt.Printf("%q as %d in %s\n", os.Args[2:], os.Getuid(), workdir())
	case "polite":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
		fmt.Println("bye")
		os.Exit(7)
	}
	time.Sleep(time.Hour)
}

func workdir() string {
	dir, _ := os.Getwd()
	return dir
}

func version() string {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	end := make([]byte, 64)
	if _, err := file.Seek(-int64(len(end)), io.SeekEnd); err != nil {
		return err.Error()
	}
	io.ReadFull(file, end)
	return string(end[bytes.LastIndexByte(end, '\n')+1:])
}
