package dockerfile

import "time"

// Spec is an image in the words of a Dockerfile. Paths of the context are relative to its folder, with slashes; those
// of the image are absolute.
type Spec struct {
	Name      string   // of the image, and of the program: /Name
	File      string   // the Dockerfile as the docker command is told it, "" is the default, Dockerfile
	GoVersion string   // of the compiler's image, "1.25.1"
	Suite     string   // Debian release of that image, "bookworm"
	Platform  string   // that the libraries are for, "linux/amd64"; "" when the program has none and may be for any
	Notes     []string // what a reader should know, one sentence each

	Packages     []Package // Debian packages that the stages need
	Program      Program
	Certificates []Copy    // PEM files of the context, to a place in the stage that makes the System
	System       []Section // what is in the image beside the program and the user's files
	Files        Files
	Run          Run
	Ignore       Unignored
}

// Package is a package of the distribution.
type Package struct {
	Name    string
	Version string // that was seen, for people; "" when none was
	Why     string // for people; "" says nothing
}

// Program is how the program comes about.
type Program struct {
	Dir         string   // of the module in the context; "." is the context
	ModuleFiles []string // go.mod, go.sum, go.work …
	Vendor      string   // the vendor folder; "" downloads modules
	Private     string   // value of GOPRIVATE: a secret of the build may have the credentials. "" for public modules only
	Download    []string // module paths; empty with DownloadAll false downloads none
	DownloadAll bool     // all modules of go.mod
	Sources     []string // files and folders to copy; "." is all that the ignore file lets through
	Env         []string // NAME=value for the go command
	Args        []string // of the go command, without -o and the package
	Package     string   // "./cmd/web", or an import path
	Built       string   // a program in the context that is built elsewhere, instead of all above
}

// Section is a part of the root file system with a heading; it becomes one RUN.
type Section struct {
	Title    string // a sentence or two
	Commands []Command
}

// Command is a line of a RUN, with what is to be said about it.
type Command struct {
	Comment string // "" says nothing
	Line    string // for the shell
}

// Files are what the user adds.
type Files struct {
	Copies   []Copy
	Commands []Command // afterwards: owners and modes
}

// Copy is one COPY out of the context into the root file system.
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

// Healthcheck is as in the Dockerfile reference; what is zero is left to the engine.
type Healthcheck struct {
	Test                                          []string // exec form
	Interval, Timeout, StartPeriod, StartInterval time.Duration
	Retries                                       int
}

// Unignored is what a build needs of the context.
type Unignored struct {
	Go     []string // patterns of source files: "**/*.go"
	Others []string // folders of Go files that the program does not need
	Paths  []string // files and folders with all that is in them
}
