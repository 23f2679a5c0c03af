package buildkit

import (
	"path/filepath"
	"slices"
)

// Watched are the paths from which an image is made, as far as they are the user's.
type Watched struct {
	Folders []string // with the files in them
	Trees   []string // files, or folders with all below them
	Files   []string // some of them need not exist
}

// Watched are the paths whose changes change the image.
func (p Plan) Watched() Watched { return watched(p) }

func watched(p Plan) Watched {
	src := p.Main.Sources
	w := Watched{Folders: src.Folders, Trees: slices.Concat(src.Trees, p.Files.HostPaths())}
	for _, f := range src.Files {
		// Of the toolchain no change is waited for.
		switch filepath.Base(f) {
		case "go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt":
			w.Files = append(w.Files, f)
		}
	}
	if p.Binary != "" {
		w.Files = append(w.Files, p.Binary)
	}
	return w
}
