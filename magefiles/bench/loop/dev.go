package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// devTarget is the target that swaps the program in a running container, and devSwap the variable that selects the
// method.
const (
	devTarget = "imageDev"
	devSwap   = "IMAGE_DEV_SWAP"
)

// devSource is a server that answers with its constant. devFrom picks a free port for each way and
// publishes it under the same number.
const devSource = `package main

import (
	"io"
	"log"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, benchConstant) })
	log.Fatal(http.ListenAndServe(":%s", nil))
}
`

const devMagefile = `//go:build mage

package main

//mage:import
import "` + targets + `"

var _ = targets.Configure(targets.Config{Ports: []string{"%s"}})
`

// devWay is a way from an edit to the new answer.
type devWay struct {
	*site
	port    string // "" for "go build" alone
	swap    string
	latency measure.Samples
}

// devFrom measures the time from an edit until a program in the engine gives the new answer, compared to "go build" alone.
func (b *bench) devFrom(ctx context.Context) (err error) {
	dir, remove, err := b.newFolder("dev")
	if err != nil {
		return err
	}
	defer remove(&err)
	var list []*devWay
	for i, swap := range []string{"", "bind", "copy"} {
		w, err := b.newDevWay(ctx, swap, filepath.Join(dir, fmt.Sprintf("way%d", i)))
		if err != nil {
			return err
		}
		list = append(list, w)
	}
	for n := range b.rounds + 1 {
		for _, w := range measure.Rotated(list, n) {
			if err := w.count(ctx, n); err != nil {
				return err
			}
		}
	}
	b.writeDev(list)
	return nil
}

func (b *bench) newDevWay(ctx context.Context, swap, dir string) (*devWay, error) {
	w := &devWay{swap: swap, site: b.newSite(program{name: "dev" + swap}, way{name: "swap"}, dir)}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	source := filepath.Join(dir, "source")
	if err := errors.Join(
		writeFile(filepath.Join(source, "go.mod"), "module example.com/"+prefix+"dev\n\ngo 1.24.0\n"),
		writeFile(filepath.Join(source, "main.go"), fmt.Sprintf(devSource, port)),
	); err != nil {
		return nil, err
	}
	if swap != "" {
		w.port = port
		w.way.prepare = (*site).findDevTarget
		if err := b.addTargets(ctx, source, fmt.Sprintf(devMagefile, port)); err != nil {
			return nil, err
		}
	}
	return w, w.setUp(ctx, source)
}

// findDevTarget compiles the magefile and checks that it has the target.
func (s *site) findDevTarget(ctx context.Context) error {
	if err := s.compileMagefile(ctx); err != nil {
		return err
	}
	list, err := s.run(ctx, s.magefile(), "-l")
	if err == nil && !strings.Contains(list, devTarget) {
		err = left("the targets have no " + devTarget)
	}
	return err
}

// count measures one edit. Round 0 does not count.
func (w *devWay) count(ctx context.Context, n int) error {
	took, err := w.once(ctx)
	var reason left
	switch {
	case err != nil && w.port != "" && n == 0 && ctx.Err() == nil && !errors.As(err, &reason):
		w.say("dev: %v", err)
		return left(devTarget + " does not work here: " + lastLine(err))
	case err != nil:
		return fmt.Errorf("from edit to answer, %q: %w", w.swap, err)
	}
	w.say("dev, round %d of %d: %q %.3f", n, w.rounds, w.swap, took.Seconds())
	if n > 0 {
		w.latency.Add(took)
	}
	return nil
}

// once times the second of two edits. The first edit of a session fills the caches of the processor and the file system,
// which "go build" also finds filled.
func (w *devWay) once(ctx context.Context) (took time.Duration, err error) {
	arrive := func(ctx context.Context, _ string) error { return w.goBuildAlone(ctx) }
	if w.port != "" {
		var session *session
		if session, err = w.start(ctx); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, session.stop()) }()
		arrive = session.await
	}
	for range 2 {
		measure.Settle(ctx)
		began := time.Now()
		if w.constant, err = w.edit(w.dir); err != nil {
			return 0, err
		}
		if err := arrive(ctx, w.constant); err != nil {
			return 0, err
		}
		took = time.Since(began)
	}
	if w.port == "" {
		return took, w.checkProgram()
	}
	return took, nil
}

func (b *bench) writeDev(list []*devWay) {
	t := measure.NewTable("from edit to the new answer", "median", "min", "most", "× build", "over build")
	build := list[0].latency
	for _, w := range list {
		title := "go build alone"
		if w.swap != "" {
			title = devTarget + ", " + devSwap + "=" + w.swap
		}
		t.Add(title, measure.Seconds(w.latency.Median()), measure.Seconds(w.latency.Least()), measure.Seconds(w.latency.Most()),
			measure.Times(w.latency.Ratio(build)), measure.Seconds(w.latency.Median()-build.Median()))
	}
	fmt.Fprintln(b.out)
	t.Write(b.out)
}

// freePort returns a port that nobody listens on now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return "", err
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), l.Close()
}
