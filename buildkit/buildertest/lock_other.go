//go:build !unix

package buildertest

// lock is none: there are no Debian packages on such a system, and no image is made.
func lock(string) (release func() error, err error) { return func() error { return nil }, nil }
