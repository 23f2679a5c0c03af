package buildkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/fromscratch-go/fromscratch/buildkit/image"
	"github.com/fromscratch-go/fromscratch/buildkit/record"
	"github.com/fromscratch-go/fromscratch/rootfs"
)

// layerKey is a checksum of all that decides about a layer's bytes: its entries, and
// the state of the files that they are read from. ok is false where a file is so
// young that another change of it could not be told.
func (b *Built) layerKey(entries []rootfs.Entry, o image.LayerOptions) (key string, ok bool) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %q\n", o.Created.Unix(), o.CreatedBy)
	for _, e := range entries {
		fmt.Fprintf(h, "%q %v %d %d %d %q ", e.Path, e.Mode, e.UID, e.GID, e.Size, e.Link)
		if !e.Mode.IsRegular() {
			continue
		}
		if content, made := e.Source.Content(); made {
			fmt.Fprintf(h, "%x\n", sha256.Sum256([]byte(content)))
			continue
		}
		path, host := e.Source.Host()
		if name, inSysroot := e.Source.Sysroot(); inSysroot {
			path, host = filepath.Join(b.sysroot(), filepath.FromSlash(name)), true
			if p := b.Plan; p.Builder != nil {
				path = filepath.Join(p.Builder.Below(b.sysroot()).Files(), filepath.FromSlash(name))
			}
		}
		sum, err := record.Sum(path, b.Plan.Run.Began)
		if err != nil || !host {
			return "", false
		}
		fmt.Fprintf(h, "%q %x\n", path, sum)
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
