package libraries

import (
	"github.com/fromscratch-go/fromscratch/buildkit/internal/plan"
	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
)

// Environment returns what the loader sees in an image. tree is the finished tree, or the one without the program and its libraries.
// LD_LIBRARY_PATH, LD_PRELOAD and /etc/ld.so.preload of the build machine do not count, because the image does not have them. Those
// of the Config, of the user's files and of the base do.
func Environment(p plan.Image, tree ldd.FS) (ldd.Env, error) {
	file, err := ldd.ReadPreload(tree)
	return ldd.Env{
		LibraryPath: p.Env("LD_LIBRARY_PATH"), Preload: p.Env("LD_PRELOAD"), PreloadFile: file, Workdir: p.Config.Workdir,
	}, err
}
