// Command orders is one of three services.
package main

import (
	"fmt"

	"example.com/workspace/shared"
)

func main() { fmt.Println(shared.Greeting("orders")) }
