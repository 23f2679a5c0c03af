package dockerfile

import "time"

// Spec describes an image for a Dockerfile. Paths in the context are relative to its folder, with slashes. Paths in the
// image are absolute.
type Spec struct {
	Name      string   // of the image
	File      string   // path of the Dockerfile for docker build -f; "" is the default, Dockerfile
	GoVersion string   // of the compiler's image, "1.25.1"
	Suite     string   // Debian release of that image, "bookworm"
	Platform  string   // platform of the libraries, "linux/amd64"; "" if the program has none and runs on any
	Notes     []string // notes for the reader, one sentence each

	Packages     []Package // Debian packages that the stages need
	Program      Program
	Capabilities string    // of the program's file, as setcap(8) takes them: "cap_net_raw=ep"; "" for none
	Certificates []Copy    // PEM files of the context, copied into the stage that makes System
	System       []Section // everything in the image but the program and the user's files
	Files        Files
	Run          Run
	Ignore       Unignored
}

// Package is a package of the distribution.
type Package struct {
	Name    string
	Version string // version that was found, for people, or ""
	Why     string // reason, for people, or ""
}

// Program describes how the program is built.
type Program struct {
	Path        string   // in the image
	Dir         string   // of the module in the context; "." is the context
	ModuleFiles []string // go.mod, go.sum, go.work …
	Vendor      string   // the vendor folder; "" downloads modules
	Private     string   // value of GOPRIVATE; a build secret may hold the credentials. "" if all modules are public
	Download    []string // module paths; empty with DownloadAll false downloads none
	DownloadAll bool     // all modules of go.mod
	Sources     []string // files and folders to copy; "." is everything that the ignore file allows
	Env         []string // NAME=value for the go command
	Args        []string // of the go command, without -o and the package
	Package     string   // "./cmd/web", or an import path
	Built       string   // path of a finished program in the context, instead of all above
}

// Section is a part of the root file system with a heading. It becomes one RUN.
type Section struct {
	Title    string // a sentence or two
	Commands []Command
}

// Command is a line of a RUN and its comment.
type Command struct {
	Comment string // "" is none
	Line    string // for the shell
}

// Files are the files that the user adds.
type Files struct {
	Copies   []Copy
	Commands []Command // run after the copies: owners and modes
}

// Copy is one COPY from the context to the root file system.
type Copy struct{ From, To string }

// Run is how the image is run.
type Run struct {
	Entrypoint, Cmd []string
	Env             []string // NAME=value
	User, Workdir   string
	Ports, Volumes  []string
	Labels          map[string]string
	Healthcheck     *Healthcheck
	StopSignal      string
}

// Healthcheck is a HEALTHCHECK of the Dockerfile reference. Zero values mean the engine's defaults.
type Healthcheck struct {
	Test                                          []string // exec form
	Interval, Timeout, StartPeriod, StartInterval time.Duration
	Retries                                       int
}

// Unignored is what a build needs from the context.
type Unignored struct {
	Go     []string // patterns of source files: "**/*.go"
	Others []string // folders of Go files that the program does not need
	Paths  []string // files, and folders with everything in them
}
