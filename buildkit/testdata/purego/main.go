// Purego asks the system's SQLite for its version without cgo: the library's name is
// nowhere but in the program's text.
package main

import (
	"fmt"
	"log"

	"github.com/ebitengine/purego"
)

func main() {
	library, err := purego.Dlopen("libsqlite3.so.0", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		log.Fatal(err)
	}
	var version func() string
	purego.RegisterLibFunc(&version, library, "sqlite3_libversion")
	var threadsafe func() int32
	purego.RegisterLibFunc(&threadsafe, library, "sqlite3_threadsafe")
	fmt.Println("sqlite", version()[:1], "threadsafe", threadsafe())
}
