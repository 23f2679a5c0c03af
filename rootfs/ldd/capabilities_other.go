//go:build !linux

package ldd

// hasCapabilities is for Linux, which alone has them.
func hasCapabilities(string) bool { return false }
