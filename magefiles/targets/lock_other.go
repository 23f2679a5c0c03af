//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package targets

import "context"

// exclusive says that lock keeps other runs out.
const exclusive = false

// lock does nothing: here two first runs at once both compile the worker, and the last one stays.
func lock(context.Context, string) (release func(), err error) { return func() {}, nil }

func tryLock(string, bool) (release func(), err error) { return func() {}, nil }
