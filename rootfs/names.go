package rootfs

import (
	"context"
	_ "embed" // for the tables
)

// The tables of IANA. They do not come from the build machine, so they are the same in every image.
var (
	//go:embed data/services
	services string
	//go:embed data/protocols
	protocols string
	//go:embed data/mime.types
	mimeTypes string
)

// nsswitch is /etc/nsswitch.conf, which tells the C library where to look up names. glibc 2.34 does the
// same without the file; older versions would ask NIS. The host's file is no substitute: it may name
// modules that the image lacks.
const nsswitch = `passwd: files
group: files
hosts: files dns
services: files
protocols: files
`

// addNames adds the files in which names are looked up. Without /etc/services, Go's net.LookupPort knows a
// dozen ports and the C library none. /etc/hosts and /etc/resolv.conf come from the container engine.
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
	// The last place where Go looks, see mime/type_unix.go, and the only one with a plain table.
	return a.addFile("/etc/mime.types", mimeTypes, "types of files by their extension: "+a.MIMEFor)
}
