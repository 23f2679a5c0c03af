package dockerfile

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// image writes the last stage. What changes rarely comes first and the program last, so a new program is one new layer.
func (t *text) image() {
	t.line("\n")
	t.say("The image.")
	t.line("FROM scratch")
	t.line("COPY --from=%s %s/ /", systemStage, root)
	if len(t.Files.Copies)+len(t.Files.Commands) > 0 {
		t.line("COPY --from=%s %s/ /", filesStage, root)
	}
	from, to := t.built(), t.Program.Path
	if t.Capabilities != "" { // the classic builder copies the capabilities of files in a folder, but not of a single file
		from, to = folder(path.Dir(from)), folder(path.Dir(to))
	}
	t.line("COPY --from=%s %s", programStage, arguments(from, to))
	t.line("")
	t.variables()
	t.described()
	t.commands()
}

func (t *text) variables() {
	for _, kv := range t.Run.Env {
		name, v, _ := strings.Cut(kv, "=")
		t.line("ENV %s=%s", name, value(v))
	}
	for _, key := range slices.Sorted(maps.Keys(t.Run.Labels)) {
		t.line("LABEL %s=%s", value(key), value(t.Run.Labels[key]))
	}
}

func (t *text) described() {
	r := t.Run
	if len(r.Ports) > 0 {
		var ports []string
		for _, p := range r.Ports {
			ports = append(ports, strings.TrimSuffix(p, "/tcp"))
		}
		t.line("EXPOSE %s", strings.Join(ports, " "))
	}
	if len(r.Volumes) > 0 {
		volumes := slices.Clone(r.Volumes)
		for i, v := range volumes {
			volumes[i] = escaped.Replace(v)
		}
		t.line("VOLUME %s", list(volumes))
	}
	if r.Workdir != "" {
		t.line("WORKDIR %s", escaped.Replace(r.Workdir))
	}
	if r.User != "" {
		t.line("USER %s", escaped.Replace(r.User))
	}
	if r.StopSignal != "" {
		t.line("STOPSIGNAL %s", escaped.Replace(r.StopSignal))
	}
}

func (t *text) commands() {
	if h := t.Run.Healthcheck; h != nil {
		line := "HEALTHCHECK"
		for _, f := range []struct {
			name string
			time time.Duration
		}{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start-period", h.StartPeriod}, {"start-interval", h.StartInterval}} {
			if f.time != 0 {
				line += fmt.Sprintf(" --%s=%s", f.name, f.time)
			}
		}
		if h.Retries != 0 {
			line += fmt.Sprintf(" --retries=%d", h.Retries)
		}
		t.line("%s CMD %s", line, list(h.Test))
	}
	t.line("ENTRYPOINT %s", list(t.Run.Entrypoint))
	if len(t.Run.Cmd) > 0 {
		t.line("CMD %s", list(t.Run.Cmd))
	}
}

// continued continues a command on the next line.
const continued = " \\\n"

// check rejects values that no line can express.
func (s Spec) check() error {
	type named struct{ what, text string }
	all := []named{{"the name", s.Name}, {"the workdir", s.Run.Workdir}, {"the user", s.Run.User}}
	for _, l := range []struct {
		what string
		list []string
	}{
		{"the variable", s.Run.Env}, {"the variable of the go command", s.Program.Env}, {"the flag", s.Program.Args}, {"the volume", s.Run.Volumes},
	} {
		for _, text := range l.list {
			all = append(all, named{l.what, text})
		}
	}
	for _, c := range slices.Concat(s.Files.Copies, s.Certificates) {
		all = append(all, named{"the file", c.From}, named{"the path", c.To})
	}
	commands := s.Files.Commands
	for _, section := range s.System {
		commands = append(commands[:len(commands):len(commands)], section.Commands...)
	}
	for _, c := range commands {
		all = append(all, named{"the command", strings.ReplaceAll(c.Line, continued, " ")})
	}
	for _, dir := range slices.Concat(s.Program.Sources, s.Program.ModuleFiles, []string{s.Program.Dir, s.Program.Vendor, s.Program.Built, s.Program.Package}) {
		all = append(all, named{"the folder or file", dir})
	}
	for _, p := range s.Packages {
		all = append(all, named{"the package", p.Name})
	}
	for k, v := range s.Run.Labels {
		all = append(all, named{"the label", k + "=" + v})
	}
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.what+a.text, b.what+b.text) })
	var errs []error
	for _, n := range all {
		errs = append(errs, oneLine(n.what, n.text))
	}
	return errors.Join(errs...)
}
