// Package packages says which distribution package a file of a sysroot belongs to.
//
// [Open] reads the databases of dpkg, apk and rpm where they lie in a sysroot. [DB.Owner] asks for the
// package of a file, [DB.Files] for the files of a package, [DB.All] lists what is installed. Nothing
// is executed, neither dpkg nor apk nor rpm has to be there, and symbolic links are resolved inside the
// sysroot, as everywhere: it may be the host, an unpacked image or the folder of a cross compiler.
//
//	db, err := packages.Open(ldd.DirFS("/"))
//	…
//	if p, ok := db.Owner("/usr/lib/x86_64-linux-gnu/libz.so.1"); ok {
//		fmt.Println(p.Name, p.Version) // zlib1g 1:1.2.13.dfsg-1
//	}
//
// What is read:
//
//   - dpkg's var/lib/dpkg/status and info/*.list, see dpkg-query(1), and diversions, see
//     dpkg-divert(1); status.d of distroless images, https://github.com/GoogleContainerTools/distroless.
//   - apk's lib/apk/db/installed, see apk-db(5), or usr/lib/apk/db/installed.
//   - rpm's rpmdb.sqlite, of rpm 4.16 and later. The older Berkeley and NDB formats are not read;
//     [DB.Err] says so.
package packages
