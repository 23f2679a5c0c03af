package gobuild

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/internal/platform"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"":                                  nil,
		" \t\n":                             nil,
		"-mod=mod":                          {"-mod=mod"},
		" -a  -b\t-c\n":                     {"-a", "-b", "-c"},
		`'-ldflags=-s -w' -v`:               {"-ldflags=-s -w", "-v"},
		`"-tags=a b"`:                       {"-tags=a b"},
		`-ldflags='x y'`:                    {"-ldflags='x", "y'"},
		`gcc "--sysroot=/a b" -O2`:          {"gcc", "--sysroot=/a b", "-O2"},
		`'unterminated one`:                 {"unterminated one"},
		`zig cc -target aarch64-linux-musl`: {"zig", "cc", "-target", "aarch64-linux-musl"},
	} {
		if got := split(in); !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFlagValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words []string
		name  string
		want  string
	}{
		{nil, "race", ""},
		{[]string{"-race"}, "race", "true"},
		{[]string{"--race=false"}, "race", "false"},
		{[]string{"-race", "-race=0"}, "race", "0"},
		{[]string{"-racer", "race"}, "race", ""},
		{[]string{"-ldflags=-a", "-ldflags", "-b"}, "ldflags", "-b"},
		{[]string{"-ldflags"}, "ldflags", ""},
	} {
		if got := flagValue(tt.words, tt.name); got != tt.want {
			t.Errorf("flagValue(%q, %q) = %q, want %q", tt.words, tt.name, got, tt.want)
		}
	}
}

func TestProgramName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"app": "app", "v2": "v2", "example.com/app": "app", "example.com/app/v2": "app", "example.com/app/v2/cmd/srv": "srv",
		"example.com/app/cmd/v10": "cmd", "example.com/vault": "vault", "gopkg.in/app.v2": "app", "gopkg.in/acme/app.v11": "app",
		"gopkg.in/app.v2/cmd/srv": "srv", "example.com/app.v2": "app.v2", "example.com/v": "v",
	} {
		if got := programName(in); got != want {
			t.Errorf("programName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	for in, want := range map[Target]string{
		{Architecture: "amd64"}: "GOAMD64=v1", {Architecture: "amd64", Variant: "v3"}: "GOAMD64=v3",
		{Architecture: "arm"}: "GOARM=7", {Architecture: "arm", Variant: "v5"}: "GOARM=5", {Architecture: "arm", Variant: "7"}: "GOARM=7",
		{Architecture: "arm64"}: "GOARM64=v8.0", {Architecture: "arm64", Variant: "v8"}: "GOARM64=v8.0", {Architecture: "arm64", Variant: "v9.2"}: "GOARM64=v9.2",
		{Architecture: "riscv64"}: "GORISCV64=rva20u64", {Architecture: "s390x"}: "=",
	} {
		n, err := normal(in)
		if err != nil {
			t.Error(err)
		}
		if key, value := level(n); key+"="+value != want {
			t.Errorf("%s has %s=%s, want %s", in, key, value, want)
		}
	}
	for _, arch := range platform.Architectures {
		if key, _ := levels(arch); key != "" && !isLevel(key) {
			t.Errorf("a stray %s would get through", key)
		}
	}
}

func TestTriples(t *testing.T) {
	t.Parallel()
	for _, arch := range platform.Architectures {
		for _, triple := range triples(Target{Architecture: arch}) {
			if got := tripleArch(triple); got != arch {
				t.Errorf("%s is for %q, want %s", triple, got, arch)
			}
		}
	}
	for in, want := range map[string]string{
		"x86_64-pc-linux-gnu": "amd64", "x86_64-alpine-linux-musl": "amd64", "arm64-apple-darwin23.1.0": "", "x86_64-w64-mingw32": "", "": "",
	} {
		if got := tripleArch(in); got != want {
			t.Errorf("tripleArch(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLibrarySysroot(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"/usr/aarch64-linux-gnu/lib/libc.so.6", "aarch64-linux-gnu", "/usr/aarch64-linux-gnu"},
		{"/usr/aarch64-linux-gnu/lib64/libc.so.6", "aarch64-linux-gnu", "/usr/aarch64-linux-gnu"},
		{"/opt/cross/x86_64-linux-musl/lib/libc.so", "x86_64-linux-musl", "/opt/cross/x86_64-linux-musl"},
		{"/usr/lib/aarch64-linux-gnu/libc.so.6", "aarch64-linux-gnu", "/"},
		{"/lib64/libc.so.6", "x86_64-redhat-linux", "/"},
		{"/lib/libc.so", "", "/"},
	} {
		if got := librarySysroot(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s of %q has the sysroot %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ size, lost int }{{0, 0}, {2 * excerptSize, 0}, {2*excerptSize + 5, 5}, {10 * excerptSize, 8 * excerptSize}} {
		e := &excerpt{}
		text := strings.Repeat("0123456789abcde\n", tt.size/16+1)[:tt.size]
		for rest := text; rest != ""; { // in pieces, as from a pipe
			n := min(len(rest), 1000)
			if wrote, err := e.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatal(wrote, err)
			}
			rest = rest[n:]
		}
		got := e.String()
		if e.lost != tt.lost || tt.lost == 0 && got != text {
			t.Errorf("%d bytes: lost %d, want %d", tt.size, e.lost, tt.lost)
		}
		if tt.lost > 0 && !(strings.HasPrefix(got, text[:excerptSize]) && strings.HasSuffix(got, text[len(text)-excerptSize:])) {
			t.Errorf("%d bytes: the ends are not there", tt.size)
		}
	}
}

func TestLookPath(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the file modes of Unix")
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o644, "b/tool": 0o755, "c/tool": 0o755} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=/nonexistent", "PATH=.:" + dir + "/a:" + dir + "/b:" + dir + "/c"}
	if got, err := lookPath(env, "tool"); got != dir+"/b/tool" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, name := range []string{"other", dir + "/a/tool", ""} {
		if got, err := lookPath(env, name); err == nil {
			t.Errorf("looking for %q gave %q", name, got)
		}
	}
}
