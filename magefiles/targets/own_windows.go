package targets

import "io/fs"

// checkOwner returns nil: on Windows mage's cache is in the user's profile, which others cannot write to.
func checkOwner(fs.FileInfo) error { return nil }
