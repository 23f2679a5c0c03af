package buildkit

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/gobuild"
	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/internal/dist"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
)

// memory is what is kept of a build in dist/NAME/memory, for the next one to do
// nothing twice. It is worth nothing when what the build has read is not the same,
// and safe to remove.
type memory struct {
	Key       string   // of the Inputs; others have other memories
	Set       []string // folders in dist/ of all images of the Inputs, in order
	Folder    string   // of this one
	Name      string
	Reference string
	IDs       []string     // what engines may call the image
	Config    image.Config // how it is run

	Platform Platform       // that was asked for; the Config may have a variant of the base's
	From     string         // who chose it
	Index    int            // of the Config
	Module   gobuild.Module // as the go command told
	Main     gobuild.Main
	Base     *baseMemory       // nil is scratch
	Headers  map[string]string // checksums of what the go command's listing depends on, by Go file

	half    bool             // an engine may have half of the image, see [dist.Folder.Loading]
	layout  *record.Snapshot // decides which programs there are and how they are compiled
	content *record.Snapshot // decides what is in them, and in the image
	outputs *record.Snapshot // what the build has written
	library string           // a snapshot as text, of the standard library: it is the same for many programs
}

// write writes the memory, whole or not at all: a line of JSON, then the four
// snapshots with an empty line before each.
func (m *memory) write(path string) error {
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	parts := []string{string(head)}
	for _, s := range []*record.Snapshot{m.layout, m.content, m.outputs} {
		parts = append(parts, strings.TrimSuffix(s.String(), "\n"))
	}
	parts = append(parts, strings.TrimSuffix(m.library, "\n"))
	return dist.Replace(path, record.Seal(strings.Join(parts, "\n\n")))
}

// readMemory reads what write has written; anything else is an error.
func readMemory(path string) (*memory, error) {
	text, err := record.ReadSealed(path)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(text, "\n\n")
	if len(parts) != 5 {
		return nil, fmt.Errorf("reading %q: it is not whole", path)
	}
	m := &memory{library: parts[4]}
	if err := json.Unmarshal([]byte(parts[0]), m); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	for i, s := range []**record.Snapshot{&m.layout, &m.content, &m.outputs} {
		if *s, err = record.Parse(parts[i+1]); err != nil {
			return nil, fmt.Errorf("reading %q: %w", path, err)
		}
	}
	return m, nil
}

// key is a checksum of all that a build is told: the folder, the Configs, the
// environment that the go command, the C compiler and we read, and which command
// of ours it is that reads them. "" is that what the build does cannot be known:
// functions of the user's run in it.
func (in Inputs) key() string {
	if slices.ContainsFunc(in.Configs, func(c Config) bool { return c.Before != nil || c.After != nil }) {
		return ""
	}
	self, err := ownBuildID()
	if err != nil || !in.knowsBuilders() {
		return ""
	}
	told, err := json.Marshal(struct {
		Dir, Self string
		Configs   []Config
		Environ   []string
		Choose    bool
		Builders  []string
	}{in.Dir, self, in.Configs, telling(in.Environ), in.Choose != nil && in.several(), in.builderIDs})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(told)
	return hex.EncodeToString(sum[:])
}

// several says that there may be an image with more than one platform.
func (in Inputs) several() bool {
	return len(split(in.getenv("IMAGE_PLATFORM"))) > 1 || slices.ContainsFunc(in.Configs, func(c Config) bool { return len(c.Platforms) > 1 })
}

// ownBuildID tells this command from others. The linker's build ID is made of all that
// is compiled into it; where there is none to be read, its name, size and time do.
func ownBuildID() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if f, err := elf.Open(self); err == nil {
		defer f.Close()
		if note := f.Section(".note.go.buildid"); note != nil {
			if id, err := note.Data(); err == nil {
				return string(id), nil
			}
		}
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(self, info.Size(), info.ModTime().UnixNano()), nil
}

// tellingVariables are those that decide about a build: the go command's ("go help
// environment"), the C compilers', see gcc(1) and pkg-config(1), and ours. One that
// ends with "*" stands for all that begin so.
var tellingVariables = []string{
	"GO*", "CGO_*", "CC", "CC_FOR_*", "CXX", "FC", "AR", "LD*", "PKG_CONFIG*", "PATH", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_*", "SDKROOT",
	"IMAGE_*", "DOCKER_*", "SOURCE_DATE_EPOCH", "SSL_CERT_FILE", "GIT_*", "LANG", "LC_ALL", "CCACHE_*", "DISTCC_*", "ZIG_*",
}

// telling keeps the variables that decide about a build, sorted; of two with one
// name the last counts.
func telling(environ []string) []string {
	last := map[string]string{}
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if slices.ContainsFunc(tellingVariables, func(pattern string) bool {
			prefix, all := strings.CutSuffix(pattern, "*")
			return name == pattern || all && strings.HasPrefix(name, prefix)
		}) {
			last[name] = v
		}
	}
	var kept []string
	for _, v := range last {
		kept = append(kept, v)
	}
	slices.Sort(kept)
	return kept
}
