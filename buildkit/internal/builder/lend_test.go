package builder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/report"
)

// Only the logins of named hosts are lent.
func TestBuilderNetrc(t *testing.T) {
	const netrc = `# machine git.example login comment
machine git.example login me password hunter2
machine other.example
	login you
	password "two \" words"
macdef init
	machine git.example login macro password macro

machine proxy.example:8443 login me password three account four
default login anonymous password guest
`
	for _, row := range []struct {
		name     string
		patterns []string
		kept     string
		hosts    []string
	}{
		{"nobody", nil, "", nil},
		{"one", []string{"git.example"}, "machine git.example login me password hunter2\n", []string{"git.example"}},
		{"capitals", []string{"GIT.example"}, "machine git.example login me password hunter2\n", []string{"git.example"}},
		{"several lines", []string{"o*.example"}, "machine other.example login you password \"two \\\" words\"\n", []string{"other.example"}},
		{"a port", []string{"proxy.example"}, "machine proxy.example:8443 login me password three account four\n", []string{"proxy.example:8443"}},
		{"another's end", []string{"example", "it.example", "git.example.evil"}, "", nil},
		{"all", []string{"*"}, "machine git.example login me password hunter2\nmachine other.example login you password \"two \\\" words\"\n" +
			"machine proxy.example:8443 login me password three account four\ndefault login anonymous password guest\n", []string{"git.example", "other.example", "proxy.example:8443", "all others"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if kept, hosts := netrcFor(row.patterns, netrc); kept != row.kept || !slices.Equal(hosts, row.hosts) {
				t.Errorf("kept is %q, of %q", kept, hosts)
			}
		})
	}
	for _, broken := range []string{"machine", "machine git.example login", "\"", "\"\\", "macdef", "machine \"git.example\nlogin x"} {
		netrcFor([]string{"*"}, broken) // must not panic
	}
}

// Settings of the go command, git and the Config decide which logins are needed.
func TestBuilderNeed(t *testing.T) {
	for _, row := range []struct {
		name     string
		config   config.Config
		settings map[string]string
		bases    []string
		hosts    []string
		ssh      bool
		why      string
	}{
		{"nothing", config.Config{}, map[string]string{"GOPROXY": "https://proxy.golang.org,direct"}, nil, nil, false, ""},
		{"GOPRIVATE", config.Config{}, map[string]string{"GOPRIVATE": "*.corp.example/team,git.example", "GONOPROXY": "*.corp.example/team,git.example"}, nil, []string{"*.corp.example", "git.example"}, true, "GOPRIVATE"},
		{"GONOPROXY", config.Config{}, map[string]string{"GONOPROXY": "git.example"}, nil, []string{"git.example"}, true, "GONOPROXY"},
		{"none", config.Config{}, map[string]string{"GONOPROXY": "none"}, nil, nil, false, ""},
		{"GOVCS", config.Config{}, map[string]string{"GOVCS": "git.example:git,evil.example:off,private:all,public:git,*:all"}, nil, []string{"git.example"}, true, "GOVCS"},
		{"a proxy", config.Config{}, map[string]string{"GOPROXY": "https://me@proxy.example:8443/go|https://proxy.golang.org,off"}, nil, []string{"proxy.example:8443"}, false, "GOPROXY"},
		{"by https", config.Config{}, nil, []string{"https://token@git.example/"}, []string{"git.example"}, false, "git's insteadOf"},
		{"by ssh", config.Config{}, nil, []string{"ssh://git@git.example:22/"}, []string{"git.example"}, true, "git's insteadOf"},
		{"short", config.Config{}, nil, []string{"git@git.example:team/"}, []string{"git.example"}, true, "git's insteadOf"},
		{"a folder", config.Config{}, nil, []string{"/srv/git:old/", "/srv/git"}, nil, false, ""},
		{"asked", config.Config{Build: config.Build{Lend: []string{"git.example"}}, Origin: "magefile.go:7"}, nil, nil, []string{"git.example"}, false, "magefile.go:7"},
		{"agent asked", config.Config{Build: config.Build{Lend: []string{"ssh-agent"}}, Origin: "magefile.go:7"}, nil, nil, nil, true, "magefile.go:7"},
		{"Build.Env", config.Config{Build: config.Build{Env: map[string]string{"GOPRIVATE": "git.example"}}}, nil, nil, []string{"git.example"}, true, "GOPRIVATE"},
		{"Build.EnvFor", config.Config{Build: config.Build{EnvFor: map[string]map[string]string{"linux/arm64": {"GOPRIVATE": "git.example"}}}}, nil, nil, []string{"git.example"}, true, "GOPRIVATE"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, err := wishesOf(row.config)
			if err != nil {
				t.Fatal(err)
			}
			n := needOf(w, row.config.Origin, row.settings, row.bases)
			if !slices.Equal(n.hosts, row.hosts) || n.ssh != row.ssh || strings.Join(n.why, ", ") != row.why {
				t.Errorf("needed are %q, ssh %t, because of %q", n.hosts, n.ssh, n.why)
			}
		})
	}
	for _, word := range []string{"", "https://git.example", "me@git.example", "a b", "[", "ssh agent"} {
		var wrong *report.ConfigError
		if _, err := wishesOf(config.Config{Build: config.Build{Lend: []string{word}}, Origin: "magefile.go:7"}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), fmt.Sprintf("%q", word)) || !strings.Contains(err.Error(), "magefile.go:7") {
			t.Errorf("of %q the error is %v", word, err)
		}
	}
}

// The login in a proxy's address is lent too, and reported with its variable.
func TestNeedOfAddresses(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "GOPROXY=https://me:hunter2@modules.example", "HTTPS_PROXY=http://me:hunter2@proxy.example:3128", "http_proxy=http://proxy.example", "GOWORK=off")
	b := &Builder{HostGo: gobuild.Go{Dir: t.TempDir(), Env: env}}
	if err := b.ask(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.has = b.need.addresses()
	what, why := b.Lent()
	if what != "the login in GOPROXY, the login in HTTPS_PROXY" || why != "GOPROXY, HTTPS_PROXY" {
		t.Errorf("lent is %q because of %q", what, why)
	}
}

// Two Configs may have different files for one variable, in one container.
func TestInsideSecret(t *testing.T) {
	t.Parallel()
	path := func(file string) string { return insideSecret(gobuild.Secret{Name: "TOKEN_FILE", Value: file}) }
	if path("/a") == path("/b") || strings.Contains(path("/a;b c"), " ") {
		t.Errorf("the paths are %q and %q", path("/a"), path("/b"))
	}
}
