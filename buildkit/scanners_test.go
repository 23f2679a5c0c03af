package buildkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit"
	"github.com/fromscratch-go/fromscratch/buildkit/config"
	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	"github.com/fromscratch-go/fromscratch/magefiles/bench/measure"
)

// scanner is a program that says which packages an image has.
type scanner struct {
	name, pkg, version string
	env                []string // that it is compiled with
	args               func(archive string) []string
	read               func(t *testing.T, output []byte) scanned
}

// scanned is what a scanner has found.
type scanned struct {
	distro   string            // "debian 12.11"
	packages map[string]string // the source packages, by package URLs without qualifiers
}

var scanners = []scanner{
	{"syft", "github.com/anchore/syft/cmd/syft", "v1.57.1", nil,
		func(archive string) []string {
			return []string{"scan", "docker-archive:" + archive, "-q", "-o", "json"}
		}, readSyft},
	// Trivy needs no database of vulnerabilities to write a bill of materials. Grype finds packages by syft's code.
	{"trivy", "github.com/aquasecurity/trivy/cmd/trivy", "v0.74.0", []string{"GOEXPERIMENT=jsonv2"},
		func(archive string) []string {
			return []string{"image", "--input", archive, "-q", "--format", "cyclonedx", "--offline-scan", "--skip-version-check"}
		}, readTrivy},
}

// compiled returns the scanner's program. It is kept for later runs: compiling it takes many minutes. Without a Go that is new enough for
// it, the test is skipped.
func (s scanner) compiled(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		missing(t, err.Error())
	}
	file := filepath.Join(cache, "fromscratch-test", s.name+"-"+s.version)
	if _, err := os.Stat(file); err == nil {
		return file
	}
	made := filepath.Join(t.TempDir(), s.name)
	err = measure.CompileTool(context.Background(), append(os.Environ(), s.env...), t.TempDir(), made, s.pkg, s.version)
	if err != nil {
		missing(t, fmt.Sprintf("%s (%v)", s.name, err))
	}
	content, err := os.ReadFile(made)
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file+".new", content, 0o755), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}
	return file
}

// scan returns what a scanner finds in the archive of an image.
func (s scanner) scan(t *testing.T, archive string) scanned {
	t.Helper()
	cmd := exec.Command(s.compiled(t), s.args(archive)...)
	cmd.Env = append(os.Environ(), "SYFT_CHECK_FOR_APP_UPDATE=false", "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		errors.As(err, &failed)
		t.Fatalf("%s: %v\n%s", s.name, err, failed.Stderr)
	}
	return s.read(t, out)
}

func (s *scanned) add(t *testing.T, purl, source string) {
	t.Helper()
	name, _, _ := strings.Cut(purl, "?")
	name = strings.NewReplacer("%2B", "+", "%3A", ":", "%7E", "~").Replace(name)
	if _, twice := s.packages[name]; twice {
		t.Errorf("%s is listed twice", name)
	}
	s.packages[name] = source
}

func readSyft(t *testing.T, output []byte) scanned {
	t.Helper()
	var doc struct {
		Artifacts []struct {
			PURL     string
			Metadata struct{ Source, OriginPackage string }
		}
		Distro struct{ ID, VersionID string }
	}
	if err := json.Unmarshal(output, &doc); err != nil {
		t.Fatal(err)
	}
	s := scanned{doc.Distro.ID + " " + doc.Distro.VersionID, map[string]string{}}
	for _, a := range doc.Artifacts {
		s.add(t, a.PURL, a.Metadata.Source+a.Metadata.OriginPackage)
	}
	return s
}

func readTrivy(t *testing.T, output []byte) scanned {
	t.Helper()
	var doc struct {
		Components []struct {
			Type, Name, Version, PURL string
			Properties                []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal(output, &doc); err != nil {
		t.Fatal(err)
	}
	s := scanned{packages: map[string]string{}}
	for _, c := range doc.Components {
		source := ""
		for _, p := range c.Properties {
			if p.Name == "aquasecurity:trivy:SrcName" {
				source = p.Value
			}
		}
		if c.Type == "operating-system" {
			s.distro = c.Name + " " + c.Version
		} else if c.PURL != "" {
			s.add(t, c.PURL, source)
		}
	}
	return s
}

// Scanners of the image see the packages that its bill of materials has, each once, and the modules of the program.
func TestHeavyScanners(t *testing.T) {
	sysroot, _ := muslSysroot(t)
	tests := map[string]struct {
		dir    string
		c      buildkit.Config
		kind   string
		distro string
		has    map[string]string // sources of packages
	}{
		"sqlite": {"../../examples/sqlite", buildkit.Config{Name: "sqlite", Build: config.Build{Tags: []string{"libsqlite3"}}}, "deb", "debian ",
			map[string]string{"libc6": "glibc", "libsqlite3-0": "sqlite3", "libgcc-s1": "", "github.com/mattn/go-sqlite3": "", "stdlib": ""}},
		"musl": {"musl", onMusl(sysroot), "apk", "alpine 3.18.4", map[string]string{"musl": "musl", "stdlib": ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.kind == "deb" {
				needPackage(t, "sqlite3")
				hostRelease(t)
			}
			built := mustBuild(t, ownCopy(t, test.dir), test.c)
			archive := writeArchive(t, built)
			want := ownPackages(t, documents(t, built)["sbom.cdx.json"], "pkg:"+test.kind+"/")
			if len(want) == 0 {
				t.Fatal("the bill of materials has no packages")
			}
			for _, s := range scanners {
				t.Run(s.name, func(t *testing.T) {
					if s.name == "trivy" {
						testkit.Slow(t, s.name)
					}
					found := s.scan(t, archive)
					if !strings.HasPrefix(found.distro, test.distro) {
						t.Errorf("the distribution is %q, want %q", found.distro, test.distro)
					}
					var got []string
					sources := map[string]string{}
					for purl, source := range found.packages {
						if strings.HasPrefix(purl, "pkg:"+test.kind+"/") {
							got = append(got, purl)
						}
						_, name, _ := strings.Cut(purl, "/")
						name, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "debian/"), "alpine/"), "@")
						sources[name] = source
					}
					slices.Sort(got)
					if !slices.Equal(got, want) {
						t.Errorf("the packages are %q, want %q", got, want)
					}
					for name, source := range test.has {
						if is, ok := sources[name]; !ok || is != source && source != "" {
							t.Errorf("%s is from %q (%t), want %q; found is %q", name, is, ok, source, slices.Sorted(maps.Keys(sources)))
						}
					}
				})
			}
		})
	}
}

// ownPackages returns the package URLs of one kind in a bill of materials, without qualifiers, sorted.
func ownPackages(t *testing.T, text []byte, kind string) []string {
	t.Helper()
	var doc struct{ Components []struct{ PURL string } }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	s := scanned{packages: map[string]string{}}
	for _, c := range doc.Components {
		if strings.HasPrefix(c.PURL, kind) {
			s.add(t, c.PURL, "")
		}
	}
	return slices.Sorted(maps.Keys(s.packages))
}
