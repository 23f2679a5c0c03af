// Journal opens a folder of journals by systemd's library, whose name is nowhere but in the program's text.
package main

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/sdjournal"
)

func main() {
	j, err := sdjournal.NewJournalFromDir("/tmp")
	fmt.Println("opened:", j != nil, err)
}
