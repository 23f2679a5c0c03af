package dialogue

import (
	"encoding/json"
	"os"
	"syscall"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// Empty fields are left out, so that a message has exactly one.
func TestFormat(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		message any
		want    string
	}{
		{Order[config.Config]{Stop: Timeout}, `{"Stop":"timeout"}`},
		{Order[config.Config]{Answer: &Answer{Error: "no"}}, `{"Answer":{"Error":"no"}}`},
		{Report{Call: &Call{Config: 1, Hook: "After", Build: BuildInfo{Dir: "/src", Platforms: []string{"linux/arm64"}}}}, `{"Call":{"Config":1,"Hook":"After","Build":{"Dir":"/src","Name":"","Version":"","Platform":"","Platforms":["linux/arm64"],"Binary":""}}}`},
		{Report{End: &End{Error: "no engine", Code: 3}}, `{"End":{"Error":"no engine","Code":3,"Exit":false}}`},
	} {
		if text, err := json.Marshal(row.message); err != nil || string(text) != row.want {
			t.Errorf("%+v is written as %s (%v), want %s", row.message, text, err, row.want)
		}
	}
}

// "--" without arguments is not the same as no "--".
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {}, {"-v"}} {
		text, err := json.Marshal(Order[config.Config]{Start: &Start[config.Config]{Args: args, Configs: []config.Config{{Repo: "acme/app"}}}})
		if err != nil {
			t.Fatal(err)
		}
		var o Order[config.Config]
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		if got := o.Start.Args; (got == nil) != (args == nil) || len(got) != len(args) || o.Start.Configs[0].Repo != "acme/app" {
			t.Errorf("%#v arrives as %#v", args, got)
		}
	}
}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for s, want := range map[os.Signal]Cause{syscall.SIGINT: Interrupt, syscall.SIGHUP: Hangup, syscall.SIGTERM: Terminate, syscall.SIGQUIT: Terminate} {
		if got := CauseOf(s); got != want {
			t.Errorf("%v is %q, want %q", s, got, want)
		}
	}
}
