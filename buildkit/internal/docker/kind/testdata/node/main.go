// Command node stands in for a node of a kind cluster. The image also has it under the names ctr and containerd. FAULT
// names the way in which it fails; a real node can't be made to fail like this.
package main

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	state = "/image" // holds the node's image with the name IMAGE
	ended = "/ended" // exists after an import that was cut off
)

func main() {
	switch filepath.Base(os.Args[0]) {
	case "containerd":
		fmt.Print("[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"native\"\n")
	case "ctr":
		os.Exit(ctr(strings.Join(os.Args[2:], " ")))
	default:
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
	}
}

func ctr(command string) int {
	fault := os.Getenv("FAULT")
	switch command {
	case "images check name==\"" + os.Getenv("IMAGE") + "\"":
		if fault == "down" {
			return fail("ctr: failed to dial \"/run/containerd/containerd.sock\": connection refused")
		}
		fmt.Println("REF TYPE DIGEST STATUS SIZE UNPACKED")
		has, _ := os.ReadFile(state)
		fmt.Println(os.Getenv("IMAGE"), "type", string(has))
	case "content ls -q":
		fmt.Println(strings.ReplaceAll(os.Getenv("LAYERS"), ",", "\n"))
	case "images import --all-platforms --snapshotter=native -":
		return load(fault)
	case "ended":
		if _, err := os.Stat(ended); err == nil {
			fmt.Println("yes")
		}
	default:
		return fail("ctr: unknown command: " + command)
	}
	return 0
}

func load(fault string) int {
	switch fault {
	case "sick": // reads nothing at all
		return fail("time=\"now\" level=error msg=\"something\"\nctr: the content store is read-only")
	case "lost":
		io.Copy(io.Discard, os.Stdin)
		return 0
	}
	var blobs []string
	for r := tar.NewReader(os.Stdin); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			os.WriteFile(ended, nil, 0o644)
			return fail("ctr: " + err.Error())
		}
		blobs = append(blobs, filepath.Base(h.Name))
	}
	for _, l := range strings.Split(os.Getenv("LAYERS"), ",") {
		if !strings.Contains(strings.Join(blobs, " "), strings.TrimPrefix(l, "sha256:")) && fault == "gone" {
			os.WriteFile(state, []byte(os.Getenv("DIGEST")+" incomplete (2/3) 1 B/2 B false"), 0o644)
			return fail("ctr: content digest " + l + ": not found")
		}
	}
	os.WriteFile(state, []byte(os.Getenv("DIGEST")+" complete (3/3) 2 B/2 B true"), 0o644)
	return 0
}

func fail(text string) int {
	fmt.Fprintln(os.Stderr, text)
	return 1
}
