package rootfs

import (
	"context"
	_ "embed" // for the tables
)

// The tables of IANA, the same in every image and not the build machine's.
var (
	//go:embed data/services
	services string
	//go:embed data/protocols
	protocols string
	//go:embed data/mime.types
	mimeTypes string
)

// nsswitch tells the C library where names are looked up. Without the file glibc 2.34 does the same;
// older ones would ask for NIS, and the host's file may name modules that the image has not.
const nsswitch = `passwd: files
group: files
hosts: files dns
services: files
protocols: files
`

// addNames adds what names are looked up in: Go's net.LookupPort knows a dozen ports without
// /etc/services, the C library none. /etc/hosts and /etc/resolv.conf come from the container's engine.
func (a *assembly) addNames(context.Context) error {
	for _, f := range []struct{ path, content, reason string }{
		{"/etc/nsswitch.conf", nsswitch, "tells the C library to look names up in files and DNS"},
		{"/etc/services", services, "ports by name: net.LookupPort, getservbyname(3)"},
		{"/etc/protocols", protocols, "protocols by name: net.Dial(\"ip4:ospf\"), getprotobyname(3)"},
	} {
		if a.baseHas(f.path) {
			continue
		}
		if err := a.addFile(f.path, f.content, f.reason); err != nil {
			return err
		}
	}
	if a.MIMEFor == "" || a.baseHas("/etc/mime.types") {
		return nil
	}
	// The last of the places where Go looks, mime/type_unix.go, and the only one that is a plain table.
	return a.addFile("/etc/mime.types", mimeTypes, "types of files by their extension: "+a.MIMEFor)
}
