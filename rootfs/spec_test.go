package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The zero Spec gives an image with the system's files.
func TestAssembleZero(t *testing.T) {
	if _, err := FindBundle(""); err != nil {
		skip(t, "no certificates: "+err.Error())
	}
	tree := assemble(t, Spec{})
	want(t, lines(tree, "/"), `
		/data folder 0755 65534:65534 system
		/etc folder 0755 0:0 system
		/etc/group file 0644 0:0 system
		/etc/nsswitch.conf file 0644 0:0 system
		/etc/passwd file 0644 0:0 system
		/etc/protocols file 0644 0:0 system
		/etc/services file 0644 0:0 system
		/etc/ssl folder 0755 0:0 system
		/etc/ssl/cert.pem link to certs/ca-certificates.crt system
		/etc/ssl/certs folder 0755 0:0 system
		/etc/ssl/certs/ca-certificates.crt file 0644 0:0 system
		/root folder 0700 0:0 system
		/tmp folder 1777 0:0 system`)
	for _, e := range tree.Entries() {
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Path)
		}
	}
}

func TestAssembleProgram(t *testing.T) {
	dir := t.TempDir()
	s := bareSpec()
	s.Program, s.Binary = "/usr/bin/hello", write(t, dir, "hello", "ELF", 0o700)
	tree := assemble(t, s)
	want(t, lines(tree, "/usr"), `
		/usr folder 0755 0:0 program
		/usr/bin folder 0755 0:0 program
		/usr/bin/hello file 0755 0:0 program`)
	if got := text(t, tree, "/usr/bin/hello"); got != "ELF" {
		t.Errorf("content %q", got)
	}

	s.Binary = dir + "/missing"
	_, err := Assemble(context.Background(), s)
	wantError(t, err, `taking the program "`+s.Binary+`": no such file`)
	s.Binary = dir
	_, err = Assemble(context.Background(), s)
	wantError(t, err, "it is a folder")
}

func TestAssembleDirs(t *testing.T) {
	tests := []struct {
		name string
		dir  Dir
		want string
	}{
		{"the user's", Dir{Path: "/var/cache/app/"}, `
			/var folder 0755 0:0 files
			/var/cache folder 0755 0:0 files
			/var/cache/app folder 0755 65534:65534 files`},
		{"owner and mode", Dir{Path: "/var/x", Owner: "web", Mode: 0o2775}, `
			/var folder 0755 0:0 files
			/var/x folder 2775 1001:33 files`},
		{"replaces the system's", Dir{Path: "/tmp", Mode: 0o700}, "/tmp folder 0700 65534:65534 files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bareSpec()
			s.Users, s.Dirs = someUsers, []Dir{tt.dir}
			p := "/var"
			if tt.dir.Path == "/tmp" {
				p = "/tmp"
			}
			want(t, lines(assemble(t, s), p), tt.want)
		})
	}
	s := bareSpec()
	s.Dirs = []Dir{{Path: "/etc/passwd", Reason: "magefile.go:3"}}
	_, err := Assemble(context.Background(), s)
	wantError(t, err, `"/etc/passwd" (magefile.go:3)`, "(names the image's users)", "fix: leave one")
}

func TestAssembleCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Assemble(ctx, bareSpec()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The tables of ports and protocols can be parsed, and name nothing twice.
func TestTables(t *testing.T) {
	for name, content := range map[string]string{"services": services, "protocols": protocols} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			last := -1
			for _, line := range strings.Split(strings.TrimSpace(content), "\n") {
				if strings.HasPrefix(line, "#") {
					continue
				}
				f := strings.Fields(line)
				if len(f) < 2 {
					t.Fatalf("line %q", line)
				}
				number, proto, _ := strings.Cut(f[1], "/")
				n, err := strconv.Atoi(number)
				if err != nil || n < last || n > 65535 || name == "services" && proto != "tcp" && proto != "udp" {
					t.Errorf("line %q", line)
				}
				last = n
				for _, alias := range append(f[2:], f[0]) {
					if seen[alias+"/"+proto] {
						t.Errorf("%q is there twice", alias)
					}
					seen[alias+"/"+proto] = true
				}
			}
		})
	}
	for _, line := range []string{"http\t80/tcp\twww\n", "https\t443/tcp\n", "imap\t143/tcp\timap2\n", "postgresql\t5432/tcp\tpostgres\n", "domain\t53/udp\n"} {
		if !strings.Contains(services, line) {
			t.Errorf("services without %q", line)
		}
	}
	for _, line := range []string{"tcp\t6\tTCP\n", "ipv6-icmp\t58\t", "sctp\t132\tSCTP\n"} {
		if !strings.Contains(protocols, line) {
			t.Errorf("protocols without %q", line)
		}
	}
	if n := len(services) + len(protocols); n < 10_000 || n > 25_000 {
		t.Errorf("%d bytes", n)
	}
}

// The tables agree with those of this machine where both have a name.
func TestTablesAgreeWithHost(t *testing.T) {
	host, err := os.ReadFile("/etc/services")
	if errors.Is(err, fs.ErrNotExist) {
		skip(t, "no /etc/services")
	}
	numbers := func(content string) map[string]string {
		m := map[string]string{}
		for _, line := range strings.Split(content, "\n") {
			line, _, _ = strings.Cut(line, "#")
			if f := strings.Fields(line); len(f) > 1 {
				number, proto, _ := strings.Cut(f[1], "/")
				for _, alias := range append(f[2:], f[0]) {
					m[alias+"/"+proto] = number
				}
			}
		}
		return m
	}
	theirs, both := numbers(string(host)), 0
	for name, number := range numbers(services) {
		if n, ok := theirs[name]; ok {
			both++
			if n != number {
				t.Errorf("%s is %s here, %s on this machine", name, number, n)
			}
		}
	}
	if both == 0 {
		t.Error("nothing compared")
	}
}
