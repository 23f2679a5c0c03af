// Pie is position independent and has no library, but a loader (-buildmode=pie).
package main

import (
	"debug/elf"
	"fmt"
	"log"
)

func main() {
	self, err := elf.Open("/proc/self/exe")
	if err != nil {
		log.Fatal(err)
	}
	defer self.Close()
	libraries, err := self.ImportedLibraries()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(self.Type, "with", len(libraries), "libraries, loader:", self.Section(".interp") != nil)
}
