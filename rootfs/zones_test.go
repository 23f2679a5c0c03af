package rootfs

import (
	"archive/zip"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// goroot makes a GOROOT that has only time zones.
func goroot(t *testing.T, zones map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "lib/time/zoneinfo.zip", "", 0o644)
	f, err := os.Create(filepath.Join(dir, "lib/time/zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, name := range keys(zones) {
		z, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write([]byte(zones[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

var someZones = map[string]string{
	"Europe/Berlin": "TZif Berlin", "Europe/Bern": "TZif Bern", "America/New_York": "TZif NY",
	"UTC": "TZif UTC", "EST5EDT": "TZif EST", "README": "no zone",
}

func TestZones(t *testing.T) {
	tests := []struct {
		name      string
		timezones []string
		tz        string
		want      string
	}{
		{"none", nil, "", ""},
		{"one", []string{"Europe/Berlin"}, "", "/usr/share/zoneinfo/Europe/Berlin file 0644 0:0 system"},
		{"one twice", []string{"UTC", "UTC"}, "UTC", `
			/etc/localtime link to /usr/share/zoneinfo/UTC system
			/usr/share/zoneinfo/UTC file 0644 0:0 system`},
		{"all", []string{"all"}, "", `
			/usr/share/zoneinfo/America/New_York file 0644 0:0 system
			/usr/share/zoneinfo/EST5EDT file 0644 0:0 system
			/usr/share/zoneinfo/Europe/Berlin file 0644 0:0 system
			/usr/share/zoneinfo/Europe/Bern file 0644 0:0 system
			/usr/share/zoneinfo/UTC file 0644 0:0 system`},
		{"TZ", nil, "America/New_York", `
			/etc/localtime link to /usr/share/zoneinfo/America/New_York system
			/usr/share/zoneinfo/America/New_York file 0644 0:0 system`},
		{"TZ with colon", nil, ":UTC", `
			/etc/localtime link to /usr/share/zoneinfo/UTC system
			/usr/share/zoneinfo/UTC file 0644 0:0 system`},
		{"TZ with rules", nil, "CET-1CEST,M3.5.0,M10.5.0/3", ""},
		{"TZ with rules and signs", nil, "<+03>-3", ""},
		{"TZ with rules that is a zone", nil, "EST5EDT", `
			/etc/localtime link to /usr/share/zoneinfo/EST5EDT system
			/usr/share/zoneinfo/EST5EDT file 0644 0:0 system`},
		{"TZ with a path", nil, "/usr/share/zoneinfo/UTC", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bareSpec()
			s.GOROOT, s.Timezones, s.TZ = goroot(t, someZones), tt.timezones, tt.tz
			tree := assemble(t, s)
			var got strings.Builder
			for _, line := range strings.SplitAfter(lines(tree, "/etc/localtime", "/usr/share/zoneinfo"), "\n") {
				if !strings.Contains(line, " folder ") {
					got.WriteString(line)
				}
			}
			want(t, got.String(), tt.want)
			if e, ok := tree.Lookup("/usr/share/zoneinfo/Europe/Berlin"); ok && text(t, tree, e.Path) != "TZif Berlin" {
				t.Errorf("content %q", text(t, tree, e.Path))
			}
		})
	}
}

func TestZonesRefused(t *testing.T) {
	tests := []struct {
		name, zone string
		says       []string
	}{
		{"misspelt", "Europe/Berln", []string{`adding the time zone "Europe/Berln": Go's zoneinfo.zip has no such zone`, `fix: use one of ["Europe/Berlin" "Europe/Bern"]`}},
		{"case and space", "america/new york", []string{`fix: use one of ["America/New_York"]`}},
		{"city only", "Berlin", []string{`fix: use one of ["Europe/Berlin"`}},
		{"nonsense", "Xyzzy/Plugh", []string{`"Xyzzy/Plugh"`, `fix: use a name like "Europe/Berlin"`}},
		{"not a zone", "README", []string{"not a zone file", "fix: "}},
		{"outside", "../UTC", []string{`"../UTC"`, "fix: "}},
		{"folder", "Europe", []string{`"Europe"`, "fix: "}},
		{"empty", "", []string{`""`, "fix: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bareSpec()
			s.GOROOT, s.Timezones = goroot(t, someZones), []string{tt.zone}
			_, err := Assemble(context.Background(), s)
			wantError(t, err, tt.says...)
			if tt.zone != "" {
				s.Timezones, s.TZ = nil, tt.zone
				_, err = Assemble(context.Background(), s)
				wantError(t, err, tt.says...)
			}
		})
	}
}

func TestZonesOfHost(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"Europe/Berlin", "right/Europe/Berlin", "posix/Europe/Berlin", "posixrules", "localtime"} {
		write(t, dir, name, "TZif2", 0o644)
	}
	write(t, dir, "zone.tab", "table", 0o644)
	symlink(t, "Europe/Berlin", filepath.Join(dir, "Alias"))
	z, err := openZones(t.TempDir(), dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := z.names(context.Background())
	if got := []string{"Alias", "Europe/Berlin"}; err != nil || !reflect.DeepEqual(names, got) {
		t.Errorf("names %q, %v, want %q", names, err, got)
	}
	if err := z.close(); err != nil {
		t.Error(err)
	}

	_, err = openZones("/no/go", filepath.Join(dir, "none"))
	wantError(t, err, "zoneinfo.zip", "none", "fix: install the package tzdata")
	broken := t.TempDir()
	write(t, broken, "lib/time/zoneinfo.zip", "no zip", 0o644)
	_, err = openZones(broken, dir)
	wantError(t, err, "zoneinfo.zip", "fix: reinstall Go")
}

// The zones in Go's archive are usable.
func TestZonesOfGo(t *testing.T) {
	s := bareSpec()
	s.GOROOT, s.Timezones = runtime.GOROOT(), []string{"all"}
	if _, err := os.Stat(filepath.Join(s.GOROOT, "lib/time/zoneinfo.zip")); err != nil {
		skip(t, "Go has no zones here: "+err.Error())
	}
	tree := assemble(t, s)
	files := 0
	for _, e := range tree.Entries() {
		if strings.HasPrefix(e.Path, ZoneFolder+"/") && e.Mode.IsRegular() {
			files++
		}
	}
	if files < 300 {
		t.Errorf("%d zones", files)
	}
	if got := text(t, tree, ZoneFolder+"/Europe/Berlin"); !strings.HasPrefix(got, zoneMagic) {
		t.Errorf("content %q", got)
	}
}
