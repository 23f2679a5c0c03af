// Resolver looks up localhost, the port of a service and the current user by the C
// library.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os/user"
	"slices"
)

func main() {
	addresses, err := net.DefaultResolver.LookupHost(context.Background(), "localhost")
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.LookupPort("tcp", "imap2")
	if err != nil {
		log.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		log.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("localhost:", slices.Contains(addresses, "127.0.0.1"), "imap2:", port, "user:", me.Username, me.HomeDir, "group:", group.Name)
}
