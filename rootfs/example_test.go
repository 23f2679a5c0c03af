package rootfs_test

import (
	"context"
	"fmt"

	"github.com/fromscratch-go/fromscratch/rootfs"
)

// A tree lists what is in the image, who owns it, and why it is there.
func ExampleAssemble() {
	tree, err := rootfs.Assemble(context.Background(), rootfs.Spec{
		Dirs:         []rootfs.Dir{{Path: "/var/cache/hello", Reason: "configured at magefile.go:16"}},
		Certificates: rootfs.Certificates{OnlyExtra: true}, // no certificates, so that the output is the same on every machine
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range tree.Entries() {
		fmt.Printf("%v %5d %s (%s)\n", e.Mode, e.UID, e.Path, e.Reason)
	}
	// Output:
	// drwxr-xr-x 65534 /data (data of the user nobody)
	// drwxr-xr-x     0 /etc (parent folder)
	// -rw-r--r--     0 /etc/group (names the image's groups)
	// -rw-r--r--     0 /etc/nsswitch.conf (tells the C library to look names up in files and DNS)
	// -rw-r--r--     0 /etc/passwd (names the image's users)
	// -rw-r--r--     0 /etc/protocols (protocols by name: net.Dial("ip4:ospf"), getprotobyname(3))
	// -rw-r--r--     0 /etc/services (ports by name: net.LookupPort, getservbyname(3))
	// drwx------     0 /root (home of the user root)
	// dtrwxrwxrwx     0 /tmp (os.TempDir, for all users)
	// drwxr-xr-x     0 /var (parent folder)
	// drwxr-xr-x     0 /var/cache (parent folder)
	// drwxr-xr-x 65534 /var/cache/hello (configured at magefile.go:16)
}
