//go:build unix

package talk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/magefiles/dialogue"
)

// target is the other end of a connection.
type target struct {
	orders  *json.Encoder
	end     func() error // of the orders
	reports *json.Decoder
}

// connect opens a connection as the worker does, with a pipe that it inherits.
func connect(t *testing.T) (*Conn, target) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	fd, err := syscall.Dup(int(write.Fd()))
	if err := errors.Join(err, write.Close()); err != nil {
		t.Fatal(err)
	}
	t.Setenv(dialogue.ReportsVariable, strconv.Itoa(fd))
	in, orders := io.Pipe()
	c, err := Open(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.pipe.Close() })
	return c, target{json.NewEncoder(orders), orders.Close, json.NewDecoder(read)}
}

// send sends orders, while the connection reads them.
func (o target) send(t *testing.T, orders ...Order) {
	t.Helper()
	go func() {
		for _, order := range orders {
			if err := o.orders.Encode(order); err != nil {
				t.Error(err)
			}
		}
	}()
}

func (o target) report(t *testing.T) dialogue.Report {
	t.Helper()
	var r dialogue.Report
	if err := o.reports.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Who starts the worker by hand learns how it is meant to be started.
func TestOpenWithoutTarget(t *testing.T) {
	for _, value := range []string{"", "none", "-1"} {
		t.Setenv(dialogue.ReportsVariable, value)
		if _, err := Open(strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "\nfix: import the targets in a magefile") {
			t.Errorf("%q: error %v", value, err)
		}
	}
}

// Neither the variable nor the pipe reaches the compilers that the worker starts.
func TestOpenIsPrivate(t *testing.T) {
	c, _ := connect(t)
	if value, there := os.LookupEnv(dialogue.ReportsVariable); there {
		t.Errorf("children get %s=%s", dialogue.ReportsVariable, value)
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, c.pipe.Fd(), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
		t.Errorf("children inherit the pipe: flags %d (%v)", flags, errno)
	}
}

func TestStartNeedsAStart(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "no JSON": "image\n", "another order": `{"Stop":"hangup"}`} {
		c := &Conn{orders: json.NewDecoder(strings.NewReader(text))}
		if _, err := c.Start(); err == nil || !strings.HasPrefix(err.Error(), "reading the target's first order: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A function of a Config runs in the target: it gets the argument and gives back its error.
func TestHooks(t *testing.T) {
	c, to := connect(t)
	to.send(t, Order{Start: &Start{
		Target: "image", Configs: make([]config.Config, 3), Hooks: []dialogue.Hooks{{}, {Before: true}, {Before: true, After: true}},
	}})
	s, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	var have []bool
	for _, c := range s.Configs {
		have = append(have, c.Build.Before != nil, c.Build.After != nil)
	}
	if want := []bool{false, false, true, false, true, true}; s.Target != "image" || !slices.Equal(have, want) {
		t.Fatalf("the functions of %q are %v, want %v", s.Target, have, want)
	}
	ctx := context.Background()
	go c.Listen(ctx, func(dialogue.Cause) {})
	for _, row := range []struct {
		hook   func(context.Context, config.BuildInfo) error
		call   dialogue.Call
		answer string
	}{
		{s.Configs[1].Build.Before, dialogue.Call{Config: 1, Hook: "Before", Build: dialogue.BuildInfo{Dir: "/src"}}, ""},
		{s.Configs[2].Build.After, dialogue.Call{Config: 2, Hook: "After", Build: dialogue.BuildInfo{Dir: "/src", Binary: "/src/dist/app"}}, "strip: not found"},
	} {
		result := make(chan error, 1)
		go func() { result <- row.hook(ctx, config.BuildInfo(row.call.Build)) }()
		if r := to.report(t); r.Call == nil || !reflect.DeepEqual(*r.Call, row.call) || r.End != nil {
			t.Errorf("the report is %+v, want the call %+v", r, row.call)
		}
		to.send(t, Order{Answer: &dialogue.Answer{Error: row.answer}})
		if err := <-result; (err == nil) != (row.answer == "") || err != nil && err.Error() != row.answer {
			t.Errorf("%s returns %v, want %q", row.call.Hook, err, row.answer)
		}
	}
}

// An interrupted run does not wait for the answer, and the answer that comes later does not block the orders.
func TestHookIsInterrupted(t *testing.T) {
	c, to := connect(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	result := make(chan error, 1)
	go func() { result <- c.hook(0, "Before")(ctx, config.BuildInfo{}) }()
	to.report(t)
	cause := errors.New("interrupted")
	cancel(cause)
	if err := <-result; err != cause {
		t.Errorf("the function returns %v, want %v", err, cause)
	}
	to.send(t, Order{Answer: &dialogue.Answer{}}, Order{Stop: dialogue.Timeout})
	causes := make(chan dialogue.Cause, 2)
	go c.Listen(ctx, func(cause dialogue.Cause) { causes <- cause })
	if got := <-causes; got != dialogue.Timeout {
		t.Errorf("the request to end is %q, want %q", got, dialogue.Timeout)
	}
	if err := to.end(); err != nil {
		t.Fatal(err)
	}
	if got := <-causes; got != dialogue.Gone {
		t.Errorf("the end of the orders is %q, want %q", got, dialogue.Gone)
	}
}

// The last report is followed by the end of the pipe, which the target waits for.
func TestEnd(t *testing.T) {
	c, to := connect(t)
	want := dialogue.End{Error: "no engine", Code: 3}
	if err := c.End(want); err != nil {
		t.Fatal(err)
	}
	if r := to.report(t); r.End == nil || *r.End != want {
		t.Errorf("the report is %+v, want the end %+v", r, want)
	}
	var more dialogue.Report
	if err := to.reports.Decode(&more); err != io.EOF {
		t.Errorf("after the end comes %+v (%v)", more, err)
	}
}
