package packages_test

import (
	"fmt"
	"log"

	"github.com/fromscratch-go/fromscratch/rootfs/ldd"
	"github.com/fromscratch-go/fromscratch/rootfs/packages"
)

// List the packages that some files come from, as a bill of materials does.
func Example() {
	db, err := packages.Open(ldd.DirFS("/"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range []string{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libz.so.1"} {
		if p, ok := db.Owner(file); ok {
			fmt.Println(p.Kind, p.Name, p.Version, p.Architecture, p.Licence, db.Copyright(p))
		}
	}
	if err := db.Err(); err != nil {
		log.Print(err)
	}
}
