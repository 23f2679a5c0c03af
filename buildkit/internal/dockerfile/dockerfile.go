package dockerfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/rootfs/plaintext"
)

// Dockerfile returns the text of the Dockerfile, without the first line that [Write] adds. It fails if a value contains
// a control character, which no Dockerfile can express.
func Dockerfile(s Spec) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	t := &text{Spec: s}
	for _, part := range []func(){t.header, t.arguments, t.base, t.program, t.system, t.files, t.image} {
		part()
	}
	return t.String(), nil
}

// text is a Dockerfile that is being written.
type text struct {
	Spec
	strings.Builder
}

// The names of the stages, and the folders in which they put what the image copies.
const (
	baseStage    = "base"
	programStage = "build"
	systemStage  = "rootfs"
	filesStage   = "files"
	root         = "/rootfs"
	out          = "/out"
)

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// say writes a comment, wrapped.
func (t *text) say(sentences string) {
	for _, line := range wrap(sentences, 98) {
		t.comment("# ", line)
	}
}

// comment writes a one-line comment. It escapes words, because names of files and packages may contain anything.
func (t *text) comment(begin, words string) { t.line("%s%s", begin, plaintext.Field(words)) }

// header writes what the file is and how to use it.
func (t *text) header() {
	name, file := strings.ToLower(t.Name), ""
	if t.File != "" && t.File != "Dockerfile" {
		file = " -f " + Shell(t.File)
	}
	t.line("#")
	t.say(fmt.Sprintf("The image %q, from scratch: the program, what it needs to run, and nothing else.", t.Name))
	t.line("#")
	t.line("#   docker build -t %s%s .", name, file)
	t.line("#")
	if t.Platform == "" {
		t.say("The program is static, so any --platform can be built on any machine, without emulation.")
	} else {
		t.say(fmt.Sprintf("The program loads shared libraries. This file lists them as of the day it was written, for %s and Debian %s. If a library has gone since, the build fails.", t.Platform, t.Suite))
	}
	t.line("#")
	t.say("Write the file again after a change of the configuration, of embedded files or of libraries. An edited file is not overwritten:")
	t.line("#")
	t.line("#   mage imageDockerfile")
	t.line("#")
	t.say("The cache mounts need BuildKit, the default since Docker 23. To build without it:")
	t.line("#")
	t.line("#   sed 's/--mount=[^ ]* //g' %s | docker build -t %s -f - .", Shell(cmp.Or(t.File, "Dockerfile")), name)
	for _, n := range t.Notes {
		t.line("#")
		t.say("note: " + n)
	}
}

// arguments writes the ARGs that a user may set for a build.
func (t *text) arguments() {
	t.line("")
	t.line("# The compiler, in the version of go.mod or go.work. To choose or pin another image:")
	t.line("# --build-arg GO_IMAGE=golang@sha256:…")
	t.line("ARG GO_IMAGE=golang:%s-%s", t.GoVersion, t.Suite)
	if t.Platform == "" {
		t.say("Builders other than BuildKit do not set BUILDPLATFORM. They use their own platform.")
		t.line("ARG BUILDPLATFORM=${BUILDPLATFORM:-linux}")
	}
}

// from begins a stage, on top of the base stage if there is one.
func (t *text) from(stage string) {
	switch {
	case t.hasBase() && stage != baseStage:
		t.line("FROM %s AS %s", baseStage, stage)
	case t.Platform == "":
		t.line("FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS %s", stage)
	default:
		t.line("FROM ${GO_IMAGE} AS %s", stage)
	}
}

// hasBase reports whether there is a base stage.
func (t *text) hasBase() bool { return len(t.Packages) > 0 || t.Platform != "" }

// base writes the stage with the packages that the other stages need.
func (t *text) base() {
	if !t.hasBase() {
		return
	}
	t.line("\n")
	if len(t.Packages) > 0 {
		t.say("Packages that the compiler's image lacks. With a GO_IMAGE that has them, this step needs no network.")
	}
	for _, p := range t.Packages {
		if about := strings.Join(slices.DeleteFunc([]string{p.Version, p.Why}, func(s string) bool { return s == "" }), ", "); about != "" {
			t.comment("#   ", p.Name+": "+about)
		}
	}
	t.from(baseStage)
	if t.Platform != "" {
		t.line("RUN test \"$(dpkg --print-architecture)\" = %s \\\n || { echo 'The libraries below are for %s. fix: docker build --platform %s' >&2; exit 1; }", debianArch(t.Platform), t.Platform, t.Platform)
	}
	if len(t.Packages) > 0 {
		t.install()
	}
}

// install installs the packages, unless all of them are there.
func (t *text) install() {
	var names []string
	for _, p := range t.Packages {
		names = append(names, p.Name)
	}
	t.line("ARG PACKAGES=\"%s\"", strings.Join(wrap(strings.Join(names, " "), 80), " \\\n      "))
	t.line("RUN dpkg -s $PACKAGES >/dev/null 2>&1 \\\n || { apt-get update \\\n   && apt-get install -y --no-install-recommends $PACKAGES \\\n   && rm -rf /var/lib/apt/lists/*; }")
}

// debianArch returns Debian's name for a platform (https://wiki.debian.org/ArchitectureSpecificsMemo).
func debianArch(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	arch, variant, _ := strings.Cut(arch, "/")
	switch arch {
	case "386":
		return "i386"
	case "arm":
		if variant == "v5" || variant == "v6" {
			return "armel"
		}
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	case "mips64le":
		return "mips64el"
	case "mipsle":
		return "mipsel"
	}
	return arch
}

// system writes the stage with everything but the program and the user's files.
func (t *text) system() {
	t.line("\n")
	t.say("Everything but the program and the files of the configuration.")
	t.from(systemStage)
	for _, c := range t.Certificates {
		t.line("COPY %s", arguments(c.From, c.To))
	}
	for _, s := range t.System {
		t.line("")
		t.say(s.Title)
		t.run(s.Commands)
	}
}

// run writes commands as one RUN. The comment of a command is above it.
func (t *text) run(commands []Command) {
	for i, c := range commands {
		begin, end := " && ", " \\"
		if i == 0 {
			begin = "RUN "
		}
		if i == len(commands)-1 {
			end = ""
		}
		if c.Comment != "" && i == 0 {
			t.comment("# ", c.Comment)
		} else if c.Comment != "" {
			t.comment("    # ", c.Comment)
		}
		t.line("%s%s%s", begin, c.Line, end)
	}
}

// files writes the stage with the files that the user adds.
func (t *text) files() {
	if len(t.Files.Copies)+len(t.Files.Commands) == 0 {
		return
	}
	t.line("\n")
	t.say("The files of the configuration, with owners and modes that do not depend on the checkout.")
	t.from(filesStage)
	for _, c := range t.Files.Copies {
		t.line("COPY %s", arguments(c.From, root+c.To))
	}
	t.run(t.Files.Commands)
}

// wrap breaks a text into lines.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
