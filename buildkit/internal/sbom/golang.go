package sbom

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
)

// module is a Go module that was compiled into the program.
type module struct {
	Path    string // path in the program's source
	From    string // path of the module that replaces it, or Path
	Version string // "" for a module from a folder
	SHA256  string // hex of its h1 sum, https://go.dev/ref/mod#go-sum-files; "" if unknown
	Comment string
}

// stdlib is the name of the standard library in vulnerability databases,
// https://github.com/google/osv.dev, ecosystem Go.
const stdlib = "stdlib"

// modules returns the modules that the program was built from, sorted by path, the main module first.
func modules(info *debug.BuildInfo) []module {
	all := []module{newModule(info.Main)}
	for _, dep := range info.Deps {
		all = append(all, newModule(*dep))
	}
	slices.SortStableFunc(all[1:], func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all
}

func newModule(m debug.Module) module {
	from := m
	if m.Replace != nil {
		from = *m.Replace
	}
	out := module{Path: m.Path, From: from.Path, Version: version(from.Version), SHA256: sumOf(from.Sum)}
	switch {
	case m.Replace == nil:
	case out.Version == "":
		out.From, out.Comment = m.Path, fmt.Sprintf("replaced by the folder %s", from.Path)
	default:
		out.Comment = fmt.Sprintf("replaces %s %s", m.Path, m.Version)
	}
	return out
}

// version returns v if it means the same to everyone, and "" if not.
func version(v string) string {
	if v == "(devel)" || strings.Contains(v, "+dirty") {
		return ""
	}
	return v
}

// sumOf returns the SHA-256 of a "h1:" sum in hex. It is over the list of the module's files with their sums.
func sumOf(h1 string) string {
	text, ok := strings.CutPrefix(h1, "h1:")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(sum) != 32 {
		return ""
	}
	return hex.EncodeToString(sum)
}

// goVersion returns the version of the toolchain, "1.26.0", or "" for a development version.
func goVersion(info *debug.BuildInfo) string {
	v, _, _ := strings.Cut(info.GoVersion, " ") // experiments follow
	v, ok := strings.CutPrefix(v, "go")
	if !ok {
		return ""
	}
	return v
}

// settings returns the build settings of the program, sorted.
func settings(info *debug.BuildInfo) []debug.BuildSetting {
	list := slices.Clone(info.Settings)
	slices.SortFunc(list, func(a, b debug.BuildSetting) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
	})
	return list
}
