// Package packages finds the distribution package of a file in a sysroot.
//
// [Open] reads the databases of dpkg, apk and rpm in a sysroot, which may be the host, an unpacked image or the
// folder of a cross compiler. [DB.Owner] returns the package of a file, [DB.Files] the files of a package, and
// [DB.All] the installed packages. Nothing is executed: dpkg, apk and rpm need not be installed. Symbolic links
// are resolved inside the sysroot.
//
//	db, err := packages.Open(ldd.DirFS("/"))
//	…
//	if p, ok := db.Owner("/usr/lib/x86_64-linux-gnu/libz.so.1"); ok {
//		fmt.Println(p.Name, p.Version) // zlib1g 1:1.2.13.dfsg-1
//	}
//
// It reads:
//
//   - dpkg's var/lib/dpkg/status and info/*.list, see dpkg-query(1), and diversions, see
//     dpkg-divert(1); status.d of distroless images, https://github.com/GoogleContainerTools/distroless.
//   - apk's lib/apk/db/installed, see apk-db(5), or usr/lib/apk/db/installed.
//   - rpm's rpmdb.sqlite, of rpm 4.16 and later. The older Berkeley DB and NDB formats are not read;
//     [DB.Err] reports them.
package packages
