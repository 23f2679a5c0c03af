package linked

import (
	"slices"
	"strings"
)

// Kind is what a program may look for.
type Kind string

// Files that a library of Go reads, and what it does without them.
const (
	// Certificates are the roots that TLS servers are verified by. Without: "signed by unknown authority".
	Certificates Kind = "certificates"
	// Zones are /usr/share/zoneinfo. Without: "unknown time zone".
	Zones Kind = "time zones"
	// MIME is /etc/mime.types. Without: the type of a file is only known for a dozen of extensions.
	MIME Kind = "MIME types"
	// Services is /etc/services. Without: "unknown port", but for a handful of names.
	Services Kind = "services"
	// Protocols is /etc/protocols. Without: only icmp, igmp, tcp, udp and ipv6-icmp have a number.
	Protocols Kind = "protocols"
	// Users are /etc/passwd and /etc/group. Without: "unknown user".
	Users Kind = "users"
	// Resolver is the name lookup of the C library, which reads /etc/nsswitch.conf. It is there besides
	// Go's own unless built with -tags netgo, and is taken when Go's own cannot do what the files ask for.
	Resolver Kind = "C resolver"
)

// Folders. All but Temp are named by variables of the environment, and an error without these.
const (
	Home       Kind = "home folder"          // HOME
	Cache      Kind = "cache folder"         // XDG_CACHE_HOME, else .cache in HOME
	UserConfig Kind = "configuration folder" // XDG_CONFIG_HOME, else .config in HOME
	Temp       Kind = "temporary folder"     // TMPDIR, else /tmp, which is not made
)

// What is executed or loaded by its name, and so is not among the program's libraries.
const (
	// Programs are others that it may start. An image from scratch has none, and no shell.
	Programs Kind = "other programs"
	// GoPlugin is a plugin of Go, built with -buildmode=plugin.
	GoPlugin Kind = "Go plugins"
	// Purego is github.com/ebitengine/purego, which loads C libraries without cgo.
	Purego Kind = "C libraries by purego"
	// Dlopen is a call of dlopen(3) by a package that uses cgo.
	Dlopen Kind = "C libraries by dlopen"
	// SystemCrypto is OpenSSL's libcrypto, which toolchains for FIPS 140 make crypto/... load.
	SystemCrypto Kind = "OpenSSL"
)

// Need is something that a program may look for when it runs.
type Need struct {
	Kind Kind
	Why  string // "time.LoadLocation is linked"
}

// sentinel is a row of [sentinels].
type sentinel struct {
	kind Kind
	// Any one of these functions is enough. One that begins with "*" stands for all that end in the rest.
	functions []string
	// With this function linked there is no need.
	unless string
}

