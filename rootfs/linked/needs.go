package linked

import (
	"slices"
	"strings"
)

// Kind is a kind of file, folder or program that a program may look for.
type Kind string

// Files that Go's standard library reads, and what happens without them.
const (
	// Certificates are the roots that verify TLS servers. Without them: "signed by unknown authority".
	Certificates Kind = "certificates"
	// Zones is /usr/share/zoneinfo. Without it: "unknown time zone".
	Zones Kind = "time zones"
	// MIME is /etc/mime.types. Without it, only about a dozen file extensions have a type.
	MIME Kind = "MIME types"
	// Services is /etc/services. Without it: "unknown port" for all but a few names.
	Services Kind = "services"
	// Protocols is /etc/protocols. Without it, only icmp, igmp, tcp, udp and ipv6-icmp have a number.
	Protocols Kind = "protocols"
	// Users are /etc/passwd and /etc/group. Without them: "unknown user".
	Users Kind = "users"
	// Resolver is the name lookup of the C library, which reads /etc/nsswitch.conf. A cgo program has it
	// besides Go's own lookup unless it is built with -tags netgo. It is used if Go's lookup does not
	// support the configuration.
	Resolver Kind = "C resolver"
)

// Folders. Environment variables name them. Without the variables, all but Temp give an error.
const (
	Home       Kind = "home folder"          // HOME
	Cache      Kind = "cache folder"         // XDG_CACHE_HOME, else .cache in HOME
	UserConfig Kind = "configuration folder" // XDG_CONFIG_HOME, else .config in HOME
	Temp       Kind = "temporary folder"     // TMPDIR, else /tmp, which Go does not create
)

// Programs and libraries that are started or loaded by name, so they are not among the program's libraries.
const (
	// Programs are other programs that it may start. An image from scratch has none, and no shell.
	Programs Kind = "other programs"
	// GoPlugin is a Go plugin, built with -buildmode=plugin.
	GoPlugin Kind = "Go plugins"
	// Purego is github.com/ebitengine/purego, which loads C libraries without cgo.
	Purego Kind = "C libraries by purego"
	// Dlopen is a call of dlopen(3) by a package that uses cgo.
	Dlopen Kind = "C libraries by dlopen"
	// SystemCrypto is OpenSSL's libcrypto. Toolchains for FIPS 140 make the packages crypto/... load it.
	SystemCrypto Kind = "OpenSSL"
)

// RawSockets is libpcap, which opens sockets that receive all packets. Without the capability CAP_NET_RAW: "Operation
// not permitted", see packet(7).
const RawSockets Kind = "raw sockets"

// Need is something that a program may look for when it runs.
type Need struct {
	Kind Kind
	Why  string // "time.LoadLocation is linked"
}

// sentinel is a row of [sentinels].
type sentinel struct {
	kind Kind
	// One of these functions is enough. A leading "*" matches any prefix.
	functions []string
	// If this function is linked, there is no need.
	unless string
}

// sentinels are functions that every path to a need goes through. They are not always the functions that
// read the file: if an init function refers to such a function, it is linked into every program that
// imports the package.
var sentinels = []sentinel{
	// crypto/x509/root_unix.go, root_linux.go. TLS servers link it too.
	{kind: Certificates, functions: []string{"crypto/x509.loadSystemRoots"}},
	// time/zoneinfo.go, zoneinfo_unix.go. Importing time/tzdata, or -tags timetzdata, links the function in unless.
	{kind: Zones, functions: []string{"time.LoadLocation"}, unless: "time/tzdata.loadFromEmbeddedTZData"},
	// mime/type.go, type_unix.go. Importing mime links mime.initMimeUnix, which reads the file.
	{kind: MIME, functions: []string{"mime.TypeByExtension", "mime.ExtensionsByType"}},
	// net/port_unix.go. net.Dial and net.Listen link it: their addresses may be "host:imap".
	{kind: Services, functions: []string{"net.readServices"}},
	// net/lookup_unix.go. net.Dial and net.Listen link it: their networks may be "ip4:ospf".
	{kind: Protocols, functions: []string{"net.lookupProtocol"}},
	// os/user/lookup.go. Lookup links Current too.
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
	// os/exec/exec.go: Run, Output and CombinedOutput call Start. os/exec.go, syscall/exec_unix.go.
	{kind: Programs, functions: []string{"os/exec.(*Cmd).Start", "os.StartProcess", "syscall.ForkExec", "syscall.Exec"}},
	// plugin/plugin.go.
	{kind: GoPlugin, functions: []string{"plugin.Open"}},
	// dlfcn.go of purego. A program that only uses NewCallback loads no library.
	{kind: Purego, functions: []string{"github.com/ebitengine/purego.Dlopen"}},
	// cmd/cgo/out.go names the function that a package uses to call C's dlopen.
	{kind: Dlopen, functions: []string{"*._Cfunc_dlopen", "*._C2func_dlopen"}},
	// cmd/cgo/out.go, for pcap_activate(3PCAP) and pcap_open_live(3PCAP).
	{kind: RawSockets, functions: []string{"*._Cfunc_pcap_activate", "*._C2func_pcap_activate", "*._Cfunc_pcap_open_live", "*._C2func_pcap_open_live"}},
	// https://github.com/golang-fips/openssl, which these toolchains vendor into the standard library.
	{kind: SystemCrypto, functions: []string{"*github.com/golang-fips/openssl/v2.Init"}},
}

// Needs returns what the program may look for when it runs, at most one need of each kind, in the order of
// the constants above. If the program is not [Program.Readable], only its build information counts.
func (p *Program) Needs() []Need {
	linked := p.linkedSentinels()
	var needs []Need
	for _, s := range sentinels {
		why := p.why(s, linked)
		if why != "" {
			needs = append(needs, Need{s.kind, why})
		}
	}
	return needs
}

// why says how a need is known. It returns "" if there is no such need.
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

// systemCrypto names the build setting by which the program loads OpenSSL, "" if there is none.
// GOEXPERIMENT=boringcrypto does not count, because it links the cryptography into the program.
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

// linkedSentinels looks for all functions of the table in one pass. The keys are the names in the table,
// the values the functions that match.
func (p *Program) linkedSentinels() map[string]string {
	wanted, endings := sentinelNames()
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

// sentinelNames returns the functions of the table: full names, and endings with their leading "*".
func sentinelNames() (names map[string]bool, endings []string) {
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
