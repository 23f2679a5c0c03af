// Package rootfs names what an image built FROM scratch holds: every path, its owner and mode, where its
// bytes are, and why it is there.
//
// [Assemble] turns a [Spec] into a [Tree]. The Tree is the truth about the image: ownership, mode and
// layer live in it and not on disk, so nobody has to be root to give /data to 65534. [Tree.Entries] is
// what a tar is written from, [Tree.WriteDir] writes the Tree out for people to look at, and as an
// [io/fs.FS] it can be checked before anything is delivered.
//
// # What is in an image
//
// An empty image runs a program only as long as the program asks for nothing. What real programs ask
// for, and what they do when it is missing:
//
//   - /etc/passwd, /etc/group: os/user with cgo fails, "unknown userid 65534".
//   - /etc/ssl/certs/ca-certificates.crt, and the link /etc/ssl/cert.pem: every TLS server is signed by
//     an "unknown authority". OpenSSL looks in a folder of its own, which is linked here too when
//     libcrypto is among the libraries.
//   - /tmp: os.CreateTemp fails, SQLite's sort spills nowhere.
//   - /data and the users' homes: nowhere else can a user who is not root write.
//   - /etc/nsswitch.conf, /etc/services, /etc/protocols: "unknown port", host names by files and DNS in
//     another order than Go's.
//   - /usr/share/zoneinfo and /etc/localtime, when zones are asked for: Go fails to load the zone, C
//     programs take UTC for it silently.
//   - the loader and the shared libraries: the kernel says "no such file" of a program that is there.
//   - the user's files and folders, and the program.
//
// Nothing is there that the container's engine brings by itself: /proc, /sys, /dev, /etc/hosts,
// /etc/hostname, /etc/resolv.conf.
//
// # Same input, same tree
//
// Nothing in a Tree comes from the clock, the umask or the machine's user database. What does come from
// the build machine is named by the entry's [Source]: libraries, the certificate bundle, users' files.
// Of these, only the bytes and the owner's x bit are taken.
//
// An error that a person can do something about ends with a line that begins with "fix: ".
package rootfs
