package recipe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Answers are the answers of the program in an image.
type Answers struct {
	Page    string   // its main page
	Edition string   // the edition that was compiled in
	Checks  []string // names of all checks, in order
	Failed  []string // failed checks: name, colon, reason
}

// Lacking returns the names of the failed checks.
func (a Answers) Lacking() []string {
	var names []string
	for _, f := range a.Failed {
		name, _, _ := strings.Cut(f, ": ")
		names = append(names, name)
	}
	return names
}

// Count returns how many of all checks have passed: "7/9".
func (a Answers) Count() string {
	return fmt.Sprintf("%d/%d", len(a.Checks)-len(a.Failed), len(a.Checks))
}

func (a *Answers) add(name, result string) {
	a.Checks = append(a.Checks, name)
	if result != "ok" {
		a.Failed = append(a.Failed, name+": "+result)
	}
}

// Ask starts the image as its own user, asks the program in it, and stops it.
func (s *Site) Ask(ctx context.Context) (a Answers, err error) {
	name := strings.TrimSuffix(s.Reference(), ":latest")
	if err := s.remove(ctx, "rm", "-fv", name); err != nil {
		return a, err
	}
	_, err = s.docker(ctx, "run", "-d", "--name", name, "--add-host", serverName+":host-gateway", "-e", "CHECK_URL="+s.url(),
		"-p", "127.0.0.1::8080", s.Reference())
	defer func() {
		if e := s.remove(context.WithoutCancel(ctx), "rm", "-fv", name); err == nil {
			err = e
		}
	}()
	if err != nil {
		return a, fmt.Errorf("starting %s: %w", s.Describe(), err)
	}
	base, err := s.await(ctx, name)
	if err != nil {
		return a, fmt.Errorf("starting %s: %w", s.Describe(), err)
	}
	a.add("starts", "ok")
	if a.Page, err = get(ctx, base+"/"); err != nil {
		return a, err
	}
	if a.Edition, err = get(ctx, base+"/edition"); err != nil {
		return a, err
	}
	checks, err := get(ctx, base+"/checks")
	if err != nil {
		return a, err
	}
	for _, line := range strings.Split(checks, "\n") {
		check, result, _ := strings.Cut(line, "\t")
		a.add(check, result)
	}
	stopped, err := s.stop(ctx, name)
	a.add("stops", stopped)
	return a, err
}

// await waits until the program answers. It fails if the program ends.
func (s *Site) await(ctx context.Context, name string) (base string, err error) {
	for {
		running, err := s.docker(ctx, "inspect", "--format", "{{.State.Running}}", name)
		if err != nil {
			return "", err
		}
		if running != "true" {
			logs, err := s.run(ctx, s.dir, nil, "sh", "-c", `docker logs "$0" 2>&1`, name)
			return "", fmt.Errorf("it has ended: %s %w", logs, err)
		}
		if port, err := s.docker(ctx, "port", name, "8080/tcp"); err == nil {
			base = "http://" + port
			if page, err := get(ctx, base+"/healthz"); err == nil && page == "ok" {
				return base, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop makes the engine send SIGTERM, and SIGKILL if the program has not ended in time. Exit code 0 means that the
// program ended by itself.
func (s *Site) stop(ctx context.Context, name string) (result string, err error) {
	if _, err := s.docker(ctx, "stop", "-t", fmt.Sprint(int(s.Grace.Seconds())), name); err != nil {
		return "", err
	}
	code, err := s.docker(ctx, "inspect", "--format", "{{.State.ExitCode}}", name)
	if code != "0" {
		return "exit code " + code, err
	}
	return "ok", err
}

// get fetches a page. A status of an error is an error.
func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("asking %q: it answers %s: %s", url, resp.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}
