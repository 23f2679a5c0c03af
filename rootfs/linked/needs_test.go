package linked_test

import (
	"encoding/binary"
	"os"
	"reflect"
	"runtime/debug"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
	. "github.com/fromscratch-go/fromscratch/rootfs/linked"
)

func tags(s debug.BuildSetting) bool { return s == debug.BuildSetting{Key: "-tags", Value: "one,two"} }

func TestNeeds(t *testing.T) {
	t.Parallel()
	zones := Need{Zones, "time.LoadLocation is linked"}
	used := []Need{
		{MIME, "mime.TypeByExtension is linked"},
		{Users, "os/user.Lookup is linked"},
		{Home, "os.UserHomeDir is linked"},
		{Cache, "os.UserCacheDir is linked"},
		{UserConfig, "os.UserConfigDir is linked"},
		{Temp, "os.TempDir is linked"},
		{Programs, "os/exec.(*Cmd).Start is linked"},
	}
	dialled := []Need{
		{Certificates, "crypto/x509.loadSystemRoots is linked"},
		{Services, "net.readServices is linked"},
		{Protocols, "net.lookupProtocol is linked"},
	}
	tests := map[string]struct {
		source string
		words  []string
		gcc    bool
		want   []Need
	}{
		"used":            {source: uses, want: append([]Need{zones}, used...)},
		"zones linked in": {source: uses, words: []string{"-tags=timetzdata", "-ldflags=-s -w"}, want: used},
		"only imported":   {source: imports},
		"dials":           {source: dials, want: dialled},
		"dials with cgo": {
			source: dials, words: []string{"CGO_ENABLED=1"}, gcc: true,
			want: append(append([]Need{}, dialled...), Need{Resolver, "net._C_getaddrinfo is linked"}),
		},
		"dials with netgo": {source: dials, words: []string{"CGO_ENABLED=1", "-tags=netgo"}, gcc: true, want: dialled},
		"calls dlopen":     {source: opens, words: []string{"CGO_ENABLED=1"}, gcc: true, want: []Need{{Dlopen, "main._Cfunc_dlopen is linked"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.gcc {
				testkit.Need(t, "gcc")
			}
			got := read(t, build(t, test.source, test.words...)).Needs()
			if len(got)+len(test.want) > 0 && !reflect.DeepEqual(got, test.want) {
				t.Errorf("the program needs\n%v, want\n%v", got, test.want)
			}
		})
	}
}

// A program runs without section headers, or with wrong ones. Its needs must be found all the same.
func TestWithoutSections(t *testing.T) {
	t.Parallel()
	file := build(t, uses, "GOARCH=amd64")
	want := read(t, file).Needs()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const shoff, shnum = 40, 60 // of e_shoff and e_shnum with e_shstrndx in Elf64_Ehdr
	for name, change := range map[string]func(){
		"none":  func() { clear(data[shoff : shoff+8]); clear(data[shnum : shnum+4]) },
		"wrong": func() { binary.LittleEndian.PutUint64(data[shoff:], 1); binary.LittleEndian.PutUint32(data[shnum:], 9) },
	} {
		change()
		if err := os.WriteFile(file, data, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := read(t, file).Needs(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
