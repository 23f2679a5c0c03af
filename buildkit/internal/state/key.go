package state

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/fromscratch-go/fromscratch/buildkit/config"
)

// Inputs has all inputs of a build except the files that it reads.
type Inputs struct {
	Dir      string // where it was started
	Configs  []config.Config
	Environ  []string // as from os.Environ
	Choose   bool     // one of several platforms is built
	Builders []string // the images of the Builders, and their engines
}

// Key returns a checksum of the inputs of a build and of this command. Of the variables, only those count that the go command, the
// C compiler or this command read. It is "" if functions of the user run in the build: their effect is unknown.
func Key(t Inputs) string {
	if slices.ContainsFunc(t.Configs, func(c config.Config) bool { return c.Build.Before != nil || c.Build.After != nil }) {
		return ""
	}
	self, err := ownBuildID()
	if err != nil {
		return ""
	}
	t.Environ = slices.DeleteFunc(relevantEnv(t.Environ), t.isSecret)
	told, err := json.Marshal(struct {
		Self string
		Inputs
	}{self, t})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(told)
	return hex.EncodeToString(sum[:])
}

// isSecret reports whether a Config says that a variable is a secret. Not even a checksum of it is kept.
func (t Inputs) isSecret(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.ContainsFunc(t.Configs, func(c config.Config) bool { return slices.Contains(c.Build.Secrets, name) })
}

// ownBuildID identifies this command by the linker's build ID, a hash of everything in it, or else by its path, size and time.
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

// relevantVariables are the variables that affect a build: those of the go command ("go
// help environment"), of C compilers, see gcc(1) and pkg-config(1), and of fromscratch.
// A "*" at the end matches any rest.
var relevantVariables = []string{
	"GO*", "CGO_*", "CC", "CC_FOR_*", "CXX", "FC", "AR", "LD*", "PKG_CONFIG*", "PATH", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_*", "SDKROOT",
	"IMAGE_*", "DOCKER_*", "SOURCE_DATE_EPOCH", "SSL_CERT_FILE", "GIT_*", "LANG", "LC_ALL", "CCACHE_*", "DISTCC_*", "ZIG_*",
}

// relevantEnv returns the variables that affect a build, sorted. The last one of a name
// counts.
func relevantEnv(environ []string) []string {
	last := map[string]string{}
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if slices.ContainsFunc(relevantVariables, func(pattern string) bool {
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
