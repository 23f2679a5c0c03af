// Package supervisor has the source of PID 1 of development containers, see its folder program. Package report is the protocol
// between the two sides. No delivered image contains it.
package supervisor

import (
	"embed"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/embedded"
)

//go:embed program/main.go program/receive.go program/start.go program/supervise.go
//go:embed report/program.go report/report.go report/split.go
var files embed.FS

// Program is the source. Its module is this folder, so that the program finds package report where it is here.
var Program = embedded.Program{
	Name: "supervisor", Module: "github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor", Main: "program", Files: files,
}
