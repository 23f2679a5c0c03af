//go:build linux

package main

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/supervisor/report"
)

// usageCode is the exit code for invalid arguments.
const usageCode = 2

// defaultGrace is how long a program may take to end at a restart. It is short because somebody waits for the restart.
const defaultGrace = 2 * time.Second

func main() {
	if len(os.Args) > 3 && os.Args[1] == "-run" {
		os.Stderr.WriteString("supervisor: " + execLatest(os.Args[2], os.Args[3:]).Error() + "\n")
		os.Exit(codeNotExecutable)
	}
	s, err := parse(os.Args[1:])
	if err != nil {
		os.Stderr.WriteString("supervisor: " + err.Error() + "\nfix: supervisor [-grace 2s] [-stop TERM] [-receive FOLDER] [-word WORD] PROGRAM [ARG…]\n")
		os.Exit(usageCode)
	}
	signals, children := listen()
	becomeSubreaper()
	s.emit = func(e report.Event) {
		_, _ = os.Stderr.WriteString(e.Line(s.word)) // there is nowhere to report the error
	}
	programs, err := s.listenForPrograms()
	if err != nil {
		os.Stderr.WriteString("supervisor: " + err.Error() + "\n")
		os.Exit(usageCode)
	}
	os.Exit(s.supervise(signals, children, programs))
}

// execLatest executes the program received last, or the given one if none was received.
func execLatest(folder string, program []string) error {
	path := filepath.Join(folder, filepath.Base(program[0]))
	if _, err := os.Stat(path); err != nil {
		path = program[0]
	}
	err := syscall.Exec(path, program, os.Environ())
	return errors.New("executing " + strconv.Quote(path) + ": " + err.Error())
}

// listenForPrograms receives programs if -receive is set. The program's own standard input is then empty.
func (s *supervisor) listenForPrograms() (<-chan received, error) {
	if s.receive == "" {
		return nil, nil
	}
	var err error
	if s.input, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	programs := make(chan received)
	go receive(os.Stdin, filepath.Join(s.receive, filepath.Base(s.program[0])), programs)
	return programs, nil
}

// listen subscribes to all signals. Those that may come by the hundred have their own channels, so that no other is lost.
func listen() (signals, children <-chan os.Signal) {
	all, ends, nobody := make(chan os.Signal, 64), make(chan os.Signal, 1), make(chan os.Signal, 1)
	for s := syscall.Signal(1); s <= 64; s++ {
		switch s {
		case syscall.SIGCHLD:
			signal.Notify(ends, s) // one stands for many, as in the kernel
		case syscall.SIGPIPE:
			// By default, we would end when the reader of our lines does. If ignored, the program would inherit that.
			signal.Notify(nobody, s)
		case syscall.SIGURG:
			// The Go runtime interrupts its threads with it.
		default:
			signal.Notify(all, s)
		}
	}
	return all, ends
}

// parse parses the arguments. It does without package flag, which would make the program half as big again.
func parse(args []string) (*supervisor, error) {
	s := &supervisor{input: os.Stdin, grace: defaultGrace, stop: syscall.SIGTERM}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		var err error
		switch args[0] {
		case "-grace":
			s.grace, err = time.ParseDuration(args[1])
		case "-receive":
			s.receive = args[1]
		case "-stop":
			s.stop, err = parseSignal(args[1])
		case "-word":
			s.word = strings.Clone(args[1])
			wipe(args[1])
		default:
			err = errors.New("unknown option " + strconv.Quote(args[0]))
		}
		if err != nil {
			return nil, err
		}
		args = args[2:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil, errors.New("no program to run")
	}
	s.program, s.path = args, args[0]
	return s, nil
}

// wipe overwrites an argument of this process, so that the program does not find it in /proc/1/cmdline. The Go runtime does not
// copy arguments: the string is the memory that the kernel shows there.
func wipe(arg string) {
	clear(unsafe.Slice(unsafe.StringData(arg), len(arg)))
}

// stopSignals are the signals that stop programs and whose names are accepted.
var stopSignals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT,
	"KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "ALRM": syscall.SIGALRM,
	"TERM": syscall.SIGTERM, "WINCH": syscall.SIGWINCH, "PWR": syscall.SIGPWR,
}

// parseSignal parses a name or a number. Names are those of the Docker Engine API, "SIGRTMIN+3" among them.
func parseSignal(word string) (syscall.Signal, error) {
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if s, ok := stopSignals[name]; ok {
		return s, nil
	}
	base := 0
	if offset, ok := strings.CutPrefix(name, "RTMIN+"); ok {
		base, name = 34, offset // as engines count, see report.Restart
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 0 || base+n < 1 || base+n > 64 {
		return 0, errors.New("unknown signal " + strconv.Quote(word))
	}
	return syscall.Signal(base + n), nil
}

// becomeSubreaper makes this process the parent of orphans below it even if it is not PID 1, as under docker run --init or in a
// test. An old kernel refuses, and then another process reaps them. See PR_SET_CHILD_SUBREAPER in prctl(2).
func becomeSubreaper() {
	const setChildSubreaper = 36
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
}
