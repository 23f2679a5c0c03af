// Clock prints the local time, and that of another zone, and ends with the code
// that it is told.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	zone := flag.String("zone", "UTC", "zone to tell the time of")
	at := flag.Int64("at", time.Now().Unix(), "seconds since 1970 to tell instead of now")
	code := flag.Int("exit", 0, "code to end with")
	flag.Parse()
	there, err := time.LoadLocation(*zone)
	if err != nil {
		log.Fatal(err)
	}
	now := time.Unix(*at, 0)
	fmt.Println("here: ", now.Format("2006-01-02 15:04 MST"))
	fmt.Println("there:", now.In(there).Format("2006-01-02 15:04 MST"))
	os.Exit(*code)
}
