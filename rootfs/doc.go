// Package rootfs lists what an image built FROM scratch contains: every path with its owner, its mode, the
// source of its bytes and the reason why it is there.
//
// [Assemble] turns a [Spec] into a [Tree]. The Tree, not the disk, holds owners, modes and layers, so no
// build has to run as root to give /data to 65534. The tar of a layer is written from [Tree.Entries].
// [Tree.WriteDir] writes the Tree to a folder where people can look at it. A Tree is also an [io/fs.FS], so
// that the build can check it before it delivers anything.
//
// # What is in an image
//
// A program runs in an empty image only if it needs no other file. What real programs need, and what
// happens without it:
//
//   - /etc/passwd, /etc/group: os/user with cgo fails, "unknown userid 65534".
//   - /etc/ssl/certs/ca-certificates.crt, and the link /etc/ssl/cert.pem: every TLS connection fails with
//     "unknown authority". OpenSSL looks in its own folder; if libcrypto is among the libraries, that
//     folder gets links to the bundle.
//   - /tmp: os.CreateTemp fails, and SQLite can't spill large sorts to disk.
//   - /data and the users' homes: a user other than root can write nowhere else.
//   - /etc/nsswitch.conf, /etc/services, /etc/protocols: "unknown port", and the C library may ask files
//     and DNS for host names in another order than Go does.
//   - /usr/share/zoneinfo and /etc/localtime, if zones are asked for: Go fails to load the zone, and C
//     programs silently use UTC.
//   - the loader and the shared libraries: the kernel reports "no such file" although the program exists.
//   - the user's files and folders, and the program.
//
// The image leaves out what the container engine mounts by itself: /proc, /sys, /dev, /etc/hosts,
// /etc/hostname, /etc/resolv.conf.
//
// # Same input, same tree
//
// Nothing in a Tree comes from the clock, the umask or the machine's user database. Libraries, the
// certificate bundle and the user's files do come from the build machine; the entry's [Source] names them.
// Only their bytes and the owner's x bit are used.
//
// If a person can fix an error, its last line begins with "fix: ".
package rootfs