// sentinels are the functions that every way to a need passes. They are not what reads the file where an
// init function refers to that, which links it into each program that merely imports the package.
var sentinels = []sentinel{
	// crypto/x509/root_unix.go, root_linux.go. A TLS server has it too.
	{kind: Certificates, functions: []string{"crypto/x509.loadSystemRoots"}},
	// time/zoneinfo.go, zoneinfo_unix.go. The other is linked by importing time/tzdata, or -tags timetzdata.
	{kind: Zones, functions: []string{"time.LoadLocation"}, unless: "time/tzdata.loadFromEmbeddedTZData"},
	// mime/type.go, type_unix.go. mime.initMimeUnix, which reads, is linked by importing mime.
	{kind: MIME, functions: []string{"mime.TypeByExtension", "mime.ExtensionsByType"}},
	// net/port_unix.go. net.Dial and net.Listen have it: their addresses may be "host:imap".
	{kind: Services, functions: []string{"net.readServices"}},
	// net/lookup_unix.go. net.Dial and net.Listen have it: their networks may be "ip4:ospf".
	{kind: Protocols, functions: []string{"net.lookupProtocol"}},
	// os/user/lookup.go. Lookup has Current linked too.
	{kind: Users, functions: []string{
		"os/user.Lookup", "os/user.LookupId", "os/user.LookupGroup", "os/user.LookupGroupId", "os/user.(*User).GroupIds", "os/user.Current",
	}},
	// net/cgo_unix_cgo.go.
	{kind: Resolver, functions: []string{"net._C_getaddrinfo", "net._Cfunc_getaddrinfo", "net._C2func_getaddrinfo"}},
	// os/file.go, os/tempfile.go.
	{kind: Home, functions: []string{"os.UserHomeDir"}},
	{kind: Cache, functions: []string{"os.UserCacheDir"}},
	{kind: UserConfig, functions: []string{"os.UserConfigDir"}},
	{kind: Temp, functions: []string{"os.CreateTemp", "os.MkdirTemp", "os.TempDir"}},
	// os/exec/exec.go: Run, Output and CombinedOutput start as well. os/exec.go, syscall/exec_unix.go.
	{kind: Programs, functions: []string{"os/exec.(*Cmd).Start", "os.StartProcess", "syscall.ForkExec", "syscall.Exec"}},
	// plugin/plugin.go.
	{kind: GoPlugin, functions: []string{"plugin.Open"}},
	// dlfcn.go of purego. A program that only uses NewCallback loads no library.
	{kind: Purego, functions: []string{"github.com/ebitengine/purego.Dlopen"}},
	// cmd/cgo/out.go names the function through which a package calls C's dlopen.
	{kind: Dlopen, functions: []string{"*._Cfunc_dlopen", "*._C2func_dlopen"}},
	// https://github.com/golang-fips/openssl, which is vendored into the standard library.
	{kind: SystemCrypto, functions: []string{"*github.com/golang-fips/openssl/v2.Init"}},
}

// Needs are what the program may look for when it runs, one of a kind, in the order of the constants
// above. There are none of a program that is not [Program.Readable], apart from what its build
// information tells.
func (p *Program) Needs() []Need {
	linked := p.sentinels()
	var needs []Need
	for _, s := range sentinels {
		why := p.why(s, linked)
		if why != "" {
			needs = append(needs, Need{s.kind, why})
		}
	}
	return needs
}

// why says by what a need is known, "" when there is no such need.
func (p *Program) why(s sentinel, linked map[string]string) string {
	if s.kind == SystemCrypto {
		if why := p.systemCrypto(); why != "" {
			return why
		}
	}
	if linked[s.unless] != "" {
		return ""
	}
	for _, f := range s.functions {
		if name := linked[f]; name != "" {
			return name + " is linked"
		}
	}
	return ""
}

// systemCrypto says by which build setting it is known that the program loads OpenSSL. GOEXPERIMENT's
// boringcrypto is none: it links the cryptography into the program.
// https://github.com/microsoft/go/blob/microsoft/main/eng/doc/fips/README.md
func (p *Program) systemCrypto() string {
	const own = "microsoft_systemcrypto"
	if p.setting(own) == "1" {
		return "it was built with " + own + "=1"
	}
	for _, experiment := range strings.Split(p.setting("GOEXPERIMENT"), ",") {
		if experiment == "systemcrypto" || experiment == "opensslcrypto" {
			return "it was built with GOEXPERIMENT=" + experiment
		}
	}
	return ""
}

// sentinels looks for all functions of the table in one pass. The result is by the function's name in the
// table.
func (p *Program) sentinels() map[string]string {
	wanted, endings := wanted()
	found := map[string]string{}
	for name := range p.functions() {
		if wanted[name] {
			found[name] = name
		}
		for _, e := range endings {
			if strings.HasSuffix(name, e[1:]) && found[e] == "" {
				found[e] = name
			}
		}
	}
	return found
}

// wanted are the functions of the table: those with a full name, and those with an ending of it.
func wanted() (names map[string]bool, endings []string) {
	names = map[string]bool{}
	for _, s := range sentinels {
		for _, f := range append(slices.Clip(s.functions), s.unless) {
			if strings.HasPrefix(f, "*") {
				endings = append(endings, f)
			} else if f != "" {
				names[f] = true
			}
		}
	}
	return names, endings
}
