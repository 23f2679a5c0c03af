package plugins

import (
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// groupGo is the group of what Go programs themselves open.
const groupGo = "go"

// readGo adds what follows from the way the Go program was built.
func (d *discovery) readGo() error {
	program := d.closure.Program().Path
	if d.Linked != nil && d.Linked("plugin.open") {
		d.found.addCandidate(Candidate{
			Name: "plugin.Open", Of: program, Likely: true,
			Why: "the program opens Go plugins (-buildmode=plugin), whose files only it knows: add them to the files",
		})
	}
	if d.BuildInfo == nil {
		return nil
	}
	name := d.cryptoName()
	switch {
	case d.systemCrypto() && d.selectFound(groupGo):
		d.found.addPlugin(Plugin{
			Path: name, Group: groupGo, Of: program, Required: true,
			Why: plaintext.Sprintf("%s was built with the system's cryptography (GOEXPERIMENT)", program),
		})
	case strings.Contains(d.BuildInfo.GoVersion, "(Red Hat ") && d.selectFound(groupGo):
		// https://github.com/golang-fips/go
		d.found.addCandidate(Candidate{
			Name: name, Path: d.whereIs(name, d.closure.Program()), Of: program,
			Why: "Red Hat's build of Go opens it on machines in FIPS mode: add it to the libraries if yours is one",
		})
	}
	return nil
}

// systemCrypto reports whether the program uses the system's OpenSSL for Go's cryptography. Programs built
// with Microsoft's Go then open libcrypto when they start, and panic without it:
// https://github.com/microsoft/go/blob/microsoft/main/eng/doc/fips/README.md. boringcrypto does not count,
// because it is linked into the program.
func (d *discovery) systemCrypto() bool {
	for _, s := range d.BuildInfo.Settings {
		switch s.Key {
		case "microsoft_systemcrypto":
			return s.Value == "1"
		case "GOEXPERIMENT", "-tags":
			for _, e := range strings.Split(s.Value, ",") {
				switch strings.TrimPrefix(e, "goexperiment.") {
				case "systemcrypto", "opensslcrypto", "ms_nocgo_opensslcrypto":
					return true
				}
			}
		}
	}
	return false
}

// cryptoVersions are the versions that these builds of Go try, in this order:
// https://github.com/golang-fips/go, patches/, "knownVersions".
var cryptoVersions = []string{"3", "1.1", "11", "111", "1.0.2", "1.0.0", "10"}

// cryptoName returns the first version that exists. If none does, it returns the newest, so that the error
// names it.
func (d *discovery) cryptoName() string {
	for _, v := range cryptoVersions {
		if name := "libcrypto.so." + v; d.whereIs(name, d.closure.Program()) != "" {
			return name
		}
	}
	return "libcrypto.so." + cryptoVersions[0]
}
